// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slice.h"

int parse_bar(const char *text, unsigned int *bar)
{
	if (strlen(text) != 1 || *text < '0' || *text >= '0' + NR_BARS)
		return usage_error("a BAR is 0 to 5, not \"%s\"", text);
	*bar = *text - '0';
	return DONE;
}

int parse_range(const char *text, struct vfio_dmabuf_range *range)
{
	char *offset = strdup(text), *plus;
	int ret;

	if (!offset)
		return fail("out of memory");
	plus = strchr(offset, '+');
	if (plus)
		*plus = '\0';
	ret = !plus || parse_size(offset, &range->offset) ||
	      parse_size(plus + 1, &range->length);
	free(offset);
	return ret ? usage_error("a range is OFFSET+LENGTH, such as 0x100000+64K, not \"%s\"",
				 text) : DONE;
}

int open_device(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		const char *vf_token, struct vfio_dmabuf_device **dev)
{
	int ret = vfio_dmabuf_open_token(ctx, bdf, vf_token, 0, dev);
	char users[512] = "";

	if (!ret)
		return DONE;
	/* The latter by a cdev. */
	if (ret == -EBUSY || ret == -EINVAL)
		users_of(bdf, users, sizeof(users));
	return fail("%s%s%s", vfio_dmabuf_error(ctx),
		    users[0] ? ": " : "", users);
}

int check_bar_maps(struct vfio_dmabuf_device *dev, const char *bdf,
		   unsigned int bar, uint64_t *size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct vfio_dmabuf_bar info;
	struct bar bars[NR_BARS];

	if (vfio_dmabuf_bar_info(dev, bar, &info))
		return fail("%s has no BAR %u", bdf, bar);
	pci_bars(bdf, bars);
	if (bars[bar].io)
		return fail("BAR %u of %s is I/O space, which cannot be mapped",
			    bar, bdf);
	if (!info.size)
		return fail("%s has no BAR %u", bdf, bar);
	if (info.size < page || !(info.flags & VFIO_DMABUF_BAR_MMAP))
		return fail("BAR %u of %s cannot be mapped: it has %llu bytes, less than a page of %llu, or shares one",
			    bar, bdf, (unsigned long long)info.size,
			    (unsigned long long)page);
	*size = info.size;
	return DONE;
}

/* The kernel says EINVAL to all of these. */
int check_range(const char *bdf, unsigned int bar, uint64_t bar_size,
		const struct vfio_dmabuf_range *range)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	char size[32];

	if (!range->length)
		return fail("a range of length 0 is none");
	if (range->offset % page || range->length % page)
		return fail("0x%llx+0x%llx: offset and length must be multiples of the page size, %llu",
			    (unsigned long long)range->offset,
			    (unsigned long long)range->length,
			    (unsigned long long)page);
	if (range->offset > bar_size ||
	    range->length > bar_size - range->offset)
		return fail("0x%llx+0x%llx reaches beyond BAR %u of %s, which has %s",
			    (unsigned long long)range->offset,
			    (unsigned long long)range->length, bar, bdf,
			    size_text(bar_size, size));
	return DONE;
}
