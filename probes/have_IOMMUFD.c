// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.2: a device can be used through iommufd. */
#include <linux/vfio.h>

struct vfio_device_ops probe = {
	.bind_iommufd = vfio_iommufd_physical_bind,
};
