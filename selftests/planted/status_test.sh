#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# All is well, says it, but its status.

echo "TAP version 13"
echo 1..1
echo "ok 1 first"
exit 3
