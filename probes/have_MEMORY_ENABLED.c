// SPDX-License-Identifier: GPL-2.0-only
/* __vfio_pci_memory_enabled() is for drivers to use. */
#include <linux/vfio_pci_core.h>

static bool probe(struct vfio_pci_core_device *core)
{
	return __vfio_pci_memory_enabled(core);
}
