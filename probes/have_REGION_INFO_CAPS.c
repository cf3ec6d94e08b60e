// SPDX-License-Identifier: GPL-2.0-only
/* The region info ioctl is an operation of its own. */
#include <linux/vfio_pci_core.h>

struct vfio_device_ops probe = {
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
};
