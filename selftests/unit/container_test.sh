#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Hosts that are not Debian: what selftests/container/run asks podman or docker for,
# what happens in the container, and what the build root needs of a host. Programs
# that keep a record stand in for those that need an image. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
unset BASE ENGINE MIRROR KERNELS T V DROPIN HOST LIMIT VM_OPTIONS MAKEFLAGS MAKELEVEL
unset http_proxy https_proxy no_proxy VPDM_LOCKED SSL_CERT_FILE
export BUILD="$work/build"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
bin=$work/bin

# host PROGRAM...: has none but these and what any host has
host() {
	rm -rf "$bin" "$work/calls" "$BUILD"
	mkdir -p "$bin" "$BUILD"
	for tool in bash sh dirname mkdir cat cp rm tail id sort awk env stat find readlink; do
		ln -s "$(command -v $tool)" "$bin/$tool"
	done
	for tool; do stand_in "$tool"; done
}

# It writes its name and arguments, one a line, to "calls".
stand_in() {
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nprintf "%%s\\n" "${0##*/}" "$@" >>%s\n' \
		"$work/calls" >"$bin/$1"
	chmod +x "$bin/$1"
}

# then_does PROGRAM COMMAND: that stand-in, after its record
then_does() { echo "$2" >>"$bin/$1"; }

# instead PROGRAM COMMAND: does this, and keeps no record
instead() {
	rm -f "$bin/$1"
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

run() { PATH=$bin "$src/selftests/container/run" "$@" 2>"$work/said"; }

# fails_with STATUS COMMAND...
fails_with() {
	expected=$1 got=0
	shift
	"$@" || got=$?
	[ $got = "$expected" ]
}

# called TEXT: the arguments have this, between blanks
called() {
	xargs <"$work/calls" | grep -F -- "$1" && return
	cat "$work/calls"
	return 1
}
not_called() { ! xargs <"$work/calls" | grep -qF -- "$1"; }

podman_comes_first() {
	host podman docker
	run make demo
	called 'podman build '
	called 'podman run '
	not_called docker
}

docker_without_podman() {
	host docker
	run make demo
	called 'docker build '
	called 'docker run '
}

engine_of_choice() {
	host podman docker
	ENGINE=docker run make demo
	called 'docker build '
	called 'docker run '
	not_called podman
}

no_engine() {
	host
	fails_with 1 run make demo
	grep -x 'run: this host has neither podman nor docker; install one of them' \
		"$work/said"
}

engine_of_choice_is_missing() {
	host docker
	ENGINE=podman fails_with 1 run make demo
	grep -x 'run: this host has no podman' "$work/said"
	[ ! -e "$work/calls" ]
}

no_command() {
	host podman
	fails_with 1 run
	grep 'no command' "$work/said"
	[ ! -e "$work/calls" ]
}

command_comes_last() {
	host podman
	run make check T=uapi.some_test
	called " --workdir $src "
	called " --mount type=bind,source=$src,target=$src "
	called " --mount type=bind,source=$BUILD,target=$BUILD "
	called "-host $src/selftests/container/inside make check T=uapi.some_test"
	[ "$(tail -n 1 "$work/calls")" = T=uapi.some_test ]
}

environment_is_passed_on() {
	host podman
	MIRROR=http://mirror.invalid/debian KERNELS='6.1 7.2' T='' run make demo
	for name in BUILD MIRROR KERNELS T; do
		called " --env $name "
	done
	not_called '--env DROPIN'
	called ' --build-arg MIRROR=http://mirror.invalid/debian '
	not_called '--build-arg BASE'
	BASE=some:image run make demo
	called ' --build-arg BASE=some:image '
}

# The base image may have no certificates.
certificates_for_https() {
	host podman
	echo certificates >"$work/ca"
	SSL_CERT_FILE=$work/ca MIRROR=http://mirror.invalid/debian run make demo
	[ ! -e "$BUILD/container/certificates" ]
	SSL_CERT_FILE=$work/ca MIRROR=https://mirror.invalid/debian run make demo
	cmp "$work/ca" "$BUILD/container/certificates"
	called " $BUILD/container podman run "
}

arguments_of_make() {
	host podman
	run make demo "BUILD=$work/other" MIRROR=http://mirror.invalid/debian
	called " --mount type=bind,source=$work/other,target=$work/other "
	called ' --build-arg MIRROR=http://mirror.invalid/debian '
	[ -d "$work/other" ]
}

status_of_the_command() {
	host podman
	# shellcheck disable=SC2016
	then_does podman '[ "$1" != run ] || exit 7'
	fails_with 7 run make demo
}

image_that_fails() {
	host podman
	# shellcheck disable=SC2016
	then_does podman 'echo no such base; [ "$1" != build ]'
	fails_with 1 run make demo
	grep -x 'no such base' "$work/said"
	not_called 'podman run'
}

# inside COMMAND...: in the container, where the build folder is user 1234's
inside() { PATH=$bin "$src/selftests/container/inside" "$@" 2>"$work/said"; }
container() {
	host chown
	instead stat 'echo 1234 5678'
	ln -s "$(command -v touch)" "$(command -v sleep)" "$bin"
}

what_is_made_is_given_away() {
	container
	mkdir "$BUILD/folder"
	inside touch "$BUILD/folder/file"
	called 'chown -h 1234:5678 '
	called "$BUILD/folder/file"
}

what_is_the_owners_stays() {
	container
	touch "$BUILD/file"
	instead stat "echo $(stat -c '%u %g' "$BUILD/file")"
	inside touch "$BUILD/other"
	[ ! -e "$work/calls" ]
}

status_inside() {
	container
	# shellcheck disable=SC2016
	fails_with 7 inside sh -c 'touch "$BUILD/made"; exit 7'
	called "$BUILD/made"
}

input_inside() {
	container
	[ "$(echo words | inside cat)" = words ]
}

# What a shell starts in the background ignores the interrupt key.
signal_inside() {
	container
	# shellcheck disable=SC2016
	PATH=$bin env --default-signal=INT "$src/selftests/container/inside" sh -c '
		trap "touch $BUILD/ended; exit 3" TERM
		touch "$BUILD/begun"
		while :; do sleep 0.1; done' &
	while [ ! -e "$BUILD/begun" ]; do sleep 0.1; done
	kill -"$1" $!
	fails_with 3 wait $!
	called "$BUILD/ended"
}

root() { PATH=$bin "$src/selftests/vm/root" "$@" 2>"$work/said"; }

# Of a host that has none of them, and no apt either.
one_list() {
	host
	ln -s "$(command -v flock)" "$bin"
	root --host-packages | tee "$work/list"
	# It would not come as far without.
	grep -vxE "make|git|util-linux|${keyring##*/}|debian-archive-keyring" \
		"$work/list" >"$work/rest"
	[ "$(wc -l <"$work/rest")" -ge 3 ]
	fails_with 1 root
	while read -r package; do
		grep -E "^root: this host lacks .*\b$package\b" "$work/said"
	done <"$work/rest"
	grep 'selftests/container/run$' "$work/said"
}

image_has_that_list() {
	file=$src/selftests/container/Containerfile
	# shellcheck disable=SC2016
	tr -s '\\\n\t ' ' ' <"$file" | grep -F -- \
		'--no-install-recommends $(BUILD=/host/build bash /host/vm/root --host-packages) '
	[ "$(grep -c 'apt-get install' "$file")" = 1 ]
}

# The root that a mirror of one's own gave.
root_from() {
	if [ ! -e $keyring ]; then
		echo "ok $((nr += 1)) - $1 # SKIP no $keyring here"
		return
	fi
	ok "$@"
}
host_of_root() {
	host mmdebstrap mount setpriv unshare gpgv apt-get
	for tool in flock mv sed; do ln -s "$(command -v $tool)" "$bin"; done
	instead id 'echo 0'
	instead df 'printf "head\n- - - 9999999\n"'
	# shellcheck disable=SC2016
	then_does mmdebstrap 'for list; do :; done
		cat "$list" >>"$0.sources"; cat "${list%/*}/apt.conf" >>"$0.conf"
		mkdir "$BUILD/root.tmp"'
}

takes_mirror() {
	host_of_root
	MIRROR=http://mirror.invalid/debian root
	called mmdebstrap
	cat "$bin/mmdebstrap.sources"
	[ "$(grep -c ' http://mirror.invalid/debian trixie' \
		"$bin/mmdebstrap.sources")" = 2 ]
	[ "$(wc -l <"$bin/mmdebstrap.sources")" = 2 ]
	not_called indextargets
	[ -s "$BUILD/root/.recipe" ]
	not_called CAInfo
	fails_with 1 grep CAInfo "$bin/mmdebstrap.conf"
}

# Outside with the host's certificates, inside with a copy of them.
takes_https() {
	host_of_root
	echo certificates >"$work/ca"
	SSL_CERT_FILE=$work/ca MIRROR=https://mirror.invalid/debian root
	grep -Fx "Acquire::https::CAInfo \"$work/ca\";" "$bin/mmdebstrap.conf"
	called "upload $work/ca /etc/ssl/certs/ca-certificates.crt"
	# What it is told to do in the root at the end.
	hook=$(sed -n 's/^--customize-hook=//p' "$work/calls")
	mkdir -p "$work/made/etc/apt/apt.conf.d"
	cp "$bin/mmdebstrap.conf" "$work/made/etc/apt/apt.conf.d/99mmdebstrap"
	sh -euc "$hook" sh "$work/made"
	[ "$(grep CAInfo "$work/made/etc/apt/apt.conf.d/99mmdebstrap")" = \
		'Acquire::https::CAInfo "/etc/ssl/certs/ca-certificates.crt";' ]
}

plan 22
ok podman_comes_first podman_comes_first
ok docker_without_podman docker_without_podman
ok engine_of_choice engine_of_choice
ok no_engine no_engine
ok engine_of_choice_is_missing engine_of_choice_is_missing
ok no_command no_command
ok command_comes_last command_comes_last
ok environment_is_passed_on environment_is_passed_on
ok certificates_for_https certificates_for_https
ok arguments_of_make arguments_of_make
ok status_of_the_command status_of_the_command
ok image_that_fails image_that_fails
ok what_is_made_is_given_away what_is_made_is_given_away
ok what_is_the_owners_stays what_is_the_owners_stays
ok status_inside status_inside
ok input_inside input_inside
ok terminated_inside signal_inside TERM
ok interrupted_inside signal_inside INT
ok one_list one_list
ok image_has_that_list image_has_that_list
root_from root_from_mirror takes_mirror
root_from root_from_https takes_https
[ "$failed" = 0 ]
