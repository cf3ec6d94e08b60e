// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fd.h"
#include "internal.h"
#include "uapi.h"

/* Room for the largest fixed payload behind the feature's header. */
union feature {
	struct vfio_device_feature head;
	char bytes[sizeof(struct vfio_device_feature) + 16];
};

static int feature(struct vfio_dmabuf_device *dev, uint32_t flags, void *data,
		   size_t size)
{
	union feature f = { .head = {
		.argsz = sizeof(f.head) + size,
		.flags = flags,
	} };
	int ret;

	if (size)
		memcpy(f.bytes + sizeof(f.head), data, size);
	ret = ioctl(dev->fd, VFIO_DEVICE_FEATURE, &f);
	if (ret < 0)
		return -errno;
	if (size)
		memcpy(data, f.bytes + sizeof(f.head), size);
	return ret;
}

int vfio_dmabuf_features(struct vfio_dmabuf_device *dev)
{
	static const struct {
		uint32_t flags;
		int bit;
	} probe[] = {
		{ VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		  VFIO_DMABUF_CAN_EXPORT },
		{ VFIO_DEVICE_FEATURE_GET |
		  VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP,
		  VFIO_DMABUF_CAN_EXPORT },
		{ VFIO_DEVICE_FEATURE_SET |
		  VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE,
		  VFIO_DMABUF_CAN_REVOKE },
		{ VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_GET |
		  VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR,
		  VFIO_DMABUF_CAN_MEMATTR },
		{ VFIO_DEVICE_FEATURE_GET |
		  VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN,
		  VFIO_DMABUF_CAN_PLAIN },
	};
	int mask = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probe); i++)
		if (!feature(dev, VFIO_DEVICE_FEATURE_PROBE | probe[i].flags,
			     NULL, 0))
			mask |= probe[i].bit;
	return mask;
}

static int ask(struct vfio_dmabuf_device *dev, struct vfio_device_feature *f,
	       uint32_t number)
{
	f->flags = VFIO_DEVICE_FEATURE_GET | number;
	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, f);
}

/* By @number, or by @otherwise where the driver does not know that one. */
static int export(struct vfio_dmabuf_device *dev, uint32_t number,
		  uint32_t otherwise, unsigned int bar,
		  const struct vfio_dmabuf_range *ranges, uint32_t nr,
		  int open_flags)
{
	struct vfio_device_feature_dma_buf *req;
	struct vfio_device_feature *f;
	uint64_t argsz;
	int fd, err;
	uint32_t i;

	argsz = sizeof(*f) + sizeof(*req) +
		(uint64_t)nr * sizeof(req->dma_ranges[0]);
	if (argsz > UINT32_MAX)
		return vd_error(dev->ctx, E2BIG, "%u ranges do not fit into one request",
				nr);
	f = calloc(1, argsz);
	if (!f)
		return vd_error(dev->ctx, ENOMEM, "out of memory");
	f->argsz = argsz;
	req = (void *)f->data;
	req->region_index = VFIO_PCI_BAR0_REGION_INDEX + bar;
	req->open_flags = open_flags;
	req->nr_ranges = nr;
	for (i = 0; i < nr; i++) {
		req->dma_ranges[i].offset = ranges[i].offset;
		req->dma_ranges[i].length = ranges[i].length;
	}
	fd = ask(dev, f, number);
	if (fd < 0 && errno == ENOTTY)
		fd = ask(dev, f, otherwise);
	fd = vd_above_stdio(fd);
	err = errno;
	free(f);
	if (fd >= 0)
		return fd;
	errno = err;
	return vd_last_error(dev->ctx, "%s: cannot export %u ranges of BAR %u%s",
			     dev->bdf, nr, bar, err == ENOTTY ?
			     " (the driver or the kernel has no such export)" :
			     "");
}

int vfio_dmabuf_export(struct vfio_dmabuf_device *dev, unsigned int bar,
		       const struct vfio_dmabuf_range *ranges, uint32_t nr,
		       int open_flags)
{
	/* The first is ours also where root has made the other vfio-pci-core's. */
	return export(dev, VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP,
		      VFIO_DEVICE_FEATURE_DMA_BUF, bar, ranges, nr, open_flags);
}

int vfio_dmabuf_export_plain(struct vfio_dmabuf_device *dev, unsigned int bar,
			     const struct vfio_dmabuf_range *ranges,
			     uint32_t nr, int open_flags)
{
	return export(dev, VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN,
		      VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN, bar, ranges, nr,
		      open_flags);
}

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

	ret = feature(dev, VFIO_DEVICE_FEATURE_SET |
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

	ret = feature(dev, VFIO_DEVICE_FEATURE_SET |
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

	ret = feature(dev, VFIO_DEVICE_FEATURE_GET |
		      VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR, &req, sizeof(req));
	if (ret < 0)
		return buffer_error(dev, -ret, "get the memory attribute of",
				    dmabuf_fd);
	return req.memattr;
}
