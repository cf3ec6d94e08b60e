# SPDX-License-Identifier: GPL-2.0-only
# The commands of Documentation/tracing.rst, tried.

check-tracing:
	@selftests/tracing/check-tracing $(T)

.PHONY: check-tracing
