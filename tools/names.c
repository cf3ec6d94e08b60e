// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of devices, by libpci, which reads pci.ids. Debian has no static
 * libpci: nonames.c takes the place of this in a static program.
 */
#include <pci/pci.h>
#include <stdio.h>

#include "tool.h"

static struct pci_access *ids;

/* A look-up needs no access to devices, but what pci_init() sets up. */
static void open_ids(void)
{
	ids = pci_alloc();
	ids->method = PCI_ACCESS_SYS_BUS_PCI;
	/* Neither udev's names nor those that lspci got from the network. */
	ids->id_lookup_mode = PCI_LOOKUP_NO_HWDB;
	pci_init(ids);
}

static void find(char *buf, size_t size, int what, struct pci_names *names)
{
	const char *name = pci_lookup_name(ids, buf, size,
					   what | PCI_LOOKUP_NO_NUMBERS,
					   names->vendor_id, names->device_id);

	/* It returns NULL for what has no name, and may return another buffer. */
	if (!name)
		buf[0] = '\0';
	else if (name != buf)
		snprintf(buf, size, "%s", name);
}

void pci_names_find(struct pci_names *names)
{
	if (!ids)
		open_ids();
	find(names->vendor, sizeof(names->vendor), PCI_LOOKUP_VENDOR, names);
	find(names->device, sizeof(names->device), PCI_LOOKUP_DEVICE, names);
}

void pci_names_end(void)
{
	if (ids)
		pci_cleanup(ids);
	ids = NULL;
}
