// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to make a buffer, to map it, to take it back, and to come back
 * after a reset.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

static void touch_pages(void *arg, unsigned int thread)
{
	const struct view *v = arg;
	size_t at, step = sysconf(_SC_PAGESIZE);

	(void)thread;
	for (at = 0; at < v->size; at += step)
		(void)*(const volatile uint32_t *)(v->map + at);
}

static int sample_export(struct bench *b, void *arg, double *value)
{
	double start = now();
	struct view v;

	(void)arg;
	if (view_open(b, VFIO_DMABUF_NC, &v))
		return FAILED;
	view_close(&v);
	*value = (now() - start) * 1e6;
	return DONE;
}

static int sample_mmap(struct bench *b, void *arg, double *value)
{
	struct view *v = arg;
	double start = now();

	if (view_map(b, v, b->span, 0))
		return FAILED;
	view_unmap(v);
	*value = (now() - start) * 1e6;
	return DONE;
}

/* With all of the mapping touched. */
static int sample_revoke(struct bench *b, void *arg, double *value)
{
	double start, ignored;
	struct view v;
	int ret;

	(void)arg;
	if (view_open(b, VFIO_DMABUF_NC, &v))
		return FAILED;
	ret = view_map(b, &v, b->span, 0);
	if (!ret)
		ret = timed(b, &v, 1, touch_pages, &v, &ignored);
	start = now();
	if (!ret && vfio_dmabuf_revoke(b->dev, v.fd))
		ret = fail("%s", vfio_dmabuf_error(b->ctx));
	*value = (now() - start) * 1e6;
	view_close(&v);
	return ret;
}

static int do_reset(struct bench *b)
{
	if (ioctl(vfio_dmabuf_device_fd(b->dev), VFIO_DEVICE_RESET))
		return fail("cannot reset %s: %s", b->bdf, strerror(errno));
	return DONE;
}

static int sample_reset(struct bench *b, void *arg, double *value)
{
	double start, ignored;
	struct view *v = arg;

	if (timed(b, v, 1, touch_pages, v, &ignored))
		return FAILED;
	start = now();
	if (do_reset(b))
		return FAILED;
	*value = (now() - start) * 1e6;
	return DONE;
}

static int sample_refault(struct bench *b, void *arg, double *value)
{
	struct view *v = arg;

	if (do_reset(b) || timed(b, v, 1, touch_pages, v, value))
		return FAILED;
	*value *= 1e6;
	return DONE;
}

static int measure_resets(struct bench *b, struct view *v)
{
	struct result what = {
		.what = "reset", .unit = "us", .size = b->span, .threads = 1,
	};

	if (view_map(b, v, b->span, 0) || measure(b, &what, sample_reset, v))
		return FAILED;
	what.what = "touch all after a reset";
	return measure(b, &what, sample_refault, v);
}

int bench_calls(struct bench *b)
{
	struct result what = { .unit = "us", .size = b->range.length, .threads = 1 };
	struct view v;
	int ret;

	what.what = "export and close";
	if (measure(b, &what, sample_export, NULL))
		return FAILED;
	what.what = "revoke";
	what.size = b->span;
	if (measure(b, &what, sample_revoke, NULL) ||
	    view_open(b, VFIO_DMABUF_NC, &v))
		return FAILED;
	what.what = "mmap and munmap";
	ret = measure(b, &what, sample_mmap, &v);
	if (!ret && b->reset)
		ret = measure_resets(b, &v);
	view_close(&v);
	return ret;
}
