// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <sys/resource.h>

#include "vfio_test.h"

/* Faults that raised a signal are not in either count. */
long vt_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return ru.ru_minflt + ru.ru_majflt;
}

static long count(const void *map, const size_t *offsets, size_t nr)
{
	long before = vt_faults();
	size_t i;

	for (i = 0; i < nr; i++)
		(void)*((const volatile char *)map + offsets[i]);
	return vt_faults() - before;
}

/*
 * The first round is over a page that is there already: it brings in the code,
 * so that the second counts the mapping's faults alone.
 */
long vt_touch_offsets(const void *map, const size_t *offsets, size_t nr)
{
	static const size_t zero;

	count(offsets, &zero, 1);
	return count(map, offsets, nr);
}

long vt_touch_faults(const void *map, size_t size)
{
	size_t nr = size / VT_PAGE, i, *offsets;
	long faults;

	offsets = malloc(nr * sizeof(*offsets));
	if (!offsets)
		abort();
	for (i = 0; i < nr; i++)
		offsets[i] = i * VT_PAGE;
	faults = vt_touch_offsets(map, offsets, nr);
	free(offsets);
	return faults;
}
