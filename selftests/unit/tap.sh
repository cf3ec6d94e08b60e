# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# TAP for tests that are shell scripts; CC and CXX, and a folder $work that is
# removed at the end. Source it after setting -eu.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-gcc}
CXX=${CXX:-g++}
nr=0 failed=0

# plan TESTS
plan() {
	echo "TAP version 13"
	echo "1..$1"
}

# ok NAME COMMAND...
# As a condition it would go on after a command of a function that fails.
ok() {
	test=$1
	shift
	nr=$((nr + 1))
	set +e
	(set -e; "$@") >"$work/log" 2>&1
	status=$?
	set -e
	if [ $status = 0 ]; then
		echo "ok $nr - $test"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$work/log"
		echo "not ok $nr - $test"
	fi
}

# with_cxx NAME COMMAND...
with_cxx() {
	if command -v "$CXX" >/dev/null; then
		ok "$@"
	else
		nr=$((nr + 1))
		echo "ok $nr - $1 # SKIP no $CXX here"
	fi
}
