// SPDX-License-Identifier: GPL-2.0-only
/*
 * One walk over /proc: who has DMABUFs, devices and VFIO groups open, and who
 * maps DMABUFs and BARs.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

#define VFIO_DEVICE_FILE	"anon_inode:[vfio-device]"

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

/* "vfio-device-syspath: /sys/devices/.../BDF" (kernel 6.18) */
static void device_of_fd(struct file_use *use)
{
	char text[4096], *at;

	if (read_text(text, sizeof(text), "/proc/%d/fdinfo/%d", use->pid,
		      use->fd))
		return;
	at = strstr(text, "vfio-device-syspath:");
	if (!at)
		return;
	at[strcspn(at, "\n")] = '\0';
	bdf_of_path(at, use->bdf);
}

/*
 * By its number, since a container may have the node elsewhere. The kernel knows
 * which device that is of.
 */
static bool classify_node(struct file_use *use, const struct statx *st)
{
	const char *type = S_ISCHR(st->stx_mode) ? "char" : "block";
	char path[PATH_MAX];
	const char *name;

	if (!S_ISCHR(st->stx_mode) && !S_ISBLK(st->stx_mode))
		return false;
	if (read_link(path, sizeof(path), "/sys/dev/%s/%u:%u", type,
		      st->stx_rdev_major, st->stx_rdev_minor))
		return false;
	name = strstr(path, "/virtual/vfio/");
	if (name) {
		use->kind = FILE_GROUP;
		name += strcspn(name, "0123456789");
		use->number = atoi(name);
		return true;
	}
	use->kind = strstr(path, "/vfio-dev/") ? FILE_DEVICE : FILE_NODE;
	bdf_of_path(path, use->bdf);
	return use->bdf[0];
}

/* False if the file is none of ours. A file server is not waited for. */
static bool classify(struct file_use *use, const char *target)
{
	char path[PATH_MAX];
	struct statx st;

	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", sys_root, use->pid,
		 use->fd);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_INO, &st))
		st = (struct statx){ };
	if (!strncmp(target, "/dmabuf:", 8)) {
		use->kind = FILE_DMABUF;
		use->ino = st.stx_ino;
		return true;
	}
	if (!strcmp(target, VFIO_DEVICE_FILE)) {
		use->kind = FILE_DEVICE;
		device_of_fd(use);
		return true;
	}
	return classify_node(use, &st);
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

/* A mapping of a cdev, or of another driver's node, whose fd may be closed. */
static bool classify_node_mapping(struct file_use *use, const char *line)
{
	unsigned long start, end;
	char path[PATH_MAX];
	struct statx st;

	if (sscanf(line, "%lx-%lx", &start, &end) != 2)
		return false;
	snprintf(path, sizeof(path), "%s/proc/%d/map_files/%lx-%lx", sys_root,
		 use->pid, start, end);
	return !statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st) &&
	       classify_node(use, &st);
}

/* "/sys/devices/.../BDF/resource2" or "resource2_wc" */
static bool is_resource(const char *path)
{
	return !strncmp(base_name(path), "resource", strlen("resource"));
}

/* "7f0-7f8 rw-s 00001000 00:0e 1044   /dmabuf:vfio0:0000:01:00.0/2" */
static bool classify_mapping(struct file_use *use, char *line)
{
	unsigned long ino;
	int at = 0;
	char *path;

	if (sscanf(line, "%*s %*s %*s %*s %lu %n", &ino, &at) != 1 || !at)
		return false;
	path = line + at;
	path[strcspn(path, "\n")] = '\0';
	if (!strncmp(path, "/dmabuf:", 8)) {
		use->kind = FILE_MAPPING;
		use->ino = ino;
		return true;
	}
	use->kind = FILE_BAR;
	if (!strcmp(path, VFIO_DEVICE_FILE))
		return true;
	if (!strncmp(path, "/dev/", 5))
		return classify_node_mapping(use, line);
	if (!is_resource(path))
		return false;
	bdf_of_path(path, use->bdf);
	return use->bdf[0];
}

/* Each thing once for a process, however many mappings of it there are. */
static bool mapped_already(const struct uses *uses, size_t first,
			   const struct file_use *use)
{
	size_t i;

	for (i = first; i < uses->nr; i++)
		if (uses->use[i].kind == use->kind &&
		    uses->use[i].ino == use->ino &&
		    !strcmp(uses->use[i].bdf, use->bdf))
			return true;
	return false;
}

static int read_maps(struct uses *uses, const struct file_use *proc)
{
	char path[PATH_MAX], *line = NULL;
	size_t first = uses->nr, size = 0;
	struct file_use use;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%d/maps", sys_root, proc->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!ret && getline(&line, &size, f) > 0) {
		use = *proc;
		if (classify_mapping(&use, line) &&
		    !mapped_already(uses, first, &use))
			ret = add(uses, &use);
	}
	free(line);
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

/*
 * Our driver's BAR mappings look like exports, but keep the device open. Where
 * the driver's list cannot be read they stay untold.
 */
static int name_bar_mapping(const char *bdf, const struct buffer *b, void *arg)
{
	struct uses *uses = arg;
	size_t i;

	for (i = 0; i < uses->nr && !strcmp(b->kind, "bar"); i++) {
		if (uses->use[i].kind == FILE_MAPPING &&
		    uses->use[i].ino == b->ino)
			snprintf(uses->use[i].bdf, BDF_LEN, "%s", bdf);
	}
	return 0;
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
	else
		buffers_each(name_bar_mapping, uses);
	return ret;
}

void uses_free(struct uses *uses)
{
	free(uses->use);
	uses->use = NULL;
	uses->nr = 0;
}

bool uses_first(const struct uses *uses, size_t i, use_filter filter,
		const void *arg)
{
	size_t k;

	if (!filter(&uses->use[i], arg))
		return false;
	for (k = 0; k < i; k++)
		if (uses->use[k].pid == uses->use[i].pid &&
		    filter(&uses->use[k], arg))
			return false;
	return true;
}
