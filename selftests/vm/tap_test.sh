#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What "tap" makes of the output of run-tests, and "run_machine" of a machine's
# status. Speaks TAP.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"
. "$(dirname "$0")/holds.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
explain() { sed 's/^/# /' "$work/said" "$work/results"; }

# read_by_tap LINE...
read_by_tap() {
	: >"$work/results"
	printf '%s\n' "$@" |
		"$VM/tap" 9.9 "$work/copy" "$work/results" >"$work/said.raw"
	sed 's/ ([0-9]* ms)$//' "$work/said.raw" >"$work/said"
}

# program STATUS LINE...: the output of a program "prog"
program() {
	read_by_tap "# vm: begin prog" "${@:2}" "# vm: end prog $1"
}

# said LINE...: this and nothing else
said() { printf '%s\n' "$@" | cmp -s - "$work/said"; }

# becomes LINE STATUS OUTPUT...
becomes() {
	program "${@:2}"
	said "$1"
}

nothing_else() { program 0 1..0 && [ ! -s "$work/said" ]; }

results_are_kept() {
	program 1 1..3 'ok 1 - a' 'ok 2 - b # SKIP no' 'not ok 3 - c'
	said '9.9   passed  prog: a' '9.9   skipped prog: b # SKIP no' \
		'9.9   failed  prog: c' &&
		printf '%s\n' 'passed 9.9 prog: a' 'skipped 9.9 prog: b # SKIP no' \
			'failed 9.9 prog: c' | cmp -s - "$work/results"
}

# The first of two tests takes a second.
slow_and_quick() {
	local i
	printf '# vm: begin prog\n1..2\n'
	for ((i = 0; i < 3000; i++)); do
		! grep -q '^1..2' "$work/copy" || break
		sleep 0.1
	done
	sleep 1
	printf 'ok 1 - a\nok 2 - b\n# vm: end prog 0\n'
}

# A busy host makes both times longer, and their sum no more than what passed.
time_is_of_each_test() {
	local start=${EPOCHREALTIME/[.,]/} passed times
	: >"$work/results"
	: >"$work/copy"
	slow_and_quick |
		"$VM/tap" 9.9 "$work/copy" "$work/results" >"$work/said"
	passed=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
	mapfile -t times < <(sed -n 's/.* (\([0-9]*\) ms)$/\1/p' "$work/said")
	[ ${#times[@]} = 2 ] && [ "${times[0]}" -ge 1000 ] &&
		[ $((times[0] + times[1])) -le "$passed" ]
}

output_of_a_failure() {
	program 1 1..3 'of the first' 'ok 1 - a' '# why' '%s *' 'not ok 2 - b' 'ok 3 - c'
	said '9.9   passed  prog: a' '    # why' '    %s *' '9.9   failed  prog: b' \
		'9.9   passed  prog: c'
}

last_words() {
	program 139 1..2 'ok 1 - a' 'last words'
	said '9.9   passed  prog: a' '    last words' \
		'9.9   failed  prog: 1 results of 2 (it ended with status 139)'
}

all_output() {
	V=1 program 1 1..1 '# why' 'not ok 1 - a'
	said '    # vm: begin prog' '    1..1' '    # why' '    not ok 1 - a' \
		'9.9   failed  prog: a' '    # vm: end prog 1'
}

between_programs() {
	read_by_tap '# booted' '# vm: begin a' 1..1 'ok 1 - x' '# vm: end a 0' \
		'ok 1 - no program' '# vm: begin b' '1..0 # SKIP none' '# vm: end b 4'
	said '    # booted' '9.9   passed  a: x' '    ok 1 - no program' \
		'9.9   skipped b:  none'
}

skipped_and_fails() {
	program 1 1..1 'ok 1 - a # SKIP'
	said '9.9   skipped prog: a # SKIP' \
		'9.9   failed  prog: it ended with status 1'
}

cut_short() {
	read_by_tap '# vm: begin prog' 1..1 'ok 1 - a' 'not yet'
	said '9.9   passed  prog: a' '    not yet' \
		'9.9   failed  prog: cut short: the machine ended'
}

next_program_begins_anew() {
	read_by_tap '# vm: begin a' 1..2 'not ok 1 - x' 'ok 2 - y # SKIP' '# vm: end a 1' \
		'# vm: begin b' 'ok 1 - x' '# vm: end b 4' \
		'# vm: begin c' 1..1 'ok 1 - x' '# vm: end c 4' &&
		[ "$(grep -c '^failed 9.9 b: no plan' "$work/results")" = 1 ] &&
		[ "$(grep -c '^failed 9.9 c: it ended' "$work/results")" = 1 ]
}

serial_port() {
	read_by_tap $'# vm: begin prog\r' $'1..1\r' $'ok 1 - a\r' $'# vm: end prog 0\r' &&
		said '9.9   passed  prog: a' && ! grep -q $'\r' "$work/copy" &&
		[ "$(wc -l <"$work/copy")" = 4 ]
}

# machine STATUS LINE...: what a machine prints, and its status
# shellcheck disable=SC2016 # for the shell below
machine() {
	: >"$work/results"
	run_machine "$work/results" 9.9 boot "$work/log" bash -c \
		'printf "%s\n" "${@:2}"; exit "$1"' sh "$@" >"$work/said.raw"
	sed 's/ ([0-9]* ms)$//' "$work/said.raw" >"$work/said"
}
good=('# vm: begin prog' 1..1 'ok 1 - a' '# vm: end prog 0')
bad=('# vm: begin prog' 1..1 'not ok 1 - a' '# vm: end prog 1')

machine_is() {
	local last=$1
	shift
	machine "$@"
	[ "$(tail -n 1 "$work/said")" = "$last" ]
}

copy_cannot_be_written() {
	rm "$work/log.tap"
	mkdir "$work/log.tap"
	machine 0 "${good[@]}" 2>/dev/null
	rmdir "$work/log.tap"
	grep -q 'boot: its output was not read to the end$' "$work/said"
}

# sums TEXT STATUS RESULT...
sums() {
	local status=0
	printf '%s\n' "${@:3}" >"$work/results"
	totals "$work/results" >"$work/said" || status=$?
	said "$1" && [ $status = "$2" ]
}

adds_files() {
	echo 'passed 9.9 prog: a' >"$work/one"
	echo 'failed 9.8 prog: failed b' >"$work/two"
	! totals "$work/one" "$work/two" >"$work/said" || return 1
	said '1 passed, 1 failed, 0 skipped' &&
		[ "$(failures "$work/one" "$work/two")" = '  9.8 prog: failed b' ]
}

file_is_missing() { ! totals "$work/one" "$work/none" >"$work/said" 2>&1; }

it_failed() { echo "9.9   failed  $1"; }

echo "TAP version 13"
holds "results are kept and printed" results_are_kept
holds "a number alone" becomes '9.9   passed  prog: a b' 0 1..1 'ok 1 a b'
holds "a test without a name" becomes '9.9   passed  prog: ' 0 1..1 'ok 1'
holds "all is skipped" becomes '9.9   skipped prog:  no device' 4 '1..0 # SKIP no device'
holds "nothing is planned" nothing_else
holds "no plan" becomes "$(it_failed 'prog: no plan (it ended with status 0)')" 0
holds "status 4 and nothing skipped" becomes \
	"$(it_failed 'prog: it ended with status 4')" 4 1..0
holds "status 4 and one skipped" becomes '9.9   skipped prog: a # SKIP' 4 1..1 \
	'ok 1 - a # SKIP'
holds "another status and one skipped" skipped_and_fails
holds "a status and no failure" becomes \
	"$(it_failed 'prog: it ended with status 3')" 3 1..0
holds "fewer than planned" becomes \
	"$(it_failed 'prog: 0 results of 1 (it ended with status 0)')" 0 1..1
holds "killed" becomes \
	"$(it_failed 'prog: no plan (it ended with status 137)')" 137
holds "the last words of a program that died" last_words
holds "cut short" cut_short
holds "the next program begins anew" next_program_begins_anew
holds "each test has its own time" time_is_of_each_test
holds "a failed test shows its own output" output_of_a_failure
holds "V=1 shows all output" all_output
holds "what is between programs is shown" between_programs
holds "the ends of lines of a serial port" serial_port
holds "a machine that is well" machine_is '9.9   passed  prog: a' 0 "${good[@]}"
holds "a machine with a failed test" machine_is "$(it_failed 'prog: a')" 1 "${bad[@]}"
holds "a machine that fails with no test" machine_is \
	"$(it_failed 'boot: the machine said that it failed')" 1 "${good[@]}"
holds "a kernel's report" machine_is \
	"$(it_failed "boot: the machine or its kernel log (see $work/log.log)")" 2 \
	"${good[@]}"
holds "a machine without a program" machine_is \
	"$(it_failed 'boot: no program ran')" 0 'it is up'
holds "the output cannot be kept" copy_cannot_be_written
holds "all passed" sums '2 passed, 0 failed, 1 skipped' 0 \
	'passed 9.9 a: b' 'passed 9.9 a: c' 'skipped 9.9 a: d'
holds "all skipped" sums '0 passed, 0 failed, 1 skipped' 0 'skipped 9.9 a: b'
holds "one failed" sums '1 passed, 1 failed, 0 skipped' 1 \
	'passed 9.9 a: b' 'failed 9.9 a: c'
holds "no result" sums '0 passed, 0 failed, 0 skipped' 1 ''
holds "files are added up" adds_files
holds "a file of results is missing" file_is_missing
echo "1..$nr"
[ $failed = 0 ]
