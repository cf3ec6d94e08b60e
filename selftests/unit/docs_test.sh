#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The C of README.md, the reST pages and the man pages compiles as it stands
# there, as C and as C++, and what README.md links to exists. Speaks TAP.
set -eu

cd "$(dirname "$0")/../.."
# shellcheck source-path=SCRIPTDIR
. selftests/unit/tap.sh
include="-Iinclude -Iinclude/uapi"
warn="-Wall -Wextra -Wpedantic -Werror"
snippets=$work/snippets
pages="README.md $(ls Documentation/*.rst Documentation/man/*.[38])"

# Where there are some for certain.
found() {
	for name in README.md- Documentation-uapi.rst- \
		Documentation-mapping.rst- \
		Documentation-man-libvfio-dmabuf.3-[0-9] \
		Documentation-man-vfio_dmabuf_open.3-synopsis; do
		find "$snippets" -name "$name*" | grep . || {
			echo "none is $name"
			return 1
		}
	done
}

readme_has_both() {
	grep -q 'lend(' "$snippets"/README.md-* &&
		grep -q 'borrow(' "$snippets"/README.md-*
}

functions() {
	sed -n 's/.*\b\(vfio_dmabuf_[a-z_]*\)(.*/\1/p' "$@" | sort -u
}

# By the declarations in their SYNOPSIS.
pages_declare_all() {
	functions include/vfio_dmabuf.h >"$work/header"
	functions "$snippets"/*-synopsis.c | diff "$work/header" -
}

links_lead_somewhere() {
	links=$(sed -n 's/[^]]*\](\([^)]*\))/\1\n/gp' README.md |
		grep '^[A-Za-z]')
	for link in $links; do
		[ -e "$link" ] || {
			echo "README.md links to $link"
			return 1
		}
	done
}

mkdir "$snippets"
status=0
# shellcheck disable=SC2086
awk -v dir="$snippets" -f selftests/unit/docs.awk $pages 2>"$work/complaints" ||
	status=$?

plan $((5 + 2 * $(find "$snippets" -type f | wc -l)))
ok "all C is said to be C" sh -c "cat '$work/complaints'; exit $status"
ok "snippets are found" found
ok "README.md lends and borrows" readme_has_both
ok "each function is declared in a page" pages_declare_all
ok "links of README.md lead somewhere" links_lead_somewhere
for file in "$snippets"/*; do
	name=${file##*/}
	# shellcheck disable=SC2086
	ok "${name%.c} as C" "$CC" -std=gnu11 $warn $include -c \
		-o "$work/object" "$file"
	# shellcheck disable=SC2086
	with_cxx "${name%.c} as C++" "$CXX" -std=gnu++11 $warn $include -c \
		-x c++ -o "$work/object" "$file"
done
[ "$failed" = 0 ]
