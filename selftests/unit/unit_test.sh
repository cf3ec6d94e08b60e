#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# "make unit": what it says of programs that pass, fail, die, or promise other
# results than they give, and that it makes nothing but its own folder. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL V
copy=$work/tree
mkdir -p "$copy/selftests/unit" "$copy/selftests/vm" "$copy/lib"
cp "$src/Makefile" "$copy"
cp "$src/selftests/Makefile" "$copy/selftests"
cp "$src/selftests/unit/run" "$src/selftests/unit/targets.mk" "$copy/selftests/unit"
cp "$src/selftests/vm/tap" "$src/selftests/vm/results.sh" "$copy/selftests/vm"

# program NAME: a script, from stdin
program() { cat >"$copy/selftests/unit/$1_test.sh"; }
# source_file NAME: a program in C, from stdin
source_file() { cat >"$copy/selftests/unit/$1_test.c"; }

# unit [TEST]: what it says; its status is in $status
unit() {
	status=0
	make -s -C "$copy" BUILD="$work/build" CC="$CC" unit T="${1:-}" \
		>"$work/said" 2>&1 || status=$?
	cat "$work/said"
}

# says PROGRAM LINE: and fails
says() {
	unit "$1"
	[ $status != 0 ]
	grep -Fx "$1: $2" "$work/said"
}

program good <<'END'
printf '1..2\nok 1 - first\nok 2 - second # SKIP not here\n'
END
program bad <<'END'
printf '1..2\nok 1 - first\nnot ok 2 - second\n# because\n'
exit 1
END
program few <<'END'
printf '1..2\nok 1 - first\n'
END
program many <<'END'
printf '1..1\nok 1 - first\nok 2 - second\n'
END
program silent </dev/null
program status <<'END'
printf '1..1\nok 1 - first\n'
exit 3
END
program skipped <<'END'
printf '1..1\nok 1 - first # SKIP not here\n'
END
source_file compiled <<'END'
#include <stdio.h>
int main(void)
{
	puts("1..1\nok 1 - first");
	return 0;
}
END
source_file broken <<'END'
int main(void) { return undeclared; }
END
source_file overflows <<'END'
#include <stdio.h>
#include <string.h>
int main(void)
{
	char *text = strdup("1");
	int past = text[2];

	puts("1..1\nok 1 - first");
	return past == 'x';
}
END

passes() {
	unit good
	[ $status = 0 ]
	grep -x 'good: 1 passed, 0 failed, 1 skipped' "$work/said"
	! grep 'ok 1' "$work/said" || return 1
	grep -x '1 passed, 0 failed, 1 skipped' "$work/said"
}

failure_is_shown() {
	says bad '1 passed, 1 failed, 0 skipped'
	grep '^not ok 2 - second' "$work/said"
	grep '^# because' "$work/said"
}

# fails_by PROGRAM WHY COUNTS: what is no result of its own
fails_by() {
	says "$1" "$3"
	grep -Fx "  host $1: $2" "$work/said"
}

too_few() {
	fails_by few '1 results of 2 (it ended with status 0)' \
		'1 passed, 1 failed, 0 skipped'
}
too_many() {
	fails_by many '2 results of 1 (it ended with status 0)' \
		'2 passed, 1 failed, 0 skipped'
}
silence() {
	fails_by silent 'no plan (it ended with status 0)' \
		'0 passed, 1 failed, 0 skipped'
}
bad_status() {
	fails_by status 'it ended with status 3' '1 passed, 1 failed, 0 skipped'
}

program_in_c() {
	unit compiled
	[ $status = 0 ]
	grep -x 'compiled: 1 passed, 0 failed, 0 skipped' "$work/said"
}

what_does_not_build() {
	says broken '0 passed, 1 failed, 0 skipped: does not build'
	grep 'undeclared' "$work/said"
}

sanitizer() {
	unit overflows
	[ $status != 0 ]
	grep -E 'AddressSanitizer|runtime error' "$work/said"
}

# A run that has only skipped is no pass.
nothing_but_skips() { says skipped '0 passed, 0 failed, 1 skipped'; }

no_such_program() {
	unit nothere
	[ $status != 0 ]
	grep 'no unit test nothere' "$work/said"
}

totals() {
	unit all
	[ $status != 0 ]
	grep -x '7 passed, 7 failed, 2 skipped' "$work/said"
}

all_output() {
	V=1 unit good
	grep -x 'ok 1 - first' "$work/said"
}

makes_one_folder() {
	[ "$(ls "$work/build")" = unit ]
	[ "$(cd "$copy" && ls)" = "$(printf 'Makefile\nlib\nselftests')" ]
}

plan 14
ok passes passes
ok failure_is_shown failure_is_shown
ok too_few too_few
ok too_many too_many
ok silence silence
ok bad_status bad_status
ok program_in_c program_in_c
ok what_does_not_build what_does_not_build
ok sanitizer sanitizer
ok nothing_but_skips nothing_but_skips
ok no_such_program no_such_program
ok totals totals
ok all_output all_output
ok makes_one_folder makes_one_folder
[ "$failed" = 0 ]
