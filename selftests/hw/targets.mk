# SPDX-License-Identifier: GPL-2.0-only
# The test of any device, installed as kselftests are, and on a device of this host.

selftests-install:
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) selftests/hw/install

# WRITE=1: the range is memory that may be written to. RESET=1: it may be reset.
check-hw:
	@BDF=$(BDF) BAR=$(BAR) RANGE=$(RANGE) WRITE=$(WRITE) RESET=$(RESET) \
		selftests/hw/check-hw

.PHONY: selftests-install check-hw
