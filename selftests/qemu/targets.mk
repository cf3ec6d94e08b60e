# SPDX-License-Identifier: GPL-2.0-only
# QEMU with the patches of integration/qemu.

qemu:
	@integration/qemu/build

check-qemu:
	@selftests/qemu/check-qemu $(T)

qemu-picture:
	@selftests/qemu/check-qemu --picture

.PHONY: qemu check-qemu qemu-picture
