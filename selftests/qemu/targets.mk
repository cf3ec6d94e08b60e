# SPDX-License-Identifier: GPL-2.0-only
# Tests of integration/qemu.

check-qemu:
	@selftests/qemu/check-qemu $(T)

qemu-picture:
	@selftests/qemu/check-qemu --picture

.PHONY: check-qemu qemu-picture
