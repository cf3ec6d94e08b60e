// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of a range of a BAR on this machine. Nothing but that range is
 * touched, and nothing is stored unless --write is given.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

enum {
	OPTION_WRITE = 1,
	OPTION_RESTORE,
	OPTION_RESET,
	OPTION_THREADS,
	OPTION_SAMPLES,
	OPTION_PLOT,
};

static int parse_count(const char *text, const char *what, unsigned int most,
		       unsigned int *count)
{
	uint64_t value;

	if (parse_size(text, &value) || !value || value > most)
		return usage_error("\"%s\" is no number of %s", text, what);
	*count = value;
	return DONE;
}

static int take_option(struct bench *b, int c)
{
	switch (c) {
	case OPTION_WRITE:
		b->write = true;
		return DONE;
	case OPTION_RESTORE:
		b->restore = true;
		return DONE;
	case OPTION_RESET:
		b->reset = true;
		return DONE;
	case OPTION_THREADS:
		return parse_count(optarg, "threads", MAX_CPUS, &b->threads);
	case OPTION_SAMPLES:
		return parse_count(optarg, "samples", MAX_SAMPLES,
				   &b->samples);
	case OPTION_PLOT:
		b->plot = optarg;
		return DONE;
	}
	return USAGE;
}

static int parse(int argc, char **argv, struct bench *b)
{
	static const struct option options[] = {
		{ "write", no_argument, NULL, OPTION_WRITE },
		{ "restore", no_argument, NULL, OPTION_RESTORE },
		{ "reset", no_argument, NULL, OPTION_RESET },
		{ "threads", required_argument, NULL, OPTION_THREADS },
		{ "samples", required_argument, NULL, OPTION_SAMPLES },
		{ "plot", required_argument, NULL, OPTION_PLOT },
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	int c;

	while ((c = next_option(argc, argv, "hj", options)) != -1)
		if (take_option(b, c))
			return USAGE;
	if (argc - optind != 3)
		return usage_error("bench needs a device, a BAR and a range");
	if (b->restore && !b->write)
		return usage_error("--restore stores to the device, so it needs --write");
	if (parse_bar(argv[optind + 1], &b->bar) ||
	    parse_range(argv[optind + 2], &b->range))
		return USAGE;
	return parse_device(argv[optind], b->bdf);
}

static int check_driver(const struct bench *b)
{
	char driver[NAME_LEN];

	pci_driver(b->bdf, driver);
	if (is_ours(driver))
		return DONE;
	return fail("%s is bound to %s; first: " PROGRAM " bind %s", b->bdf,
		    driver[0] ? driver : "no driver", b->bdf);
}

static int check_reset(struct bench *b)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (!b->reset)
		return DONE;
	if (ioctl(vfio_dmabuf_device_fd(b->dev), VFIO_DEVICE_GET_INFO, &info))
		return fail("%s: %s", b->bdf, strerror(errno));
	if (info.flags & VFIO_DEVICE_FLAGS_RESET)
		return DONE;
	return fail("%s cannot be reset by itself", b->bdf);
}

static int prepare(struct bench *b)
{
	uint64_t size;

	if (open_device(b->ctx, b->bdf, NULL, &b->dev) ||
	    check_bar_maps(b->dev, b->bdf, b->bar, &size) ||
	    check_range(b->bdf, b->bar, size, &b->range) || check_reset(b))
		return FAILED;
	b->span = b->range.length < MAX_COPY ? b->range.length : MAX_COPY;
	b->memory = aligned_alloc(ACCESS_BLOCK, b->span);
	if (!b->memory)
		return fail("out of memory");
	/* Its own first touch is of no interest. */
	memset(b->memory, 0, b->span);
	return DONE;
}

static int run_attr(struct bench *b, uint32_t memattr)
{
	struct view v;
	int ret;

	if (view_open(b, memattr, &v))
		return FAILED;
	ret = bench_copies(b, &v) || bench_faults(b, &v);
	view_close(&v);
	return ret ? FAILED : DONE;
}

static bool has_wc(struct bench *b)
{
	struct view v;
	bool has;

	if (view_open(b, VFIO_DMABUF_NC, &v))
		return false;
	has = !vfio_dmabuf_set_memattr(b->dev, v.fd, VFIO_DMABUF_WC);
	view_close(&v);
	return has;
}

static int run_all(struct bench *b)
{
	if (run_attr(b, VFIO_DMABUF_NC))
		return FAILED;
	if (!has_wc(b))
		note("no WC figures: %s", vfio_dmabuf_error(b->ctx));
	else if (run_attr(b, VFIO_DMABUF_WC))
		return FAILED;
	return bench_calls(b);
}

/* What was stored is put back whatever happened meanwhile. */
static int run(struct bench *b)
{
	int ret;

	if (b->restore && save_range(b))
		return FAILED;
	ret = run_all(b);
	if (b->restore && restore_range(b))
		ret = FAILED;
	return ret;
}

static int show(const struct bench *b)
{
	int ret = DONE;

	if (json)
		ret = bench_print_json(b);
	else
		bench_print(b);
	return plot_draw(b) ? FAILED : ret;
}

int cmd_bench(int argc, char **argv)
{
	struct bench b = { .threads = 1, .page = sysconf(_SC_PAGESIZE) };
	int ret;

	/* With entries of 8 bytes. */
	b.pmd = b.page * (b.page / 8);
	b.progress = isatty(STDERR_FILENO);
	ret = parse(argc, argv, &b);
	if (!ret)
		ret = find_cpus(&b);
	if (!ret)
		ret = plot_check(&b);
	if (!ret)
		ret = check_driver(&b);
	if (ret)
		return ret;
	b.ctx = vfio_dmabuf_new();
	if (!b.ctx)
		return fail("out of memory");
	catch_signals();
	ret = prepare(&b) || run(&b) ? FAILED : show(&b);
	vfio_dmabuf_free(b.ctx);
	free(b.memory);
	free(b.saved);
	free(b.results);
	return ret;
}
