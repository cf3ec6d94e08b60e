// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importers, on kernels whose vfio-pci-core makes DMABUFs.
 *
 * Each importer is also attached to the inner DMABUF, so vfio-pci-core makes the
 * scatter-gather tables, checks peer-to-peer access and waits for importers.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "vfio_pci_dmabuf_mmap.h"

/* The longest time until a killed process notices. */
#define VPDM_KILL_POLL	(HZ / 10)

/* The listener tells the importer. This only makes the attachment revocable. */
static void vpdm_importer_invalidate(struct dma_buf_attachment *attachment)
{
}

static const struct dma_buf_attach_ops vpdm_importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpdm_importer_invalidate,
};

static int vpdm_attach_checked(struct vpdm_buf *buf,
			       struct dma_buf_attachment *attachment)
{
	if (!dma_buf_attach_revocable(attachment))
		return -EOPNOTSUPP;

	return READ_ONCE(buf->listener) ? 0 : vpdm_listener_add(buf);
}

/* iommufd attaches with its own device, /dev/iommu. */
static bool vpdm_is_iommufd(const struct dma_buf_attachment *attachment)
{
	return !attachment->dev->parent &&
	       !strcmp(dev_name(attachment->dev), "iommu");
}

int vpdm_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct vpdm_buf *buf = dmabuf->priv;
	struct dma_buf_attachment *inner;
	int ret;

	if (vpdm_is_iommufd(attachment))
		dev_notice_ratelimited(buf->dev, "iommufd takes vfio-pci-core's own DMABUFs alone: see dmabuf_mode\n");
	if (!attachment->peer2peer)
		return -EOPNOTSUPP;
	if (!vpdm_buf_may_import(buf))
		return -ENODEV;

	inner = dma_buf_dynamic_attach(buf->inner, attachment->dev,
				       &vpdm_importer_ops, buf);
	if (IS_ERR(inner))
		return PTR_ERR(inner);

	ret = vpdm_attach_checked(buf, attachment);
	if (ret) {
		dma_buf_detach(buf->inner, inner);
		return ret;
	}

	attachment->priv = inner;
	atomic_inc(&buf->attachments);

	return 0;
}

void vpdm_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct vpdm_buf *buf = dmabuf->priv;

	dma_buf_detach(buf->inner, attachment->priv);
	atomic_dec(&buf->attachments);
}

struct sg_table *vpdm_map(struct dma_buf_attachment *attachment,
			  enum dma_data_direction dir)
{
	struct dma_buf_attachment *inner = attachment->priv;
	struct vpdm_buf *buf = attachment->dmabuf->priv;
	struct sg_table *sgt;

	if (buf->read_only && dir != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	if (!vpdm_buf_may_import(buf))
		return ERR_PTR(-ENODEV);

	/*
	 * vpdm_unmap() needs the table itself. A nested dma_buf_map_attachment()
	 * would return a copy with CONFIG_DMABUF_DEBUG.
	 */
	sgt = inner->dmabuf->ops->map_dma_buf(inner, dir);
	if (!IS_ERR(sgt))
		atomic_inc(&buf->sgts);

	return sgt;
}

void vpdm_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt,
		enum dma_data_direction dir)
{
	struct dma_buf_attachment *inner = attachment->priv;
	struct vpdm_buf *buf = attachment->dmabuf->priv;

	/*
	 * dma_buf_phys_vec_to_sgt() sets it to 0 to hide pages from importers.
	 * With 0, sg_free_table() would free no entry, as of 7.3.
	 */
	sgt->orig_nents = sgt->nents;
	inner->dmabuf->ops->unmap_dma_buf(inner, sgt, dir);
	if (atomic_dec_and_test(&buf->sgts))
		wake_up_var(&buf->sgts);
}

/**
 * vpdm_importers_tell - tell importers to unmap, or that they can map again
 * @buf: buffer with an inner DMABUF
 *
 * Context: takes the dma_resv.
 */
void vpdm_importers_tell(struct vpdm_buf *buf)
{
	dma_resv_lock(buf->inner->resv, NULL);
	if (buf->dmabuf)
		dma_buf_invalidate_mappings(buf->dmabuf);
	dma_resv_unlock(buf->inner->resv);
}

/**
 * vpdm_importers_invalidate - tell importers to unmap, if one has mapped
 * @buf: buffer with an inner DMABUF
 *
 * Context: takes the dma_resv.
 */
void vpdm_importers_invalidate(struct vpdm_buf *buf)
{
	dma_resv_lock(buf->inner->resv, NULL);
	/* An importer with a mapping has a reference to the DMABUF. */
	if (atomic_read(&buf->sgts))
		dma_buf_invalidate_mappings(buf->dmabuf);
	dma_resv_unlock(buf->inner->resv);
}

static bool vpdm_is_killed(bool killable)
{
	return killable && fatal_signal_pending(current);
}

/*
 * Waits only for the present fences. A process that has the DMABUF can add others
 * endlessly (DMA_BUF_IOCTL_IMPORT_SYNC_FILE).
 */
static int vpdm_wait_for_fences(struct dma_resv *resv, bool killable)
{
	struct dma_fence *fence = NULL;
	long left;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = dma_resv_get_singleton(resv, DMA_RESV_USAGE_BOOKKEEP, &fence);
	dma_resv_unlock(resv);

	do {
		/* Without memory for a snapshot, wait for new fences too. */
		if (ret)
			left = dma_resv_wait_timeout(resv,
						     DMA_RESV_USAGE_BOOKKEEP,
						     false, VPDM_KILL_POLL);
		else
			left = !fence ? 1 :
			       dma_fence_wait_timeout(fence, false,
						      VPDM_KILL_POLL);
	} while (!left && !vpdm_is_killed(killable));
	dma_fence_put(fence);

	return left ? 0 : -EINTR;
}

/**
 * vpdm_importers_drain - wait until no importer can access a buffer
 * @buf: buffer whose importers were told to unmap, and cannot map again
 * @killable: whether a fatal signal ends the wait
 *
 * Importers may access the memory until their fences have signalled and they have
 * unmapped it (dma_buf_invalidate_mappings()).
 *
 * Context: sleeps; takes the dma_resv, but releases it to wait, since importers need it
 * to unmap.
 *
 * Return: 0, -EINTR if killed.
 */
int vpdm_importers_drain(struct vpdm_buf *buf, bool killable)
{
	int ret;

	ret = vpdm_wait_for_fences(buf->inner->resv, killable);
	if (ret)
		return ret;

	if (!killable) {
		wait_var_event(&buf->sgts, !atomic_read(&buf->sgts));
		return 0;
	}

	return wait_var_event_killable(&buf->sgts, !atomic_read(&buf->sgts)) ?
	       -EINTR : 0;
}
