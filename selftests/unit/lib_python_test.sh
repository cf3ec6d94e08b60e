#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The shared library in a program that is not C.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/tap.sh"
make -s -C "$here/../../lib" CC="$CC" O="$work" >&2
PYTHONDONTWRITEBYTECODE=1 python3 "$here/lib_python.py" \
	"$work/libvfio-dmabuf.so.1"
