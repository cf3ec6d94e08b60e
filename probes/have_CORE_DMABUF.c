// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.19: vfio-pci-core exports DMABUFs. */
#include <linux/vfio_pci_core.h>

#if !IS_ENABLED(CONFIG_VFIO_PCI_DMABUF)
#error the kernel was configured without
#endif

struct vfio_pci_device_ops probe = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};
