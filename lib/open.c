// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define OPEN_FLAGS (VFIO_DMABUF_OPEN_GROUP | VFIO_DMABUF_OPEN_CDEV)

static int new_device(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		      const char *vf_token, struct vfio_dmabuf_device **out)
{
	struct vfio_dmabuf_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return vd_error(ctx, ENOMEM, "out of memory");
	dev->ctx = ctx;
	dev->fd = -1;
	if (vd_parse_bdf(bdf, dev->bdf)) {
		free(dev);
		return vd_error(ctx, EINVAL, "\"%s\" is not a PCI address such as 0000:01:00.0",
				bdf);
	}
	if (vf_token && vd_token_parse(vf_token, &dev->token)) {
		free(dev);
		return vd_error(ctx, EINVAL, "\"%s\" is not a VF token, which is a UUID",
				vf_token);
	}
	dev->next = ctx->devices;
	ctx->devices = dev;
	*out = dev;
	return 0;
}

/* Without this an unbound device is an ENOENT on some file in /dev. */
static int check_bound(struct vfio_dmabuf_device *dev)
{
	char driver[64];
	int ret;

	ret = vd_sysfs_driver(dev->bdf, driver, sizeof(driver));
	if (ret == -ENODEV)
		return vd_error(dev->ctx, ENODEV, "there is no PCI device %s",
				dev->bdf);
	if (ret)
		return vd_error(dev->ctx, ENODEV, "%s is not bound to any driver; bind it to vfio-pci-dmabuf-mmap",
				dev->bdf);
	if (!strstr(driver, "vfio"))
		return vd_error(dev->ctx, ENODEV, "%s is bound to %s; bind it to vfio-pci-dmabuf-mmap",
				dev->bdf, driver);
	return 0;
}

static int open_device(struct vfio_dmabuf_device *dev, unsigned int flags)
{
	char cdev[64];
	bool use_cdev;
	int ret;

	ret = check_bound(dev);
	if (ret)
		return ret;
	ret = vd_sysfs_cdev(dev->bdf, cdev, sizeof(cdev));
	if (flags & VFIO_DMABUF_OPEN_CDEV) {
		if (ret)
			return vd_error(dev->ctx, -ret, "%s has no cdev in /dev/vfio/devices",
					dev->bdf);
		use_cdev = true;
	} else {
		use_cdev = !ret && !(flags & VFIO_DMABUF_OPEN_GROUP) &&
			   !access("/dev/iommu", F_OK);
	}
	return use_cdev ? vd_cdev_open(dev, cdev) : vd_group_open(dev);
}

int vfio_dmabuf_open(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		     unsigned int flags, struct vfio_dmabuf_device **out)
{
	return vfio_dmabuf_open_token(ctx, bdf, NULL, flags, out);
}

int vfio_dmabuf_open_token(struct vfio_dmabuf_ctx *ctx, const char *bdf,
			   const char *vf_token, unsigned int flags,
			   struct vfio_dmabuf_device **out)
{
	struct vfio_dmabuf_device *dev;
	int ret;

	if ((flags & ~OPEN_FLAGS) || flags == OPEN_FLAGS)
		return vd_error(ctx, EINVAL, "unknown open flags 0x%x", flags);
	ret = new_device(ctx, bdf, vf_token, &dev);
	if (ret)
		return ret;
	ret = open_device(dev, flags);
	if (!ret)
		ret = vd_read_bars(dev);
	if (ret) {
		vfio_dmabuf_close(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

int vfio_dmabuf_adopt(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		      int device_fd, struct vfio_dmabuf_device **out)
{
	struct vfio_dmabuf_device *dev;
	int ret;

	ret = new_device(ctx, bdf, NULL, &dev);
	if (ret)
		return ret;
	dev->fd = device_fd;
	dev->adopted = true;
	ret = vd_read_bars(dev);
	if (ret) {
		vfio_dmabuf_close(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

void vfio_dmabuf_close(struct vfio_dmabuf_device *dev)
{
	struct vfio_dmabuf_device **pos;
	struct vfio_dmabuf_ctx *ctx;

	if (!dev)
		return;
	ctx = dev->ctx;
	for (pos = &ctx->devices; *pos != dev; pos = &(*pos)->next)
		;
	*pos = dev->next;
	vd_forget_mappings(dev);
	if (dev->fd >= 0 && !dev->adopted)
		close(dev->fd);
	if (dev->group)
		vd_group_put(ctx, dev->group);
	free(dev);
}

int vfio_dmabuf_device_fd(const struct vfio_dmabuf_device *dev)
{
	return dev->fd;
}

int vfio_dmabuf_iommu_fd(const struct vfio_dmabuf_device *dev)
{
	if (dev->adopted)
		return -ENOENT;
	return dev->group ? dev->group->container_fd : dev->ctx->iommufd;
}
