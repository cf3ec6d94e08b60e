#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# However that which started a machine ends, nothing of the machine stays behind.
# Speaks TAP. Runs on the host, as "vm" does.
#
# usage: machine_end_test.sh [SERIES]	whose modules are built
set -eu
. "$(dirname "$0")/lib.sh"

series=${1:-$(default_kernel)}
nobody=65534
work=$(mktemp -d)
chmod 755 "$work"
kept=end.${work##*.}
nr=0 failed=0 leader=''

end_leader() {
	[ -z "$leader" ] || kill -KILL -- "-$leader" 2>/dev/null || true
	leader=
	rm -rf "$BUILD/vm/$kept"
}
trap 'end_leader; rm -rf "$work"' EXIT

result() {
	nr=$((nr + 1))
	if [ -z "$2" ]; then
		echo "ok $nr - $1"
		return
	fi
	failed=$((failed + 1))
	sed 's/^/# /' "$work/out"
	echo "# $2"
	echo "not ok $nr - $1"
}

leader_has_written() {
	while [ ! -s "$1" ]; do
		kill -0 "$leader" || return 1
		sleep 0.1
	done
}

# ends NAME SIGNAL alone|group STATUS FILE COMMAND...
# Start the command as the leader of a process group. When FILE has contents,
# send the signal. Who inherits descriptor 7 holds the lock.
ends() {
	local name=$1 signal=$2 whom=$3 want=$4 file=$5 status=0 wrong=''
	shift 5
	rm -f "$file"
	(
		exec 7>"$work/lock"
		flock 7
		exec env --default-signal=INT setsid "$@"
	) >"$work/out" 2>&1 </dev/null &
	leader=$!
	if leader_has_written "$file"; then
		case $whom in
		alone) kill "-$signal" "$leader" ;;
		group) kill "-$signal" -- "-$leader" ;;
		esac
		if flock -w 300 "$work/lock" true; then
			wait "$leader" 2>/dev/null || status=$?
			[ $status = "$want" ] || wrong="status $status"
		else
			wrong="something of it runs 300 s after the signal"
		fi
	else
		wrong="it ended by itself"
	fi
	result "$name" "$wrong"
	end_leader
}

vm_ends() {
	ends "vm: $1, $2" "$1" "$2" "$3" "$BUILD/vm/$kept/kernel.log" \
		"$VM/vm" --kernel "$series" --no-build --keep "$kept" \
		--timeout 0 -- sleep 10000
}

check_ends() {
	ends "check: $1, $2" "$1" "$2" "$3" "$BUILD/vm/$kept/kernel.log" \
		env HOST=no KERNELS="$series" RESULTS="$work" \
		VM_OPTIONS="--keep $kept" "$VM/check" mmap
}

# A root for any user, with a shell alone.
make_root() {
	local link
	mkdir -p "$work"/build/root/{bin,usr/bin,proc,tmp,dev,etc,src,build}
	cp "$ROOT/bin/busybox" "$work/build/root/bin/"
	for link in bin/sh bin/sleep usr/bin/env; do
		ln -sr "$work/build/root/bin/busybox" "$work/build/root/$link"
	done
}

# in_root_ends AS-WHOM [COMMAND...]	that makes it so
in_root_ends() {
	local name="in-root, as $1"
	shift
	set -- "$@" env BUILD="$work/build" "$VM/in-root" \
		sh -c 'echo up >/build/up; exec sleep 10000'
	ends "$name: KILL" KILL alone 137 "$work/build/up" "$@"
	# shellcheck disable=SC2016
	ends "$name: KILL of its parent" KILL alone 137 "$work/build/up" \
		sh -c '"$@" & wait' sh "$@"
}

# Why another user cannot have a machine here.
no_user() {
	"$@" test -x "$VM/in-root" || { echo "$SRC is root's alone"; return; }
	"$@" unshare --user --map-root-user --mount --pid --fork \
		mount -t proc proc /proc 2>/dev/null ||
		echo "this host lets users make no namespaces"
}

# The shell says which of its children are killed.
exec 2>/dev/null
echo "TAP version 13"
vm_ends TERM alone 143
vm_ends TERM group 143
vm_ends INT group 130
vm_ends KILL alone 137
check_ends TERM alone 143
make_root
if [ "$(id -u)" != 0 ]; then
	in_root_ends "$(id -un)"
else
	in_root_ends root
	chown -R "$nobody:$nobody" "$work/build"
	# With a mount below the tree, as in a container, where the build folder is one.
	# shellcheck disable=SC2016
	user=(unshare --mount sh -c 'mount --bind "$0" "$0" && exec "$@"' "$VM/guest"
	      setpriv --reuid="$nobody" --regid="$nobody" --clear-groups)
	why=$(no_user "${user[@]}")
	if [ -z "$why" ]; then
		in_root_ends nobody "${user[@]}"
	else
		nr=$((nr + 1))
		echo "ok $nr - in-root, as nobody # SKIP $why"
	fi
fi
echo "1..$nr"
[ $failed = 0 ]
