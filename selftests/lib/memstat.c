// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
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

/* By which the kernel gives back what it keeps of each cache. */
struct shrinkers {
	size_t nr;
	int fd[SLABS_MAX];
};

static void open_shrinkers(struct shrinkers *s)
{
	glob_t g;
	size_t i;

	s->nr = 0;
	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &g))
		return;
	for (i = 0; i < g.gl_pathc && s->nr < SLABS_MAX; i++) {
		s->fd[s->nr] = open(g.gl_pathv[i], O_WRONLY | O_CLOEXEC);
		s->nr += s->fd[s->nr] >= 0;
	}
	globfree(&g);
}

/*
 * What CPUs keep, and what KASAN keeps in its quarantine: a full one gives back what
 * was freed long ago, a MiB or more at a time and whenever something is allocated.
 */
static void shrink_slabs(const struct shrinkers *s)
{
	size_t i;

	/* A cache that has gone meanwhile keeps nothing. */
	for (i = 0; i < s->nr; i++)
		(void)!write(s->fd[i], "1", 1);
}

static void close_shrinkers(const struct shrinkers *s)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		close(s->fd[i]);
}

/* membarrier waits for an RCU grace period, callbacks run after it. */
static void pass_grace_period(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	vt_sleep_ms(50);
}

/* Waits for all of RCU's callbacks that there are by now. Not in 6.1. */
static void finish_callbacks(void)
{
	vt_try_write_text("/sys/module/rcutree/parameters/do_rcu_barrier", "1");
}

/* Waits until freeing that was put off (RCU, work queues) has happened. */
static void settle(void)
{
	int i;

	/* Among what shrinks is the list of what kfree_rcu() keeps for 5 s. */
	vt_write_text("/proc/sys/vm/drop_caches", "2");
	finish_callbacks();
	for (i = 0; i < 4; i++)
		pass_grace_period();
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
	struct shrinkers s;
	long long bytes;
	char buf[16];
	FILE *f;

	settle();
	open_shrinkers(&s);
	shrink_slabs(&s);
	close_shrinkers(&s);
	/* The slabs of some caches (anon_vma, filp) count until RCU frees them. */
	pass_grace_period();
	finish_callbacks();
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

static struct vt_slabs *parse_slabs(FILE *f)
{
	struct vt_slabs *s = calloc(1, sizeof(*s));
	char line[512];

	while (s && s->nr < SLABS_MAX && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lld", s->cache[s->nr].name,
			   &s->cache[s->nr].objects) == 2 &&
		    tells_of_leaks(s->cache[s->nr].name))
			s->nr++;
	}
	return s;
}

/*
 * Nothing is opened between shrinking and counting: it would allocate, and the slab
 * that a CPU has got for that counts as full.
 */
static struct vt_slabs *read_slabs(void)
{
	struct shrinkers shrinkers;
	struct vt_slabs *s;
	FILE *f;

	f = fopen("/proc/slabinfo", "r");
	if (!f)
		return NULL;
	settle();
	open_shrinkers(&shrinkers);
	/* For its buffer in the kernel. */
	fgetc(f);
	rewind(f);
	shrink_slabs(&shrinkers);
	s = parse_slabs(f);
	close_shrinkers(&shrinkers);
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

	/* kmemleak tells, on debug kernels. */
	if (vt_is_slow())
		return NULL;
	do {
		last = s;
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

	if (!after)
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
	long long objects;
	bool leaks;

	if (!before)
		return false;
	objects = growth_since(before, name, sizeof(name));
	leaks = objects >= rounds / 2;
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
