// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock order, shown to lockdep before anything runs.
 *
 * A wrong order is then reported the first time that it happens, not when two
 * threads meet in it.
 */
#include <linux/dma-resv.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>

#include "vfio_pci_dmabuf_mmap.h"

/**
 * vpdm_lockdep_prime - take the locks of a device in their order
 * @vdev: device, just initialized
 *
 * mmap_lock, the outermost, is left to the first fault: here locks of the driver
 * core are held that are taken inside it elsewhere.
 */
void vpdm_lockdep_prime(struct vpdm_device *vdev)
{
	struct vpdm_bufs *bufs = vdev->bufs;
	struct address_space mapping;
	struct dma_resv resv;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		return;

	address_space_init_once(&mapping);
	dma_resv_init(&resv);

	down_read(&bufs->life);
	down_read(&vdev->core.memory_lock);
	down_read(&bufs->lock);
	/* Page tables and attachments. */
	might_alloc(GFP_KERNEL);
	dma_resv_lock(&resv, NULL);
	i_mmap_lock_read(&mapping);

	i_mmap_unlock_read(&mapping);
	dma_resv_unlock(&resv);
	up_read(&bufs->lock);
	up_read(&vdev->core.memory_lock);
	up_read(&bufs->life);

	dma_resv_fini(&resv);
}
