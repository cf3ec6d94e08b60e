// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first touch of a mapping, by pages and by what a larger entry maps.
 */
#include "bench.h"

struct touch {
	struct view *view;
	size_t step;
	uint32_t skew;
	unsigned int threads;
};

/* Each thread its own part. */
static void do_touch(void *arg, unsigned int thread)
{
	const struct touch *t = arg;
	size_t part = t->view->size / t->step / t->threads * t->step, at;

	for (at = thread * part; at < (thread + 1) * part; at += t->step)
		(void)*(const volatile uint32_t *)(t->view->map + at);
}

static int sample_touch(struct bench *b, void *arg, double *value)
{
	struct touch *t = arg;
	size_t nr;
	int ret;

	if (view_map(b, t->view, b->span, t->skew))
		return FAILED;
	ret = timed(b, t->view, t->threads, do_touch, t, value);
	view_unmap(t->view);
	nr = b->span / t->step / t->threads * t->threads;
	*value *= 1e6 / nr;
	return ret;
}

static int measure_touch(struct bench *b, struct touch *t, const char *what)
{
	const struct result result = {
		.what = what, .unit = "us", .attr = t->view->attr,
		.size = t->step, .threads = t->threads,
	};

	return measure(b, &result, sample_touch, t);
}

/* Where there is at least one for each thread. */
static int measure_steps(struct bench *b, struct view *v, unsigned int threads)
{
	struct touch pages = {
		.view = v, .step = b->page, .skew = b->page, .threads = threads,
	};
	struct touch huge = { .view = v, .step = b->pmd, .threads = threads };

	if (b->span / b->page >= threads &&
	    measure_touch(b, &pages, "first touch by page"))
		return FAILED;
	if (b->span / b->pmd < threads)
		return DONE;
	return measure_touch(b, &huge, "first touch, aligned");
}

int bench_faults(struct bench *b, struct view *v)
{
	unsigned int nr;

	for (nr = 1; nr < b->threads; nr *= 2)
		if (measure_steps(b, v, nr))
			return FAILED;
	return measure_steps(b, v, b->threads);
}
