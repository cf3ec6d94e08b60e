// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where access ends: for good by revocation and by close, for a time by reset.
 *
 * The revocations that vfio-pci-core starts itself come in through the listener
 * in inner.c.
 */
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "vfio_pci_dmabuf_mmap.h"
#include "trace.h"

/* How long a killed process waits at most before it notices. */
#define VPDM_KILL_POLL	(HZ / 10)

/*
 * Drop what is mapped in a device's address_space, all of it, as vfio-pci-core
 * does. One buffer's part would not do: VMAs of other buffers lie at the same
 * offsets, and part of an entry of 1 GiB cannot be dropped under i_mmap_rwsem
 * alone (6.12's zap_pud_range() asserts the mmap_lock). Nor would one buffer
 * after the other: each BAR mapping is one, and all of them lie in the same place.
 */
static void vpdm_zap_device(struct address_space *mapping)
{
	loff_t end = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX);

	unmap_mapping_range(mapping, 0, end, true);
}

/**
 * vpdm_zap - drop all page-table entries of a buffer
 * @buf: buffer
 *
 * The caller has made sure that no fault inserts new ones: it has changed @buf's
 * state or blocked the device, under vpdm_bufs.lock, or holds memory_lock for
 * write.
 *
 * Context: takes i_mmap_rwsem.
 */
void vpdm_zap(struct vpdm_buf *buf)
{
	trace_vpdm_zap(buf);
	if (buf->owner)
		vpdm_zap_device(buf->mapping);
	else
		unmap_mapping_range(buf->mapping,
				    (loff_t)buf->pgoff << PAGE_SHIFT,
				    (loff_t)buf->ranges.pages << PAGE_SHIFT,
				    true);
}

/* The same for all buffers of a device, with vpdm_bufs.lock held for read. */
static void vpdm_zap_all(struct vpdm_bufs *bufs)
{
	struct address_space *mapping = vpdm_device_mapping(bufs->core);
	struct vpdm_buf *buf;

	if (mapping)
		vpdm_zap_device(mapping);
	list_for_each_entry(buf, &bufs->list, node) {
		if (buf->owner)
			trace_vpdm_zap(buf);
		else
			vpdm_zap(buf);
	}
}

/**
 * vpdm_buf_may_import - whether importers may attach or map
 * @buf: buffer
 *
 * Whoever ends access changes what this looks at, and then takes the dma_resv
 * to invalidate mappings. So under the dma_resv, true means that the mapping
 * will be invalidated if need be.
 *
 * Return: true if they may.
 */
bool vpdm_buf_may_import(const struct vpdm_buf *buf)
{
	return READ_ONCE(buf->state) == VPDM_LIVE && buf->inner &&
	       !READ_ONCE(buf->bufs->blocked);
}

/*
 * Importers may access the memory until their fences have signalled and they
 * have unmapped it (dma_buf_invalidate_mappings()).
 */
static int vpdm_drain(struct vpdm_buf *buf, bool killable)
{
	struct dma_resv *resv = buf->inner->resv;
	int ret = 0;

	dma_resv_lock(resv, NULL);
	while (!dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      VPDM_KILL_POLL)) {
		if (killable && fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
	}
	dma_resv_unlock(resv);
	if (ret)
		return ret;

	if (killable)
		return wait_var_event_killable(&buf->sgts,
					       !atomic_read(&buf->sgts)) ?
		       -EINTR : 0;

	wait_var_event(&buf->sgts, !atomic_read(&buf->sgts));
	return 0;
}

static int vpdm_buf_revoke(struct vpdm_buf *buf)
{
	ktime_t start = ktime_get();
	int ret = 0;

	down_write(&buf->bufs->lock);
	if (buf->state == VPDM_LIVE)
		WRITE_ONCE(buf->state, VPDM_REVOKED);
	else
		ret = -EBADFD;
	/*
	 * Where the zap takes the entries of other buffers too, their faults
	 * have to wait: one that found a PMD entry, and so wants a page table,
	 * would meet another fault's new PMD entry.
	 */
	if (!ret && buf->owner)
		vpdm_zap(buf);
	up_write(&buf->bufs->lock);
	if (ret)
		return ret;

	if (!buf->owner)
		vpdm_zap(buf);
	if (buf->inner) {
		vpdm_inner_invalidate(buf, false);
		ret = vpdm_drain(buf, true);
	}

	trace_vpdm_revoke(buf, ktime_us_delta(ktime_get(), start), ret);

	return ret;
}

/**
 * vpdm_revoke - end all access through one buffer, for good
 * @vdev: device, open
 * @fd: file descriptor of the buffer in the caller's table
 *
 * Serves VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE and VFIO_DEVICE_PCI_DMABUF_REVOKE.
 *
 * Context: sleeps, no locks held. Waits for importers, killable.
 *
 * Return: 0; -EBADF, -EINVAL or -ENODEV as vpdm_buf_get(); -EBADFD if the buffer
 * is revoked already, which may be while who did it still waits, or if it is of
 * an earlier open of the device; -EINTR if killed, with the buffer revoked.
 */
int vpdm_revoke(struct vpdm_device *vdev, int fd)
{
	struct vpdm_buf *buf;
	int ret;

	buf = vpdm_buf_get(vdev, fd);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	ret = vpdm_buf_revoke(buf);
	dma_buf_put(buf->dmabuf);

	return ret;
}

/* Importers cannot map while the device is blocked, so this ends. */
static void vpdm_drain_list(struct list_head *busy)
{
	struct vpdm_buf *buf, *next;

	list_for_each_entry_safe(buf, next, busy, drain) {
		list_del(&buf->drain);
		vpdm_drain(buf, false);
		vpdm_buf_put(buf);
	}
}

/*
 * Whether a device that is blocked has to wait for importers of a buffer. Those
 * of one that is not live have been told to unmap, or are about to be, by whoever
 * ended access. Their dma_resv cannot be waited for here: it may be held for as
 * long as fences take.
 */
static bool vpdm_is_busy(struct vpdm_buf *buf)
{
	bool busy;

	if (buf->state == VPDM_LIVE)
		return vpdm_inner_invalidate(buf, true);
	if (!buf->inner)
		return false;

	if (!dma_resv_trylock(buf->inner->resv))
		return true;
	busy = atomic_read(&buf->sgts);
	dma_resv_unlock(buf->inner->resv);

	return busy;
}

/**
 * vpdm_block - keep faults and importers out of a device for a time
 * @bufs: the device's buffers
 * @why: reason, for vpdm_unblock()
 *
 * For what happens to a device past vfio-pci-core. On return there is no access
 * through any buffer or BAR mapping, nor through a buffer that somebody has just
 * begun to revoke.
 *
 * Context: device lock held. memory_lock is held for write if vfio-pci-core
 * started it all, so it must not be taken here. Waits for importers.
 */
void vpdm_block(struct vpdm_bufs *bufs, enum vpdm_block why)
{
	struct vpdm_buf *buf;
	LIST_HEAD(busy);

	down_write(&bufs->lock);
	WRITE_ONCE(bufs->blocked, bufs->blocked | BIT(why));
	up_write(&bufs->lock);

	down_read(&bufs->lock);
	vpdm_zap_all(bufs);
	list_for_each_entry(buf, &bufs->list, node) {
		if (!vpdm_is_busy(buf))
			continue;
		kref_get(&buf->kref);
		list_add_tail(&buf->drain, &busy);
	}
	up_read(&bufs->lock);

	vpdm_drain_list(&busy);
}

/**
 * vpdm_unblock - let faults and importers in again
 * @bufs: the device's buffers
 * @mask: reasons that are over, bits of enum vpdm_block
 *
 * Importers are told, as vfio-pci-core does when it ends a revocation, unless it
 * is about to do so itself.
 *
 * Context: device lock held.
 */
void vpdm_unblock(struct vpdm_bufs *bufs, unsigned long mask)
{
	struct vpdm_buf *buf;
	bool ended;

	down_write(&bufs->lock);
	ended = bufs->blocked && !(bufs->blocked & ~mask);
	WRITE_ONCE(bufs->blocked, bufs->blocked & ~mask);
	up_write(&bufs->lock);
	if (!ended)
		return;

	down_read(&bufs->lock);
	list_for_each_entry(buf, &bufs->list, node) {
		if (buf->state == VPDM_LIVE && atomic_read(&buf->attachments) &&
		    !vpdm_inner_is_revoked(buf))
			vpdm_inner_invalidate(buf, false);
	}
	up_read(&bufs->lock);
}

/**
 * vpdm_close - make all buffers of a device dead
 * @bufs: the device's buffers
 *
 * Before vfio-pci-core closes the device, which waits for the importers. From
 * here on no buffer uses vpdm_bufs.core.
 */
void vpdm_close(struct vpdm_bufs *bufs)
{
	struct vpdm_buf *buf;

	down_write(&bufs->life);
	down_write(&bufs->lock);
	list_for_each_entry(buf, &bufs->list, node)
		WRITE_ONCE(buf->state, VPDM_DEAD);
	up_write(&bufs->lock);
	up_write(&bufs->life);

	down_read(&bufs->lock);
	vpdm_zap_all(bufs);
	up_read(&bufs->lock);
}
