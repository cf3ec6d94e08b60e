// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "vfio_test.h"

/* Says what failed and hands the errno on. */
static int failed(const struct vt_device *d, const char *what)
{
	int err = errno;

	vt_log("%s: %s: %s", d->bdf, what, strerror(err));
	return -err;
}

/* iommufd has no ioctls for programs of 32 bits: ENOTTY. */
static bool use_iommufd(void)
{
	const char *mode = getenv("VPDM_IOMMU");

	return mode && !strcmp(mode, "iommufd") && sizeof(long) == 8;
}

static int group_number(const struct vt_device *d)
{
	char number[16];

	if (vt_device_link(d->bdf, "iommu_group", number, sizeof(number)))
		return failed(d, "no IOMMU group");
	return atoi(number);
}

/* "BDF", or "BDF vf_token=UUID". */
static int get_device_fd(struct vt_device *d)
{
	char name[80];
	size_t i, n;

	n = snprintf(name, sizeof(name), "%s%s", d->bdf,
		     d->token ? " vf_token=" : "");
	for (i = 0; d->token && i < VT_TOKEN_SIZE; i++)
		n += snprintf(name + n, sizeof(name) - n, "%s%02x",
			      i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "",
			      d->token[i]);
	d->fd = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, name);
	return d->fd < 0 ? failed(d, "VFIO_GROUP_GET_DEVICE_FD") : 0;
}

static int open_type1(struct vt_device *d)
{
	char path[64];
	int group;

	group = group_number(d);
	if (group < 0)
		return group;
	snprintf(path, sizeof(path), "/dev/vfio/%d", group);

	d->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (d->container < 0)
		return failed(d, "open /dev/vfio/vfio");
	d->group = open(path, O_RDWR | O_CLOEXEC);
	if (d->group < 0)
		return failed(d, path);
	if (ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container))
		return failed(d, "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return failed(d, "VFIO_SET_IOMMU");
	return get_device_fd(d);
}

static int open_cdev(struct vt_device *d)
{
	char path[PATH_MAX], cdev[PATH_MAX] = "";
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev",
		 d->bdf);
	dir = opendir(path);
	if (!dir)
		return failed(d, path);
	while ((e = readdir(dir))) {
		if (!strncmp(e->d_name, "vfio", 4))
			snprintf(cdev, sizeof(cdev), "/dev/vfio/devices/%s",
				 e->d_name);
	}
	closedir(dir);

	d->fd = open(cdev, O_RDWR | O_CLOEXEC);
	return d->fd < 0 ? failed(d, cdev) : 0;
}

static int bind_iommufd(struct vt_device *d)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = d->ioas,
	};
	/* As of Linux 6.18, which the headers here are older than. */
	struct {
		struct vfio_device_bind_iommufd old;
		__u64 token;
	} bind = {
		.old.argsz = d->token ? sizeof(bind) : sizeof(bind.old),
		.old.flags = d->token ? 1 : 0,
		.old.iommufd = d->iommufd,
		.token = (size_t)d->token,
	};

	if (ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return failed(d, "VFIO_DEVICE_BIND_IOMMUFD");
	if (ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return failed(d, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	return 0;
}

static int open_iommufd(struct vt_device *d)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret;

	d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (d->iommufd < 0)
		return failed(d, "open /dev/iommu");
	if (ioctl(d->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return failed(d, "IOMMU_IOAS_ALLOC");
	d->ioas = alloc.out_ioas_id;
	ret = open_cdev(d);
	return ret ? ret : bind_iommufd(d);
}

static void init(struct vt_device *d, const char *bdf)
{
	*d = (struct vt_device)VT_DEVICE_INIT;
	snprintf(d->bdf, sizeof(d->bdf), "%s", bdf);
}

/* Memory decoding is off after open where the firmware left it so. */
static int finish_open(struct vt_device *d, int ret)
{
	if (!ret)
		ret = vt_memory(d, true);
	if (ret)
		vt_close(d);
	return ret;
}

int vt_open(struct vt_device *d, const char *bdf, const char *driver)
{
	return vt_open_vf(d, bdf, driver, NULL);
}

int vt_open_vf(struct vt_device *d, const char *bdf, const char *driver,
	       const unsigned char *token)
{
	int ret;

	init(d, bdf);
	d->token = token;
	ret = driver ? vt_bind(bdf, driver) : 0;
	if (ret)
		return ret;
	return finish_open(d, use_iommufd() ? open_iommufd(d) : open_type1(d));
}

int vt_open_sibling(struct vt_device *d, const struct vt_device *peer,
		    const char *bdf)
{
	int ret;

	init(d, bdf);
	d->sibling = true;
	d->group = peer->group;
	d->container = peer->container;
	d->iommufd = peer->iommufd;
	d->ioas = peer->ioas;

	if (d->iommufd < 0) {
		ret = get_device_fd(d);
	} else {
		ret = open_cdev(d);
		if (!ret)
			ret = bind_iommufd(d);
	}
	return finish_open(d, ret);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vt_close_fd(struct vt_device *d)
{
	close_fd(&d->fd);
}

void vt_close(struct vt_device *d)
{
	close_fd(&d->fd);
	if (d->sibling)
		return;
	close_fd(&d->group);
	close_fd(&d->container);
	close_fd(&d->iommufd);
}

int vt_region(const struct vt_device *d, unsigned int index,
	      struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){
		.argsz = sizeof(*info),
		.index = index,
	};
	return ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

__u64 vt_bar_size(const struct vt_device *d, unsigned int bar)
{
	struct vfio_region_info info;

	return vt_region(d, bar, &info) ? 0 : info.size;
}

int vt_dma_map(const struct vt_device *d, void *addr, size_t size, __u64 iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (size_t)addr,
		.iova = iova,
		.size = size,
	};

	return ioctl(d->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vt_dma_unmap(const struct vt_device *d, size_t size, __u64 iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

int vt_eventfd(const struct vt_device *d, __u32 index)
{
	struct {
		struct vfio_irq_set set;
		__s32 fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index,
			.count = 1,
		},
		.fd = eventfd(0, EFD_CLOEXEC),
	};

	return ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &irq) ? -errno : irq.fd;
}
