// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.6: a device can leave its IOAS. */
#include <linux/vfio.h>

struct vfio_device_ops probe = {
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};
