// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "vfio_test.h"

#define SLABS_MAX	512

struct vt_slabs {
	size_t nr;
	struct {
		char name[64];
		long long objects;
	} cache[SLABS_MAX];
};

/* What CPUs keep of each cache, and what KASAN keeps in its quarantine. */
static void shrink_slabs(void)
{
	glob_t g;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &g))
		return;
	for (i = 0; i < g.gl_pathc; i++)
		vt_try_write_text(g.gl_pathv[i], "1");
	globfree(&g);
}

/*
 * A full quarantine gives back what was freed long ago, a MiB or more at a time
 * and whenever something is allocated: it must be empty before and after.
 */
void vt_settle(void)
{
	int i;

	/* Among what shrinks is the list of what kfree_rcu() keeps for 5 s. */
	vt_write_text("/proc/sys/vm/drop_caches", "2");
	/* A busy machine has RCU callbacks left over for seconds. Not in 6.1. */
	vt_try_write_text("/sys/module/rcutree/parameters/do_rcu_barrier", "1");
	/* membarrier waits for an RCU grace period, callbacks run after it. */
	for (i = 0; i < 4; i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		vt_sleep_ms(50);
	}
	/* Last, as the slab that a CPU has got since counts as full. */
	shrink_slabs();
}

static long long meminfo(FILE *f, const char *key)
{
	size_t len = strlen(key);
	char line[256];

	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, len) && line[len] == ':')
			return atoll(line + len + 1) * 1024;
	}
	vt_log("no %s in /proc/meminfo", key);
	return 0;
}

long long vt_kernel_bytes(void)
{
	long long bytes;
	char buf[16];
	FILE *f;

	/* Folds the counters that the CPUs keep for themselves. */
	vt_read_text("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
	f = fopen("/proc/meminfo", "r");
	if (!f) {
		vt_log("open /proc/meminfo: %s", strerror(errno));
		return -errno;
	}
	bytes = meminfo(f, "SUnreclaim") + meminfo(f, "VmallocUsed");
	fclose(f);
	return bytes;
}

/*
 * A slab that a CPU keeps for itself counts as full. Of objects of 8 or 16 bytes
 * it has so many that the count says nothing about hundreds. And of
 * debug_objects_cache the kernel frees nothing until it has very many.
 */
static bool tells_of_leaks(const char *name)
{
	const char *size = strrchr(name, '-');

	if (!strncmp(name, "kmalloc-", 8) && size && atoi(size + 1) < 32)
		return false;
	return strcmp(name, "debug_objects_cache");
}

static struct vt_slabs *read_slabs(void)
{
	struct vt_slabs *s;
	char line[512];
	FILE *f;

	f = fopen("/proc/slabinfo", "r");
	if (!f)
		return NULL;
	s = calloc(1, sizeof(*s));
	while (s && s->nr < SLABS_MAX && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lld", s->cache[s->nr].name,
			   &s->cache[s->nr].objects) == 2 &&
		    tells_of_leaks(s->cache[s->nr].name))
			s->nr++;
	}
	fclose(f);
	return s;
}

static long long all_objects(const struct vt_slabs *s)
{
	long long sum = 0;
	size_t i;

	for (i = 0; s && i < s->nr; i++)
		sum += s->cache[i].objects;
	return sum;
}

/* A busy machine has RCU callbacks left over for seconds: until they are done. */
struct vt_slabs *vt_slabs_read(void)
{
	struct vt_slabs *s = NULL, *last;
	int tries = 50;

	do {
		last = s;
		vt_settle();
		s = read_slabs();
		if (!last)
			continue;
		if (all_objects(s) >= all_objects(last))
			tries = 0;
		free(last);
	} while (s && tries-- > 0);

	return s;
}

static long long objects_before(const struct vt_slabs *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->nr; i++) {
		if (!strcmp(s->cache[i].name, name))
			return s->cache[i].objects;
	}
	return 0;
}

/* Of the cache that has grown most, which @name is for. */
static long long growth_of(const struct vt_slabs *before,
			   const struct vt_slabs *after, char *name,
			   size_t size)
{
	long long most = 0, growth;
	size_t i;

	if (!before || !after)
		return -ENOENT;
	snprintf(name, size, "none");
	for (i = 0; i < after->nr; i++) {
		growth = after->cache[i].objects -
			 objects_before(before, after->cache[i].name);
		if (growth > most) {
			most = growth;
			snprintf(name, size, "%s", after->cache[i].name);
		}
	}
	return most;
}

static long long growth_since(const struct vt_slabs *before, char *name,
			      size_t size)
{
	struct vt_slabs *after = vt_slabs_read();
	long long objects = growth_of(before, after, name, size);

	free(after);
	return objects;
}

bool vt_slabs_leak(struct vt_slabs *before, unsigned int rounds)
{
	char name[64] = "no /proc/slabinfo";
	long long objects = growth_since(before, name, sizeof(name));
	/* Of few rounds the caches say little. kmemleak does, on debug kernels. */
	bool leaks = !vt_is_slow() && objects >= rounds / 2;

	/* What is freed late has not leaked. */
	if (leaks)
		leaks = !vt_wait_for((objects = growth_since(before, name,
							     sizeof(name))) <
				     rounds / 2);
	vt_log("%u rounds: at most %+lld objects in a cache (%s)", rounds,
	       objects, name);
	free(before);
	return leaks;
}
