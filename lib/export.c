// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fd.h"
#include "internal.h"
#include "uapi.h"

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
