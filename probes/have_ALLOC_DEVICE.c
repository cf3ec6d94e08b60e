// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.1: vfio allocates the driver's device. */
#include <linux/vfio.h>

struct probe {
	struct vfio_device vdev;
};

static struct probe *probe(struct device *dev,
			   const struct vfio_device_ops *ops)
{
	return vfio_alloc_device(probe, vdev, dev, ops);
}
