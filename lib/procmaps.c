// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/self/maps, read once for a whole iovec.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

static int parse_line(char *line, struct vd_vma *vma)
{
	unsigned int major, minor;
	uint64_t start, end, ino;
	int name = -1;
	char perms[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &start, &end, perms, &vma->offset, &major, &minor, &ino,
		   &name) != 7 || name < 0)
		return -EINVAL;
	vma->start = start;
	vma->end = end;
	vma->shared = perms[3] == 's';
	vma->st_dev = makedev(major, minor);
	vma->st_ino = ino;
	vma->name = line + name;
	return 0;
}

/* Takes over @text, which must come from malloc(). */
int vd_maps_parse(char *text, struct vd_maps *maps)
{
	size_t lines = 0;
	char *line, *next;
	int ret = -ENOMEM;

	maps->text = text;
	maps->nr = 0;
	for (line = text; *line; line++)
		lines += *line == '\n';
	maps->vma = calloc(lines + 1, sizeof(*maps->vma));
	if (!maps->vma)
		goto fail;
	for (line = text; (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		ret = parse_line(line, &maps->vma[maps->nr]);
		if (ret)
			goto fail;
		maps->nr++;
	}
	return 0;
fail:
	vd_maps_free(maps);
	return ret;
}

int vd_maps_read(struct vd_maps *maps)
{
	size_t size = 65536, used = 0;
	char *text = NULL, *bigger;
	int fd, ret;
	ssize_t n;

	fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		if (!text || used == size - 1) {
			size *= 2;
			bigger = realloc(text, size);
			if (!bigger) {
				ret = -ENOMEM;
				goto fail;
			}
			text = bigger;
		}
		n = read(fd, text + used, size - 1 - used);
		if (n < 0) {
			ret = -errno;
			goto fail;
		}
		used += n;
	} while (n);
	close(fd);
	text[used] = '\0';
	return vd_maps_parse(text, maps);
fail:
	free(text);
	close(fd);
	return ret;
}

void vd_maps_free(struct vd_maps *maps)
{
	free(maps->vma);
	free(maps->text);
	maps->vma = NULL;
	maps->text = NULL;
}

const struct vd_vma *vd_maps_find(const struct vd_maps *maps, uintptr_t addr)
{
	size_t low = 0, high = maps->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr >= maps->vma[mid].end)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == maps->nr || addr < maps->vma[low].start)
		return NULL;
	return &maps->vma[low];
}

/* By its name, which for a DMABUF anyone can choose: a hint, not a proof. */
bool vd_vma_is_vfio(const struct vd_vma *vma)
{
	static const char * const names[] = {
		"anon_inode:[vfio-device]",
		"/dmabuf:vfio",
		"/dev/vfio/devices/",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(vma->name, names[i], strlen(names[i])))
			return true;
	return false;
}
