// SPDX-License-Identifier: GPL-2.0-only
/* All BARs are claimed when the device is opened. */
#include <linux/vfio_pci_core.h>

static void __iomem *probe(struct vfio_pci_core_device *core)
{
	return vfio_pci_core_get_iomap(core, 0);
}
