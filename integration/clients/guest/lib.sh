# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the clients' scripts share: they print TAP. DRIVER is the driver's name,
# KIND is stock, own or dropin. A test has the same words with each driver.
set -u
sysfs=/sys/bus/pci/devices
tests=0 failed=0

# try TEXT COMMAND...: a test, passed if the command succeeds. It may leave processes and
# variables for later ones.
try() {
	local text=$1 verdict=ok
	shift
	tests=$((tests + 1))
	if ! "$@" >/tmp/try 2>&1; then
		verdict="not ok"
		failed=$((failed + 1))
		sed 's/^/# /' /tmp/try
	fi
	echo "$verdict $tests - $text"
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# What has to be the same with each driver, and what is only shown.
value() { echo "# value $1: $2"; }
figure() { echo "# figure $1: $2"; }

finish() {
	echo "1..$tests"
	exit $((failed > 0))
}

driver_of() { basename "$(readlink "$sysfs/$1/driver" || echo none)"; }
is_bound_to() { [ "$(driver_of "$1")" = "$2" ]; }

# Give a device to a driver, or with "" to the one that wants it.
bind() {
	[ ! -e "$sysfs/$1/driver" ] || echo "$1" >"$sysfs/$1/driver/unbind"
	echo "$2" >"$sysfs/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}

# wait_for COMMAND...: until it succeeds. The limit is the one of the whole client.
wait_for() {
	until "$@" >/dev/null 2>&1; do
		sleep 0.1
	done
}
