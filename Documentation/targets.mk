# SPDX-License-Identifier: GPL-2.0-only
# The pages, as HTML.

docs:
	@$(CURDIR)/Documentation/build

.PHONY: docs
