// SPDX-License-Identifier: GPL-2.0-only
/* A mapping of a buffer against the ranges that it was exported with */
#include "vfio_test.h"

size_t vt_ranges_size(const struct vfio_region_dma_range *ranges, size_t nr)
{
	size_t i, size = 0;

	for (i = 0; i < nr; i++)
		size += ranges[i].length;
	return size;
}

static bool right_value(const char *at, __u64 page, __u64 base, size_t off)
{
	__u64 seen = 0;
	int sig = vt_peek(at, &seen);

	if (!sig && seen == base + page)
		return true;
	vt_log("byte 0x%zx of the mapping: signal %d, 0x%llx instead of 0x%llx",
	       off, sig, seen, base + page);
	return false;
}

static bool right_pfn(const char *at, __u64 page, __u64 base, size_t off)
{
	struct vpdm_pt_lookup l = vt_pte(at);

	if (l.present && l.pfn == base + page)
		return true;
	vt_log("byte 0x%zx of the mapping: present %u, PFN 0x%llx instead of 0x%llx",
	       off, l.present, l.pfn, base + page);
	return false;
}

static bool check(const void *map, const struct vfio_region_dma_range *ranges,
		  size_t nr, __u64 base,
		  bool (*right)(const char *at, __u64 page, __u64 base,
				size_t off))
{
	size_t off = 0, i;
	__u64 in;

	for (i = 0; i < nr; i++) {
		for (in = 0; in < ranges[i].length; in += VT_PAGE) {
			__u64 page = (ranges[i].offset + in) / VT_PAGE;

			if (!right((const char *)map + off, page, base, off))
				return false;
			off += VT_PAGE;
		}
	}
	return true;
}

bool vt_values_are(const void *map, const struct vfio_region_dma_range *ranges,
		   size_t nr, __u64 base)
{
	return check(map, ranges, nr, base, right_value);
}

bool vt_pfns_are(const void *map, const struct vfio_region_dma_range *ranges,
		 size_t nr, __u64 base)
{
	return check(map, ranges, nr, base, right_pfn);
}
