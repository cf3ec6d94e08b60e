// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each pair of calls, made by two threads as often as they can, for a moment each
 * (VPDM_RACE_MS: 50). What a kernel with a race detector needs: the sampling of
 * KCSAN sees little where the calls come seldom.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	(16 * VT_PAGE)

struct race {
	struct vt_device d;
	int shared;
	char debugfs[128];
	bool stop;
};

/* A call that another one made impossible has not succeeded; that is no error. */
struct call {
	const char *name;
	bool (*make)(struct race *r);
};

static bool touch_and_unmap(char *map)
{
	bool done;
	__u64 v;

	if (!map)
		return false;
	done = !vt_peek(map, &v);
	munmap(map, SIZE);
	return done;
}

static bool fault(struct race *r)
{
	return touch_and_unmap(vt_map_rw(r->shared, SIZE));
}

static bool fault_bar(struct race *r)
{
	return touch_and_unmap(vt_map_bar(&r->d, BAR, 0, SIZE));
}

static bool export_and_close(struct race *r)
{
	int fd = vt_export_one(r->d.fd, BAR, SIZE, SIZE);
	bool done = fd >= 0 && touch_and_unmap(vt_map_rw(fd, SIZE));

	if (fd >= 0)
		close(fd);
	return done;
}

static bool export_and_revoke(struct race *r)
{
	int fd = vt_export_one(r->d.fd, BAR, 0, SIZE);
	bool done = fd >= 0 && !vt_revoke(r->d.fd, fd);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool set_attribute(struct race *r)
{
	int attr = vt_memattr_get(r->d.fd, r->shared);

	if (attr < 0)
		return false;
	attr = attr == VFIO_DMA_BUF_MEMATTR_WC ? VFIO_DMA_BUF_MEMATTR_NC :
						 VFIO_DMA_BUF_MEMATTR_WC;
	return !vt_memattr_set(r->d.fd, r->shared, attr);
}

static bool memory(struct race *r)
{
	return !vt_memory(&r->d, false) & !vt_memory(&r->d, true);
}

static bool look(struct race *r)
{
	char text[4096];

	return !vt_read_text(r->debugfs, text, sizeof(text));
}

static const struct call calls[] = {
	{ "fault", fault },
	{ "fault of a BAR mapping", fault_bar },
	{ "export", export_and_close },
	{ "revoke", export_and_revoke },
	{ "set attribute", set_attribute },
	{ "memory off and on", memory },
	{ "debugfs", look },
};

struct racer {
	pthread_t thread;
	struct race *race;
	const struct call *call;
	unsigned long done;
};

static void *run(void *arg)
{
	struct racer *racer = arg;

	while (!__atomic_load_n(&racer->race->stop, __ATOMIC_RELAXED))
		racer->done += racer->call->make(racer->race);
	return NULL;
}

FIXTURE(race) {
	struct race r;
};

FIXTURE_SETUP(race)
{
	struct race *r = &self->r;

	ASSERT_EQ(0, vt_open(&r->d, vt_bdf("A"), VT_DRIVER));
	r->shared = vt_export_one(r->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, r->shared);
	snprintf(r->debugfs, sizeof(r->debugfs),
		 "/sys/kernel/debug/" VT_MODULE "/%s/buffers", r->d.bdf);
}

FIXTURE_TEARDOWN(race)
{
	close(self->r.shared);
	vt_close(&self->r.d);
}

static void race(struct __test_metadata *_metadata, struct race *r,
		 const struct call *one, const struct call *other)
{
	const char *ms = getenv("VPDM_RACE_MS");
	struct racer racer[] = {
		{ .race = r, .call = one }, { .race = r, .call = other },
	};
	int i;

	r->stop = false;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&racer[i].thread, NULL, run,
					    &racer[i]));
	vt_sleep_ms(ms ? atoi(ms) : 50);
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(racer[i].thread, NULL));
	TH_LOG("%s, %s: %lu, %lu", one->name, other->name, racer[0].done,
	       racer[1].done);
}

TEST_F(race, every_pair_of_calls)
{
	size_t i, j;

	for (i = 0; i < VT_ARRAY_SIZE(calls); i++) {
		for (j = i; j < VT_ARRAY_SIZE(calls); j++)
			race(_metadata, &self->r, &calls[i], &calls[j]);
	}
	/* All of it works as before, for one at a time. */
	for (i = 0; i < VT_ARRAY_SIZE(calls); i++) {
		EXPECT_TRUE(calls[i].make(&self->r)) {
			TH_LOG("call %zu", i);
		}
	}
}

TEST_HARNESS_MAIN
