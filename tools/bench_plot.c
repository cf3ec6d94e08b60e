// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chart of the bandwidths, by gnuplot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Before anything is measured. */
int plot_check(const struct bench *b)
{
	FILE *f;

	if (!b->plot)
		return DONE;
	if (strpbrk(b->plot, "'\n"))
		return usage_error("the chart's name has a character that gnuplot does not take");
	if (system("command -v gnuplot >/dev/null 2>&1"))
		return fail("--plot needs gnuplot (Debian: gnuplot-nox)");
	f = fopen(b->plot, "we");
	if (!f)
		return fail("cannot write %s: %s", b->plot, strerror(errno));
	fclose(f);
	return DONE;
}

static bool is_curve(const struct result *r)
{
	return r->access && r->threads == 1;
}

/* Results of one curve follow each other, smallest first. */
static bool begins_curve(const struct bench *b, size_t i)
{
	return is_curve(&b->results[i]) &&
	       (!i || !is_curve(&b->results[i - 1]) ||
		b->results[i].size <= b->results[i - 1].size);
}

static bool ends_curve(const struct bench *b, size_t i)
{
	return i + 1 == b->nr_results || !is_curve(&b->results[i + 1]) ||
	       begins_curve(b, i + 1);
}

static void write_data(FILE *f, const struct bench *b)
{
	const struct result *r;
	unsigned int curve = 0;
	size_t i;

	for (i = 0; i < b->nr_results; i++) {
		r = &b->results[i];
		if (!is_curve(r))
			continue;
		if (begins_curve(b, i))
			fprintf(f, "$c%u << EOD\n", curve++);
		fprintf(f, "%zu %g %g %g\n", r->size, r->s.median, r->s.q1,
			r->s.q3);
		if (ends_curve(b, i))
			fputs("EOD\n", f);
	}
}

static void write_curves(FILE *f, const struct bench *b)
{
	const struct result *r;
	unsigned int curve = 0;
	size_t i;

	for (i = 0; i < b->nr_results; i++) {
		r = &b->results[i];
		if (!begins_curve(b, i))
			continue;
		fprintf(f, "%s $c%u using 1:2:3:4 with yerrorlines lt %u pt %d dt %d title '%s, %s, %s'",
			curve ? "," : "plot", curve, 1 + r->access->width / 16,
			strcmp(r->what, "copy to device") ? 5 : 7,
			strcmp(r->attr, "NC") ? 2 : 1,
			r->what, r->attr, r->access->name);
		curve++;
	}
	fputc('\n', f);
}

static void write_script(FILE *f, const struct bench *b)
{
	fprintf(f, "set terminal svg size 1040, 640 font 'sans-serif,13' background 'white'\n"
		"set output '%s'\n"
		"set title '%s, BAR %u' noenhanced\n"
		"set xlabel 'bytes'\nset ylabel 'MB/s'\n"
		"set logscale x 2\nset logscale y 10\n"
		"set key outside noenhanced\nset grid\n",
		b->plot, b->bdf, b->bar);
	write_data(f, b);
	write_curves(f, b);
}

int plot_draw(const struct bench *b)
{
	FILE *f;

	if (!b->plot)
		return DONE;
	fflush(stdout);
	f = popen("gnuplot", "we");
	if (!f)
		return fail("cannot run gnuplot: %s", strerror(errno));
	write_script(f, b);
	return pclose(f) ? fail("gnuplot made no chart") : DONE;
}
