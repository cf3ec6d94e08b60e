# SPDX-License-Identifier: GPL-2.0-only
# Included by the top-level Makefile.

dkms-install:
	@packaging/dkms install

dkms-uninstall:
	@packaging/dkms uninstall

# RELEASE=bookworm for another release than the host's.
deb:
	@packaging/deb

dist:
	@$(CURDIR)/packaging/dist

check-packages:
	@packaging/check-packages

.PHONY: dkms-install dkms-uninstall deb dist check-packages
