# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# TAP for the tests of the test bed. The one that sources it has the function
# "explain", which prints what is known of a failure.

nr=0 failed=0

# holds NAME COMMAND...: the command succeeds.
holds() {
	local name=$1
	shift
	nr=$((nr + 1))
	if "$@"; then
		echo "ok $nr - $name"
		return
	fi
	failed=$((failed + 1))
	explain
	echo "not ok $nr - $name"
}
