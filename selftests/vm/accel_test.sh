#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# KVM is used where a machine comes to a verdict with it, and nowhere else: an
# emulator that fails in the ways that there are stands in for QEMU. Speaks TAP. Runs
# on the host, as "vm" does.
#
# usage: accel_test.sh [SERIES]	whose modules are built
set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holds.sh"

series=${1:-$(default_kernel)}
mkdir -p "$BUILD/vm"
work=$(mktemp -d "$BUILD/vm/accel.XXXXXX")
inside=/build/vm/$(basename "$work")
trap 'rm -rf "$work"' EXIT

# What vm said that was last run.
explain() { sed 's/^/# /' "$work/out"; }

# With KVM it does what the file "how" says; without, it passes. It keeps a record of
# its processors and of the kernel's command line.
stand_in() {
	cat <<-'END'
	#!/bin/sh
	here=${0%/*}
	case " $* " in
	*' -accel kvm '*) how=$(cat "$here/how") ;;
	*) how=works ;;
	esac
	echo "$*" | sed 's/.* -accel \([^ ,]*\).*/\1/' >>"$here/accels"
	echo "$*" | sed 's/.* -cpu \([^ ]*\).*/\1/' >>"$here/cpus"
	echo "$*" | sed 's/.* -append \(.*\) -chardev file,.*/\1/' >"$here/cmdline"
	log=$(echo "$*" | sed 's/.*id=log,path=\([^ ]*\).*/\1/')
	case $how in
	works) exit 33 ;;
	verdict) exit 35 ;;
	panics) echo 'Kernel panic - not syncing: stand-in' >"$log" ;;
	reports) echo 'WARNING: stand-in' >"$log"; exit 33 ;;
	hangs) exec sleep 100000 ;;
	dies) echo 'qemu-system-x86_64: stand-in: no such MSR' >&2; exit 1 ;;
	aborts) kill -ABRT $$ ;;
	esac
	END
}

# boot HOW [OPTION...]	as on a host that has been asked nothing
boot() {
	echo "$1" >"$work/how"
	rm -rf "$work/answers"
	again "${@:2}"
}

again() {
	rm -f "$work/accels" "$work/cpus"
	ACCEL_DIR=$work/answers KVM_DEVICE=$work/kvm QEMU_X86=$inside/qemu \
	PROBE_SECONDS=${seconds:-600} SLOTS=$work boot_once "$@"
}

boot_once() {
	local status=0
	"$VM/vm" --kernel "$series" --no-build "$@" -- true \
		>"$work/out.all" 2>&1 || status=$?
	# That it waited for a build of another kernel says nothing.
	grep -v '^waiting for another build in ' "$work/out.all" >"$work/out" || :
	return $status
}

accels_are() { [ "$(xargs <"$work/accels")" = "$*" ]; }
says() { grep -qF -- "$1" "$work/out"; }
is_silent() { [ ! -s "$work/out" ]; }
lines_are() { [ "$(wc -l <"$work/out")" = "$1" ]; }
no_vendor() { ! grep -q vendor= "$work/cpus"; }

# falls_back HOW REASON
falls_back() {
	boot "$1" && accels_are kvm tcg && lines_are 1 &&
		says "KVM does not boot $series here, so QEMU emulates: $2" &&
		again && accels_are tcg && is_silent &&
		again --accel kvm && accels_are tcg && says "$2"
}

# Not with the stand-in: whether KVM works here is the host's.
by_itself() {
	ACCEL_DIR=$work/real boot_once --accel kvm --timeout 1500 || return 1
	[ -e /dev/kvm ] || { says "no KVM for kernel $series here"; return; }
	if [ "$(wc -l <"$work/real/$series")" = 1 ]; then
		is_silent
	else
		lines_are 1 && says "$(tail -n 1 "$work/real/$series")"
	fi
}

stand_in >"$work/qemu"
chmod +x "$work/qemu"
: >"$work/kvm"

echo "TAP version 13"
works() { boot works && accels_are kvm kvm && is_silent && no_vendor; }
holds "where it works it is used, with the host's own processor" works
remembers() { again && accels_are kvm && is_silent; }
holds "it is tried once" remembers
asks_again() {
	echo "another host" >"$work/answers/$series"
	again && accels_are kvm kvm
}
holds "on another host it is tried again" asks_again
failing() { boot verdict && accels_are kvm kvm; }
holds "a verdict that is no success is one, too" eval '! failing && accels_are kvm kvm'
holds "panic" falls_back panics 'Kernel panic - not syncing: stand-in'
holds "report in the kernel's log" falls_back reports 'WARNING: stand-in'
holds "error" falls_back dies 'qemu-system-x86_64: stand-in: no such MSR'
holds "death" falls_back aborts "vm: the machine ended without a verdict"
hang() { seconds=10 falls_back hangs 'vm: hung: no end after 2 s'; }
holds "hang" hang
emulates() { again --accel tcg && accels_are tcg && is_silent; }
holds "--accel tcg does not ask" emulates
zen() { grep -q vendor=AuthenticAMD "$work/cpus"; }
holds "what is emulated is AMD's" zen
last_word() {
	again --accel tcg --cmdline psi=1 && grep -q ' psi=0 .* psi=1$' "$work/cmdline"
}
holds "the user's command line has the last word" last_word
absent() {
	rm "$work/kvm"
	boot works && accels_are tcg && is_silent && again --accel kvm &&
		accels_are tcg && says "no KVM for kernel $series here"
}
holds "no /dev/kvm" absent
holds "this host's own" by_itself
echo "1..$nr"
[ $failed = 0 ]
