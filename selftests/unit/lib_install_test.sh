#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library as it is installed: what a program finds by pkg-config, in C and in
# C++, shared and static, and which symbols it may use. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-gcc}
CXX=${CXX:-g++}
strict="-Wall -Wextra -Wpedantic -Werror"
nr=0 failed=0

# ok NAME COMMAND...
ok() {
	name=$1
	shift
	nr=$((nr + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $nr - $name"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$work/log"
		echo "not ok $nr - $name"
	fi
}

# As a program that has nothing but the installed files.
pc() {
	PKG_CONFIG_PATH=$dest/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR='' \
		pkg-config "$@" libvfio-dmabuf
}

builds() {
	# shellcheck disable=SC2046,SC2086
	"$@" $(pc --cflags) $(pc --libs)
}

only_ours() {
	nm -D --defined-only "$dest/lib/libvfio-dmabuf.so" |
		awk '$2 == "T" { print $3 }' >"$work/symbols"
	[ -s "$work/symbols" ] && ! grep -v '^vfio_dmabuf_.*@@VFIO_DMABUF_1' \
		"$work/symbols"
}

# Each function of the header is in the library, and has a page.
complete() {
	sed -n 's/.*\b\(vfio_dmabuf_[a-z_]*\)(.*/\1/p' \
		"$dest/include/vfio_dmabuf.h" | sort -u >"$work/declared"
	sed 's/@.*//' "$work/symbols" | sort -u | cmp - "$work/declared"
	while read -r function; do
		[ -e "$dest/share/man/man3/$function.3" ] || {
			echo "no page for $function"
			return 1
		}
	done <"$work/declared"
}

echo "TAP version 13"
echo "1..8"
dest=$work/usr
ok "installs" make -s -C "$src/lib" CC="$CC" O="$work/lib" PREFIX="$dest" install

cat >"$work/user.c" <<END
#include <vfio_dmabuf.h>

int main(void)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;
	int ret = vfio_dmabuf_open(ctx, "no address", 0, &dev);

	vfio_dmabuf_free(ctx);
	return ret == -22 ? 0 : 1;
}
END
cp "$work/user.c" "$work/user.cc"
# shellcheck disable=SC2086
{
	ok "builds in C" builds "$CC" -std=c99 $strict "$work/user.c" \
		-o "$work/shared"
	ok "builds static" builds "$CC" -static $strict "$work/user.c" \
		-o "$work/static"
	if command -v "$CXX" >/dev/null; then
		ok "builds in C++" builds "$CXX" -std=c++11 $strict \
			"$work/user.cc" -o "$work/cxx"
	else
		nr=$((nr + 1))
		echo "ok $nr - builds in C++ # SKIP no $CXX here"
	fi
}
ok "runs, shared" env LD_LIBRARY_PATH="$dest/lib" "$work/shared"
ok "runs, static" "$work/static"
ok "exports its own symbols alone, with a version" only_ours
ok "has each function of the header, and a page of it" complete
[ "$failed" = 0 ]
