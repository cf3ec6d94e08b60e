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
	int name = 0;

	memset(b, 0, sizeof(*b));
	if (sscanf(line, "%lu %63s %u %llu %llu %63s %63s %d %d %d%n",
		   &b->ino, b->kind, &b->bar, &size, &ranges, b->memattr,
		   b->state, &b->vmas, &b->attachments, &b->mappings,
		   &name) < 10)
		return false;
	b->size = size;
	b->ranges = ranges;
	/* Its own are so that a name is on one line. */
	unescape(b->name, sizeof(b->name), line + name + (line[name] == ' '));
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

static int each_of_device(const char *bdf, buffer_fn fn, void *arg)
{
	struct buffer *buffers;
	size_t nr, i;
	int ret = 0;

	if (buffers_read(bdf, &buffers, &nr))
		return 0;
	for (i = 0; i < nr && !ret; i++)
		ret = fn(bdf, &buffers[i], arg);
	free(buffers);
	return ret;
}

int buffers_each(buffer_fn fn, void *arg)
{
	char path[PATH_MAX], bdf[BDF_LEN];
	struct dirent *entry;
	int ret = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s" OUR_DEBUGFS, sys_root);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? -ENXIO : -errno;
	while (!ret && (entry = readdir(d)))
		if (!vd_parse_bdf(entry->d_name, bdf))
			ret = each_of_device(bdf, fn, arg);
	closedir(d);
	return ret;
}
