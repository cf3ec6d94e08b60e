// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target for the range table: the input is a list of ranges and pages
 * to look up; each answer is compared with a walk over the list.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

#define MAX_RANGES	4096

/* Ten bytes of input for a range: 2^48 PFNs, 2^32 pages at most. */
struct range {
	__u64 pfn;
	__u64 pages;
};

static __u64 take(const uint8_t **data, size_t *size, size_t bytes)
{
	__u64 value = 0;

	while (bytes-- && *size) {
		value = value << 8 | **data;
		(*data)++;
		(*size)--;
	}
	return value;
}

/* Half of the ranges go on where the one before ended. */
static size_t take_ranges(const uint8_t **data, size_t *size,
			  struct range *ranges)
{
	size_t i, nr = 1 + take(data, size, 2) % MAX_RANGES;

	for (i = 0; i < nr && *size; i++) {
		__u64 shape = take(data, size, 1);

		ranges[i].pfn = i && shape & 1 ?
				ranges[i - 1].pfn + ranges[i - 1].pages :
				take(data, size, 1 + shape % 6);
		ranges[i].pages = 1 + take(data, size, 1 + (shape >> 4) % 4);
	}
	return i;
}

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_lookup(const struct vpdm_ranges *table,
			 const struct range *ranges, size_t nr, __u64 page)
{
	__u64 at = 0, before;
	struct vpdm_hit hit;
	size_t i;

	for (i = 0; i < nr && page - at >= ranges[i].pages; i++)
		at += ranges[i].pages;
	check(vpdm_ranges_lookup(table, page, &hit) == (i < nr));
	if (i == nr)
		return;

	before = page - at;
	check(hit.pfn == ranges[i].pfn + before);
	check(hit.before >= before && hit.after >= ranges[i].pages - before);
	/* Where it ends, another range starts or the buffer ends. */
	check(hit.before <= page && hit.after <= table->pages - page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct range ranges[MAX_RANGES];
	struct vpdm_ranges table = {};
	size_t i, nr, bytes;
	void *array = NULL;
	__u64 pages = 0;

	nr = take_ranges(&data, &size, ranges);
	if (!nr)
		return 0;
	for (i = 0; i < nr; i++) {
		vpdm_ranges_count(&table, ranges[i].pfn, ranges[i].pages);
		pages += ranges[i].pages;
	}
	bytes = vpdm_ranges_bytes(&table);
	check(table.pages == pages && table.nr && table.nr <= nr);
	check(bytes <= 16 * nr);
	/* Exactly as large as asked for, so that the sanitizer sees more. */
	if (bytes)
		array = malloc(bytes);
	vpdm_ranges_start(&table, array);
	for (i = 0; i < nr; i++)
		vpdm_ranges_add(&table, ranges[i].pfn, ranges[i].pages);
	check(table.pages == pages);

	check_lookup(&table, ranges, nr, 0);
	check_lookup(&table, ranges, nr, pages - 1);
	check_lookup(&table, ranges, nr, pages);
	while (size)
		check_lookup(&table, ranges, nr, take(&data, &size, 8) % (pages + 2));
	free(array);
	return 0;
}
