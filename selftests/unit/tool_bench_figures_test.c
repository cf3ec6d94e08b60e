// SPDX-License-Identifier: GPL-2.0-only
/*
 * How "vfio-dmabuf bench" takes samples, where its threads run, and what it prints
 * of them.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/sigbus.c"
#include "lib/bdf.c"
#include "lib/sysfs.c"
#include "tools/text.c"
#include "tools/print.c"
#include "tools/json.c"
#include "tools/nonames.c"
#include "tools/pci.c"
#include "tools/stats.c"
/* Time passes as the tests say. */
#define clock_gettime tell_time
static int tell_time(clockid_t clock, struct timespec *ts);
#include "tools/bench_measure.c"
#undef clock_gettime
#include "tools/bench_print.c"
#include "main.h"
#include "tap.h"
#include "fake.h"

#define DEV		"0000:00:10.0"
#define PATH_OF		"/sys/bus/pci/devices/" DEV

static char said[65536];
static double time_of_test;

static int tell_time(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = time_of_test;
	ts->tv_nsec = (time_of_test - ts->tv_sec) * 1e9;
	return 0;
}

static bool says(const char *text)
{
	if (strstr(said, text))
		return true;
	printf("# no \"%s\" in \"%s\"\n", text, said);
	return false;
}

/* The values of samples: these in turn, the last again and again. */
struct series {
	const double *values;
	size_t nr;
	size_t taken;
	double takes;
};

static int next_value(struct bench *b, void *arg, double *value)
{
	struct series *s = arg;

	(void)b;
	*value = s->values[s->taken < s->nr ? s->taken : s->nr - 1];
	s->taken++;
	time_of_test += s->takes;
	return DONE;
}

static bool summary_is(struct bench *b, struct series *s, size_t nr, double q1,
		       double median, double q3)
{
	const struct result what = { .what = "x", .unit = "us" };
	const struct summary *got;

	s->taken = 0;
	if (measure(b, &what, next_value, s))
		return false;
	got = &b->results[b->nr_results - 1].s;
	if (s->taken == nr + 1 && got->nr == nr && got->q1 == q1 &&
	    got->median == median && got->q3 == q3)
		return true;
	printf("# %zu taken, %zu: %g %g %g\n", s->taken, got->nr, got->q1,
	       got->median, got->q3);
	return false;
}

static void test_samples(void)
{
	struct series s = { .values = (double []){ 1000, 5, 1, 4, 2, 3 }, .nr = 6 };
	struct bench b = { .samples = 5 };

	ok(summary_is(&b, &s, 5, 2, 3, 4), "the first sample is a warm-up");
	b.samples = 0;
	s.values = (double []){ 7 };
	s.nr = 1;
	ok(summary_is(&b, &s, MOST, 7, 7, 7), "as many as fit");
	s.takes = ENOUGH;
	ok(summary_is(&b, &s, FEWEST, 7, 7, 7), "few that take long");
	b.samples = FEWEST + 1;
	ok(summary_is(&b, &s, FEWEST + 1, 7, 7, 7), "as many as it is told");
	free(b.results);
}

static int fail_third(struct bench *b, void *arg, double *value)
{
	int *calls = arg;

	(void)b;
	*value = 1;
	return ++*calls == 3 ? FAILED : DONE;
}

static void test_failure(void)
{
	const struct result what = { .what = "x", .unit = "us" };
	struct bench b = { .samples = 5 };
	int calls = 0;

	ok(measure(&b, &what, fail_third, &calls) == FAILED && calls == 3 &&
	   !b.nr_results, "nothing is measured after a failure");
	calls = -10;
	raise(SIGTERM);
	ok(measure(&b, &what, fail_third, &calls) == FAILED && calls == -9 &&
	   !b.nr_results, "nor after a signal");
	stopped = 0;
	free(b.results);
}

/* The processors that each thread may run on. */
struct places {
	cpu_set_t set[2];
};

static void note_place(void *arg, unsigned int thread)
{
	struct places *p = arg;

	sched_getaffinity(0, sizeof(p->set[thread]), &p->set[thread]);
}

static void test_threads(void)
{
	struct view v = { .size = 4096 };
	struct bench b = { .threads = 1 };
	struct places p;
	double seconds;

	v.map = mmap(NULL, v.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v.map == MAP_FAILED || find_cpus(&b))
		bail_out("mmap");
	if (b.nr_cpus < 2) {
		ok(true, "each thread has a processor # SKIP there is one");
	} else {
		CPU_ZERO(&p.set[0]);
		CPU_ZERO(&p.set[1]);
		ok(!timed(&b, &v, 2, note_place, &p, &seconds) &&
		   CPU_COUNT(&p.set[0]) == 1 && CPU_COUNT(&p.set[1]) == 1 &&
		   CPU_ISSET(b.cpus[0], &p.set[0]) &&
		   CPU_ISSET(b.cpus[1], &p.set[1]),
		   "each thread has a processor");
	}
	b.threads = b.nr_cpus + 1;
	b.nr_cpus = 0;
	ok(find_cpus(&b) == USAGE, "more threads than processors");
	munmap(v.map, v.size);
}

static void touch(void *arg, unsigned int thread)
{
	(void)thread;
	(void)*(volatile char *)arg;
}

/* A mapping beyond the end of its file faults as one of lost memory does. */
static void test_loss(void)
{
	int fd = memfd_create("unit", MFD_CLOEXEC);
	struct bench b = { .threads = 1 };
	struct view v = { .size = 4096 };
	double seconds;

	v.map = mmap(NULL, v.size, PROT_READ, MAP_SHARED, fd, 0);
	if (v.map == MAP_FAILED || find_cpus(&b))
		bail_out("mmap");
	ok(timed(&b, &v, 1, touch, v.map, &seconds) == FAILED, "memory is lost");
	munmap(v.map, v.size);
	close(fd);
}

static const struct access mov = { .name = "mov", .width = 8 };

static struct result results[] = {
	{ .what = "copy from device", .unit = "MB/s", .attr = "NC",
	  .access = &mov, .size = 64, .threads = 1, .s = { 5, 4, 6, 9 },
	  .has_hash = true, .hash = 0xabc },
	{ .what = "revoke", .unit = "us", .size = 65536, .threads = 1,
	  .s = { 30, 20, 40, 9 } },
	{ .what = "copy from device", .unit = "MB/s", .attr = "WC",
	  .access = &mov, .size = 64, .threads = 1, .s = { 70, 60, 80, 9 },
	  .has_reads_back = true },
};

static struct bench figures = {
	.bdf = DEV, .bar = 2, .range = { 0x100000, 65536 }, .page = 4096,
	.nr_cpus = 7, .results = results, .nr_results = ARRAY_SIZE(results),
};

static int print_text(void)
{
	bench_print(&figures);
	return flushed(DONE);
}

static int print_json(void)
{
	return bench_print_json(&figures);
}

/* What a process prints. */
static int run(int (*fn)(void))
{
	int status;
	pid_t pid = fork_saying();

	if (!pid)
		exit(fn());
	waitpid(pid, &status, 0);
	read_text(said, sizeof(said), "/said");
	return status;
}

static void make_machine(void)
{
	make_dir("/proc");
	make_dir("/sys/class/dmi/id");
	make_dir("/sys/firmware/devicetree/base");
	make_dir("/sys/devices/system/cpu/cpu0/regs/identification");
	make_dir(PATH_OF);
	make_file("/proc/cpuinfo",
		  "processor\t: 0\nmodel name\t: A Chip 3000\nflags\t: x\n");
	make_file("/sys/class/dmi/id/product_name", "A Box\n");
	make_file("/sys/class/dmi/id/product_serial", "SERIAL-1\n");
	make_file("/sys/firmware/devicetree/base/model", "A Board\n");
	make_file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1",
		  "0x00000000413fd0c1\n");
	make_file(PATH_OF "/vendor", "0x1af4\n");
	make_file(PATH_OF "/device", "0x1110\n");
}

static void test_head(void)
{
	struct utsname kernel;

	uname(&kernel);
	ok(!run(print_text) && says("machine  A Box, A Chip 3000, 7 processors\n") &&
	   says(kernel.release) && says("pages of 4K\n") &&
	   says(DEV "  [1af4:1110], ") &&
	   says("BAR 2, 0x100000+64K, loads only\n"), "the head");
	ok(!strstr(said, kernel.nodename) && !strstr(said, "SERIAL"),
	   "no name or serial number of the machine");
	remove_file("/sys/class/dmi/id/product_name");
	make_file("/proc/cpuinfo", "processor\t: 0\nCPU part\t: 0xd0c\n");
	ok(!run(print_text) &&
	   says("machine  A Board, MIDR 0x00000000413fd0c1, 7 processors\n"),
	   "a machine with a device tree");
	remove_file("/sys/firmware/devicetree/base/model");
	remove_file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
	ok(!run(print_text) &&
	   says("machine  unknown machine, unknown processor, 7 processors\n"),
	   "a machine without names");
}

/* A line of these words, with spaces between them. */
static bool says_row(const char *const *words)
{
	const char *at = says(words[0]) ? strstr(said, words[0]) : "";

	for (; *words && !strncmp(at, *words, strlen(*words)); words++) {
		at += strlen(*words);
		at += strspn(at, " ");
	}
	return !*words && *at == '\n';
}

#define SAYS_ROW(...)	says_row((const char *[]){ __VA_ARGS__, NULL })

static void test_table(void)
{
	ok(!run(print_text) &&
	   SAYS_ROW("copy from device", "64", "mov", "1", "MB/s", "5 [4 6]",
		    "70 [60 80]") &&
	   SAYS_ROW("revoke", "64K", "-", "1", "us", "30 [20 40]", "-"),
	   "NC and WC are side by side");
	ok(says("what mov stored (WC) does not read back"), "a store that got lost");
}

static void test_json(void)
{
	json_t *top, *row;

	ok(!run(print_json) && says("\"bar\":2,\"offset\":1048576,\"length\":65536,"),
	   "JSON");
	top = json_loads(said, 0, NULL);
	row = json_array_get(json_object_get(top, "results"), 0);
	ok(json_array_size(json_object_get(top, "results")) == 3 &&
	   json_number_value(json_object_get(row, "median")) == 5 &&
	   json_number_value(json_object_get(row, "q1")) == 4 &&
	   json_number_value(json_object_get(row, "q3")) == 6 &&
	   json_integer_value(json_object_get(row, "samples")) == 9 &&
	   !strcmp(json_string_value(json_object_get(row, "hash")),
		   "0000000000000abc"), "JSON of a figure");
	json_decref(top);
}

int main(void)
{
	plan(17);
	catch_signals();
	test_samples();
	test_failure();
	test_threads();
	test_loss();
	sys_root = make_root();
	make_machine();
	test_head();
	test_table();
	test_json();
	remove_root();
	return finish();
}
