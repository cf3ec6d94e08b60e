# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts around packages share. Source it after setting -eu.

# shellcheck source-path=SCRIPTDIR source=../selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../selftests/vm/lib.sh"

OUT=$BUILD/packaging

# A Debian 13 with apt and nothing else, from the mirror of the build root.
make_base() {
	local tmp=$OUT/base.tmp
	rm -rf "$tmp"
	mkdir "$tmp"
	cat "$ROOT"/etc/apt/sources.list.d/*.list >"$tmp/sources.list"
	cp "$ROOT/etc/apt/apt.conf.d/99mmdebstrap" "$tmp/apt.conf"
	sed -i '/^Dir::Etc::Preferences/d' "$tmp/apt.conf"
	mmdebstrap --mode=root --variant=apt --aptopt="$tmp/apt.conf" \
		--skip=cleanup/apt/lists trixie "$tmp/base.tar" \
		"$tmp/sources.list"
	mv "$tmp/base.tar" "$OUT/base.tar"
	rm -rf "$tmp"
}

need_base() {
	[ -e "$OUT/base.tar" ] ||
		step packaging-base "making a scratch Debian 13" locked make_base
}

# Unpack it into OUT/NAME, and take the place of what is there.
unpack_base() {
	rm -rf --one-file-system "${OUT:?}/$1.tmp" "${OUT:?}/$1"
	mkdir "$OUT/$1.tmp"
	tar -xf "$OUT/base.tar" -C "$OUT/$1.tmp" --exclude='./dev/*'
	mv "$OUT/$1.tmp" "$OUT/$1"
}

# What is installed there has files of users other than root.
[ "$(id -u)" = 0 ] || die "this needs root, for the scratch Debian that it uses"
mkdir -p "$OUT"
