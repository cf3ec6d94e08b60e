// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reasons to leave a device with its driver. What the kernel shows of disks and
 * NICs is a tree: a file system may lie on a device mapper on a RAID on a disk,
 * a route on a bridge over a bond over a NIC. Each is followed to the bottom.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tool.h"

#define MAX_DEPTH	16

/* A directory in /sys belongs to a PCI device if its real path runs through it. */
static bool is_below(const char *path, const char *bdf)
{
	char real[PATH_MAX], part[BDF_LEN + 2];

	snprintf(part, sizeof(part), "/%s/", bdf);
	return realpath(path, real) && strstr(real, part);
}

/* Itself, or what it stands on: the entries of @dir/@sub that begin with @prefix. */
static bool stands_on(const char *dir, const char *sub, const char *prefix,
		      const char *bdf, int depth)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found;
	DIR *d;

	found = is_below(dir, bdf);
	if (found || depth == MAX_DEPTH)
		return found;
	snprintf(path, sizeof(path), "%.2000s/%s", dir, sub);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%.2000s/%s/%s", dir, sub,
			 entry->d_name);
		found = stands_on(path, sub, prefix, bdf, depth + 1);
	}
	closedir(d);
	return found;
}

/* A partition stands on what its disk, the directory above, stands on. */
static bool disk_is_below(unsigned int major, unsigned int minor,
			  const char *bdf)
{
	static const struct {
		const char *dir;
		const char *sub;
		const char *prefix;
	} ways[] = {
		{ "", "slaves", "" },
		{ "/..", "slaves", "" },
		/* A multipath NVMe disk is below no controller, but names them. */
		{ "/device", "", "nvme" },
		{ "/../device", "", "nvme" },
	};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u%s",
			 sys_root, major, minor, ways[i].dir);
		if (stands_on(path, ways[i].sub, ways[i].prefix, bdf, 0))
			return true;
	}
	return false;
}

static bool source_is_below(const char *source, const char *bdf)
{
	struct stat st;

	if (source[0] != '/' || stat(source, &st) || !S_ISBLK(st.st_mode))
		return false;
	return disk_is_below(major(st.st_rdev), minor(st.st_rdev), bdf);
}

/* "36 25 8:1 / /mnt rw - ext4 /dev/sda1 rw"; btrfs has numbers of its own */
static bool mount_is_below(char *line, const char *bdf, char point[PATH_MAX])
{
	char source[PATH_MAX], escaped[PATH_MAX];
	unsigned int major, minor;
	char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%*s %*s %u:%u %*s %4095s", &major, &minor,
			    escaped) != 3)
		return false;
	unescape(point, PATH_MAX, escaped);
	if (disk_is_below(major, minor, bdf))
		return true;
	return sscanf(dash + 3, "%*s %4095s", source) == 1 &&
	       source_is_below(source, bdf);
}

static int open_proc(FILE **f, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/%s", sys_root, file);
	*f = fopen(path, "re");
	return *f ? 0 : -errno;
}

static int guard_swap(const char *bdf, char *why, size_t size)
{
	char line[PATH_MAX + 64], file[PATH_MAX];
	int ret = 0;
	FILE *f;

	if (open_proc(&f, "swaps"))
		return 0;
	while (!ret && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%4095s", file) != 1 ||
		    !source_is_below(file, bdf))
			continue;
		snprintf(why, size, "%.200s, which is swapped to, is on it",
			 file);
		ret = -EBUSY;
	}
	fclose(f);
	return ret;
}

int guard_mounted(const char *bdf, char *why, size_t size)
{
	char line[2 * PATH_MAX], point[PATH_MAX];
	int ret = 0;
	FILE *f;

	if (open_proc(&f, "self/mountinfo")) {
		snprintf(why, size, "cannot tell what is mounted: %s",
			 strerror(errno));
		return -EBUSY;
	}
	while (!ret && fgets(line, sizeof(line), f)) {
		if (!mount_is_below(line, bdf, point))
			continue;
		snprintf(why, size, "the file system at %.200s is on it",
			 point);
		ret = -EBUSY;
	}
	fclose(f);
	return ret ? ret : guard_swap(bdf, why, size);
}

static int check_interface(const char *bdf, const char *interface, char *why,
			   size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/class/net/%s", sys_root,
		 interface);
	if (!stands_on(path, "", "lower_", bdf, 0))
		return 0;
	snprintf(why, size, "the default route goes through it, as %s",
		 interface);
	return -EBUSY;
}

int guard_route(const char *bdf, char *why, size_t size)
{
	char line[512], interface[NAME_LEN], zero[40];
	unsigned int dest, mask;
	int ret = 0;
	FILE *f;

	if (!open_proc(&f, "net/route")) {
		while (!ret && fgets(line, sizeof(line), f))
			if (sscanf(line, "%63s %x %*s %*s %*s %*s %*s %x",
				   interface, &dest, &mask) == 3 &&
			    !dest && !mask)
				ret = check_interface(bdf, interface, why,
						      size);
		fclose(f);
	}
	if (ret || open_proc(&f, "net/ipv6_route"))
		return ret;
	while (!ret && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s 00 %*s %*s %*s %*s %*s %*s %*s %63s",
			   zero, interface) == 2 &&
		    strspn(zero, "0") == 32 && strcmp(interface, "lo"))
			ret = check_interface(bdf, interface, why, size);
	fclose(f);
	return ret;
}
