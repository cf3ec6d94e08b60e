// SPDX-License-Identifier: GPL-2.0-only
/* Config space, and what is switched through it: memory, power, reset */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_test.h"

static int config_offset(const struct vt_device *d, __u64 *offset)
{
	struct vfio_region_info info;
	int ret;

	ret = vt_region(d, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (ret)
		vt_log("%s: region info of config space: %s", d->bdf,
		       strerror(-ret));
	*offset = info.offset;
	return ret;
}

int vt_config_read(const struct vt_device *d, unsigned int off, void *buf,
		   size_t size)
{
	__u64 base;
	ssize_t n;
	int ret;

	ret = config_offset(d, &base);
	if (ret)
		return ret;
	n = pread(d->fd, buf, size, base + off);
	if (n == (ssize_t)size)
		return 0;
	ret = n < 0 ? -errno : -EIO;
	vt_log("%s: read of %zu bytes of config space at 0x%x: %s", d->bdf,
	       size, off, strerror(-ret));
	return ret;
}

int vt_config_write(const struct vt_device *d, unsigned int off,
		    const void *buf, size_t size)
{
	__u64 base;
	ssize_t n;
	int ret;

	ret = config_offset(d, &base);
	if (ret)
		return ret;
	n = pwrite(d->fd, buf, size, base + off);
	if (n == (ssize_t)size)
		return 0;
	ret = n < 0 ? -errno : -EIO;
	vt_log("%s: write of %zu bytes to config space at 0x%x: %s", d->bdf,
	       size, off, strerror(-ret));
	return ret;
}

int vt_memory(const struct vt_device *d, bool on)
{
	__u16 cmd;
	int ret;

	ret = vt_config_read(d, PCI_COMMAND, &cmd, sizeof(cmd));
	if (ret)
		return ret;
	if (on)
		cmd |= PCI_COMMAND_MEMORY;
	else
		cmd &= ~PCI_COMMAND_MEMORY;
	return vt_config_write(d, PCI_COMMAND, &cmd, sizeof(cmd));
}

int vt_find_cap(const struct vt_device *d, unsigned int id)
{
	__u8 pos, cap[2];
	int ret, left = 48;

	ret = vt_config_read(d, PCI_CAPABILITY_LIST, &pos, sizeof(pos));
	while (!ret && pos >= PCI_STD_HEADER_SIZEOF && left--) {
		ret = vt_config_read(d, pos & ~3, cap, sizeof(cap));
		if (!ret && cap[0] == id)
			return pos & ~3;
		pos = cap[1];
	}
	return ret ? ret : -ENOENT;
}

int vt_power_state(const struct vt_device *d, unsigned int state)
{
	int pos, ret;
	__u16 ctrl;

	pos = vt_find_cap(d, PCI_CAP_ID_PM);
	if (pos < 0)
		return pos;
	ret = vt_config_read(d, pos + PCI_PM_CTRL, &ctrl, sizeof(ctrl));
	if (ret)
		return ret;
	ctrl = (ctrl & ~PCI_PM_CTRL_STATE_MASK) | state;
	return vt_config_write(d, pos + PCI_PM_CTRL, &ctrl, sizeof(ctrl));
}

bool vt_can_reset(const struct vt_device *d)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info)) {
		vt_log("%s: VFIO_DEVICE_GET_INFO: %s", d->bdf, strerror(errno));
		return false;
	}
	return info.flags & VFIO_DEVICE_FLAGS_RESET;
}

int vt_reset(const struct vt_device *d)
{
	return ioctl(d->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* With iommufd the kernel knows the owner itself and takes no group fds. */
int vt_hot_reset(const struct vt_device *d)
{
	struct vfio_pci_hot_reset *reset;
	int ret;

	reset = calloc(1, sizeof(*reset) + sizeof(__s32));
	if (!reset)
		return -ENOMEM;
	reset->argsz = sizeof(*reset);
	if (d->group >= 0) {
		reset->argsz += sizeof(__s32);
		reset->count = 1;
		reset->group_fds[0] = d->group;
	}
	ret = ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, reset) ? -errno : 0;
	free(reset);
	return ret;
}
