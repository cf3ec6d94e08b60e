// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of the range and mappings of them. Without --write they are read-only:
 * the kernel itself sees to it that nothing is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

int view_open(struct bench *b, uint32_t memattr, struct view *v)
{
	struct vfio_dmabuf_info info;
	int ret;

	*v = (struct view){
		.fd = -1, .attr = memattr == VFIO_DMABUF_WC ? "WC" : "NC",
	};
	v->fd = vfio_dmabuf_export(b->dev, b->bar, &b->range, 1, O_CLOEXEC |
				   (b->write ? O_RDWR : O_RDONLY));
	if (v->fd < 0)
		return fail("%s", vfio_dmabuf_error(b->ctx));
	ret = vfio_dmabuf_describe(b->dev, v->fd, b->range.offset, &info);
	if (!ret && memattr != VFIO_DMABUF_NC)
		ret = vfio_dmabuf_set_memattr(b->dev, v->fd, memattr);
	if (ret) {
		fail("%s", vfio_dmabuf_error(b->ctx));
		view_close(v);
		return FAILED;
	}
	v->phase = info.phase;
	return DONE;
}

/* With a @skew of a page, no entry maps more than a page. */
int view_map(struct bench *b, struct view *v, size_t size, uint32_t skew)
{
	int prot = PROT_READ | (b->write ? PROT_WRITE : 0);
	void *map;

	if (vfio_dmabuf_map(b->ctx, v->fd, 0, size, prot, v->phase + skew,
			    &map))
		return fail("%s", vfio_dmabuf_error(b->ctx));
	v->map = map;
	v->size = size;
	return DONE;
}

void view_unmap(struct view *v)
{
	if (v->map)
		munmap(v->map, v->size);
	v->map = NULL;
}

void view_close(struct view *v)
{
	view_unmap(v);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

static int open_nc(struct bench *b, struct view *v, size_t size)
{
	if (view_open(b, VFIO_DMABUF_NC, v))
		return FAILED;
	if (!view_map(b, v, size, 0))
		return DONE;
	view_close(v);
	return FAILED;
}

/* A reset may change all of the range, stores no more than the span. */
int save_range(struct bench *b)
{
	struct view v;
	int ret;

	b->nr_saved = b->reset ? b->range.length : b->span;
	b->saved = malloc(b->nr_saved);
	if (!b->saved)
		return fail("no memory to save %zu bytes", b->nr_saved);
	if (open_nc(b, &v, b->nr_saved))
		return FAILED;
	ret = vfio_dmabuf_read(b->saved, v.map, b->nr_saved);
	view_close(&v);
	return ret ? fail("cannot save the range: %s", strerror(-ret)) : DONE;
}

static int write_and_compare(struct bench *b, const struct view *v)
{
	char *again = malloc(b->nr_saved);
	int ret;

	if (!again)
		return -ENOMEM;
	ret = vfio_dmabuf_write(v->map, b->saved, b->nr_saved);
	if (!ret)
		ret = vfio_dmabuf_read(again, v->map, b->nr_saved);
	if (!ret && memcmp(again, b->saved, b->nr_saved))
		ret = -EIO;
	free(again);
	return ret;
}

int restore_range(struct bench *b)
{
	struct view v;
	int ret;

	if (open_nc(b, &v, b->nr_saved))
		return fail("the range is not restored");
	ret = write_and_compare(b, &v);
	view_close(&v);
	if (ret == -EIO)
		return fail("restored, but it does not read as it did");
	return ret ? fail("the range is not restored: %s", strerror(-ret)) :
		     DONE;
}
