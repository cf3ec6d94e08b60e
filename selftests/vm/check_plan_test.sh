#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "check" in a small tree, with stand-ins for what it starts: what it runs where, and
# what it adds up. Speaks TAP.
set -eu
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/holds.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
copy=$tree/selftests/vm
mkdir -p "$copy" "$tree/selftests"/{unit,static,arm64}
cp "$VM"/{check,lib.sh,results.sh,tap,run-host-tests} "$copy"
touch "$tree/selftests"/{one,two,three,own,late}_test.c \
	"$tree/selftests/unit"/{unit_test.c,script_test.sh} "$tree/selftests/arm64/runs.sed"
printf '9.9 check\n9.8 check\n9.9-arm64 arm64\n' >"$copy/kernels"

stand_in() { { echo '#!/bin/bash'; cat; } >"$1" && chmod +x "$1"; }
stand_in "$copy/kernel" <<'END'
for kernel; do
	mkdir -p "$BUILD/kernels/$kernel"
	echo "$kernel.1" >"$BUILD/kernels/$kernel/version"
done
END
# With "slow" the last kernel's waits for the first one's machines and the host's.
stand_in "$copy/build" <<'END'
echo "build $*" >>"$BUILD/calls"
[ "$1" = 9.8 ] || exit 0
[ "${bad:-}" != build ] || exit 4
[ -n "${slow:-}" ] || exit 0
for ((i = 0; i < 200; i++)); do
	! grep -q '^9.9 main' "$BUILD/calls" || ! grep -q ^machine "$BUILD/calls" || exit 0
	sleep 0.1
done
exit 1
END
# Says which boot has which programs, and with what options; the program "late" takes
# the machine down if it is told so. With "held" the boot "main" has its place late, and
# lasts until others have begun.
stand_in "$copy/vm" <<'END'
kernel=$2
shift 2
while [ "$1" != -- ]; do
	case $1 in
	--log | --timeout | --program) shift ;;
	--env) boot=${2#*=}; shift ;;
	--no-build) ;;
	*) options+="[$1]" ;;
	esac
	shift
done
shift 3
echo "$kernel $boot${options:+ $options}: $*" >>"$BUILD/calls"
others() { grep -q "^$kernel own" "$BUILD/calls"; }
if [ "$boot$held" = mainyes ]; then
	for ((i = 0; i < 20; i++)); do
		! others || echo overtaken >>"$BUILD/calls"
		sleep 0.1
	done
	flock -u "$PLACE"
	for ((i = 0; i < 200; i++)); do
		! others || break
		sleep 0.1
	done
	others || exit 2
fi
all=0
for program; do
	failed=0
	echo "# vm: begin ${program%%.*}"
	echo 1..1
	[ "$program" != "${down:-}" ] || exit 2
	if [ "$kernel $program" = "${bad:-}" ]; then
		failed=1 all=1
		echo "not ok 1 - test"
	else
		echo "ok 1 - test"
	fi
	echo "# vm: end ${program%%.*} $failed"
done
exit $all
END
stand_in "$copy/in-root" <<'END'
echo "in-root $*" >>"$BUILD/calls"
[ "$1" = timeout ] || exit 0
printf '1..1\nok 1 - test\n'
END
stand_in "$copy/machine_test.sh" <<'END'
echo "machine $*" >>"$BUILD/calls"
printf '1..1\nok 1 - test # SKIP\n'
END
stand_in "$tree/selftests/static/check-static" <<'END'
echo "static $*" >>"$BUILD/calls"
printf '1..1\nok 1 - test\n'
[ "${bad:-}" = static ] || exit 0
echo why >&2
exit 3
END

runs() { printf '%s\n' '# a table' "$@" >"$copy/runs"; }
table=("own own,+two	--one 'two words' --three" "new:*.9 late")

explain() { sed 's/^/# /' "$work/out" "$BUILD/calls"; }

export BUILD=$work/build
unset DROPIN HOST LEAVE_OUT LIMIT KERNELS PLANTED RESULTS V VM_OPTIONS

# check [NAME=VALUE...] [-- TEST]: its status is in "status".
check() {
	local env=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	status=0
	rm -rf "$BUILD"
	env "${env[@]}" "$copy/check" "$@" >"$work/out" 2>&1 </dev/null || status=$?
}

# called PATTERN LINE...: all calls that match, in any order
called() {
	local pattern=$1
	shift
	[ "$(grep -E "$pattern" "$BUILD/calls" | sort)" = \
	  "$(printf '%s\n' "$@" | sort)" ]
}

totals_are() { [ "$status" = "$1" ] && [ "$(tail -n 1 "$work/out")" = "$2" ]; }
row_is() { grep -qxE "$1 +$2 +$3 +$4" "$work/out"; }

runs_all() {
	check
	called '^9' '9.9 own [--one][two words][--three]: own two' \
		'9.8 own [--one][two words][--three]: own two' \
		'9.9 new: late' '9.8 main: late one three two' \
		'9.9 main: one three two' || return 1
	totals_are 0 '15 passed, 0 failed, 1 skipped'
}

has_a_table() { row_is host 3 0 1 && row_is 9.9 6 0 0 && row_is 9.8 6 0 0; }
times_are_kept() { [ "$(grep -cE '^9.9 +passed +one: test \([0-9]+ ms\)$' "$work/out")" = 1 ]; }

runs_on_host() {
	called '^(in-root timeout|machine|static)' \
		"in-root timeout --signal=KILL 900 /build/user/unit/unit_test" \
		"in-root timeout --signal=KILL 900 env CC=gcc-14 CXX=g++-14 /src/selftests/unit/script_test.sh" \
		'static --no-clang' 'machine 9.9'
}

packages_for_host() {
	check KERNELS=9.9 -- script
	grep -q '^in-root sh' "$BUILD/calls" || return 1
	check KERNELS=9.9 -- one
	called '^in-root' ''
}

failure_of_host() {
	check KERNELS=9.9 bad=static
	grep -B 1 -x 'host  failed  static: it ended with status 3' "$work/out" |
		grep -qx '    why' && totals_are 1 '9 passed, 1 failed, 1 skipped'
}

builds_all() { called ^build 'build 9.9' 'build 9.8'; }

builds_beside_tests() {
	check slow=yes
	totals_are 0 '15 passed, 0 failed, 1 skipped'
}

main_comes_first() {
	check HOST=no held=yes
	! grep -q overtaken "$BUILD/calls" && totals_are 0 '12 passed, 0 failed, 0 skipped'
}

failed_build() {
	check bad=build
	[ "$status" = 4 ] && ! grep -q 'passed, .* failed' "$work/out" &&
		! grep -q '^9.8' "$BUILD/calls"
}

one_test() {
	check KERNELS=9.9 -- two.some
	called . 'build 9.9 two_test' '9.9 own [--one][two words][--three]: two.some' \
		'9.9 main: two.some' || return 1
	totals_are 0 '2 passed, 0 failed, 0 skipped'
}

one_static_check() {
	check -- static.some
	called . 'static --no-clang some' && totals_are 0 '1 passed, 0 failed, 0 skipped'
}

host_alone() {
	check KERNELS=9.9 -- script
	called '^(9|static|machine)' '' && totals_are 0 '1 passed, 0 failed, 0 skipped'
}

no_host() {
	check HOST=no KERNELS=9.8
	called '^(in-root|static|machine)' '' && totals_are 0 '6 passed, 0 failed, 0 skipped'
}

other_architecture() {
	check KERNELS=9.9-arm64
	called '^(in-root timeout|machine|static)' 'static --no-clang'
}

left_out() {
	check HOST=no KERNELS=9.9 LEAVE_OUT='own late'
	called ^9 '9.9 main: one three two'
}

more_options() {
	check HOST=no KERNELS=9.8 DROPIN=1 VM_OPTIONS='--cpu x' -- one
	called ^9 '9.8 main [--cpu][x][--dropin]: one'
}

rest_runs_in_another() {
	check HOST=no KERNELS=9.8 down=one
	called '^9.8 main' '9.8 main: late one three two' '9.8 main: three two' &&
		grep -qx '9.8   failed  one: cut short: the machine ended' "$work/out" &&
		grep -q '^9.8   failed  main: the machine or its kernel log' "$work/out" &&
		totals_are 1 '5 passed, 2 failed, 0 skipped'
}

failure_of_one_kernel() {
	check bad='9.8 one'
	row_is 9.8 5 1 0 && row_is 9.9 6 0 0 &&
		[ "$(sed -n '/^failed:/,/^$/p' "$work/out")" = $'failed:\n  9.8 one: test' ] &&
		totals_are 1 '14 passed, 1 failed, 1 skipped'
}

# Only 9.9 has the boot with the wrong line.
run_is_cut_short() {
	runs "${table[0]}" "new:*.9 late	--one 'two"
	check
	runs "${table[@]}"
	grep -qx '9.9   failed  new: its run was cut short' "$work/out" &&
		row_is 9.8 6 0 0 && row_is 9.9 5 1 0 && [ "$status" = 1 ]
}

unknown_program() {
	check -- none
	[ "$status" = 1 ] && grep -q 'no test program none; there are .*one.*script.*static' \
		"$work/out"
}

runs "${table[@]}"
echo "TAP version 13"
holds "all programs run in their boots" runs_all
holds "the table of kernels" has_a_table
holds "a result has its time" times_are_kept
holds "what runs on the host" runs_on_host
holds "all is built" builds_all
holds "the first kernel's tests wait for no other's build" builds_beside_tests
holds "no boot overtakes a kernel's first one" main_comes_first
holds "a build that fails" failed_build
holds "packages for what runs on the host" packages_for_host
holds "a failure on the host" failure_of_host
holds "one test alone" one_test
holds "one static check alone" one_static_check
holds "one program of the host alone" host_alone
holds "HOST=no" no_host
holds "another architecture's kernel runs nothing on the host" other_architecture
holds "LEAVE_OUT leaves out programs, and boots for them" left_out
holds "VM_OPTIONS and DROPIN" more_options
holds "what a crash leaves runs in another machine" rest_runs_in_another
holds "a failure on one kernel" failure_of_one_kernel
holds "a run that is cut short" run_is_cut_short
holds "a program that is not there" unknown_program
echo "1..$nr"
[ $failed = 0 ]
