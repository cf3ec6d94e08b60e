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

# What make is told to build a kernel with.
compilers=(CC=gcc-14 HOSTCC=gcc-14)

# kmake OBJ ARGUMENT...: OBJ is a folder below BUILD.
kmake() {
	local obj=$1
	shift
	in_root nice make -s -C /build/linux O="/build${obj#"$BUILD"}" \
		"${compilers[@]}" "$@"
}

# Every line of the fragments must have survived Kconfig's dependencies.
check_config() {
	local config=$1 key value got bad=0
	shift
	while IFS='=' read -r key value; do
		got=$(sed -n "s/^$key=//p" "$config")
		if [ "${got:-n}" != "$value" ]; then
			say "$key is ${got:-n}, wanted $value"
			bad=1
		fi
	done < <(grep -h '^CONFIG_' "$@")
	return $bad
}

configure() {
	local obj=$1
	shift
	# Read by every make in there, as in the headers that Debian packages.
	printf '%s\n' "${compilers[@]}" >"$obj/.kernelvariables"
	kmake "$obj" tinyconfig
	cat "$@" >>"$obj/.config"
	kmake "$obj" olddefconfig
	check_config "$obj/.config" "$@"
}

# The objects are a gigabyte that building a module against this does not need.
prune() {
	find "$1" -name '*.[oa]' -not -path "$1/scripts/*" \
		-not -path "$1/tools/*" -delete
}
