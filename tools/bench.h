/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of "vfio-dmabuf bench" share.
 */
#ifndef VFIO_DMABUF_BENCH_H
#define VFIO_DMABUF_BENCH_H

#include "access.h"
#include "slice.h"
#include "stats.h"

#define MAX_COPY	(64UL << 20)
#define MAX_CPUS	1024
#define MAX_SAMPLES	1000

/* One figure. */
struct result {
	const char *what;
	const char *unit;
	const char *attr;		/* "NC", "WC"; NULL where it is no matter */
	const struct access *access;	/* NULL for what is no copy */
	size_t size;			/* 0 for what has none */
	unsigned int threads;
	struct summary s;
	/* Of copies, once for each access: what was read, and if stores arrived */
	bool has_hash;
	uint64_t hash;
	bool has_reads_back;
	bool reads_back;
};

struct bench {
	struct vfio_dmabuf_ctx *ctx;
	struct vfio_dmabuf_device *dev;
	char bdf[BDF_LEN];
	unsigned int bar;
	struct vfio_dmabuf_range range;
	bool write;
	bool restore;
	bool reset;
	unsigned int threads;
	unsigned int samples;		/* of each figure, 0: by the time they take */
	const char *plot;
	int cpus[MAX_CPUS];
	unsigned int nr_cpus;
	size_t page;
	size_t pmd;			/* what a page-table entry above a page maps */
	size_t span;			/* of the range, what is copied and touched */
	char *memory;			/* of that size */
	char *saved;
	size_t nr_saved;
	bool progress;
	struct result *results;
	size_t nr_results;
};

/* A buffer of the range, and a mapping of @size bytes of it. */
struct view {
	int fd;
	uint32_t phase;
	char *map;
	size_t size;
	const char *attr;
};

/* bench_view.c: DONE, or these have said what failed. view_map() may be undone. */
int view_open(struct bench *b, uint32_t memattr, struct view *v);
int view_map(struct bench *b, struct view *v, size_t size, uint32_t skew);
void view_unmap(struct view *v);
void view_close(struct view *v);
int save_range(struct bench *b);
int restore_range(struct bench *b);

/* bench_measure.c */
typedef void (*work_fn)(void *arg, unsigned int thread);
/* One sample, in the unit of the result. DONE, or says what failed. */
typedef int (*sample_fn)(struct bench *b, void *arg, double *value);

double now(void);
void catch_signals(void);
int find_cpus(struct bench *b);
/*
 * How long @nr threads, each with a processor of its own, take for @fn, which
 * accesses @v.
 */
int timed(struct bench *b, const struct view *v, unsigned int nr, work_fn fn,
	  void *arg, double *seconds);
/* Adds @what, with the samples' summary, to the results. */
int measure(struct bench *b, const struct result *what, sample_fn fn, void *arg);

/* bench_copy.c, bench_fault.c, bench_calls.c */
int bench_copies(struct bench *b, struct view *v);
int bench_faults(struct bench *b, struct view *v);
int bench_calls(struct bench *b);

/* bench_print.c, bench_plot.c */
void bench_print(const struct bench *b);
int bench_print_json(const struct bench *b);
int plot_check(const struct bench *b);
int plot_draw(const struct bench *b);

#endif /* VFIO_DMABUF_BENCH_H */
