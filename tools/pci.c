// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

#define DEVICES "/sys/bus/pci/devices"

/* Bits of struct resource's flags, as /sys shows them */
#define RESOURCE_IO		0x00000100
#define RESOURCE_PREFETCH	0x00002000
#define RESOURCE_MEM_64		0x00100000

int parse_bdf(const char *text, char bdf[BDF_LEN])
{
	unsigned int domain = 0, bus, slot, func;
	int end = -1;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &func,
		   &end) != 4 || text[end]) {
		domain = 0;
		end = -1;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &func,
			   &end) != 3 || text[end])
			return -EINVAL;
	}
	snprintf(bdf, BDF_LEN, "%04x:%02x:%02x.%x", domain & 0xffff,
		 bus & 0xff, slot & 0x1f, func & 7);
	return 0;
}

bool pci_exists(const char *bdf)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s" DEVICES "/%s", sys_root, bdf);
	return !stat(path, &st);
}

void pci_driver(const char *bdf, char driver[NAME_LEN])
{
	char target[PATH_MAX];

	driver[0] = '\0';
	if (!read_link(target, sizeof(target), DEVICES "/%s/driver", bdf))
		snprintf(driver, NAME_LEN, "%.*s", NAME_LEN - 1,
			 base_name(target));
}

/* Its number, or -1. */
int pci_group(const char *bdf)
{
	char target[PATH_MAX];

	if (read_link(target, sizeof(target), DEVICES "/%s/iommu_group", bdf))
		return -1;
	return atoi(base_name(target));
}

void pci_bars(const char *bdf, struct bar bars[NR_BARS])
{
	uint64_t start, end, flags;
	char text[4096], *line = text;
	unsigned int i;

	memset(bars, 0, NR_BARS * sizeof(*bars));
	if (read_text(text, sizeof(text), DEVICES "/%s/resource", bdf))
		return;
	for (i = 0; i < NR_BARS && line; i++) {
		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start,
			   &end, &flags) == 3 && end) {
			bars[i].size = end - start + 1;
			bars[i].io = flags & RESOURCE_IO;
			bars[i].prefetchable = flags & RESOURCE_PREFETCH;
			bars[i].wide = flags & RESOURCE_MEM_64;
		}
		line = strchr(line, '\n');
		line += !!line;
	}
}

static int not_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int pci_each(int (*fn)(const char *bdf, void *arg), void *arg)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int nr, i, ret = 0;

	snprintf(path, sizeof(path), "%s" DEVICES, sys_root);
	nr = scandir(path, &entries, not_dot, alphasort);
	if (nr < 0)
		return fail("cannot read %s: %s", path, strerror(errno));
	for (i = 0; i < nr; i++) {
		if (!ret)
			ret = fn(entries[i]->d_name, arg);
		free(entries[i]);
	}
	free(entries);
	return ret;
}
