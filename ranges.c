// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range table: finds the PFN of a page of a buffer.
 *
 * QEMU exports one range per iovec entry, so thousands of ranges are normal. Each takes
 * eight bytes, and look-up is a binary search.
 */
#include "ranges.h"

#define VPDM_NARROW_MAX	0xffffffffULL

/* Whether a range at @pfn continues the one before it. */
static bool vpdm_ranges_continue(const struct vpdm_ranges *ranges, __u64 pfn)
{
	return ranges->pages && pfn == ranges->last;
}

static void vpdm_ranges_advance(struct vpdm_ranges *ranges, __u64 pfn,
				__u64 pages)
{
	ranges->last = pfn + pages;
	ranges->pages += pages;
}

/*
 * True from 16 TiB on, with pages of 4 KiB: in practice, if one buffer repeats a large
 * BAR many times.
 */
static bool vpdm_ranges_need_wide(const struct vpdm_ranges *ranges)
{
	return ranges->pages > VPDM_NARROW_MAX ||
	       ranges->top - ranges->base > VPDM_NARROW_MAX;
}

/**
 * vpdm_ranges_count - count a range, first pass
 * @ranges: table, zeroed before the first call
 * @pfn: first PFN
 * @pages: number of pages, not 0
 *
 * Count ranges in the order in which the buffer shows them. The caller makes sure that
 * the sum of all @pages does not overflow.
 */
void vpdm_ranges_count(struct vpdm_ranges *ranges, __u64 pfn, __u64 pages)
{
	if (!vpdm_ranges_continue(ranges, pfn))
		ranges->nr++;
	if (!ranges->pages || pfn < ranges->base)
		ranges->base = pfn;
	if (pfn + pages > ranges->top)
		ranges->top = pfn + pages;

	vpdm_ranges_advance(ranges, pfn, pages);
}

/**
 * vpdm_ranges_bytes - size of the array that the second pass fills
 * @ranges: table after the first pass
 *
 * Return: bytes, 0 if no array is needed.
 */
size_t vpdm_ranges_bytes(const struct vpdm_ranges *ranges)
{
	if (ranges->nr <= 1)
		return 0;

	return ranges->nr * (vpdm_ranges_need_wide(ranges) ?
			     sizeof(*ranges->wide) : sizeof(*ranges->narrow));
}

/**
 * vpdm_ranges_start - begin the second pass
 * @ranges: table after the first pass
 * @array: vpdm_ranges_bytes() bytes, or NULL if that is 0; the caller frees it after
 *	the last look-up
 */
void vpdm_ranges_start(struct vpdm_ranges *ranges, void *array)
{
	ranges->is_wide = vpdm_ranges_need_wide(ranges);
	ranges->array = array;
	ranges->filled = 0;
	ranges->pages = 0;
}

/**
 * vpdm_ranges_add - store a range, second pass
 * @ranges: table
 * @pfn: first PFN
 * @pages: number of pages
 *
 * Add the same ranges as in the first pass, in the same order.
 */
void vpdm_ranges_add(struct vpdm_ranges *ranges, __u64 pfn, __u64 pages)
{
	if (ranges->array && !vpdm_ranges_continue(ranges, pfn)) {
		size_t i = ranges->filled++;

		if (ranges->is_wide) {
			ranges->wide[i].page = ranges->pages;
			ranges->wide[i].pfn = pfn - ranges->base;
		} else {
			ranges->narrow[i].page = ranges->pages;
			ranges->narrow[i].pfn = pfn - ranges->base;
		}
	}
	vpdm_ranges_advance(ranges, pfn, pages);
}

/* First page of range @i; the end of the buffer for the one behind the last. */
static __u64 vpdm_ranges_page(const struct vpdm_ranges *ranges, size_t i)
{
	if (i == ranges->nr)
		return ranges->pages;
	if (!ranges->array)
		return 0;

	return ranges->is_wide ? ranges->wide[i].page : ranges->narrow[i].page;
}

static __u64 vpdm_ranges_pfn(const struct vpdm_ranges *ranges, size_t i)
{
	if (!ranges->array)
		return ranges->base;

	return ranges->base + (ranges->is_wide ? ranges->wide[i].pfn :
						 ranges->narrow[i].pfn);
}

/**
 * vpdm_ranges_lookup - find the PFN of a page of the buffer
 * @ranges: complete table
 * @page: page of the buffer, from 0
 * @hit: result
 *
 * Return: false if the buffer ends before @page.
 */
bool vpdm_ranges_lookup(const struct vpdm_ranges *ranges, __u64 page,
			struct vpdm_hit *hit)
{
	size_t low = 0, high = ranges->nr;

	if (page >= ranges->pages)
		return false;

	/* Range low starts at or before page, range high behind it. */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (vpdm_ranges_page(ranges, mid) <= page)
			low = mid;
		else
			high = mid;
	}

	hit->before = page - vpdm_ranges_page(ranges, low);
	hit->after = vpdm_ranges_page(ranges, high) - page;
	hit->pfn = vpdm_ranges_pfn(ranges, low) + hit->before;

	return true;
}
