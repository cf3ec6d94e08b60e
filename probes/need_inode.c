// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux 6.11 gave each device an address_space of its own (b7c5e64fecfa); older
 * kernels cannot zap the mappings of one device. vfio_pci_core_mmap() has set up
 * VMAs for huge entries since 6.12.
 */
#include <linux/mm.h>
#include <linux/vfio.h>

static void *probe(struct vfio_device *vdev)
{
	return vdev->inode->i_mapping;
}
