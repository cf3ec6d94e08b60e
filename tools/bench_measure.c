// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples, and the threads that they are taken in.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

/* Unless --samples says how many */
#define FEWEST		5
#define MOST		21
/* Seconds after which no more than the fewest are taken */
#define ENOUGH		0.25

static volatile sig_atomic_t stopped;

enum { WAIT, GO, GIVE_UP };

struct team {
	atomic_uint ready;
	atomic_int word;
	const struct view *view;
	work_fn fn;
	void *arg;
};

struct member {
	struct team *team;
	pthread_t thread;
	unsigned int nr;
	int cpu;
	int ret;
	double start;
	double end;
};

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void stop(int sig)
{
	stopped = sig;
}

/* What was stored is put back before the program ends. */
void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = stop };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

int find_cpus(struct bench *b)
{
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set))
		return fail("sched_getaffinity: %s", strerror(errno));
	for (cpu = 0; cpu < CPU_SETSIZE && b->nr_cpus < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &set))
			b->cpus[b->nr_cpus++] = cpu;
	if (b->threads > b->nr_cpus)
		return usage_error("%u threads need as many processors; this program may use %u",
				   b->threads, b->nr_cpus);
	return DONE;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void do_work(void *arg)
{
	struct member *m = arg;

	m->team->fn(m->team->arg, m->nr);
}

static void *run_member(void *arg)
{
	struct member *m = arg;
	const struct view *v = m->team->view;

	pin(m->cpu);
	m->team->ready++;
	while (m->team->word == WAIT)
		sched_yield();
	if (m->team->word == GIVE_UP)
		return NULL;
	m->start = now();
	m->ret = vfio_dmabuf_guard(v->map, v->size, do_work, m);
	m->end = now();
	return NULL;
}

/* How many could be started. */
static unsigned int start_members(struct bench *b, struct team *team,
				  struct member *members, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		members[i] = (struct member){
			.team = team, .nr = i, .cpu = b->cpus[i],
		};
		if (pthread_create(&members[i].thread, NULL, run_member,
				   &members[i]))
			break;
	}
	return i;
}

/* All of them work at the same time, or none does. */
static void run_team(struct bench *b, struct team *team,
		     struct member *members, unsigned int nr)
{
	unsigned int started = start_members(b, team, members, nr), i;

	while (team->ready < started)
		sched_yield();
	team->word = started == nr ? GO : GIVE_UP;
	for (i = 0; i < started; i++)
		pthread_join(members[i].thread, NULL);
}

int timed(struct bench *b, const struct view *v, unsigned int nr, work_fn fn,
	  void *arg, double *seconds)
{
	struct team team = { .view = v, .fn = fn, .arg = arg };
	struct member *members = calloc(nr, sizeof(*members));
	double start, end;
	unsigned int i;
	int ret;

	if (!members)
		return fail("out of memory");
	run_team(b, &team, members, nr);
	start = members[0].start;
	end = members[0].end;
	ret = members[0].ret;
	for (i = 1; i < nr; i++) {
		start = members[i].start < start ? members[i].start : start;
		end = members[i].end > end ? members[i].end : end;
		ret = ret ? ret : members[i].ret;
	}
	free(members);
	*seconds = end - start;
	if (team.word == GIVE_UP)
		return fail("cannot start %u threads", nr);
	return ret ? fail("the device's memory went away: %s", strerror(-ret)) :
		     DONE;
}

static void show_progress(const struct bench *b, const struct result *what)
{
	char size[32] = "";

	if (!b->progress)
		return;
	if (what)
		fprintf(stderr, "\r\033[K%3zu  %s %s %s %s", b->nr_results + 1,
			what->what, what->attr ? what->attr : "",
			what->access ? what->access->name : "",
			what->size ? size_text(what->size, size) : size);
	else
		fputs("\r\033[K", stderr);
}

static struct result *add_result(struct bench *b, const struct result *what)
{
	struct result *more;

	more = reallocarray(b->results, b->nr_results + 1, sizeof(*more));
	if (!more)
		return NULL;
	b->results = more;
	more[b->nr_results] = *what;
	return &more[b->nr_results++];
}

/* The first is a warm-up: caches, TLBs, the frequency of the processor. */
static int take_samples(struct bench *b, sample_fn fn, void *arg,
			double values[MAX_SAMPLES], size_t *nr)
{
	size_t fewest = b->samples ? b->samples : FEWEST;
	size_t most = b->samples ? b->samples : MOST;
	double begin, ignored;

	if (fn(b, arg, &ignored))
		return FAILED;
	begin = now();
	for (*nr = 0; *nr < most; (*nr)++) {
		if (stopped)
			return fail("interrupted");
		if (*nr >= fewest && now() - begin > ENOUGH)
			break;
		if (fn(b, arg, &values[*nr]))
			return FAILED;
	}
	return DONE;
}

int measure(struct bench *b, const struct result *what, sample_fn fn, void *arg)
{
	double values[MAX_SAMPLES];
	struct result *result;
	size_t nr;
	int ret;

	show_progress(b, what);
	ret = take_samples(b, fn, arg, values, &nr);
	show_progress(b, NULL);
	if (ret)
		return ret;
	result = add_result(b, what);
	if (!result)
		return fail("out of memory");
	summarize(values, nr, &result->s);
	return DONE;
}
