# SPDX-License-Identifier: GPL-2.0-only
# Targets that need a debug kernel.

check-debug:
	@selftests/debug/check-debug $(T)

check-kcsan:
	@selftests/debug/check-kcsan

coverage:
	@selftests/debug/coverage

.PHONY: check-debug check-kcsan coverage
