// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before Linux 6.10 vfio-pci-core zaps the VMAs on a list of its own, and no
 * address_space. That a device has one says nothing: kernels to which it was
 * brought back have both.
 */
#include <linux/vfio_pci_core.h>

static struct list_head *probe(struct vfio_pci_core_device *core)
{
	return &core->vma_list;
}
