// SPDX-License-Identifier: GPL-2.0-only
/* vfio_pci_vmf_insert_pfn() inserts an entry of any order. */
#include <linux/vfio_pci_core.h>

static vm_fault_t probe(struct vfio_pci_core_device *core, struct vm_fault *vmf)
{
	return vfio_pci_vmf_insert_pfn(core, vmf, 0UL, 0U);
}
