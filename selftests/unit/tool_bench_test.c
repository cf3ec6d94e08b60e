// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pure parts of "vfio-dmabuf bench": its arithmetic, that each access copies
 * what it is told and nothing else, and what gnuplot is told.
 */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/print.c"
#include "tools/stats.c"
#include "tools/bench_plot.c"
#if defined(__x86_64__)
#include "tools/arch/x86_64.c"
#elif defined(__aarch64__)
#include "tools/arch/aarch64.c"
#else
#include "tools/arch/other.c"
#endif
#include "tap.h"
#include "fake.h"

static bool is(const double *values, size_t nr, double q1, double median,
	       double q3)
{
	double copy[16];
	struct summary s;

	memcpy(copy, values, nr * sizeof(*values));
	summarize(copy, nr, &s);
	if (s.nr == nr && fabs(s.q1 - q1) < 0.001 &&
	    fabs(s.median - median) < 0.001 && fabs(s.q3 - q3) < 0.001)
		return true;
	printf("# %g %g %g of %zu\n", s.q1, s.median, s.q3, s.nr);
	return false;
}

static void test_stats(void)
{
	ok(is((double []){ 5, 1, 4, 2, 3 }, 5, 2, 3, 4), "an odd number");
	ok(is((double []){ 4, 1, 3, 2 }, 4, 1.75, 2.5, 3.25), "an even number");
	ok(is((double []){ 7 }, 1, 7, 7, 7), "one value");
	ok(is((double []){ 9, 1 }, 2, 3, 5, 7), "two");
	ok(is((double []){ 1, 1, 1, 1, 1000 }, 5, 1, 1, 1), "an outlier");
	ok(is((double []){ 1 }, 0, 0, 0, 0), "none");
}

/* At the end of a page whose neighbours fault. */
static char *make_edge(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	char *map = mmap(NULL, room + 2 * page, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED ||
	    mprotect(map + page, room, PROT_READ | PROT_WRITE))
		bail_out("mmap");
	return map + page + room - size;
}

static void fill(char *bytes, size_t size, unsigned int seed)
{
	while (size--) {
		seed = seed * 1103515245 + 12345;
		*bytes++ = seed >> 16;
	}
}

/* @size bytes, and not one of the rest. */
static bool copies(const struct access *a, bool store, size_t size)
{
	size_t room = 8192 + ACCESS_BLOCK;
	char *from = make_edge(size), *to = make_edge(room), *want;
	bool right;

	want = malloc(room);
	fill(from, size, 1);
	fill(to, room, 2);
	memcpy(want, to, room);
	memcpy(want + ACCESS_BLOCK, from, size);
	if (store)
		a->store(to + ACCESS_BLOCK, from, size);
	else
		a->load(to + ACCESS_BLOCK, from, size);
	right = !memcmp(to, want, room);
	free(want);
	return right;
}

static void test_access(const struct access *a)
{
	size_t sizes[] = { 64, 128, 4096, 8128 }, i;
	bool right = true;
	char what[64];

	snprintf(what, sizeof(what), "%s, %u bytes", a->name, a->width);
	if (!a->is_there()) {
		strcat(what, " # SKIP not of this processor");
		ok(true, what);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		right &= copies(a, false, sizes[i]) && copies(a, true, sizes[i]);
	ok(right && a->width <= ACCESS_BLOCK && !(ACCESS_BLOCK % a->width), what);
}

/* Two curves, and figures that are on none. */
static struct result results[] = {
	{ .what = "load latency", .attr = "NC", .size = 4, .threads = 1 },
	{ .what = "copy from device", .attr = "NC", .access = accesses,
	  .size = 64, .threads = 1, .s = { 5, 4, 6, 9 } },
	{ .what = "copy from device", .attr = "NC", .access = accesses,
	  .size = 128, .threads = 1, .s = { 7, 6, 8, 9 } },
	{ .what = "copy to device", .attr = "WC", .access = accesses,
	  .size = 64, .threads = 1, .s = { 1, 1, 2, 9 } },
	{ .what = "copy to device", .attr = "WC", .access = accesses,
	  .size = 64, .threads = 2, .s = { 3, 3, 3, 9 } },
};

static void test_script(void)
{
	struct bench b = {
		.bdf = "0000:01:00.0", .bar = 2, .plot = "x.svg",
		.results = results, .nr_results = ARRAY_SIZE(results),
	};
	char *text;
	size_t n;
	FILE *f;

	f = open_memstream(&text, &n);
	write_script(f, &b);
	fclose(f);
	ok(strstr(text, "set output 'x.svg'\n") &&
	   strstr(text, "$c0 << EOD\n64 5 4 6\n128 7 6 8\nEOD\n"
			"$c1 << EOD\n64 1 1 2\nEOD\nplot $c0 ") &&
	   strstr(text, "title 'copy from device, NC, ") &&
	   strstr(text, ", $c1 using 1:2:3:4 with yerrorlines lt 1 ") &&
	   strstr(text, " pt 7 dt 2 title 'copy to device, WC, "),
	   "a chart's script");
	free(text);
}

/* Succeeds if the first argument is SVG with paths, and has the other ones as text. */
static const char read_chart[] =
	"import sys\n"
	"from xml.etree import ElementTree\n"
	"top = ElementTree.parse(sys.argv[1]).getroot()\n"
	"text = ' '.join(top.itertext())\n"
	"svg = '{http://www.w3.org/2000/svg}'\n"
	"paths = top.tag == svg + 'svg' and top.findall('.//' + svg + 'path')\n"
	"sys.exit(not paths or not all(word in text for word in sys.argv[2:]))\n";

static void test_real_gnuplot(void)
{
	struct bench b = {
		.bdf = "0000:01:00.0", .bar = 2,
		.results = results, .nr_results = ARRAY_SIZE(results),
	};
	char chart[PATH_MAX], command[3 * PATH_MAX];

	if (system("command -v gnuplot python3 >/dev/null")) {
		ok(true, "gnuplot draws a chart # SKIP no gnuplot or python3");
		return;
	}
	snprintf(chart, sizeof(chart), "%s/real.svg", root);
	snprintf(command, sizeof(command),
		 "python3 -c \"%s\" '%s' '0000:01:00.0, BAR 2' MB/s 'copy from device, NC' 'copy to device, WC'",
		 read_chart, chart);
	b.plot = chart;
	fflush(stdout);
	ok(!plot_check(&b) && !plot_draw(&b) && !system(command),
	   "gnuplot draws both curves into an SVG file");
}

/* In place of gnuplot a script that says yes or no. */
static void test_gnuplot(void)
{
	char chart[PATH_MAX], bin[PATH_MAX];
	struct bench b = { .plot = chart };

	snprintf(chart, sizeof(chart), "%s/chart.svg", root);
	snprintf(bin, sizeof(bin), "%s/gnuplot", root);
	setenv("PATH", root, 1);
	fflush(stdout);
	ok(plot_check(&b) == FAILED, "no gnuplot");
	make_file("/gnuplot", "#!/bin/sh\nwhile read -r line; do :; done\n");
	chmod(bin, 0755);
	ok(!plot_check(&b) && !access(chart, F_OK) && !plot_draw(&b),
	   "a chart is drawn");
	make_file("/gnuplot", "#!/bin/sh\nwhile read -r line; do :; done\nexit 1\n");
	ok(plot_draw(&b) == FAILED, "gnuplot fails");
	b.plot = "/no/such/chart.svg";
	ok(plot_check(&b) == FAILED, "a file that cannot be written");
	b.plot = "it's.svg";
	ok(plot_check(&b) == USAGE, "a name that would end gnuplot's string");
	b.plot = NULL;
	ok(!plot_check(&b) && !plot_draw(&b), "no chart");
}

int main(void)
{
	size_t i;

	plan(15 + nr_accesses);
	test_stats();
	ok(accesses[0].is_there() && accesses[0].width == 8,
	   "there is one on every processor");
	for (i = 0; i < nr_accesses; i++)
		test_access(&accesses[i]);
	test_script();
	make_root();
	test_real_gnuplot();
	test_gnuplot();
	remove_root();
	return finish();
}
