/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The range table: finds the PFN of a page of a buffer.
 *
 * It is plain C and also builds in userspace, for the property tests and the fuzzer.
 */
#ifndef VPDM_RANGES_H
#define VPDM_RANGES_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif

struct vpdm_range32 {
	__u32 page;
	__u32 pfn;
};

struct vpdm_range64 {
	__u64 page;
	__u64 pfn;
};

/**
 * struct vpdm_ranges - the physically contiguous ranges of a buffer, in order
 * @pages: size of the buffer in pages
 * @base: lowest PFN of the buffer
 * @top: PFN behind the highest one of the buffer
 * @nr: number of ranges, physical neighbours merged
 * @last: PFN behind the range that was added last
 * @filled: number of ranges stored so far
 * @is_wide: whether @wide is used, not @narrow
 * @narrow: start of each range, its PFN relative to @base
 * @wide: the same, if 32 bits do not suffice
 * @array: either of them
 *
 * A range ends where the next one starts. A single range needs no array: it starts at
 * page 0 with PFN @base. To build the table, call vpdm_ranges_count() for each range,
 * vpdm_ranges_start() with an array of vpdm_ranges_bytes(), and vpdm_ranges_add() for
 * each range again. It does not change afterwards, so look-ups need no lock.
 */
struct vpdm_ranges {
	__u64 pages;
	__u64 base;
	__u64 top;
	__u64 last;
	size_t nr;
	size_t filled;
	bool is_wide;
	union {
		struct vpdm_range32 *narrow;
		struct vpdm_range64 *wide;
		void *array;
	};
};

/**
 * struct vpdm_hit - result of a look-up
 * @pfn: PFN of the page
 * @before: pages of the same range in front of it
 * @after: pages of the same range from it on, itself included
 */
struct vpdm_hit {
	__u64 pfn;
	__u64 before;
	__u64 after;
};

void vpdm_ranges_count(struct vpdm_ranges *ranges, __u64 pfn, __u64 pages);
size_t vpdm_ranges_bytes(const struct vpdm_ranges *ranges);
void vpdm_ranges_start(struct vpdm_ranges *ranges, void *array);
void vpdm_ranges_add(struct vpdm_ranges *ranges, __u64 pfn, __u64 pages);
bool vpdm_ranges_lookup(const struct vpdm_ranges *ranges, __u64 page,
			struct vpdm_hit *hit);

#endif /* VPDM_RANGES_H */
