// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From an iovec of addresses to slices of the objects that lie there, with
 * neighbours that continue each other merged.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int append(struct vd_slices *slices, size_t *room,
		  const struct vd_slice *new)
{
	struct vd_slice *last, *bigger;

	if (slices->nr) {
		last = &slices->slice[slices->nr - 1];
		if (last->key == new->key &&
		    last->offset + last->length == new->offset) {
			last->length += new->length;
			return 0;
		}
	}
	if (slices->nr == *room) {
		*room = *room ? *room * 2 : 16;
		bigger = reallocarray(slices->slice, *room, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		slices->slice = bigger;
	}
	slices->slice[slices->nr++] = *new;
	return 0;
}

static bool whole_pages(const struct iovec *iov)
{
	uintptr_t addr = (uintptr_t)iov->iov_base;
	uint64_t mask = vd_page_size() - 1;

	return iov->iov_len && !(addr & mask) && !(iov->iov_len & mask) &&
	       addr + iov->iov_len > addr;
}

/* An entry may run across several mappings. */
static int resolve_entry(struct vfio_dmabuf_ctx *ctx,
			 const struct vd_maps *maps, vd_lookup_fn lookup,
			 const struct iovec *iov, struct vd_slices *slices,
			 size_t *room)
{
	uintptr_t addr = (uintptr_t)iov->iov_base;
	size_t left = iov->iov_len;
	struct vd_slice slice;
	int ret;

	for (; left; addr += slice.length, left -= slice.length) {
		ret = lookup(ctx, maps, addr, left, &slice);
		if (ret)
			return ret;
		if (append(slices, room, &slice))
			return vd_error(ctx, ENOMEM, "out of memory");
	}
	return 0;
}

/* On success the caller frees @slices->slice. */
int vd_resolve(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
	       vd_lookup_fn lookup, const struct iovec *iov,
	       unsigned int iov_cnt, struct vd_slices *slices)
{
	size_t room = 0;
	unsigned int i;
	int ret = 0;

	slices->slice = NULL;
	slices->nr = 0;
	if (!iov_cnt) {
		vd_error(ctx, 0, "the iovec has no entries");
		return VFIO_DMABUF_WRONG_MEMORY;
	}
	for (i = 0; i < iov_cnt && !ret; i++) {
		if (whole_pages(&iov[i])) {
			ret = resolve_entry(ctx, maps, lookup, &iov[i], slices,
					    &room);
			continue;
		}
		vd_error(ctx, 0, "entry %u, 0x%zx bytes at %p, is not made of whole pages",
			 i, iov[i].iov_len, iov[i].iov_base);
		ret = VFIO_DMABUF_WRONG_MEMORY;
	}
	if (ret)
		free(slices->slice);
	return ret;
}
