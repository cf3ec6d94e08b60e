// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vfio_test.h"

int vt_feature_argsz(int device_fd, __u32 argsz, __u32 flags, void *data,
		     size_t size)
{
	struct vfio_device_feature *f;
	int ret;

	f = calloc(1, sizeof(*f) + size);
	if (!f)
		return -ENOMEM;
	f->argsz = argsz;
	f->flags = flags;
	if (size)
		memcpy(f->data, data, size);
	ret = ioctl(device_fd, VFIO_DEVICE_FEATURE, f);
	if (ret < 0)
		ret = -errno;
	else if (size)
		memcpy(data, f->data, size);
	free(f);
	return ret;
}

int vt_feature(int device_fd, __u32 flags, void *data, size_t size)
{
	return vt_feature_argsz(device_fd,
				sizeof(struct vfio_device_feature) + size,
				flags, data, size);
}

bool vt_probe(int device_fd, __u32 feature, __u32 op)
{
	return !vt_feature(device_fd, VFIO_DEVICE_FEATURE_PROBE | op | feature,
			   NULL, 0);
}

int vt_open_plain(struct vt_device *d, const char *bdf)
{
	int ret;

	if (vt_has_stock())
		return vt_open(d, bdf, VT_STOCK);
	ret = vt_open(d, bdf, VT_DRIVER);
	return ret ? ret : vt_device_write(bdf, "dmabuf_mode", "plain");
}

void vt_close_plain(struct vt_device *d)
{
	vt_close(d);
	if (!vt_has_stock())
		vt_device_write(d->bdf, "dmabuf_mode", "mmap");
}

bool vt_exports(int device_fd)
{
	return vt_probe(device_fd, VFIO_DEVICE_FEATURE_DMA_BUF,
			VFIO_DEVICE_FEATURE_GET);
}

bool vt_stock_exports(void)
{
	struct vt_device d;
	bool ret;

	if (vt_open_plain(&d, vt_bdf("B")))
		abort();
	ret = vt_exports(d.fd);
	vt_close_plain(&d);
	return ret;
}

int vt_export(int device_fd, unsigned int bar, __u32 open_flags,
	      const struct vfio_region_dma_range *ranges, __u32 nr)
{
	struct vfio_device_feature_dma_buf *arg;
	size_t size = sizeof(*arg) + nr * sizeof(*ranges);
	int ret;

	arg = calloc(1, size);
	if (!arg)
		return -ENOMEM;
	arg->region_index = bar;
	arg->open_flags = open_flags;
	arg->nr_ranges = nr;
	memcpy(arg->dma_ranges, ranges, nr * sizeof(*ranges));
	ret = vt_feature(device_fd, VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF, arg, size);
	free(arg);
	return ret;
}

int vt_export_one(int device_fd, unsigned int bar, __u64 offset, __u64 length)
{
	struct vfio_region_dma_range range = { offset, length };

	return vt_export(device_fd, bar, O_RDWR | O_CLOEXEC, &range, 1);
}

int vt_revoke(int device_fd, int dmabuf_fd)
{
	struct vfio_device_feature_dma_buf_revoke arg = {
		.dmabuf_fd = dmabuf_fd,
	};

	return vt_feature(device_fd, VFIO_DEVICE_FEATURE_SET |
			  VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, &arg,
			  sizeof(arg));
}

int vt_revoke_ioctl(int device_fd, int dmabuf_fd)
{
	struct vfio_pci_dmabuf_revoke arg = {
		.argsz = sizeof(arg),
		.dmabuf_fd = dmabuf_fd,
	};

	return ioctl(device_fd, VFIO_DEVICE_PCI_DMABUF_REVOKE, &arg) ?
	       -errno : 0;
}

int vt_memattr_set(int device_fd, int dmabuf_fd, __u32 attr)
{
	struct vfio_device_feature_dma_buf_memattr arg = {
		.dmabuf_fd = dmabuf_fd,
		.memattr = attr,
	};

	return vt_feature(device_fd, VFIO_DEVICE_FEATURE_SET |
			  VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR, &arg,
			  sizeof(arg));
}

int vt_memattr_get(int device_fd, int dmabuf_fd)
{
	struct vfio_device_feature_dma_buf_memattr arg = {
		.dmabuf_fd = dmabuf_fd,
		.memattr = -1,
	};
	int ret;

	ret = vt_feature(device_fd, VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR, &arg,
			 sizeof(arg));
	return ret ? ret : (int)arg.memattr;
}
