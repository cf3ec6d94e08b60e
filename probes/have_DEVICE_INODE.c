// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.10: each device has an address_space of its own. */
#include <linux/fs.h>
#include <linux/vfio.h>

static struct address_space *probe(struct vfio_device *vdev)
{
	return vdev->inode->i_mapping;
}
