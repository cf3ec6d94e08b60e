# SPDX-License-Identifier: GPL-2.0-only
# OPTIONS= are options of selftests/vm/vm, for example
# OPTIONS='--cmdline vfio_pci_dmabuf_mmap.fault_around_kb=4'.

bench:
	@$(CURDIR)/selftests/bench/bench $(OPTIONS)

# Into Documentation/, what "make bench" found.
bench-doc:
	@$(CURDIR)/selftests/bench/publish

.PHONY: bench bench-doc
