// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

int vfio_dmabuf_set_name(struct vfio_dmabuf_ctx *ctx, int dmabuf_fd,
			 const char *name)
{
	if (strlen(name) >= VFIO_DMABUF_NAME_LEN)
		return vd_error(ctx, ENAMETOOLONG, "a DMABUF's name has at most %d bytes: %s",
				VFIO_DMABUF_NAME_LEN - 1, name);
	if (ioctl(dmabuf_fd, DMA_BUF_SET_NAME_B, (uintptr_t)name))
		return vd_last_error(ctx, "fd %d: cannot set the name to \"%s\"",
				     dmabuf_fd, name);
	return 0;
}

/* Only fdinfo tells it. */
static void read_name(int fd, char name[VFIO_DMABUF_NAME_LEN])
{
	char path[64], line[256];
	FILE *f;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "name:\t%31[^\n]", name) == 1)
			break;
	fclose(f);
}

int vfio_dmabuf_describe(struct vfio_dmabuf_device *dev, int dmabuf_fd,
			 uint64_t bar_offset, struct vfio_dmabuf_info *info)
{
	off_t size = lseek(dmabuf_fd, 0, SEEK_END);
	int memattr;

	if (size < 0)
		return vd_last_error(dev->ctx, "fd %d: cannot tell the size",
				     dmabuf_fd);
	memset(info, 0, sizeof(*info));
	info->size = size;
	info->phase = bar_offset & ((1u << 30) - 1);
	memattr = vfio_dmabuf_get_memattr(dev, dmabuf_fd);
	/* A driver without attributes maps NC. */
	if (memattr < 0 && memattr != -ENOTTY)
		return memattr;
	info->memattr = memattr < 0 ? VFIO_DMABUF_NC : memattr;
	read_name(dmabuf_fd, info->name);
	return 0;
}
