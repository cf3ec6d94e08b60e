# SPDX-License-Identifier: GPL-2.0-only
# What is found without running anything.

check-static:
	@$(CURDIR)/selftests/static/check-static $(T)

.PHONY: check-static
