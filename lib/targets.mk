# SPDX-License-Identifier: GPL-2.0-only
# Included by the top-level Makefile.

abicheck:
	@lib/abi/abicheck

# When a release is made.
abistore:
	@lib/abi/abicheck --store

.PHONY: abicheck abistore
