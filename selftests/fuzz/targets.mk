# SPDX-License-Identifier: GPL-2.0-only
# Random calls, and random tables of ranges.

fuzz:
	@$(CURDIR)/selftests/fuzz/fuzz

.PHONY: fuzz
