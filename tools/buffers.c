// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's list of buffers, in debugfs.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static bool parse(const char *line, struct buffer *b)
{
	unsigned long long size, ranges;

	memset(b, 0, sizeof(*b));
	if (sscanf(line, "%lu %63s %u %llu %llu %63s %63s %d %d %d %63[^\n]",
		   &b->ino, b->kind, &b->bar, &size, &ranges, b->memattr,
		   b->state, &b->vmas, &b->attachments, &b->mappings,
		   b->name) < 10)
		return false;
	b->size = size;
	b->ranges = ranges;
	return true;
}

int buffers_read(const char *bdf, struct buffer **buffers, size_t *nr)
{
	struct buffer b, *bigger;
	char path[PATH_MAX], line[512];
	FILE *f;

	*buffers = NULL;
	*nr = 0;
	snprintf(path, sizeof(path), "%s" OUR_DEBUGFS "/%s/buffers", sys_root,
		 bdf);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	/* The first line is the header, and does not parse. */
	while (fgets(line, sizeof(line), f)) {
		if (!parse(line, &b))
			continue;
		bigger = reallocarray(*buffers, *nr + 1, sizeof(b));
		if (!bigger) {
			free(*buffers);
			fclose(f);
			return -ENOMEM;
		}
		bigger[(*nr)++] = b;
		*buffers = bigger;
	}
	fclose(f);
	return 0;
}

/* In which device's list it is. */
int buffer_find(unsigned long ino, char bdf[BDF_LEN], struct buffer *buffer)
{
	struct buffer *buffers;
	struct dirent *entry;
	size_t nr, i;
	int ret = -ENOENT;
	DIR *d;

	d = opendir(OUR_DEBUGFS);
	if (!d)
		return -errno == -ENOENT ? -ENXIO : -errno;
	while (ret && (entry = readdir(d))) {
		if (parse_bdf(entry->d_name, bdf) ||
		    buffers_read(bdf, &buffers, &nr))
			continue;
		for (i = 0; i < nr; i++) {
			if (buffers[i].ino != ino)
				continue;
			*buffer = buffers[i];
			ret = 0;
		}
		free(buffers);
	}
	closedir(d);
	return ret;
}
