// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "internal.h"
#include "iov.h"

int vfio_dmabuf_add_memfd(struct vfio_dmabuf_ctx *ctx, int memfd)
{
	struct vd_memfd *m;
	struct stat st;

	/* Only memfds have seals. */
	if (fcntl(memfd, F_GET_SEALS) < 0 || fstat(memfd, &st))
		return vd_last_error(ctx, "fd %d is not a memfd", memfd);
	m = calloc(1, sizeof(*m));
	if (!m)
		return vd_error(ctx, ENOMEM, "out of memory");
	m->fd = memfd;
	m->st_dev = st.st_dev;
	m->st_ino = st.st_ino;
	m->next = ctx->memfds;
	ctx->memfds = m;
	return 0;
}

int vfio_dmabuf_del_memfd(struct vfio_dmabuf_ctx *ctx, int memfd)
{
	struct vd_memfd **pos, *m;

	for (pos = &ctx->memfds; (m = *pos); pos = &m->next) {
		if (m->fd != memfd)
			continue;
		*pos = m->next;
		free(m);
		return 0;
	}
	return vd_error(ctx, ENOENT, "memfd %d was not added", memfd);
}

static int lookup_memfd(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
			uintptr_t addr, size_t length, struct vd_slice *slice)
{
	const struct vd_vma *vma = vd_maps_find(maps, addr);
	const struct vd_memfd *m = NULL;

	if (vma)
		for (m = ctx->memfds; m; m = m->next)
			if (m->st_dev == vma->st_dev &&
			    m->st_ino == vma->st_ino)
				break;
	if (!m) {
		vd_error(ctx, 0, "the memory at 0x%lx is not in a memfd",
			 (unsigned long)addr);
		return VFIO_DMABUF_WRONG_MEMORY;
	}
	/* What a private mapping has written is not in the memfd. */
	if (!vma->shared)
		return vd_error(ctx, EOPNOTSUPP, "the memfd at 0x%lx is not mapped MAP_SHARED",
				(unsigned long)addr);
	slice->key = m;
	slice->offset = vma->offset + (addr - vma->start);
	slice->length = vma->end - addr;
	if (slice->length > length)
		slice->length = length;
	return 0;
}

static int create_list(struct vfio_dmabuf_ctx *ctx,
		       const struct vd_slices *slices, int *fd)
{
	struct udmabuf_create_list *list;
	int dev, ret = 0;
	size_t i;

	dev = vd_open("/dev/udmabuf", O_RDWR);
	if (dev < 0)
		return vd_last_error(ctx, "cannot open /dev/udmabuf");
	list = calloc(1, sizeof(*list) + slices->nr * sizeof(list->list[0]));
	if (!list) {
		ret = vd_error(ctx, ENOMEM, "out of memory");
		goto out;
	}
	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = slices->nr;
	for (i = 0; i < slices->nr; i++) {
		const struct vd_memfd *m = slices->slice[i].key;

		list->list[i].memfd = m->fd;
		list->list[i].offset = slices->slice[i].offset;
		list->list[i].size = slices->slice[i].length;
	}
	*fd = vd_above_stdio(ioctl(dev, UDMABUF_CREATE_LIST, list));
	if (*fd < 0)
		ret = vd_last_error(ctx, "udmabuf cannot take %zu ranges (list_limit and size_limit_mb in /sys/module/udmabuf/parameters, F_SEAL_SHRINK)",
				    slices->nr);
	free(list);
out:
	close(dev);
	return ret;
}

int vd_create_udmabuf(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
		      const struct iovec *iov, unsigned int iov_cnt, int *fd)
{
	struct vd_slices slices;
	int ret;

	ret = vd_resolve(ctx, maps, lookup_memfd, iov, iov_cnt, &slices);
	if (ret)
		return ret;
	ret = create_list(ctx, &slices, fd);
	free(slices.slice);
	return ret;
}
