#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "check" calls failed what has not passed: programs that fail in every way they
# can, and good ones beside them. Speaks TAP. Runs on the host, as "check" does.
#
# usage: check_test.sh [SERIES]	whose modules are built
set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holds.sh"

series=${1:-$(default_kernel)}
work=$(mktemp -d)
expected=0
trap 'rm -rf "$work"' EXIT

# All tests are about one run of "check": its output is shown once.
explain() { [ $failed -gt 1 ] || sed 's/^/# /' "$work/out"; }

# says VERDICT PROGRAM TEXT: a line of check's output. The time that a test took
# follows the text.
says() {
	expected=$((expected + 1))
	holds "$1: $2: ${3%% #*}" grep -qE \
		"^$series +$1 +$2: $3( \([0-9]+ ms\))?\$" "$work/out"
}

count() { grep -cE "^$series +$1 " "$work/out" || true; }

counts_all() {
	local passed failed skipped
	passed=$(count passed) failed=$(count failed) skipped=$(count skipped)
	[ $((passed + failed + skipped)) = $expected ] &&
		[ "$(tail -n 1 "$work/out")" = \
		  "$passed passed, $failed failed, $skipped skipped" ]
}

check() {
	env PLANTED=yes HOST=no KERNELS="$series" RESULTS="$work" LIMIT=150 \
		VM_OPTIONS='--env VPDM_SPEED=5' "$VM/check" 2>&1 </dev/null
}

# Of the boot "second" only what the other has, too, is left.
leaves_out() {
	LEAVE_OUT='good dies few many silent leaves left crashes warns hangs' check >"$work/left" || :
	[ "$(grep -cE '^.* passed +status: first' "$work/left")" = 1 ]
}

# LIMIT is an emulator's, and the machine is told that it is five times faster. What hangs
# hangs for what that leaves; each of the others is over in an instant.
status=0
check >"$work/out" || status=$?

echo "TAP version 13"
says passed good good.survives_its_own_segv
says passed good good.sees_a_child_die_of_segv
says passed good good.returns_early
says skipped good 'good.is_skipped # SKIP on purpose'
for how in segv bus abrt kill; do
	says failed dies "dies.of_$how"
done
says failed dies global.of_segv
says failed dies global.of_kill
says failed dies global.exits_early
says failed dies dies.exits_early
says failed dies in_setup.exits_early
says failed dies in_teardown.exits_early
says passed few first
says failed few '1 results of 2 \(it ended with status 0\)'
says passed many first
says passed many second
says failed many '2 results of 1 \(it ended with status 0\)'
says failed silent 'no plan \(it ended with status 0\)'
says passed leaves first
says passed left nothing_is_left
says passed status first
says failed status 'it ended with status 3'
says failed crashes 'cut short: the machine ended'
says failed first "the machine or its kernel log \(see .*\)"
says passed warns first
says passed hangs first
says failed hangs '1 results of 2 \(it ended with status 137\)'
says failed second "the machine or its kernel log \(see .*\)"
says passed status first
says failed status 'it ended with status 3'

holds "check fails" [ $status = 1 ]
holds "a program with a + runs in two boots" [ "$(count 'passed +status:')" = 2 ]
holds "a faster machine has less time" \
	grep -qx '# vm: no end after 30 s' "$work/$series-second-warns.tap"
holds "why a program has hung is in the kernel's log" \
	grep -q 'Show Blocked State' "$work/$series-second-warns.log"
holds "a boot goes with its own programs" leaves_out
holds "each result is counted, and there is no other" counts_all
echo "1..$nr"
[ $failed = 0 ]
