# SPDX-License-Identifier: GPL-2.0-only
# The module, built for all kernels whose headers Debian has.

check-builds:
	@selftests/builds/check-builds $(T)

.PHONY: check-builds
