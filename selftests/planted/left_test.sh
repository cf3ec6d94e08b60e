#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Is well where the child of the program before is not there any more.

echo "TAP version 13"
echo 1..1
if grep -qx leaves_test /proc/[0-9]*/comm 2>/dev/null; then
	echo "not ok 1 nothing_is_left"
	exit 1
fi
echo "ok 1 nothing_is_left"
