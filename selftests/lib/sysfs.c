// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_test.h"

int vt_read_text(const char *path, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

int vt_try_write_text(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int vt_write_text(const char *path, const char *text)
{
	int ret = vt_try_write_text(path, text);

	if (ret)
		vt_log("write \"%s\" to %s: %s", text, path, strerror(-ret));
	return ret;
}

long long vt_read_number(const char *path)
{
	char buf[64];
	int ret;

	ret = vt_read_text(path, buf, sizeof(buf));
	if (ret) {
		vt_log("read %s: %s", path, strerror(-ret));
		return ret;
	}
	return strtoll(buf, NULL, 0);
}

static const char *device_variable(const char *name)
{
	char variable[64];

	snprintf(variable, sizeof(variable), "VPDM_DEV_%s", name);
	return getenv(variable);
}

bool vt_has_device(const char *name)
{
	return device_variable(name);
}

const char *vt_bdf(const char *name)
{
	const char *bdf = device_variable(name);

	if (!bdf) {
		vt_log("VPDM_DEV_%s is not set: no such device here", name);
		abort();
	}
	return bdf;
}

int vt_device_write(const char *bdf, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	return vt_write_text(path, text);
}

int vt_device_link(const char *bdf, const char *link, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(buf, size, "%s", base ? base + 1 : target);
	return 0;
}

int vt_driver_of(const char *bdf, char *buf, size_t size)
{
	return vt_device_link(bdf, "driver", buf, size);
}

int vt_unbind(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 bdf);
	if (access(path, F_OK))
		return 0;
	return vt_write_text(path, bdf);
}

int vt_bind(const char *bdf, const char *driver)
{
	char now[64];
	int ret;

	if (!strcmp(driver, VT_STOCK) && !vt_has_stock()) {
		vt_log("%s: " VT_NO_STOCK, bdf);
		return -ENODEV;
	}
	if (!strcmp(driver, VT_DRIVER))
		driver = vt_driver();
	if (!vt_driver_of(bdf, now, sizeof(now)) && !strcmp(now, driver))
		return 0;

	ret = vt_device_write(bdf, "driver_override", driver);
	if (!ret)
		ret = vt_unbind(bdf);
	if (!ret)
		ret = vt_write_text("/sys/bus/pci/drivers_probe", bdf);
	if (ret)
		return ret;

	if (vt_driver_of(bdf, now, sizeof(now)) || strcmp(now, driver)) {
		vt_log("%s did not bind to %s: is the module loaded?", bdf,
		       driver);
		return -ENODEV;
	}
	return 0;
}

int vt_set_vfs(const char *pf, unsigned int nr)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/sriov_numvfs",
		 pf);
	snprintf(text, sizeof(text), "%u", nr);
	return vt_try_write_text(path, text);
}

int vt_vf_bdf(const char *pf, unsigned int vf, char *buf, size_t size)
{
	char link[16];

	snprintf(link, sizeof(link), "virtfn%u", vf);
	return vt_device_link(pf, link, buf, size);
}

/* Where the config space @fd has the SR-IOV capability, or 0. */
static off_t find_sriov(int fd)
{
	off_t pos = PCI_CFG_SPACE_SIZE;
	__u32 header;

	while (pos && pread(fd, &header, sizeof(header), pos) ==
			      sizeof(header)) {
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV)
			return pos;
		pos = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* The low half of what BAR @pos says its size is, or 0. */
static __u32 bar_size(int fd, off_t pos)
{
	__u32 old, bar = ~0U;
	bool asked;

	if (pread(fd, &old, sizeof(old), pos) != sizeof(old))
		return 0;
	asked = pwrite(fd, &bar, sizeof(bar), pos) == sizeof(bar) &&
		pread(fd, &bar, sizeof(bar), pos) == sizeof(bar);
	if (pwrite(fd, &old, sizeof(old), pos) != sizeof(old) || !asked)
		return 0;
	return -(bar & (__u32)PCI_BASE_ADDRESS_MEM_MASK);
}

bool vt_vf_bar_is_small(const char *pf)
{
	char path[PATH_MAX];
	__u32 size = 0;
	off_t pos;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", pf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	pos = find_sriov(fd);
	if (pos)
		size = bar_size(fd, pos + PCI_SRIOV_BAR);
	close(fd);
	return size && size < VT_PAGE;
}

int vt_sysfs_reset(const char *bdf)
{
	return vt_device_write(bdf, "reset", "1");
}
