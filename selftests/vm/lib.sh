# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts of this directory share. Source it after setting -eu.

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
SRC=$(cd "$VM/../.." && pwd -P)
BUILD=${BUILD:-$SRC/build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
export BUILD
# shellcheck disable=SC2034
ROOT=$BUILD/root

say() { printf '%s\n' "$*" >&2; }

die() {
	say "${0##*/}: $*"
	exit 1
}

mkdir -p "$BUILD" || die "cannot write to $BUILD; choose another BUILD="

# take_lock [-s] DESCRIPTOR, as flock's.
take_lock() {
	! flock -n "$@" || return 0
	say "waiting for another build in $BUILD"
	flock "$@"
}

# Run a command while no other make uses the build root or what was fetched.
locked() {
	if [ -n "${VPDM_LOCKED:-}" ]; then
		"$@"
		return
	fi
	(
		take_lock 9
		VPDM_LOCKED=1 "$@"
	) 9>>"$BUILD/.lock"
}

# locked_part [-s] NAME COMMAND...: while no other make works on BUILD/NAME, and none
# changes the build root. With -s others may read it meanwhile, too.
locked_part() {
	local name share=()
	if [ "$1" = -s ]; then
		share=(-s)
		shift
	fi
	name=$1
	shift
	(
		take_lock -s 9
		take_lock "${share[@]}" 6
		"$@"
	) 9>>"$BUILD/.lock" 6>>"$BUILD/.lock.$name"
}

# A step that takes long: say what it is, keep its output for when it fails.
# Failure ends the script. Not to be used in a condition, where the shell would
# carry on after a failed command.
# usage: step LOG MESSAGE COMMAND...
step() {
	local log=$BUILD/log/$1 message=$2 start=$SECONDS status=0
	shift 2
	say "$message"
	mkdir -p "$BUILD/log"
	set +e
	(set -e; "$@") >"$log" 2>&1
	status=$?
	set -e
	if [ $status != 0 ]; then
		tail -n 40 "$log" >&2
		die "failed: $message (log: $log)"
	fi
	say "$message: $((SECONDS - start)) s"
}

# The series of the table "kernels" that have these words, in its order; what is a
# series itself stays.
kernels_for() {
	local word some list=()
	for word; do
		some=$word
		[[ $word == [0-9]* || $word == */* ]] ||
			some=$(awk -v word="$word" '/^[0-9]/ {
				for (i = 2; i <= NF; i++)
					if ($i == word)
						print $1
			}' "$VM/kernels")
		[ -n "$some" ] || die "no kernel of $VM/kernels is for \"$word\""
		mapfile -t -O ${#list[@]} list <<<"$some"
	done
	echo "${list[*]}"
}

default_kernel() { kernels_for check | cut -d ' ' -f 1; }

# The kernel series' directory, for a series ("7.2") or a directory.
kernel_dir() {
	case $1 in
	*/*) cd "$1" && pwd -P ;;
	*) echo "$BUILD/kernels/$1" ;;
	esac
}

# The architecture of a kernel, by its series or directory: "7.2-arm64", or
# "7.2-arm64-16k" for pages of that size.
arch_of() {
	case ${1##*/} in
	*-arm64 | *-arm64-*k) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# The size of that kernel's pages, as a power of 2.
page_shift_of() {
	case ${1##*/} in
	*-arm64-16k) echo 14 ;;
	*-arm64-64k) echo 16 ;;
	*) echo 12 ;;
	esac
}

# The folder in BUILD of the programs for that kernel.
user_dir() {
	case $(arch_of "$1") in
	amd64) echo user ;;
	*) echo "user-$(arch_of "$1")" ;;
	esac
}

# The file of certificates that this host trusts, where its distribution has it, or
# where its user says, as for programs that use OpenSSL.
certificates() {
	local file
	for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt \
		    /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
		    /etc/ssl/cert.pem; do
		if [ -s "$file" ]; then
			readlink -f "$file"
			return
		fi
	done
	die "a mirror by https needs certificates: install ca-certificates," \
	    "or say with SSL_CERT_FILE= where they are"
}

# trust FILE CONF: apt with the file CONF, which mmdebstrap runs outside of the root
# that it makes, trusts the certificates of FILE, and apt in that root has a copy. What
# mmdebstrap needs for it is added to the array "hooks".
trusted=/etc/ssl/certs/ca-certificates.crt
trust() {
	sed -i '/^Acquire::https::CAInfo/d' "$2"
	echo "Acquire::https::CAInfo \"$1\";" >>"$2"
	# shellcheck disable=SC2016
	hooks+=(--setup-hook='mkdir -p "$1/etc/ssl/certs"'
		--setup-hook="upload $1 $trusted"
		--customize-hook="sed -i 's|CAInfo .*|CAInfo \"$trusted\";|' \
			\"\$1/etc/apt/apt.conf.d/99mmdebstrap\"")
}

# split_options TEXT: of a table of boots, where words may have quoted spaces, into the
# array "args". Fails if TEXT cannot be split. Not by a process substitution: where one
# ends just then, "wait" can fail, whatever its status (bash 5.2).
split_options() {
	local words
	words=$(xargs -r printf '%s\n' <<<"$1" && echo end) || return
	# shellcheck disable=SC2034 # the caller's
	mapfile -t args <<<"$words"
	unset 'args[-1]'
}

in_root() { "$VM/in-root" "$@"; }

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
