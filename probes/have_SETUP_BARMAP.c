// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.3 to 7.1: drivers can have vfio-pci-core claim and map a BAR. */
#include <linux/vfio_pci_core.h>

static int probe(struct vfio_pci_core_device *core)
{
	return vfio_pci_core_setup_barmap(core, 0);
}
