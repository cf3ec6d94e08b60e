# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Files of results. A result is a line "VERDICT KERNEL PROGRAM: TEXT"; a verdict is
# "passed", "failed" or "skipped". Source it after lib.sh and "set -euo pipefail".

# result FILE KERNEL VERDICT PROGRAM TEXT [MILLISECONDS]: keep it and print it.
result() {
	printf '%s %s %s: %s\n' "$3" "$2" "$4" "$5" >>"$1"
	printf '%-5s %-7s %s: %s%s\n' "$2" "$3" "$4" "$5" "${6:+ ($6 ms)}"
}

# count VERDICT FILE...: fails if a file is missing.
count() { sed -n "/^$1 /p" "${@:2}" | wc -l; }

# failures FILE...
failures() { sed -n 's/^failed /  /p' "$@"; }

# totals FILE...: the last line of a run. Fails if a test did, or if there is none.
totals() {
	local passed failed skipped
	passed=$(count passed "$@") && failed=$(count failed "$@") &&
		skipped=$(count skipped "$@") || return 1
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
}

# programs_begun LOG: how many there are in LOG.tap.
programs_begun() { grep -c '^# vm: begin ' "$1.tap" || true; }

# run_machine FILE KERNEL NAME LOG COMMAND...
# Let the command, which is vm with run-tests, add its results to FILE. Its output
# goes to LOG.tap. A machine can fail where no test does.
run_machine() {
	local file=$1 kernel=$2 name=$3 log=$4 ended=(0 0) before why=''
	shift 4
	before=$(count failed "$file")
	setpriv --pdeathsig TERM "$@" |
		"$VM/tap" "$kernel" "$log.tap" "$file" || ended=("${PIPESTATUS[@]}")
	if [ "${ended[1]}" != 0 ]; then
		why="its output was not read to the end"
	elif [ "${ended[0]}" -gt 1 ]; then
		why="the machine or its kernel log (see $log.log)"
	elif [ "${ended[0]}" = 1 ] && [ "$(count failed "$file")" = "$before" ]; then
		why="the machine said that it failed"
	fi
	[ -z "$why" ] || result "$file" "$kernel" failed "$name" "$why"
	[ "$(programs_begun "$log")" -gt 0 ] ||
		result "$file" "$kernel" failed "$name" "no program ran"
}
