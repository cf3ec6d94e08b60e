// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "uapi.h"

/* Room for the largest fixed payload behind the feature's header. */
union feature {
	struct vfio_device_feature head;
	char bytes[sizeof(struct vfio_device_feature) + 16];
};

int vd_feature(struct vfio_dmabuf_device *dev, uint32_t flags, void *data,
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
		if (!vd_feature(dev, VFIO_DEVICE_FEATURE_PROBE | probe[i].flags,
				NULL, 0))
			mask |= probe[i].bit;
	return mask;
}
