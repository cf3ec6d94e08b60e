/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_DMABUF_STATS_H
#define VFIO_DMABUF_STATS_H

#include <stddef.h>

/**
 * struct summary - what samples have in common
 * @median: the middle one, or the mean of the two in the middle
 * @q1: the first quartile, interpolated between its neighbours
 * @q3: the third quartile
 * @nr: how many samples; all else is 0 for none
 */
struct summary {
	double median;
	double q1;
	double q3;
	size_t nr;
};

/* Sorts @values. */
void summarize(double *values, size_t nr, struct summary *summary);

#endif /* VFIO_DMABUF_STATS_H */
