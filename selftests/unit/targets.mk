# SPDX-License-Identifier: GPL-2.0-only
# Targets that need neither a machine nor a build root.

unit:
	@$(CURDIR)/selftests/unit/run $(T)

.PHONY: unit
