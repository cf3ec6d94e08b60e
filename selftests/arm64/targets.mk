# SPDX-License-Identifier: GPL-2.0-only
# The tests on an emulated arm64 machine.

check-arm64:
	@KERNELS="$(or $(KERNELS),arm64)" selftests/vm/check $(T)

.PHONY: check-arm64
