# SPDX-License-Identifier: GPL-2.0-only
# Programs that no one here wrote, on vfio-pci and on this driver.

check-clients:
	@$(CURDIR)/integration/clients/check-clients $(T)

# Into Documentation/clients.rst, what the last "make check-clients" found.
clients-doc:
	@$(CURDIR)/integration/clients/publish

.PHONY: check-clients clients-doc
