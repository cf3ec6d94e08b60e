#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Ends in the midst, as if all were well.

echo "TAP version 13"
echo 1..2
echo "ok 1 first"
