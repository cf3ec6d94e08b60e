# SPDX-License-Identifier: GPL-2.0-only
# QEMU with the patches of this folder.

qemu:
	@integration/qemu/build

.PHONY: qemu
