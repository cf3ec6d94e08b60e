#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make selftests-install", and "report" from the installed tree, in a machine whose
# emulated device plays the hardware. Speaks TAP. Runs on the host, as "vm" does.
#
# usage: hw_test.sh [SERIES]	whose modules are built
set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holds.sh"

series=${1:-$(default_kernel)}
work=$(mktemp -d)
kept=hw.${work##*.}
trap 'rm -rf "$work" "$BUILD/vm/$kept"' EXIT

explain() { sed 's/^/# /' "$work/out"; }

# In the guest, whose /dev has no stdout, as run_kselftest.sh needs it.
# shellcheck disable=SC2016
steps='
set -u
ln -s /proc/self/fd/1 /dev/stdout
report=/usr/local/libexec/kselftests/vfio-pci-dmabuf-mmap/report
export BDF=$VPDM_DEV_UNPLUG BAR=2 RANGE=0x200000+0x10000
device=/sys/bus/pci/devices/$BDF
config() { od -An -v -tx1 $device/config; }
"$report"; echo "unbound: $?"
echo vfio-pci-dmabuf-mmap >$device/driver_override
echo $BDF >/sys/bus/pci/drivers_probe
RANGE=0x200000 "$report"; echo "range: $?"
BAR=6 "$report"; echo "bar: $?"
RANGE=0x4000000+0x1000 "$report" >/tmp/beyond; echo "beyond: $?"
config >/tmp/before
echo "-- safe"; "$report"; echo "safe: $?"
config | cmp - /tmp/before && echo "same config space"
echo "-- all"; WRITE=1 RESET=1 "$report"; echo "all: $?"
hostname secret.example
"$report" >/tmp/report 2>&1
echo "said: $(grep -c hardware. /tmp/report)"
grep -q secret-serial /sys/class/dmi/id/product_serial && echo "has a serial number"
echo "named: $(grep -c secret /tmp/report)"
'

says() { grep -qE -- "$1" "$work/out"; }
passes() { says "ok [0-9]+ hardware\.$1\$"; }
part() { sed -n "/^-- $1\$/,/^$1: /p" "$work/out"; }
skips() { part safe | grep -qE "ok [0-9]+ hardware\.$1 # SKIP $2"; }
runs() { part all | grep -qE "ok [0-9]+ hardware\.$1 *\$"; }
is_zero() { cmp -s -n "$(stat -c %s "$1")" "$1" /dev/zero; }
names_nothing() { says '^said: [1-9]' && says '^named: 0$'; }
installed() {
	make -s -C "$SRC" selftests-install DESTDIR="$work/tree" >"$work/out" 2>&1 &&
		[ -x "$work/tree/usr/local/libexec/kselftests/run_kselftest.sh" ]
}
boots() {
	"$VM/vm" --kernel "$series" --no-build --keep "$kept" --timeout 1500 \
		--qemu -smbios --qemu type=1,serial=secret-serial \
		--add "$work/tree/usr:usr" -- sh -c "$steps" >"$work/out" 2>&1
}

echo "TAP version 13"
holds "installs" installed
holds "runs" boots
holds "a device of another driver is left alone" says '^unbound: 2$'
holds "a range without a length" says '^range: 2$'
holds "a BAR that is none" says '^bar: 2$'
holds "a range beyond the BAR fails" says '^beyond: 1$'
holds "the safe set passes" says '^safe: 0$'
holds "no write without the switch" skips writes_arrive VPDM_HW_WRITE
holds "no reset without the switch" skips comes_back_after_a_reset VPDM_HW_RESET
holds "it leaves config space as it is" says '^same config space$'
holds "all pass" says '^all: 0$'
holds "with its switch it writes" runs writes_arrive
holds "with its switch it resets" runs comes_back_after_a_reset
holds "the memory is as before" is_zero "$BUILD/vm/$kept/bar-unplug"
holds "the machine has a serial number" says '^has a serial number$'
holds "the report has no host name and no serial number" names_nothing
echo "1..$nr"
[ $failed = 0 ]
