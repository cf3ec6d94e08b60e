#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What continuous integration is told: the totals of all parts, and 0 only where none
# failed. A stand-in for make prints what the parts would. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
tree=$work/tree

stand_in() {
	cat <<-'END'
	#!/bin/sh
	[ "$1" = "${part:-check-builds}" ] || how=works
	echo "$1 begins"
	case $how in
	works | status) echo '3 passed, 0 failed, 1 skipped' ;;
	fails) echo '2 passed, 1 failed, 1 skipped' ;;
	dies) kill -KILL $$ ;;
	esac
	case $how in
	fails | status) exit 2 ;;
	silent) exit 0 ;;
	esac
	END
}

make_tree() {
	mkdir -p "$tree/.ci" "$tree/selftests/vm" "$tree/selftests/debug" \
		"$tree/integration/clients" "$work/bin"
	cp "$src/.ci/run" "$tree/.ci/"
	printf '#!/bin/sh\n' >"$tree/selftests/vm/root"
	printf '#!/bin/sh\nexit 1\n' >"$tree/selftests/debug/kernel"
	printf '#!/bin/sh\nexit 1\n' >"$tree/integration/clients/root"
	stand_in >"$work/bin/make"
	chmod +x "$tree"/*/*/* "$work/bin/make"
}

# ends STATUS TOTALS HOW [PART]
ends() {
	status=0
	how=$3 part=${4:-} PATH="$work/bin:$PATH" "$tree/.ci/run" \
		>"$work/out" 2>&1 || status=$?
	cat "$work/out"
	[ $status = "$1" ] && [ "$(tail -n 1 "$work/out")" = "$2" ]
}

shows_each_part_once() {
	ends 0 '12 passed, 0 failed, 4 skipped' works
	[ "$(grep begins "$work/out" | xargs)" = \
		'check begins check-debug begins check-clients begins check-builds begins' ]
}

make_tree
plan 13
ok green shows_each_part_once
for part in check check-clients check-builds; do
	ok "$part.fails" ends 1 '11 passed, 1 failed, 4 skipped' fails $part
	ok "$part.dies" ends 1 '9 passed, 1 failed, 3 skipped' dies $part
	ok "$part.without_totals" ends 1 '9 passed, 1 failed, 3 skipped' silent $part
	ok "$part.fails_in_no_test" ends 1 '12 passed, 1 failed, 4 skipped' status $part
done
[ "$failed" = 0 ]
