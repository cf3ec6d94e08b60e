# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts around the debug kernels share. Source it after setting -eu.

# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.sh"

# shellcheck disable=SC2034
DEBUG=$SRC/selftests/debug
SERIES=$(kernels_for source)
# How many times slower a debug kernel is, by which tests that repeat something
# thousands of times divide.
# shellcheck disable=SC2034
SLOW=20

# Unpack Debian's kernel source of SERIES into BUILD/linux, once.
need_source() {
	[ ! -e "$BUILD/linux/version" ] || return 0
	"$VM/source"
	step linux "unpacking the source of kernel $SERIES" unpack_source
}

unpack_source() {
	local tmp=$BUILD/linux.tmp
	rm -rf "$tmp" "$BUILD/linux"
	mkdir "$tmp"
	in_root tar -xJf "/build/source/linux-source-$SERIES.tar.xz" \
		-C /build/linux.tmp --strip-components=1
	in_root make -s -C /build/linux.tmp kernelversion >"$tmp/version"
	mv "$tmp" "$BUILD/linux"
}
