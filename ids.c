// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameter ids, as vfio-pci's: devices that the driver binds without
 * driver_override.
 */
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "vfio_pci_dmabuf_mmap.h"

static char ids[1024] __initdata;
module_param_string(ids, ids, sizeof(ids), 0);
MODULE_PARM_DESC(ids, "PCI IDs to bind, as vfio-pci's: vendor:device[:subvendor[:subdevice[:class[:class_mask]]]], separated by commas");

static void __init vpdm_id_add(struct pci_driver *driver, const char *id)
{
	unsigned int vendor, device, class = 0, class_mask = 0;
	unsigned int subvendor = PCI_ANY_ID, subdevice = PCI_ANY_ID;
	int ret;

	if (sscanf(id, "%x:%x:%x:%x:%x:%x", &vendor, &device, &subvendor,
		   &subdevice, &class, &class_mask) < 2) {
		pr_warn("ids: \"%s\" is not vendor:device[:...], ignored\n", id);
		return;
	}

	ret = pci_add_dynid(driver, vendor, device, subvendor, subdevice,
			    class, class_mask, 0);
	if (ret)
		pr_warn("ids: cannot add \"%s\" (%d)\n", id, ret);
}

/**
 * vpdm_ids_add - let a driver bind the devices of the parameter ids
 * @driver: registered
 *
 * Logs and skips entries that are not ids or cannot be added.
 */
void __init vpdm_ids_add(struct pci_driver *driver)
{
	char *next = ids;
	char *id;

	while ((id = strsep(&next, ",")))
		if (*id)
			vpdm_id_add(driver, id);
}
