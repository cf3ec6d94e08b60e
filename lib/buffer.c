// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is done with a DMABUF that there is. */
#include <errno.h>

#include "internal.h"
#include "uapi.h"

static int buffer_error(struct vfio_dmabuf_device *dev, int err,
			const char *what, int dmabuf_fd)
{
	const char *why = "";

	if (err == ENOTTY)
		why = " (the device is not bound to vfio-pci-dmabuf-mmap)";
	else if (err == ENODEV)
		why = " (a DMABUF of another device or exporter)";
	else if (err == EBADFD)
		why = " (revoked already)";
	else if (err == ENOENT)
		why = " (an attribute that this machine cannot map)";
	errno = err;
	return vd_last_error(dev->ctx, "%s: cannot %s DMABUF fd %d%s",
			     dev->bdf, what, dmabuf_fd, why);
}

int vfio_dmabuf_revoke(struct vfio_dmabuf_device *dev, int dmabuf_fd)
{
	struct vfio_device_feature_dma_buf_revoke req = {
		.dmabuf_fd = dmabuf_fd,
	};
	int ret;

	ret = vd_feature(dev, VFIO_DEVICE_FEATURE_SET |
			 VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE, &req, sizeof(req));
	return ret < 0 ? buffer_error(dev, -ret, "revoke", dmabuf_fd) : 0;
}

int vfio_dmabuf_set_memattr(struct vfio_dmabuf_device *dev, int dmabuf_fd,
			    uint32_t memattr)
{
	struct vfio_device_feature_dma_buf_memattr req = {
		.dmabuf_fd = dmabuf_fd,
		.memattr = memattr,
	};
	int ret;

	ret = vd_feature(dev, VFIO_DEVICE_FEATURE_SET |
			 VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR, &req, sizeof(req));
	if (ret < 0)
		return buffer_error(dev, -ret, "set the memory attribute of",
				    dmabuf_fd);
	return 0;
}

int vfio_dmabuf_get_memattr(struct vfio_dmabuf_device *dev, int dmabuf_fd)
{
	struct vfio_device_feature_dma_buf_memattr req = {
		.dmabuf_fd = dmabuf_fd,
	};
	int ret;

	ret = vd_feature(dev, VFIO_DEVICE_FEATURE_GET |
			 VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR, &req, sizeof(req));
	if (ret < 0)
		return buffer_error(dev, -ret, "get the memory attribute of",
				    dmabuf_fd);
	return req.memattr;
}
