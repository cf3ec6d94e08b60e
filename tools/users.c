// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who uses a device. A driver that lets go of a device that VFIO users hold
 * waits for them, so nobody may be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define MAX_NAMED	8

bool uses_device(const struct file_use *use, const void *arg)
{
	const struct device_key *key = arg;

	if (use->kind == FILE_GROUP)
		return key->group >= 0 &&
		       use->number == (unsigned int)key->group;
	return use->bdf[0] && !strcmp(use->bdf, key->bdf);
}

/* Older kernels do not tell which device it is. */
static bool uses_some_device(const struct file_use *use, const void *arg)
{
	(void)arg;
	return !use->bdf[0] &&
	       (use->kind == FILE_DEVICE || use->kind == FILE_BAR);
}

/* How many there are; each process once. */
static int name_users(const struct uses *uses, use_filter filter,
		      const void *arg, char *text, size_t size)
{
	size_t used = 0, i;
	int nr = 0;

	text[0] = '\0';
	for (i = 0; i < uses->nr; i++) {
		if (!uses_first(uses, i, filter, arg))
			continue;
		if (nr++ < MAX_NAMED && used < size)
			used += snprintf(text + used, size - used,
					 "%s%s (pid %d)", used ? ", " : "",
					 uses->use[i].comm, uses->use[i].pid);
	}
	if (nr > MAX_NAMED && used < size)
		snprintf(text + used, size - used, " and %d more",
			 nr - MAX_NAMED);
	return nr;
}

int users_of(const char *bdf, char *text, size_t size)
{
	struct device_key key = { bdf, pci_group(bdf) };
	struct uses uses;
	int ret;

	ret = uses_read(&uses);
	if (ret)
		return ret;
	name_users(&uses, uses_device, &key, text, size);
	uses_free(&uses);
	return 0;
}

/*
 * VFIO lets nobody open a group of which a device is open: an fd on its way in a
 * socket, or in a process that is not to be seen from here.
 */
static bool group_is_busy(int group)
{
	static const char * const names[] = { "", "noiommu-" };
	char path[PATH_MAX];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(names) && group >= 0; i++) {
		snprintf(path, sizeof(path), "%s/dev/vfio/%s%d", sys_root,
			 names[i], group);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno == EBUSY)
			return true;
	}
	return false;
}

static int find_users(const char *bdf, const struct uses *uses, char *why,
		      size_t size)
{
	struct device_key key = { bdf, pci_group(bdf) };
	char names[512];

	if (name_users(uses, uses_device, &key, names, sizeof(names)))
		snprintf(why, size, "it is in use by %s", names);
	else if (!group_is_busy(key.group))
		return 0;
	else if (name_users(uses, uses_some_device, NULL, names, sizeof(names)))
		snprintf(why, size, "its IOMMU group is in use, maybe by %s",
			 names);
	else
		snprintf(why, size, "its IOMMU group is in use, by no process that can be seen from here");
	return -EBUSY;
}

int guard_in_use(const char *bdf, char *why, size_t size)
{
	struct uses uses;
	int ret;

	ret = uses_read(&uses);
	if (ret) {
		snprintf(why, size, "cannot tell who uses it: %s",
			 strerror(-ret));
		return ret;
	}
	ret = find_users(bdf, &uses, why, size);
	uses_free(&uses);
	return ret;
}
