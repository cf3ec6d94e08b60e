#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# "make dist": the same bytes each time, which build and test by themselves; and who
# answers for a release. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL BUILD DEBFULLNAME DEBEMAIL
export HOME="$work/home" GIT_CONFIG_NOSYSTEM=1
name=vfio-pci-dmabuf-mmap
version=$(cat "$src/VERSION")
tree=$work/tree

in_tree() { git -C "$tree" -c user.name=A -c user.email=a@b.org "$@"; }

# dist [FOLDER]: prints the tarball's path
dist() { make -s -C "${1:-$tree}" BUILD="$work/build" dist 2>"$work/said"; }

# refuses WORDS: dist does, with these words, and makes nothing
refuses() {
	rm -rf "$work/build"
	! dist || return 1
	cat "$work/said"
	grep -- "$1" "$work/said"
	[ -z "$(find "$work/build" -type f 2>/dev/null)" ]
}

# What a test changes is undone by the next one.
start() {
	in_tree checkout -qf --detach base
	in_tree clean -qdfx
	in_tree tag -d "v$version" >/dev/null 2>&1 || :
}

# released [MAINTAINER]: the commit says so
released() {
	start
	sed -i "1,/^## /s/^\(## .*\) - .*/\1 - 2030-01-02/" "$tree/CHANGELOG.md"
	[ $# = 0 ] || echo "$1" >"$tree/MAINTAINER"
	in_tree add -A
	in_tree commit -qm 'a release'
}

make_tree() {
	mkdir -p "$HOME" "$tree"
	(
		cd "$src"
		find . \( -path ./build -o -path ./.git \) -prune -o -type f -print0 |
			xargs -0 cp -p --parents -t "$tree"
	)
	git -c init.defaultBranch=base init -q "$tree"
	sed -i "1,/^## /s/^\(## .*\) - .*/\1 - unreleased/" "$tree/CHANGELOG.md"
	rm -f "$tree/MAINTAINER"
	in_tree add -A
	in_tree commit -qm 'all of it'
}

same_bytes() {
	start
	cp "$(dist)" "$work/first"
	umask 077
	git clone -q "$tree" "$work/clone"
	find "$work/clone" -name .git -prune -o -exec touch -d 2001-02-03 {} +
	TZ=Asia/Tokyo dist "$work/clone" >"$work/path"
	cmp "$work/first" "$(cat "$work/path")"
	cd "$work/build/dist"
	sha256sum -c ./*.sha256
}

whole_commit() {
	start
	tarball=$(dist)
	gzip -dc "$tarball" | git get-tar-commit-id | tee "$work/id"
	[ "$(cat "$work/id")" = "$(in_tree rev-parse HEAD)" ]
	top=$(basename "$tarball" .tar.gz)
	[ "$top" = "$name-$version~g$(cut -c 1-12 "$work/id")" ]
	in_tree ls-files | grep -vE '^(\.ci/|\.gitattributes$)' | sort >"$work/files"
	tar -tzf "$tarball" | sed "s|^$top/||; /\/\$/d; /^\$/d" | sort |
		diff "$work/files" -
}

# unpack: into $work/unpacked, which is in no checkout
unpack() {
	rm -rf "$work/unpacked"
	mkdir "$work/unpacked"
	tar -xzf "$1" -C "$work/unpacked" --strip-components=1
}

builds_by_itself() {
	start
	unpack "$(dist)"
	cd "$work/unpacked"
	make -s -C lib CC="$CC" O="$work/lib"
	for program in lib_bdf ranges version; do
		make unit CC="$CC" BUILD="$work/out" T=$program
	done
}

tarball_is_no_checkout() {
	start
	unpack "$(dist)"
	! make -C "$work/unpacked" dist >"$work/said" 2>&1 || return 1
	grep 'no git checkout' "$work/said"
}

what_is_not_committed() {
	start
	echo '/* more */' >>"$tree/export.c"
	refuses 'not committed would be left out'
	start
	touch "$tree/new.c"
	refuses 'not committed would be left out'
}

release_without_maintainer() {
	released
	in_tree tag "v$version"
	refuses 'a release needs the file MAINTAINER'
}

# What no mail reaches, or is none.
unreachable_maintainer() {
	for who in 'A Name' '<a@b.org>' 'A Name <a>' 'A Name <a@localhost>' \
		'A Name <a@b.localdomain>' 'A Name <a@example.org>' \
		'A Name <a@noreply.b.org>' 'A Name <a@b.example>'; do
		released "$who"
		in_tree tag "v$version"
		refuses 'MAINTAINER' || { echo "taken: $who"; return 1; }
	done
}

release_without_tag() {
	released 'A Name <a@b.org>'
	refuses "no tag v$version is at this commit"
	in_tree tag "v$version" base
	refuses "no tag v$version is at this commit"
}

release() {
	released 'A Name <a@b.org>'
	in_tree tag -am 'a release' "v$version"
	tarball=$(dist)
	[ "${tarball##*/}" = "$name-$version.tar.gz" ]
	unpack "$tarball"
	[ "$("$work/unpacked/packaging/maintainer")" = 'A Name <a@b.org>' ]
}

packages_have_their_own_maintainer() {
	released 'A Name <a@b.org>'
	who=$(DEBFULLNAME='An Other' DEBEMAIL=o@c.org "$tree/packaging/maintainer")
	[ "$who" = 'An Other <o@c.org>' ]
	start
	! "$tree/packaging/maintainer" 2>"$work/said" || return 1
	grep 'who makes these packages' "$work/said"
	git config --global user.name 'By Git'
	git config --global user.email g@d.org
	who=$("$tree/packaging/maintainer")
	rm "$HOME/.gitconfig"
	[ "$who" = 'By Git <g@d.org>' ]
}

date_of_what_is_not_released() {
	start
	SOURCE_DATE_EPOCH=86400 "$tree/packaging/changelog" 'A <a@b.org>' |
		grep -x ' -- A <a@b.org>  Fri, 02 Jan 1970 00:00:00 +0000'
}

plan 11
make_tree
ok same_bytes same_bytes
ok whole_commit whole_commit
ok builds_by_itself builds_by_itself
ok tarball_is_no_checkout tarball_is_no_checkout
ok what_is_not_committed what_is_not_committed
ok release_without_maintainer release_without_maintainer
ok unreachable_maintainer unreachable_maintainer
ok release_without_tag release_without_tag
ok release release
ok packages_have_their_own_maintainer packages_have_their_own_maintainer
ok date_of_what_is_not_released date_of_what_is_not_released
[ "$failed" = 0 ]
