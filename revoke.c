// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ending access: for good by revocation and by close, for a time by a reset or an
 * error of the link. listen.c and gate.c handle memory that is switched off.
 */
#include <linux/ktime.h>

#include "vfio_pci_dmabuf_mmap.h"
#include "trace.h"

/**
 * vpdm_zap - remove all page-table entries of a buffer
 * @buf: buffer with a mapping of its own
 *
 * The caller keeps faults of @buf out until this returns.
 *
 * Context: takes i_mmap_rwsem.
 */
void vpdm_zap(struct vpdm_buf *buf)
{
	if (!READ_ONCE(buf->populated))
		return;

	trace_vpdm_zap(buf);
	unmap_mapping_range(buf->mapping, (loff_t)buf->pgoff << PAGE_SHIFT,
			    (loff_t)buf->ranges.pages << PAGE_SHIFT, true);
	WRITE_ONCE(buf->populated, false);
}

/**
 * vpdm_zap_all - remove all page-table entries of a device's buffers
 * @bufs: the device's buffers
 *
 * Context: @bufs->lock held, the device open or bound; as vpdm_zap().
 */
void vpdm_zap_all(struct vpdm_buf_list *bufs)
{
	struct vpdm_buf *buf;

	vpdm_zap_core_mapping(bufs->core);
	list_for_each_entry(buf, &bufs->list, node)
		if (buf->mapping)
			vpdm_zap(buf);
}

/**
 * vpdm_buf_may_import - whether importers may attach or map
 * @buf: buffer
 *
 * Code that ends access first changes the state that this reads, then takes the
 * dma_resv to invalidate mappings. So if this is true under the dma_resv, such code
 * will invalidate a mapping that is made now.
 *
 * Return: true if they may.
 */
bool vpdm_buf_may_import(const struct vpdm_buf *buf)
{
	const struct vpdm_buf_list *bufs = buf->bufs;

	return READ_ONCE(buf->state) == VPDM_LIVE && buf->inner &&
	       !READ_ONCE(bufs->resetting) &&
	       READ_ONCE(bufs->link) == VPDM_LINK_UP;
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
	up_write(&buf->bufs->lock);
	if (ret)
		return ret;

	wake_up_all(&buf->bufs->wait);
	vpdm_zap(buf);
	if (buf->inner) {
		vpdm_importers_tell(buf);
		ret = vpdm_importers_drain(buf, true);
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
 * Return: 0; -EBADF, -EINVAL or -ENODEV as vpdm_buf_get(); -EBADFD if the buffer is
 * already revoked, though the earlier call may still wait, or is of an earlier open of
 * the device; -EINTR if killed, with the buffer revoked.
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

/*
 * Telling importers and waiting for them takes their dma_resv, which is outside
 * vpdm_buf_list.lock. So collect the buffers that have importers first.
 */
static void vpdm_collect_imported(struct vpdm_buf_list *bufs,
				  struct list_head *imported)
{
	struct vpdm_buf *buf;

	list_for_each_entry(buf, &bufs->list, node) {
		if (!atomic_read(&buf->attachments))
			continue;
		kref_get(&buf->kref);
		list_add_tail(&buf->drain, imported);
	}
}

static struct vpdm_buf *vpdm_next_imported(struct list_head *imported)
{
	struct vpdm_buf *buf;

	buf = list_first_entry_or_null(imported, struct vpdm_buf, drain);
	if (buf)
		list_del(&buf->drain);

	return buf;
}

static void vpdm_end_access(struct vpdm_buf_list *bufs,
			    struct list_head *imported)
{
	down_read(&bufs->lock);
	vpdm_zap_all(bufs);
	vpdm_collect_imported(bufs, imported);
	up_read(&bufs->lock);
}

/**
 * vpdm_reset_begin - keep faults and importers out until vpdm_reset_end()
 * @bufs: the device's buffers
 *
 * On return there is no access through any buffer or BAR mapping, including buffers
 * whose revocation has just begun. Faults wait.
 *
 * Context: device lock held. Must not take memory_lock: vfio-pci-core holds it for write
 * if it started the reset. Waits for importers, not killable; the wait ends because they
 * cannot map again.
 */
void vpdm_reset_begin(struct vpdm_buf_list *bufs)
{
	struct vpdm_buf *buf;
	LIST_HEAD(imported);

	down_write(&bufs->lock);
	WRITE_ONCE(bufs->resetting, true);
	up_write(&bufs->lock);

	vpdm_end_access(bufs, &imported);
	while ((buf = vpdm_next_imported(&imported))) {
		vpdm_importers_invalidate(buf);
		vpdm_importers_drain(buf, false);
		vpdm_buf_put(buf);
	}
}

/*
 * Tells importers that they can map again, as vfio-pci-core does when it ends a
 * revocation. Skips buffers for which vfio-pci-core is about to do so itself.
 */
static void vpdm_tell_importers(struct vpdm_buf_list *bufs)
{
	struct vpdm_buf *buf;
	LIST_HEAD(imported);

	down_read(&bufs->lock);
	vpdm_collect_imported(bufs, &imported);
	up_read(&bufs->lock);

	while ((buf = vpdm_next_imported(&imported))) {
		if (vpdm_buf_may_import(buf) && !vpdm_inner_is_revoked(buf))
			vpdm_importers_tell(buf);
		vpdm_buf_put(buf);
	}
}

/**
 * vpdm_reset_end - let faults and importers in again
 * @bufs: the device's buffers
 *
 * A reset that has worked ends VPDM_LINK_LOST. It does not end VPDM_LINK_RECOVERING:
 * only the recovery knows when the link works again.
 *
 * Context: device lock held.
 */
void vpdm_reset_end(struct vpdm_buf_list *bufs)
{
	down_write(&bufs->lock);
	WRITE_ONCE(bufs->resetting, false);
	if (bufs->link == VPDM_LINK_LOST)
		WRITE_ONCE(bufs->link, VPDM_LINK_UP);
	up_write(&bufs->lock);

	wake_up_all(&bufs->wait);
	vpdm_tell_importers(bufs);
}

/**
 * vpdm_link_down - end access because the link is down
 * @bufs: the device's buffers
 * @link: new state; VPDM_LINK_GONE is final
 *
 * Faults get SIGBUS. Tells importers to unmap and does not wait for them: the device
 * answers nobody, and its user should learn of the error soon.
 *
 * Context: device lock held.
 */
void vpdm_link_down(struct vpdm_buf_list *bufs, enum vpdm_link link)
{
	struct vpdm_buf *buf;
	LIST_HEAD(imported);

	down_write(&bufs->lock);
	if (bufs->link != VPDM_LINK_GONE)
		WRITE_ONCE(bufs->link, link);
	up_write(&bufs->lock);

	wake_up_all(&bufs->wait);
	vpdm_end_access(bufs, &imported);
	while ((buf = vpdm_next_imported(&imported))) {
		vpdm_importers_invalidate(buf);
		vpdm_buf_put(buf);
	}
}

/**
 * vpdm_link_up - the link works again
 * @bufs: the device's buffers
 *
 * Context: device lock held, or no buffer of @bufs live.
 */
void vpdm_link_up(struct vpdm_buf_list *bufs)
{
	down_write(&bufs->lock);
	if (bufs->link != VPDM_LINK_GONE)
		WRITE_ONCE(bufs->link, VPDM_LINK_UP);
	up_write(&bufs->lock);

	vpdm_tell_importers(bufs);
}

/**
 * vpdm_close - make all buffers of a device dead
 * @bufs: the device's buffers
 *
 * Call this before vfio-pci-core closes the device, which waits for the importers.
 * Afterwards no buffer uses vpdm_buf_list.core.
 */
void vpdm_close(struct vpdm_buf_list *bufs)
{
	struct vpdm_buf *buf;

	down_write(&bufs->gate);
	down_write(&bufs->lock);
	list_for_each_entry(buf, &bufs->list, node)
		WRITE_ONCE(buf->state, VPDM_DEAD);
	up_write(&bufs->lock);
	up_write(&bufs->gate);

	wake_up_all(&bufs->wait);
	down_read(&bufs->lock);
	vpdm_zap_all(bufs);
	up_read(&bufs->lock);
}
