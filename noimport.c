// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaces import.c, and its helpers in listen.c, if vfio-pci-core makes no DMABUFs:
 * nothing can attach.
 */
#include "vfio_pci_dmabuf_mmap.h"

int vpdm_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	return -EOPNOTSUPP;
}

void vpdm_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
}

/* dma_buf_export() requires these. */
struct sg_table *vpdm_map(struct dma_buf_attachment *attachment,
			  enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void vpdm_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt,
		enum dma_data_direction dir)
{
}

void vpdm_importers_tell(struct vpdm_buf *buf)
{
}

void vpdm_importers_invalidate(struct vpdm_buf *buf)
{
}

int vpdm_importers_drain(struct vpdm_buf *buf, bool killable)
{
	return 0;
}

void vpdm_listener_remove(struct vpdm_buf *buf)
{
}

bool vpdm_inner_is_revoked(struct vpdm_buf *buf)
{
	return false;
}
