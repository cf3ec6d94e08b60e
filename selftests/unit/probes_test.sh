#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# How the module's build finds out what a kernel has: probes/run and Kbuild, with
# a compiler that says what a test wants. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
trap '$box umount "$work/noexec" 2>/dev/null || :; rm -rf "$work"' EXIT
# The build root has no mount of its own.
box=
command -v mount >/dev/null || box=busybox

# check NAME [ARGUMENT...]: in a clean state, the function of that name
check() {
	rm -rf "$work/obj"
	mkdir "$work/obj"
	echo v1 >"$work/version"
	echo symbol >"$work/symvers"
	: >"$work/calls"
	ok "$@"
}

# A compiler: SAYS is what it says, REFUSES the probes of which; TOGETHER has those
# that it refuses beside others alone. HIDES=y: it says it of the first one.
cat >"$work/cc" <<'END'
#!/bin/sh
[ "$1" != --version ] || exec cat "$WORK/version"
for source; do :; done
name=$(basename "$source" .c)
echo "$name $*" >>"$WORK/calls"
sources=$source refuses=$REFUSES
if [ "$name" = all ]; then
	refuses="$refuses $TOGETHER"
	sources=$(sed -n 's/^#line 1 "\(.*\)"$/\1/p' "$source")
fi
bad=
for source in $sources; do
	case " $refuses " in
	*" $(basename "$source" .c) "* | *" all "*) ;;
	*) continue ;;
	esac
	[ "$SAYS" != dies ] || kill -KILL $$
	error=error
	[ "$LC_ALL" = C ] || error=Fehler
	[ -n "$HIDES" ] && [ -n "$bad" ] ||
		echo "$source:1:1: $error: $SAYS" | sed "s/^.*: no position: //"
	bad="$bad$source"
done
[ -z "$bad" ]
END
chmod +x "$work/cc"
export WORK="$work"
export REFUSES='' TOGETHER='' HIDES='' SAYS='unknown type'

run() {
	sh "$src/probes/run" "$work/obj/cache" "${release:-6.1}" \
		"$work/symvers" "$work/cc" -Iinclude "$@"
}
compiled() { [ -s "$work/calls" ]; }

# prints TEXT COMMAND...: that and nothing else
prints() {
	text=$1
	shift
	printed=$("$@") || :
	[ "$printed" = "$text" ] || {
		echo "printed: $printed"
		return 1
	}
}

# Kbuild as the kernel's makefiles read it. kbuild PROBES-AND-KBUILD [CC]
kbuild() {
	cat >"$work/Makefile" <<-END
	comma := ,
	CONFIG_CC_IS_CLANG := ${is_clang:-}
	KBUILD_MODULES := 1
	CONFIG_SHELL := sh
	KERNELRELEASE := 9.9
	src := $1
	obj := $work/obj
	objtree := $work/obj
	CC := ${2:-$work/cc}
	include $1/Kbuild
	all: ; @echo "\$(sort \$(vpdm-have))"
	END
	make -s -C "$work" all
}

all=$(cd "$src/probes" && echo have_*.c | sed 's/have_//g; s/\.c//g')

lists_what_compiles() {
	prints "have $all" run
	rm "$work/obj/cache"
	REFUSES='have_PASID have_VMA_LIST'
	prints "have $(echo "$all" | sed 's/ PASID//; s/ VMA_LIST//')" run
}

called() { cut -d ' ' -f 1 "$work/calls" | LC_ALL=C sort | xargs; }

# As the compiler is told to by the caller, and no file is left.
those_that_compile_do_so_at_once() {
	run -DX
	[ "$(called)" = 'all headers need_vfio_pci need_zap' ]
	[ "$(grep -c -e '-Iinclude -DX' "$work/calls")" = 4 ]
	[ "$(ls -A "$work/obj")" = cache ]
}

those_with_errors_are_asked_alone() {
	REFUSES='have_PASID have_VMA_LIST'
	run
	[ "$(called)" = 'all all have_PASID have_VMA_LIST headers need_vfio_pci need_zap' ]
}

# As gcc and clang word it
what_the_kernel_lacks_is_not_asked_alone() {
	REFUSES=have_PASID
	while read -r SAYS; do
		rm -f "$work/obj/cache"
		: >"$work/calls"
		prints "have $(echo "$all" | sed 's/ PASID//')" run
		[ "$(called)" = 'all all headers need_vfio_pci need_zap' ]
	done <<-END
	#error the kernel was configured without
	'struct a' has no member named 'b'; did you mean 'c'?
	'A' undeclared (first use in this function)
	implicit declaration of function 'f' [-Wimplicit-function-declaration]
	macro "M" requires 2 arguments, but only 1 given
	linux/a.h: No such file or directory
	no member named 'b' in 'struct a'
	use of undeclared identifier 'A'
	call to undeclared function 'f'; ISO C99 and later do not support
	field designator 'b' does not refer to any field in type 'struct a'
	'linux/a.h' file not found
	END
}

one_error_hides_the_next() {
	REFUSES='have_PASID have_VMA_LIST' HIDES=y
	prints "have $(echo "$all" | sed 's/ PASID//; s/ VMA_LIST//')" run
}

error_that_comes_of_another_probe() {
	TOGETHER=have_PASID
	prints "have $all" run
	called | grep ' have_PASID '
}

error_in_a_header() {
	REFUSES=have_PASID SAYS='no position: linux/x.h:1:1: error: unknown type'
	prints "have $(echo "$all" | sed 's/ PASID//')" run
}

needs_are_told_what_there_is() {
	REFUSES=have_VMA_LIST
	run
	grep '^need_zap ' "$work/calls" | grep -e ' -DVPDM_HAVE_DEVICE_INODE'
	grep -c '^need_zap .* -DVPDM_HAVE_VMA_LIST' "$work/calls" && return 1
	:
}

what_is_needed_is_said() {
	REFUSES=need_zap SAYS='#error it is blue'
	prints 'it is blue' run
	SAYS='it is blue'
	prints 'it is blue' run
	REFUSES='need_zap need_vfio_pci'
	prints 'it is blue; it is blue' run
	[ ! -e "$work/obj/cache" ]
}

broken_headers_are_not_an_old_kernel() {
	REFUSES=all
	prints "$work/cc cannot compile against the headers of this kernel, see above" \
		run
}

no_compiler() {
	sh "$src/probes/run" "$work/obj/cache" 6.1 "$work/symvers" \
		"$work/nowhere" >"$work/said" 2>/dev/null && return 1
	grep 'probe headers: .*nowhere.*not found' "$work/said"
}

option_that_the_compiler_does_not_know() {
	REFUSES=have_PASID SAYS='no position: gcc: error: unknown option -mx'
	prints 'probe all: gcc: error: unknown option -mx' run
	[ ! -e "$work/obj/cache" ]
}

compiler_that_is_killed() {
	REFUSES=have_PASID SAYS=dies
	run >"$work/said" && return 1
	grep '^probe all: [Kt]' "$work/said"
	[ ! -e "$work/obj/cache" ]
}

answer_is_kept() {
	prints "have $all" run
	: >"$work/calls"
	prints "have $all" run
	compiled && return 1
	:
}

# asked_again COMMAND...: after the command, with an answer kept from before
asked_again() {
	run
	run
	: >"$work/calls"
	"$@"
	run
	compiled
}
set_release() { release=6.1.1; }

no_temporary_folder() {
	TMPDIR=$work/nowhere prints "have $all" run
}

no_folder_to_write_to() {
	rmdir "$work/obj"
	prints "cannot write to $work/obj" run
}

on_a_noexec_mount() {
	mkdir -p "$work/noexec"
	$box mount -t tmpfs -o noexec tmpfs "$work/noexec"
	cp -r "$src/Kbuild" "$src/probes" "$work/noexec"
	"$work/noexec/probes/run" 2>/dev/null && return 1
	[ "$(kbuild "$work/noexec")" = "$(echo "$all" | tr ' ' '\n' | LC_ALL=C sort | xargs)" ]
}

kbuild_stops_with_the_words() {
	REFUSES=need_zap SAYS='#error it is blue'
	kbuild "$src" && return 1
	kbuild "$src" 2>&1 | grep 'cannot be built for Linux 9.9: it is blue\.  Stop'
}

kbuild_without_probes_stops() {
	mkdir "$work/bare"
	cp "$src/Kbuild" "$work/bare"
	kbuild "$work/bare" && return 1
	kbuild "$work/bare" 2>&1 | grep 'Linux 9.9: the probes did not run'
}

# The compiler here is called neither.
kbuild_names_the_wrong_compiler() {
	REFUSES=headers
	is_clang=y kbuild "$src" 2>&1 |
		grep "clang built the kernel and $work/cc is gcc, see LLVM="
	kbuild "$src" 2>&1 | grep -F 'of this kernel, see above.  Stop'
	echo 'clang version 19' >"$work/version"
	kbuild "$src" 2>&1 |
		grep "gcc built the kernel and $work/cc is clang, see LLVM="
}

plan 23
check lists_what_compiles lists_what_compiles
check those_that_compile_do_so_at_once those_that_compile_do_so_at_once
check what_the_kernel_lacks_is_not_asked_alone \
	what_the_kernel_lacks_is_not_asked_alone
check those_with_errors_are_asked_alone those_with_errors_are_asked_alone
check one_error_hides_the_next one_error_hides_the_next
check error_that_comes_of_another_probe error_that_comes_of_another_probe
check error_in_a_header error_in_a_header
check needs_are_told_what_there_is needs_are_told_what_there_is
check what_is_needed_is_said what_is_needed_is_said
check broken_headers_are_not_an_old_kernel broken_headers_are_not_an_old_kernel
check no_compiler no_compiler
check option_that_the_compiler_does_not_know \
	option_that_the_compiler_does_not_know
check compiler_that_is_killed compiler_that_is_killed
check answer_is_kept answer_is_kept
check asked_again_for_another_release asked_again set_release
check asked_again_with_other_symbols \
	asked_again sh -c "echo other >$work/symvers"
check asked_again_with_another_compiler \
	asked_again sh -c "echo v2 >$work/version"
check no_temporary_folder no_temporary_folder
check no_folder_to_write_to no_folder_to_write_to
if [ "$(id -u)" = 0 ]; then
	check on_a_noexec_mount on_a_noexec_mount
else
	nr=$((nr + 1))
	echo "ok $nr - on_a_noexec_mount # SKIP root alone mounts"
fi
check kbuild_stops_with_the_words kbuild_stops_with_the_words
check kbuild_without_probes_stops kbuild_without_probes_stops
check kbuild_names_the_wrong_compiler kbuild_names_the_wrong_compiler
[ "$failed" = 0 ]
