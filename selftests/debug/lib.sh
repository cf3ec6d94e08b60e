# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts around the debug kernels share. Source it after setting -eu.

# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.sh"

# shellcheck disable=SC2034
DEBUG=$SRC/selftests/debug
SERIES=7.2
# How many times slower a debug kernel is, by which tests that repeat something
# thousands of times divide.
# shellcheck disable=SC2034
SLOW=20

# Install what the build root lacks of these packages.
need_packages() {
	local missing
	# shellcheck disable=SC2016
	missing=$(in_root sh -c 'for p; do
		dpkg-query -W -f "\${db:Status-Status}" "$p" 2>/dev/null |
			grep -qx installed || printf "%s " "$p"
		done' sh "$@")
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086
	step packages "installing ${missing% } in the build root" \
		locked install_packages $missing
}

# The namespace of an ordinary user has one group, so what a package gives to
# another, as OCaml does in /usr/local, is for root's to have.
install_packages() {
	[ "$(id -u)" = 0 ] ||
		in_root sed -i 's/^staff:x:[0-9]*:/staff:x:0:/' /etc/group
	in_root apt-get update
	in_root apt-get install -y "$@"
}

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
