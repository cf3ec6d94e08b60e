// SPDX-License-Identifier: GPL-2.0-only
/* What /proc/self/smaps says of a mapping */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vfio_test.h"

int vt_smaps_line(const void *addr, const char *key, char *buf, size_t size)
{
	char start[32], line[512];
	bool here = false;
	FILE *f;

	f = fopen("/proc/self/smaps", "r");
	if (!f)
		return -errno;
	snprintf(start, sizeof(start), "%zx-", (size_t)addr);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			here = true;
		if (!here || strncmp(line, key, strlen(key)))
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(line, "\n"), line);
		fclose(f);
		return 0;
	}
	fclose(f);
	return -ENOENT;
}

int vt_maps_entry(const void *addr, unsigned long *offset, char *path,
		  size_t size)
{
	char line[512], name[256] = "";
	int ret;

	/* Without a key the first line of the entry is the one. */
	ret = vt_smaps_line(addr, "", line, sizeof(line));
	if (ret)
		return ret;
	if (sscanf(line, "%*s %*s %lx %*s %*s %255[^\n]", offset, name) < 1)
		return -EPROTO;
	snprintf(path, size, "%s", name);
	return 0;
}
