#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The file VERSION is where the module, the library, the tool, the packages and the
# pages have their version from. Speaks TAP.

# What is in quotes is for make to expand.
# shellcheck disable=SC2016
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL
version=9.8.7
copy=$work/tree

new_copy() {
	rm -rf "$copy"
	mkdir "$copy"
	(
		cd "$src"
		cp -r VERSION CHANGELOG.md Makefile Kbuild dkms.conf LICENSE ./*.[ch] \
			include lib tools probes packaging Documentation "$copy"
	)
	echo $version >"$copy/VERSION"
}

# What the kernel's makefiles would be told.
module_has_it() {
	printf 'include %s/Kbuild\nall: ; @echo "$(ccflags-y)"\n' "$copy" |
		make -s -f - src="$copy" obj="$work" all |
		tee "$work/said"
	grep -F -e "-DVPDM_VERSION=\"$version\"" "$work/said"
	grep -qx 'MODULE_VERSION(VPDM_VERSION);' "$copy"/*.c
}

drop_in_has_it() {
	mkdir -p "$work/headers"
	echo 'modules: ; @cat $(M)/VERSION' >"$work/headers/Makefile"
	make -s -C "$copy" KDIR="$work/headers" BUILD="$work/build" DROPIN=1 modules |
		grep -x "$version"
}

dkms_has_it() {
	"$copy/packaging/dkms" copy "$work/dkms"
	grep -x "PACKAGE_VERSION=\"$version\"" "$work/dkms/dkms.conf"
	cmp "$work/dkms/VERSION" "$copy/VERSION"
}

library_has_it() {
	make -s -C "$copy/lib" CC="$CC" CFLAGS=-w SONAME=libvfio-dmabuf.so.9 \
		O="$work/lib" PREFIX="$work/usr" install
	grep -x "Version: $version" "$work/usr/lib/pkgconfig/libvfio-dmabuf.pc"
	[ -e "$work/usr/lib/libvfio-dmabuf.so.$version" ]
	grep -x "\.Os vfio-dmabuf $version" "$work/usr/share/man/man3/libvfio-dmabuf.3"
	! grep -r @VERSION@ "$work/usr" || return 1
}

tool_has_it() {
	make -n -B -C "$copy/tools" O="$work/tools" PREFIX="$work/usr" install |
		tee "$work/said"
	grep -F "DVERSION='\"$version\"'" "$work/said"
	grep -F "s/@VERSION@/$version/" "$work/said"
}

# Nothing of these says another one.
nothing_else_has_one() {
	! grep -rnE '^(PACKAGE_)?VERSION *:?= *"?[0-9]|\.Os .*[0-9]' \
		"$copy/dkms.conf" "$copy/lib" "$copy/tools" "$copy/packaging" \
		"$copy/Documentation" || return 1
}

# links VERSION SONAME: the library does, as this version
links() {
	echo "$1" >"$copy/VERSION"
	make -s -C "$copy/lib" CC="$CC" CFLAGS=-w O="$work/lib" SONAME="$2" \
		"$work/lib/$2"
}

symbols_of_a_later_version() {
	links 1.1.0 libvfio-dmabuf.so.1
	sed -i 's/^VFIO_DMABUF_1.1 /VFIO_DMABUF_1.12 /' "$copy/lib/libvfio-dmabuf.map"
	links 1.12.0 libvfio-dmabuf.so.1
	! links 1.2.3 libvfio-dmabuf.so.1 2>"$work/said" || return 1
	grep 'libvfio-dmabuf.map, .*: not of version 1.2.3' "$work/said"
}

soname_of_another_version() {
	! links 2.0.0 libvfio-dmabuf.so.1 2>"$work/said" || return 1
	grep 'libvfio-dmabuf.so.1: not of version 2.0.0' "$work/said"
}

# The tree as it is, not the copy.
changelog_begins_with_it() {
	sed -n 's/^## \[\(.*\)\] - .*/\1/p' "$src/CHANGELOG.md" | head -n 1 |
		diff "$src/VERSION" -
}

debian_changelog() {
	"$src/packaging/changelog" 'A Name <name@host.org>' >"$work/changelog"
	head -n 1 "$work/changelog" |
		grep "^vfio-pci-dmabuf-mmap ($(cat "$src/VERSION")) "
	[ "$(grep -c '^ -- A Name <name@host.org>  ' "$work/changelog")" \
		= "$(grep -c '^## \[' "$src/CHANGELOG.md")" ]
}

new_copy
plan 10
ok module_has_it module_has_it
ok drop_in_has_it drop_in_has_it
ok dkms_has_it dkms_has_it
ok library_has_it library_has_it
ok tool_has_it tool_has_it
ok nothing_else_has_one nothing_else_has_one
ok symbols_of_a_later_version symbols_of_a_later_version
ok soname_of_another_version soname_of_another_version
ok changelog_begins_with_it changelog_begins_with_it
ok debian_changelog debian_changelog
[ "$failed" = 0 ]
