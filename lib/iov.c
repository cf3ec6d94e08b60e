// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a VMM needs for memory that its guest names by address: a DMABUF of it,
 * and word on whose fault it is if there can be none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "iov.h"

static struct vd_mapping *find_mapping(struct vfio_dmabuf_ctx *ctx,
				       uintptr_t addr)
{
	struct vd_mapping *m;

	for (m = ctx->mappings; m; m = m->next)
		if (addr >= m->addr && addr - m->addr < m->length)
			return m;
	return NULL;
}

/* The caller may have unmapped it, and mapped something else since. */
static bool still_there(const struct vd_mapping *m, const struct vd_vma *vma,
			uintptr_t addr)
{
	return vma->st_dev == m->st_dev && vma->st_ino == m->st_ino &&
	       vd_vma_is_vfio(vma) &&
	       vma->offset + (addr - vma->start) ==
	       m->shown + (addr - m->addr);
}

static int lookup_bar(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
		      uintptr_t addr, size_t length, struct vd_slice *slice)
{
	const struct vd_vma *vma = vd_maps_find(maps, addr);
	struct vd_mapping *m = find_mapping(ctx, addr);
	size_t run;

	if (!vma || !vd_vma_is_vfio(vma)) {
		vd_error(ctx, 0, "the memory at 0x%lx is not in a BAR",
			 (unsigned long)addr);
		return VFIO_DMABUF_WRONG_MEMORY;
	}
	if (!m || !still_there(m, vma, addr))
		return vd_error(ctx, ENOKEY, "the BAR mapping \"%s\" at 0x%lx was not added with vfio_dmabuf_add_mapping()",
				vma->name, (unsigned long)addr);
	run = m->length - (addr - m->addr);
	if (run > vma->end - addr)
		run = vma->end - addr;
	slice->key = &m->dev->bar[m->bar];
	slice->offset = m->offset + (addr - m->addr);
	slice->length = run < length ? run : length;
	return 0;
}

static struct vfio_dmabuf_device *device_of(struct vfio_dmabuf_ctx *ctx,
					    const void *key, unsigned int *bar)
{
	struct vfio_dmabuf_device *dev;

	for (dev = ctx->devices; dev; dev = dev->next)
		for (*bar = 0; *bar < VD_NR_BARS; (*bar)++)
			if (key == &dev->bar[*bar])
				return dev;
	return NULL;
}

static int resolve_bar(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
		       const struct iovec *iov, unsigned int iov_cnt,
		       struct vd_slices *slices)
{
	size_t i;
	int ret;

	ret = vd_resolve(ctx, maps, lookup_bar, iov, iov_cnt, slices);
	if (ret)
		return ret;
	for (i = 1; i < slices->nr; i++) {
		if (slices->slice[i].key == slices->slice[0].key)
			continue;
		vd_error(ctx, 0, "the memory is in more than one BAR");
		free(slices->slice);
		return VFIO_DMABUF_WRONG_MEMORY;
	}
	return 0;
}

static int create_bar(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
		      const struct iovec *iov, unsigned int iov_cnt, int *fd)
{
	struct vfio_dmabuf_range *ranges;
	struct vfio_dmabuf_device *dev;
	struct vd_slices slices;
	unsigned int bar;
	size_t i;
	int ret;

	ret = resolve_bar(ctx, maps, iov, iov_cnt, &slices);
	if (ret)
		return ret;
	dev = device_of(ctx, slices.slice[0].key, &bar);
	ranges = calloc(slices.nr, sizeof(*ranges));
	if (!ranges) {
		ret = vd_error(ctx, ENOMEM, "out of memory");
		goto out;
	}
	for (i = 0; i < slices.nr; i++) {
		ranges[i].offset = slices.slice[i].offset;
		ranges[i].length = slices.slice[i].length;
	}
	ret = vfio_dmabuf_export(dev, bar, ranges, slices.nr,
				 O_RDONLY | O_CLOEXEC);
	if (ret >= 0) {
		*fd = ret;
		ret = 0;
	}
	free(ranges);
out:
	free(slices.slice);
	return ret;
}

static int read_maps(struct vfio_dmabuf_ctx *ctx, struct vd_maps *maps)
{
	int ret = vd_maps_read(maps);

	return ret ? vd_error(ctx, -ret, "cannot read /proc/self/maps") : 0;
}

enum memory {
	MEMORY_HOST = 1,
	MEMORY_BAR = 2,
};

static int create(struct vfio_dmabuf_ctx *ctx, unsigned int memory,
		  const struct iovec *iov, unsigned int iov_cnt, int *fd)
{
	int ret = VFIO_DMABUF_WRONG_MEMORY;
	struct vd_maps maps;
	int err;

	err = read_maps(ctx, &maps);
	if (err)
		return err;
	if (memory & MEMORY_HOST)
		ret = vd_create_udmabuf(ctx, &maps, iov, iov_cnt, fd);
	if (ret == VFIO_DMABUF_WRONG_MEMORY && memory & MEMORY_BAR)
		ret = create_bar(ctx, &maps, iov, iov_cnt, fd);
	vd_maps_free(&maps);
	return ret;
}

int vfio_dmabuf_create_fd_udmabuf(struct vfio_dmabuf_ctx *ctx,
				  const struct iovec *iov, unsigned int iov_cnt,
				  int *fd)
{
	return create(ctx, MEMORY_HOST, iov, iov_cnt, fd);
}

int vfio_dmabuf_create_fd_bar(struct vfio_dmabuf_ctx *ctx,
			      const struct iovec *iov, unsigned int iov_cnt,
			      int *fd)
{
	return create(ctx, MEMORY_BAR, iov, iov_cnt, fd);
}

int vfio_dmabuf_create_fd(struct vfio_dmabuf_ctx *ctx, const struct iovec *iov,
			  unsigned int iov_cnt, int *fd)
{
	return create(ctx, MEMORY_HOST | MEMORY_BAR, iov, iov_cnt, fd);
}

/* Over the reservation, so that a failure in the middle leaves no hole. */
static int stitch(struct vfio_dmabuf_device *dev, unsigned int bar,
		  const struct vd_slices *slices, char *view)
{
	size_t i;

	for (i = 0; i < slices->nr; i++) {
		const struct vd_slice *s = &slices->slice[i];

		if (mmap(view, s->length, PROT_READ, MAP_SHARED | MAP_FIXED,
			 dev->fd, dev->bar[bar].offset + s->offset) ==
		    MAP_FAILED)
			return vd_last_error(dev->ctx, "%s: cannot map 0x%llx bytes at 0x%llx of BAR %u",
					     dev->bdf,
					     (unsigned long long)s->length,
					     (unsigned long long)s->offset,
					     bar);
		view += s->length;
	}
	return 0;
}

static int map_slices(struct vfio_dmabuf_ctx *ctx,
		      const struct vd_slices *slices, void **addr,
		      size_t *length)
{
	struct vfio_dmabuf_device *dev;
	unsigned int bar;
	size_t total = 0, i;
	char *view;
	int ret;

	for (i = 0; i < slices->nr; i++)
		if (__builtin_add_overflow(total, slices->slice[i].length,
					   &total))
			return vd_error(ctx, ENOMEM, "the view is larger than the address space");
	dev = device_of(ctx, slices->slice[0].key, &bar);
	view = mmap(NULL, total, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (view == MAP_FAILED)
		return vd_last_error(ctx, "cannot reserve 0x%zx bytes", total);
	ret = stitch(dev, bar, slices, view);
	if (ret) {
		munmap(view, total);
		return ret;
	}
	*addr = view;
	*length = total;
	return 0;
}

int vfio_dmabuf_mmap_iov(struct vfio_dmabuf_ctx *ctx, const struct iovec *iov,
			 unsigned int iov_cnt, void **addr, size_t *length)
{
	struct vd_slices slices;
	struct vd_maps maps;
	int ret;

	ret = read_maps(ctx, &maps);
	if (ret)
		return ret;
	ret = resolve_bar(ctx, &maps, iov, iov_cnt, &slices);
	vd_maps_free(&maps);
	if (ret)
		return ret;
	ret = map_slices(ctx, &slices, addr, length);
	free(slices.slice);
	return ret;
}
