// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "edu.h"
#include "vfio_test.h"

#define EDU_DRIVER	"vpdm_test_edu"
#define EDU_MAX		16

static int call(int edu, unsigned long cmd, void *arg)
{
	return ioctl(edu, cmd, arg) ? -errno : 0;
}

static int open_number(unsigned int n, const char *bdf)
{
	struct vpdm_edu_info info;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), VPDM_EDU_PATH_PREFIX "%u", n);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!call(fd, VPDM_EDU_INFO, &info) && !strcmp(info.bdf, bdf))
		return fd;
	close(fd);
	return -ENODEV;
}

int vt_edu_open(const char *bdf)
{
	unsigned int n;
	int ret;

	ret = vt_bind(bdf, EDU_DRIVER);
	if (ret)
		return ret;
	for (n = 0; n < EDU_MAX; n++) {
		ret = open_number(n, bdf);
		if (ret >= 0)
			return ret;
	}
	vt_log("no " VPDM_EDU_PATH_PREFIX "* for %s", bdf);
	return -ENODEV;
}

int vt_edu_domain(const char *bdf, const char *type)
{
	char path[80];
	int ret;

	ret = vt_unbind(bdf);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type",
		 bdf);
	return vt_write_text(path, type);
}

int vt_edu_attach(int edu, int dmabuf, __u32 flags)
{
	struct vpdm_edu_attach arg = { .fd = dmabuf, .flags = flags };
	int ret = call(edu, VPDM_EDU_ATTACH, &arg);

	return ret ? ret : (int)arg.handle;
}

int vt_edu_detach(int edu, __u32 handle)
{
	return call(edu, VPDM_EDU_DETACH, &handle);
}

int vt_edu_map(int edu, __u32 handle, __u32 dir)
{
	struct vpdm_edu_map arg = { .handle = handle, .dir = dir };

	return call(edu, VPDM_EDU_MAP, &arg);
}

int vt_edu_unmap(int edu, __u32 handle)
{
	return call(edu, VPDM_EDU_UNMAP, &handle);
}

int vt_edu_import(int edu, int dmabuf)
{
	int handle, ret;

	handle = vt_edu_attach(edu, dmabuf, 0);
	if (handle < 0)
		return handle;
	ret = vt_edu_map(edu, handle, VPDM_EDU_BIDIRECTIONAL);
	if (ret) {
		vt_edu_detach(edu, handle);
		return ret;
	}
	return handle;
}

bool vt_edu_reaches(const char *edu, const char *memory)
{
	struct vt_device d;
	int dev, fd, ret;

	if (vt_open_plain(&d, memory))
		abort();
	fd = vt_export_one(d.fd, 2, 0, VT_PAGE);
	dev = vt_edu_open(edu);
	if (fd < 0 || dev < 0)
		abort();
	ret = vt_edu_import(dev, fd);
	close(dev);
	close(fd);
	vt_close_plain(&d);
	if (ret < 0)
		vt_log("%s cannot reach %s: %s", edu, memory, strerror(-ret));
	return ret != -EINVAL;
}

int vt_edu_sg(int edu, __u32 handle, __u32 index, struct vpdm_edu_sg *sg)
{
	*sg = (struct vpdm_edu_sg){ .handle = handle, .index = index };
	return call(edu, VPDM_EDU_SG, sg);
}

int vt_edu_dma(int edu, __u32 handle, __u32 flags, __u64 offset, void *data,
	       size_t len)
{
	struct vpdm_edu_dma arg = {
		.handle = handle,
		.flags = flags,
		.offset = offset,
		.len = len,
		.data = (size_t)data,
	};

	return call(edu, VPDM_EDU_DMA, &arg);
}

int vt_edu_hold(int edu, __u32 handle, bool on)
{
	struct vpdm_edu_set arg = { .handle = handle, .on = on };

	return call(edu, VPDM_EDU_HOLD, &arg);
}

int vt_edu_fence(int edu, __u32 handle, bool on)
{
	struct vpdm_edu_set arg = { .handle = handle, .on = on };

	return call(edu, VPDM_EDU_FENCE, &arg);
}

int vt_edu_stats(int edu, __u32 handle, struct vpdm_edu_stats *stats)
{
	*stats = (struct vpdm_edu_stats){ .handle = handle };
	return call(edu, VPDM_EDU_STATS, stats);
}
