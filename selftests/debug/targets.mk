# SPDX-License-Identifier: GPL-2.0-only
# Targets that need a debug kernel, and the static checks.

check-debug:
	@selftests/debug/check $(T)

check-kcsan:
	@selftests/debug/kcsan

coverage:
	@selftests/debug/coverage

check-static:
	@selftests/static/check $(T)

fuzz:
	@selftests/fuzz/fuzz

.PHONY: check-debug check-kcsan coverage check-static fuzz
