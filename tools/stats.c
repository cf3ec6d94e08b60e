// SPDX-License-Identifier: GPL-2.0-only
/*
 * Medians and quartiles: a machine that does something else for a moment spoils a
 * mean, but not these.
 */
#include <stdlib.h>
#include <string.h>

#include "stats.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values, as R's and NumPy's default: at @part of the way. */
static double quantile(const double *sorted, size_t nr, double part)
{
	double at = part * (nr - 1);
	size_t below = at;

	if (below + 1 >= nr)
		return sorted[nr - 1];
	return sorted[below] +
	       (at - below) * (sorted[below + 1] - sorted[below]);
}

void summarize(double *values, size_t nr, struct summary *summary)
{
	memset(summary, 0, sizeof(*summary));
	if (!nr)
		return;
	qsort(values, nr, sizeof(*values), compare);
	summary->median = quantile(values, nr, 0.5);
	summary->q1 = quantile(values, nr, 0.25);
	summary->q3 = quantile(values, nr, 0.75);
	summary->nr = nr;
}
