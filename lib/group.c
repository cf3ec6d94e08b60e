// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fd.h"
#include "internal.h"
#include "uapi.h"

static int set_container(struct vfio_dmabuf_ctx *ctx, struct vd_group *group)
{
	static const int types[] = { VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU };
	size_t i;

	if (ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &group->container_fd))
		return vd_last_error(ctx, "group %u: VFIO_GROUP_SET_CONTAINER",
				     group->id);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (ioctl(group->container_fd, VFIO_CHECK_EXTENSION,
			  types[i]) <= 0)
			continue;
		if (ioctl(group->container_fd, VFIO_SET_IOMMU, types[i]))
			return vd_last_error(ctx, "group %u: VFIO_SET_IOMMU",
					     group->id);
		return 0;
	}
	return vd_error(ctx, EOPNOTSUPP, "group %u: VFIO has no type1 IOMMU; is the module vfio_iommu_type1 loaded?",
			group->id);
}

static int check_viable(struct vfio_dmabuf_ctx *ctx, struct vd_group *group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char others[256];

	if (ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status))
		return vd_last_error(ctx, "group %u: VFIO_GROUP_GET_STATUS",
				     group->id);
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	vd_sysfs_group_others(group->id, others, sizeof(others));
	return vd_error(ctx, EPERM, "group %u is not viable: each of its devices must be bound to a VFIO driver or to none: %s",
			group->id, others);
}

static bool is_noiommu(unsigned int id)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/vfio/noiommu-%u", vd_root, id);
	return !access(path, F_OK);
}

static int open_fds(struct vfio_dmabuf_ctx *ctx, struct vd_group *group)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/dev/vfio/%u", vd_root, group->id);
	group->fd = vd_open(path, O_RDWR);
	if (group->fd < 0) {
		if (errno == EBUSY)
			return vd_error(ctx, EBUSY, "%s is in use by another process or context",
					path);
		if (errno == ENOENT && is_noiommu(group->id))
			return vd_error(ctx, EOPNOTSUPP, "group %u has no IOMMU, and this library opens no such devices",
					group->id);
		return vd_last_error(ctx, "cannot open %s", path);
	}
	ret = check_viable(ctx, group);
	if (ret)
		return ret;
	group->container_fd = vd_open("/dev/vfio/vfio", O_RDWR);
	if (group->container_fd < 0)
		return vd_last_error(ctx, "cannot open /dev/vfio/vfio");
	return set_container(ctx, group);
}

static int get_group(struct vfio_dmabuf_ctx *ctx, unsigned int id,
		     struct vd_group **out)
{
	struct vd_group *group;
	int ret;

	for (group = ctx->groups; group; group = group->next) {
		if (group->id == id) {
			group->refs++;
			*out = group;
			return 0;
		}
	}
	group = calloc(1, sizeof(*group));
	if (!group)
		return vd_error(ctx, ENOMEM, "out of memory");
	group->id = id;
	group->refs = 1;
	group->fd = -1;
	group->container_fd = -1;
	group->next = ctx->groups;
	ctx->groups = group;

	ret = open_fds(ctx, group);
	if (ret) {
		vd_group_put(ctx, group);
		return ret;
	}
	*out = group;
	return 0;
}

void vd_group_put(struct vfio_dmabuf_ctx *ctx, struct vd_group *group)
{
	struct vd_group **pos = &ctx->groups;

	if (--group->refs)
		return;
	while (*pos != group)
		pos = &(*pos)->next;
	*pos = group->next;
	/* The group first: it holds the container. */
	if (group->fd >= 0)
		close(group->fd);
	if (group->container_fd >= 0)
		close(group->container_fd);
	free(group);
}

static int get_device_fd(struct vfio_dmabuf_device *dev)
{
	char name[VD_BDF_LEN + sizeof(" vf_token=") + VD_TOKEN_TEXT];

	snprintf(name, sizeof(name), "%s%s%s", dev->bdf,
		 dev->token.text[0] ? " vf_token=" : "", dev->token.text);
	return vd_above_stdio(ioctl(dev->group->fd, VFIO_GROUP_GET_DEVICE_FD,
				    name));
}

int vd_group_open(struct vfio_dmabuf_device *dev)
{
	struct vfio_dmabuf_ctx *ctx = dev->ctx;
	unsigned int id;
	int ret;

	ret = vd_sysfs_group(dev->bdf, &id);
	if (ret)
		return vd_error(ctx, -ret, "%s has no IOMMU group: the IOMMU is off (intel_iommu=on, amd_iommu, firmware) or absent",
				dev->bdf);
	ret = get_group(ctx, id, &dev->group);
	if (ret)
		return ret;
	dev->fd = get_device_fd(dev);
	if (dev->fd < 0) {
		ret = vd_last_error(ctx, "%s: VFIO_GROUP_GET_DEVICE_FD%s",
				    dev->bdf, vd_token_hint(dev, errno));
		vd_group_put(ctx, dev->group);
		dev->group = NULL;
		return ret;
	}
	return 0;
}
