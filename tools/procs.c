// SPDX-License-Identifier: GPL-2.0-only
/*
 * One walk over /proc: who has DMABUFs, VFIO devices and groups open, and who
 * maps DMABUFs.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

static int add(struct uses *uses, const struct file_use *use)
{
	struct file_use *bigger;

	/* Doubles at every power of two. */
	if (!(uses->nr & (uses->nr - 1))) {
		bigger = reallocarray(uses->use, uses->nr ? uses->nr * 2 : 1,
				      sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		uses->use = bigger;
	}
	uses->use[uses->nr++] = *use;
	return 0;
}

/* "vfio-device-syspath: /sys/devices/.../BDF/vfio-dev/vfio0" (kernel 6.18) */
static void device_of_fd(struct file_use *use)
{
	char text[4096], *at, *end;

	if (read_text(text, sizeof(text), "/proc/%d/fdinfo/%d", use->pid,
		      use->fd))
		return;
	at = strstr(text, "vfio-device-syspath:");
	end = at ? strstr(at, "/vfio-dev/") : NULL;
	if (!end)
		return;
	*end = '\0';
	parse_bdf(base_name(at), use->bdf);
}

static void device_of_cdev(struct file_use *use, const char *name)
{
	char target[PATH_MAX];

	if (!read_link(target, sizeof(target), "/sys/class/vfio-dev/%s/device",
		       name))
		parse_bdf(base_name(target), use->bdf);
}

static ino_t inode_of_fd(const struct file_use *use)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", sys_root, use->pid,
		 use->fd);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* False if the file is none of ours. */
static bool classify(struct file_use *use, const char *target)
{
	static const char cdev[] = "/dev/vfio/devices/";

	if (!strncmp(target, "/dmabuf:", 8)) {
		use->kind = FILE_DMABUF;
		use->ino = inode_of_fd(use);
		return true;
	}
	if (!strcmp(target, "anon_inode:[vfio-device]")) {
		use->kind = FILE_DEVICE;
		device_of_fd(use);
		return true;
	}
	if (!strncmp(target, cdev, strlen(cdev))) {
		use->kind = FILE_DEVICE;
		device_of_cdev(use, target + strlen(cdev));
		return true;
	}
	use->kind = FILE_GROUP;
	return sscanf(target, "/dev/vfio/%u", &use->number) == 1;
}

static int read_fds(struct uses *uses, const struct file_use *proc)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct file_use use;
	struct dirent *entry;
	int ret = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", sys_root, proc->pid);
	d = opendir(path);
	if (!d) {
		/* A process that has ended hides nothing. */
		uses->partial |= errno == EACCES;
		return 0;
	}
	while (!ret && (entry = readdir(d))) {
		use = *proc;
		use.fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' ||
		    read_link(target, sizeof(target), "/proc/%d/fd/%d",
			      use.pid, use.fd))
			continue;
		if (classify(&use, target))
			ret = add(uses, &use);
	}
	closedir(d);
	return ret;
}

/* Each buffer once for a process, however many mappings of it there are. */
static bool mapped_already(const struct uses *uses, size_t first, ino_t ino)
{
	size_t i;

	for (i = first; i < uses->nr; i++)
		if (uses->use[i].kind == FILE_MAPPING &&
		    uses->use[i].ino == ino)
			return true;
	return false;
}

static int read_maps(struct uses *uses, const struct file_use *proc)
{
	char path[PATH_MAX], line[PATH_MAX + 128];
	struct file_use use = *proc;
	size_t first = uses->nr;
	unsigned long ino;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%d/maps", sys_root, proc->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	use.kind = FILE_MAPPING;
	while (!ret && fgets(line, sizeof(line), f)) {
		if (!strstr(line, " /dmabuf:") ||
		    sscanf(line, "%*s %*s %*s %*s %lu", &ino) != 1 ||
		    mapped_already(uses, first, ino))
			continue;
		use.ino = ino;
		ret = add(uses, &use);
	}
	fclose(f);
	return ret;
}

static int read_process(struct uses *uses, pid_t pid)
{
	struct file_use proc = { .pid = pid, .fd = -1 };
	int ret;

	if (read_text(proc.comm, sizeof(proc.comm), "/proc/%d/comm", pid))
		return 0;
	ret = read_maps(uses, &proc);
	return ret ? ret : read_fds(uses, &proc);
}

int uses_read(struct uses *uses)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;
	DIR *d;

	memset(uses, 0, sizeof(*uses));
	snprintf(path, sizeof(path), "%s/proc", sys_root);
	d = opendir(path);
	if (!d)
		return -errno;
	while (!ret && (entry = readdir(d)))
		if (isdigit((unsigned char)entry->d_name[0]))
			ret = read_process(uses, atoi(entry->d_name));
	closedir(d);
	if (ret)
		uses_free(uses);
	return ret;
}

void uses_free(struct uses *uses)
{
	free(uses->use);
	uses->use = NULL;
	uses->nr = 0;
}

/* By group where an older kernel does not tell the device of an fd. */
bool use_is_of_device(const struct file_use *use, const char *bdf, int group)
{
	if (use->kind == FILE_DEVICE)
		return !strcmp(use->bdf, bdf);
	return use->kind == FILE_GROUP && group >= 0 &&
	       use->number == (unsigned int)group;
}
