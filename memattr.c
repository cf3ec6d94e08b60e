// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory attribute of mappings.
 */
#include <linux/pgtable.h>

#include "vfio_pci_dmabuf_mmap.h"

/**
 * vpdm_memattr_prot - page protection by a memory attribute
 * @memattr: VFIO_DMA_BUF_MEMATTR_*
 * @prot: page protection of a new VMA
 *
 * What each is on x86 and arm64: see VFIO_DMA_BUF_MEMATTR_NC and _WC.
 *
 * Return: @prot with the attribute.
 */
pgprot_t vpdm_memattr_prot(u32 memattr, pgprot_t prot)
{
	if (memattr == VFIO_DMA_BUF_MEMATTR_WC)
		prot = pgprot_writecombine(prot);
	else
		prot = pgprot_noncached(prot);

	return pgprot_decrypted(prot);
}

static bool vpdm_memattr_supported(u32 memattr)
{
	switch (memattr) {
	case VFIO_DMA_BUF_MEMATTR_NC:
		return true;
	case VFIO_DMA_BUF_MEMATTR_WC:
		/* On x86 without PAT both are the same. */
		return pgprot_val(pgprot_writecombine(PAGE_SHARED)) !=
		       pgprot_val(pgprot_noncached(PAGE_SHARED));
	default:
		return false;
	}
}

/**
 * vpdm_memattr_set - choose the memory attribute of future mappings
 * @vdev: device, open
 * @fd: file descriptor of the buffer in the caller's table
 * @memattr: VFIO_DMA_BUF_MEMATTR_*
 *
 * Return: 0; -EBADF, -EINVAL or -ENODEV as vpdm_buf_get(); -EBADFD if the buffer
 * is revoked; -ENOENT if @memattr is unknown or this machine does not have it.
 */
int vpdm_memattr_set(struct vpdm_device *vdev, int fd, u32 memattr)
{
	struct vpdm_buf *buf = vpdm_buf_get(vdev, fd);
	int ret = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	down_write(&buf->bufs->lock);
	if (buf->state != VPDM_LIVE)
		ret = -EBADFD;
	else if (!vpdm_memattr_supported(memattr))
		ret = -ENOENT;
	else
		WRITE_ONCE(buf->memattr, memattr);
	up_write(&buf->bufs->lock);

	dma_buf_put(buf->dmabuf);

	return ret;
}

/**
 * vpdm_memattr_get - the memory attribute of future mappings
 * @vdev: device, open
 * @fd: file descriptor of the buffer in the caller's table
 * @memattr: result
 *
 * Return: 0, or as vpdm_memattr_set().
 */
int vpdm_memattr_get(struct vpdm_device *vdev, int fd, u32 *memattr)
{
	struct vpdm_buf *buf = vpdm_buf_get(vdev, fd);
	int ret = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	down_read(&buf->bufs->lock);
	if (buf->state != VPDM_LIVE)
		ret = -EBADFD;
	else
		*memattr = buf->memattr;
	up_read(&buf->bufs->lock);

	dma_buf_put(buf->dmabuf);

	return ret;
}
