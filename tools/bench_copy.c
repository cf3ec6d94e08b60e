// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latency of single accesses, and the bandwidth of copies by the width of
 * accesses.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LATENCY_ROUNDS	1000
/* Copies of less are repeated until they have moved as much. */
#define LEAST_COPIED	65536UL
/* All threads together; larger copies are slow and tell nothing more */
#define THREADS_COPY	(4UL << 20)

struct copy {
	const struct access *access;
	struct view *view;
	char *memory;
	size_t size;
	unsigned int threads;
	unsigned int times;
	bool store;
};

static void load_again(void *arg, unsigned int thread)
{
	const volatile uint32_t *word = arg;
	unsigned int i;

	(void)thread;
	for (i = 0; i < LATENCY_ROUNDS; i++)
		(void)*word;
}

/* Of the value that is there. */
static void store_again(void *arg, unsigned int thread)
{
	volatile uint32_t *word = arg;
	uint32_t value = *word;
	unsigned int i;

	(void)thread;
	for (i = 0; i < LATENCY_ROUNDS; i++) {
		*word = value;
		access_drain();
	}
}

static int sample_load(struct bench *b, void *arg, double *value)
{
	struct view *v = arg;
	int ret = timed(b, v, 1, load_again, v->map, value);

	*value *= 1e9 / LATENCY_ROUNDS;
	return ret;
}

static int sample_store(struct bench *b, void *arg, double *value)
{
	struct view *v = arg;
	int ret = timed(b, v, 1, store_again, v->map, value);

	*value *= 1e9 / LATENCY_ROUNDS;
	return ret;
}

static int measure_latency(struct bench *b, struct view *v)
{
	struct result what = {
		.what = "load latency", .unit = "ns", .attr = v->attr,
		.size = sizeof(uint32_t), .threads = 1,
	};

	if (measure(b, &what, sample_load, v))
		return FAILED;
	what.what = "store latency";
	return b->write ? measure(b, &what, sample_store, v) : DONE;
}

/* Each thread has a part of its own. */
static void do_copy(void *arg, unsigned int thread)
{
	const struct copy *c = arg;
	size_t part = c->size / c->threads, at = thread * part;
	unsigned int i;

	for (i = 0; i < c->times; i++)
		if (c->store)
			c->access->store(c->view->map + at, c->memory + at,
					 part);
		else
			c->access->load(c->memory + at, c->view->map + at,
					part);
}

static int sample_copy(struct bench *b, void *arg, double *value)
{
	struct copy *c = arg;
	double seconds;

	if (timed(b, c->view, c->threads, do_copy, c, &seconds))
		return FAILED;
	*value = (double)c->size * c->times / seconds / 1e6;
	return DONE;
}

static int measure_copy(struct bench *b, struct copy *c)
{
	const struct result what = {
		.what = c->store ? "copy to device" : "copy from device",
		.unit = "MB/s", .attr = c->view->attr, .access = c->access,
		.size = c->size, .threads = c->threads,
	};

	c->times = c->size < LEAST_COPIED ? LEAST_COPIED / c->size : 1;
	return measure(b, &what, sample_copy, c);
}

/* Each call makes other bytes. */
static void fill(char *bytes, size_t size)
{
	static uint64_t state = 1;
	size_t i;

	for (i = 0; i < size; i += sizeof(state)) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(bytes + i, &state, sizeof(state));
	}
}

/* FNV-1a, of words */
static uint64_t hash(const char *bytes, size_t size)
{
	uint64_t value = 0xcbf29ce484222325ULL, word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		value = (value ^ word) * 0x100000001b3ULL;
	}
	return value;
}

/* What the last copy has read, or whether what it has stored is there. */
static int verify(struct bench *b, const struct copy *c)
{
	struct result *last = &b->results[b->nr_results - 1];
	char *there;
	int ret;

	last->has_hash = true;
	last->hash = hash(c->memory, c->size);
	if (!c->store)
		return DONE;
	there = malloc(c->size);
	if (!there)
		return fail("out of memory");
	ret = vfio_dmabuf_read(there, c->view->map, c->size);
	last->has_reads_back = true;
	last->reads_back = !ret && !memcmp(there, c->memory, c->size);
	free(there);
	return ret ? fail("the device's memory went away: %s", strerror(-ret)) :
		     DONE;
}

static int measure_access(struct bench *b, struct view *v,
			  const struct access *access, bool store)
{
	struct copy c = {
		.access = access, .view = v, .memory = b->memory,
		.threads = 1, .store = store,
	};

	fill(b->memory, b->span);
	for (c.size = ACCESS_BLOCK; ; c.size *= 2) {
		if (measure_copy(b, &c))
			return FAILED;
		if (c.size > b->span / 2)
			return verify(b, &c);
	}
}

static int measure_threads(struct bench *b, struct view *v,
			   const struct access *widest, bool store)
{
	size_t size = b->span < THREADS_COPY ? b->span : THREADS_COPY;
	struct copy c = {
		.access = widest, .view = v, .memory = b->memory,
		.store = store,
	};
	unsigned int nr;

	fill(b->memory, b->span);
	for (nr = 1; b->threads > 1; nr = nr * 2) {
		c.threads = nr < b->threads ? nr : b->threads;
		c.size = size - size % (ACCESS_BLOCK * c.threads);
		if (!c.size || measure_copy(b, &c))
			return FAILED;
		if (nr >= b->threads)
			break;
	}
	return DONE;
}

static int measure_direction(struct bench *b, struct view *v, bool store)
{
	const struct access *widest = accesses;
	size_t i;

	for (i = 0; i < nr_accesses; i++) {
		if (!accesses[i].is_there())
			continue;
		widest = &accesses[i];
		if (measure_access(b, v, widest, store))
			return FAILED;
	}
	return measure_threads(b, v, widest, store);
}

int bench_copies(struct bench *b, struct view *v)
{
	int ret;

	if (view_map(b, v, b->span, 0))
		return FAILED;
	ret = measure_latency(b, v) || measure_direction(b, v, false) ||
	      (b->write && measure_direction(b, v, true));
	view_unmap(v);
	return ret ? FAILED : DONE;
}
