// SPDX-License-Identifier: GPL-2.0-only
/* What vfio-pci lets be tuned is set for each device, not for all of them. */
#include <linux/vfio_pci_core.h>

static void probe(struct vfio_pci_core_device *core)
{
	core->nointxmask = true;
}
