// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fd.h"
#include "internal.h"
#include "uapi.h"

int vd_cdev_open(struct vfio_dmabuf_device *dev, const char *path)
{
	struct vd_bind_iommufd bind = {
		.argsz = offsetof(struct vd_bind_iommufd, token_uuid_ptr),
	};
	struct vfio_dmabuf_ctx *ctx = dev->ctx;
	int ret;

	if (ctx->iommufd < 0)
		ctx->iommufd = vd_open("/dev/iommu", O_RDWR);
	if (ctx->iommufd < 0)
		return vd_last_error(ctx, "cannot open /dev/iommu");
	dev->fd = vd_open(path, O_RDWR);
	if (dev->fd < 0)
		return vd_last_error(ctx, "cannot open %s", path);
	bind.iommufd = ctx->iommufd;
	if (dev->token.text[0]) {
		bind.argsz = sizeof(bind);
		bind.flags = VD_BIND_FLAG_TOKEN;
		bind.token_uuid_ptr = (uintptr_t)dev->token.uuid;
	}
	if (ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind)) {
		ret = vd_last_error(ctx, "%s: VFIO_DEVICE_BIND_IOMMUFD%s",
				    dev->bdf, vd_token_hint(dev, errno));
		close(dev->fd);
		dev->fd = -1;
		return ret;
	}
	return 0;
}
