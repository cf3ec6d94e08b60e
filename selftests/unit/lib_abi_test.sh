#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library's ABI against that of the last release, and what the comparison says
# of changes that break it. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
copy=$work/tree

build() { make -s -C "$1/lib" CC="$CC" CFLAGS="$2" O="$1/out"; }

# A copy of the tree, built, which a case changes.
new_copy() {
	rm -rf "$copy"
	cp -a "$work/built" "$copy"
}
compared() {
	build "$copy" '-g -w'
	"$copy/lib/abi/compare" "$copy/out/libvfio-dmabuf.so.1"
}

# refused WORDS: compared() fails, and says this
refused() {
	if compared >"$work/said" 2>&1; then
		echo "it passed"
		return 1
	fi
	cat "$work/said"
	grep -q "$1" "$work/said"
}

# add_function VERSION: with its declaration, as a function of the header
add_function() {
	echo 'int vfio_dmabuf_added(void);' >>"$copy/include/vfio_dmabuf.h"
	cat >>"$copy/lib/context.c" <<-END

	int vfio_dmabuf_added(void);
	int vfio_dmabuf_added(void)
	{
		return 0;
	}
	END
	sed -i "/^VFIO_DMABUF_$1 {/,/^global:/ s/^global:/&\n\tvfio_dmabuf_added;/" \
		"$copy/lib/libvfio-dmabuf.map"
	grep -q added "$copy/lib/libvfio-dmabuf.map"
}

as_it_is() {
	new_copy
	compared
}

symbol_in_a_new_version() {
	new_copy
	echo 1.99.0 >"$copy/VERSION"
	printf 'VFIO_DMABUF_1.99 {\nglobal:\n} VFIO_DMABUF_1.0;\n' \
		>>"$copy/lib/libvfio-dmabuf.map"
	add_function 1.99
	compared
}

symbol_in_an_old_version() {
	new_copy
	add_function 1.0
	refused 'vfio_dmabuf_added: new, but under VFIO_DMABUF_1.0'
}

symbol_by_a_wildcard() {
	new_copy
	add_function 1.0
	sed -i -e '/^\tvfio_dmabuf_added;/d' \
		-e 's/^\tvfio_dmabuf_new;/\tvfio_dmabuf_*;/' \
		"$copy/lib/libvfio-dmabuf.map"
	refused 'vfio_dmabuf_added: new, but under VFIO_DMABUF_1.0'
}

symbol_that_has_gone() {
	new_copy
	sed -i '/^\tvfio_dmabuf_describe;/d' "$copy/lib/libvfio-dmabuf.map"
	refused 'Removed function.*'
	grep vfio_dmabuf_describe "$work/said"
}

symbol_of_another_version() {
	new_copy
	sed -i -e '/^\tvfio_dmabuf_describe;/d' \
		-e 's/^\tvfio_dmabuf_open_token;/&\n\tvfio_dmabuf_describe;/' \
		"$copy/lib/libvfio-dmabuf.map"
	refused 'Removed function.*'
}

structure_that_grew() {
	new_copy
	sed -i 's/^struct vfio_dmabuf_range {/&\n\tuint64_t more;/' \
		"$copy/include/vfio_dmabuf.h"
	refused 'not compatible with 1.*.abi'
	grep 'vfio_dmabuf_range' "$work/said"
}

result_of_another_type() {
	new_copy
	sed -i 's/^int vfio_dmabuf_features(/long vfio_dmabuf_features(/' \
		"$copy/include/vfio_dmabuf.h" "$copy"/lib/*.c
	refused 'not compatible with 1.*.abi'
	grep 'vfio_dmabuf_features' "$work/said"
}

library_without_types() {
	new_copy
	strip --strip-debug "$copy/out/libvfio-dmabuf.so.1"
	refused 'no debug information'
}

# Lines of "SYMBOL@VERSION RELEASE", as Debian has them.
debian_has_each_symbol() {
	awk '/^VFIO_DMABUF_/ { stanza = $1; release = substr($1, 13) ".0" }
		/^\tvfio_dmabuf_/ { sub(/;/, ""); print $1 "@" stanza, release }' \
		"$src/lib/libvfio-dmabuf.map" | sort >"$work/map"
	[ -s "$work/map" ]
	sed -n 's/^ \(vfio_dmabuf_.*\)/\1/p' \
		"$src/packaging/debian/libvfio-dmabuf1.symbols" | sort |
		diff "$work/map" -
}

# with_abidiff NAME
with_abidiff() {
	if command -v abidiff >/dev/null; then
		ok "$1" "$1"
	else
		nr=$((nr + 1))
		echo "ok $nr - $1 # SKIP no abidiff here"
	fi
}

plan 10
mkdir "$work/built"
cp -r "$src/lib" "$src/include" "$src/VERSION" "$work/built"
build "$work/built" '-g -w' >&2
with_abidiff as_it_is
with_abidiff symbol_in_a_new_version
with_abidiff symbol_in_an_old_version
with_abidiff symbol_by_a_wildcard
with_abidiff symbol_that_has_gone
with_abidiff symbol_of_another_version
with_abidiff structure_that_grew
with_abidiff result_of_another_type
with_abidiff library_without_types
ok debian_has_each_symbol debian_has_each_symbol
[ "$failed" = 0 ]
