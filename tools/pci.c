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
#define RESOURCE_UNSET		0x20000000

void bdf_of_path(const char *path, char bdf[BDF_LEN])
{
	const char *part;
	char text[BDF_LEN];
	size_t len;

	bdf[0] = '\0';
	for (part = path; *part; part += len) {
		part += strspn(part, "/");
		len = strcspn(part, "/\n");
		if (len >= sizeof(text))
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)len, part);
		vd_parse_bdf(text, bdf);
	}
}

int parse_address(const char *text, char bdf[BDF_LEN])
{
	if (vd_parse_bdf(text, bdf))
		return usage_error("\"%s\" is not a PCI address such as 0000:01:00.0",
				   text);
	return DONE;
}

int parse_device(const char *text, char bdf[BDF_LEN])
{
	char path[PATH_MAX];
	struct stat st;

	if (parse_address(text, bdf))
		return USAGE;
	snprintf(path, sizeof(path), "%s" DEVICES "/%s", sys_root, bdf);
	if (stat(path, &st))
		return fail("there is no PCI device %s", bdf);
	return DONE;
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

static int read_id(const char *bdf, const char *file, unsigned int *id)
{
	char text[16];
	int ret = read_text(text, sizeof(text), DEVICES "/%s/%s", bdf, file);

	*id = ret ? 0 : strtoul(text, NULL, 16);
	return ret;
}

bool pci_names(const char *bdf, struct pci_names *names)
{
	if (read_id(bdf, "vendor", &names->vendor_id) ||
	    read_id(bdf, "device", &names->device_id))
		return false;
	pci_names_find(names);
	return true;
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
			bars[i].start = start;
			bars[i].size = end - start + 1;
			bars[i].io = flags & RESOURCE_IO;
			bars[i].prefetchable = flags & RESOURCE_PREFETCH;
			bars[i].wide = flags & RESOURCE_MEM_64;
			bars[i].unset = flags & RESOURCE_UNSET;
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
