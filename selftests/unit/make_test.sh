#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The Makefile: what it tells the kernel's about the compiler, and what it tells
# its user. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
unset CC CXX LLVM MAKEFLAGS MAKELEVEL
headers=$work/headers
mkdir -p "$headers/include/config" "$work/bin"
cat >"$headers/Makefile" <<'END'
modules: ; @echo "LLVM=$(LLVM) CC=$(CC)"
END

# installed PROGRAM...: nothing else of that kind is found
installed() {
	rm -f "$work/bin"/*
	for tool in make sh sed test uname "$@"; do
		if [ "$tool" = "${tool#clang}" ] && [ "$tool" = "${tool#ld.}" ]; then
			ln -sf "$(command -v "$tool")" "$work/bin/$tool"
		else
			ln -sf /bin/true "$work/bin/$tool"
		fi
	done
}
kernel() { echo "CONFIG_CLANG_VERSION=$1" >"$headers/include/config/auto.conf"; }
built() {
	env "PATH=$work/bin" make -s --no-print-directory -C "$src" \
		KDIR="$headers" "$@" modules
}

kernel_of_gcc() {
	kernel 0
	installed clang ld.lld clang-19 ld.lld-19
	[ "$(built)" = 'LLVM= CC=cc' ]
}

headers_without_configuration() {
	rm -f "$headers/include/config/auto.conf"
	[ "$(built)" = 'LLVM= CC=cc' ]
}

same_version_comes_first() {
	kernel 190107
	installed clang ld.lld clang-19 ld.lld-19
	[ "$(built)" = 'LLVM=-19 CC=cc' ]
}

any_other_will_do() {
	kernel 210004
	installed clang ld.lld clang-19 ld.lld-19
	[ "$(built)" = 'LLVM=1 CC=cc' ]
}

none_is_said() {
	kernel 190107
	installed clang-19 ld.lld
	built && return 1
	built 2>&1 | grep 'built with clang 19: install clang and lld'
}

callers_choice_wins() {
	kernel 190107
	installed clang ld.lld clang-19 ld.lld-19
	[ "$(built LLVM=1)" = 'LLVM=1 CC=cc' ]
	[ "$(built CC=gcc)" = 'LLVM= CC=gcc' ]
	[ "$(LLVM=1 built)" = 'LLVM=1 CC=cc' ]
	[ "$(CC=gcc built)" = 'LLVM= CC=gcc' ]
	installed
	[ "$(built LLVM=)" = 'LLVM= CC=cc' ]
}

dkms_asks_this_makefile() {
	grep -F 'MAKE[0]="make KDIR=' "$src/dkms.conf"
}

# Where it cannot work.
dropin_is_refused_with_words() {
	make -f "$src/Kbuild" DROPIN=1 CONFIG_VFIO_PCI=y KERNELRELEASE=9.9 2>&1 |
		grep 'vfio-pci is built into Linux 9.9'
	make -f "$src/Kbuild" DROPIN=1 CONFIG_VFIO_PCI=m KERNELRELEASE=9.9 2>&1 |
		grep 'built into' && return 1
	make -C "$src" KDIR="$headers" DROPIN=yes 2>&1 | grep 'DROPIN=1 or nothing'
}

# What is for people to call. "all" is "make" alone.
targets() {
	sed -n 's/^\.PHONY: //p' "$src/Makefile" "$src"/*/targets.mk \
		"$src"/selftests/*/targets.mk "$src"/integration/*/targets.mk |
		tr ' ' '\n' |
		grep -vxE 'all|kdir|dropin|help' | sort -u
}
helped() {
	make -s -C "$src" help |
		sed -nE 's/^  make ([a-z0-9_-]+) .*/\1/p; s/.*as "make (modules)".*/\1/p' |
		sort -u
}

help_is_complete() {
	targets >"$work/targets"
	[ "$(wc -l <"$work/targets")" -gt 20 ]
	helped | diff "$work/targets" -
}

# Words of the recipes that are paths in the tree. $(VM) is where Makefile says.
# shellcheck disable=SC2016 # make's variables
scripts() {
	sed -n 's/\$(VM)/selftests\/vm/g; s/\$(CURDIR)\///g; /^\t/p' \
		"$src/Makefile" "$src"/*/targets.mk "$src"/selftests/*/targets.mk \
		"$src"/integration/*/targets.mk |
		grep -oE '(^|[^A-Za-z/)])(selftests|integration|packaging)/[A-Za-z0-9/_-]+' |
		sed 's/^[^a-z]//' | sort -u
}

scripts_of_targets_are_there() {
	scripts >"$work/scripts"
	[ "$(wc -l <"$work/scripts")" -gt 20 ]
	while read -r script; do
		[ -e "$src/$script" ] || { echo "no $script"; return 1; }
	done <"$work/scripts"
}

plan 10
ok kernel_of_gcc kernel_of_gcc
ok headers_without_configuration headers_without_configuration
ok same_version_comes_first same_version_comes_first
ok any_other_will_do any_other_will_do
ok none_is_said none_is_said
ok callers_choice_wins callers_choice_wins
ok dkms_asks_this_makefile dkms_asks_this_makefile
ok dropin_is_refused_with_words dropin_is_refused_with_words
ok help_is_complete help_is_complete
ok scripts_of_targets_are_there scripts_of_targets_are_there
[ "$failed" = 0 ]
