// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

#define DEVICES "/sys/bus/pci/devices"

const char *vd_root = "";

static int link_name(const char *bdf, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(path, sizeof(path), "%s" DEVICES "/%s/%s", vd_root, bdf,
		 link);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (snprintf(name, size, "%s", base) >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}

int vd_sysfs_driver(const char *bdf, char *name, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" DEVICES "/%s", vd_root, bdf);
	if (access(path, F_OK))
		return -ENODEV;
	return link_name(bdf, "driver", name, size);
}

int vd_sysfs_group(const char *bdf, unsigned int *group)
{
	char name[32];
	int ret;

	ret = link_name(bdf, "iommu_group", name, sizeof(name));
	if (ret)
		return ret;
	return sscanf(name, "%u", group) == 1 ? 0 : -EINVAL;
}

int vd_sysfs_cdev(const char *bdf, char *path, size_t size)
{
	char dir[PATH_MAX];
	struct dirent *entry;
	int ret = -ENOENT;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s" DEVICES "/%s/vfio-dev", vd_root, bdf);
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "%s/dev/vfio/devices/%s", vd_root,
			 entry->d_name);
		/* The directory is there without CONFIG_VFIO_DEVICE_CDEV. */
		ret = access(path, F_OK) ? -errno : 0;
		break;
	}
	closedir(d);
	return ret;
}

void vd_sysfs_group_list(unsigned int group, vd_member_fn *is_wanted, void *arg,
			 char *text, size_t size)
{
	char dir[PATH_MAX], driver[64];
	struct dirent *entry;
	size_t used = 0;
	DIR *d;

	text[0] = '\0';
	snprintf(dir, sizeof(dir), "%s/sys/kernel/iommu_groups/%u/devices",
		 vd_root, group);
	d = opendir(dir);
	if (!d)
		return;
	while ((entry = readdir(d)) && used < size) {
		if (entry->d_name[0] == '.')
			continue;
		if (vd_sysfs_driver(entry->d_name, driver, sizeof(driver)))
			driver[0] = '\0';
		if (!is_wanted(entry->d_name, driver, arg))
			continue;
		used += snprintf(text + used, size - used, "%s%.16s (%s)",
				 used ? ", " : "", entry->d_name,
				 driver[0] ? driver : "no driver");
	}
	closedir(d);
}

static bool has_driver(const char *bdf, const char *driver, void *arg)
{
	(void)bdf;
	(void)arg;
	return driver[0];
}

/* Says which devices keep a group from being viable, and with which driver. */
void vd_sysfs_group_others(unsigned int group, char *text, size_t size)
{
	vd_sysfs_group_list(group, has_driver, NULL, text, size);
}
