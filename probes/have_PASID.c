// SPDX-License-Identifier: GPL-2.0-only
/* A PASID can be attached to an IOAS. */
#include <linux/vfio.h>

struct vfio_device_ops probe = {
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
};
