# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts around packages share. Source it after setting -eu.

# shellcheck source-path=SCRIPTDIR source=../selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../selftests/vm/lib.sh"

OUT=$BUILD/packaging

# By the name that the archive has for it.
host_release() {
	# shellcheck disable=SC1091
	. /etc/os-release
	if [ "$ID" != debian ] || [ -z "${VERSION_CODENAME:-}" ]; then
		die "this host is not a release of Debian; say RELEASE=trixie, or bookworm"
	fi
	echo "$VERSION_CODENAME"
}

# Debian "$release" with apt and nothing else, from the mirror of the build root.
make_base() {
	local tmp=$OUT/base.tmp hooks=()
	rm -rf "$tmp"
	mkdir "$tmp"
	# shellcheck disable=SC2154 # of who sources this
	sed -n "s/ trixie main$/ $release main/p" \
		"$ROOT"/etc/apt/sources.list.d/*sources.list >"$tmp/sources.list"
	# Only what is stable, or was, has backports.
	case $release in
	bookworm | trixie)
		sed "s/ $release main$/ $release-backports main/" \
			"$tmp/sources.list" >>"$tmp/backports.list"
		cat "$tmp/backports.list" >>"$tmp/sources.list"
		;;
	esac
	cp "$ROOT/etc/apt/apt.conf.d/99mmdebstrap" "$tmp/apt.conf"
	sed -i '/^Dir::Etc::Preferences/d' "$tmp/apt.conf"
	! grep -q CAInfo "$tmp/apt.conf" ||
		trust "$ROOT$trusted" "$tmp/apt.conf"
	mmdebstrap --mode=root --variant=apt --aptopt="$tmp/apt.conf" \
		"${hooks[@]}" --skip=cleanup/apt/lists "$release" "$tmp/base.tar" \
		"$tmp/sources.list"
	mv "$tmp/base.tar" "$OUT/base-$release.tar"
	rm -rf "$tmp"
}

need_base() {
	[ -e "$OUT/base-$release.tar" ] ||
		step packaging-base "making a scratch Debian, $release" \
			locked make_base
}

# Unpack it into OUT/NAME, and take the place of what is there.
unpack_base() {
	rm -rf --one-file-system "${OUT:?}/$1.tmp" "${OUT:?}/$1"
	mkdir "$OUT/$1.tmp"
	tar -xf "$OUT/base-$release.tar" -C "$OUT/$1.tmp" --exclude='./dev/*'
	mv "$OUT/$1.tmp" "$OUT/$1"
}

# What is installed there has files of users other than root.
[ "$(id -u)" = 0 ] || die "this needs root, for the scratch Debian that it uses"
mkdir -p "$OUT"
