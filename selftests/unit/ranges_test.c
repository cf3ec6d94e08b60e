// SPDX-License-Identifier: GPL-2.0-only
/*
 * Property tests of the range table, in userspace: random buffers against a
 * model that walks the list of ranges as the user gave it, unmerged.
 *
 *	ranges_test [CASES [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.c"

#define MAX_RANGES	96
#define NARROW_MAX	0xffffffffULL

struct range {
	__u64 pfn;
	__u64 pages;
};

struct model {
	size_t nr;
	struct range range[MAX_RANGES];
};

static __u64 random_state;

static __u64 random64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

static __u64 below(__u64 limit)
{
	return random64() % limit;
}

/* The model: every answer from a walk over the list */

static __u64 model_pages(const struct model *m)
{
	__u64 pages = 0;
	size_t i;

	for (i = 0; i < m->nr; i++)
		pages += m->range[i].pages;
	return pages;
}

static bool model_joined(const struct model *m, size_t i)
{
	return m->range[i].pfn == m->range[i - 1].pfn + m->range[i - 1].pages;
}

static size_t model_merged(const struct model *m)
{
	size_t i, nr = 1;

	for (i = 1; i < m->nr; i++)
		nr += !model_joined(m, i);
	return nr;
}

static size_t model_bytes(const struct model *m)
{
	__u64 low = m->range[0].pfn, high = 0;
	size_t i, merged = model_merged(m);
	bool wide;

	for (i = 0; i < m->nr; i++) {
		const struct range *r = &m->range[i];

		if (r->pfn < low)
			low = r->pfn;
		if (r->pfn + r->pages > high)
			high = r->pfn + r->pages;
	}
	wide = model_pages(m) > NARROW_MAX || high - low > NARROW_MAX;
	return merged == 1 ? 0 : merged * (wide ? 16 : 8);
}

static bool model_lookup(const struct model *m, __u64 page,
			 struct vpdm_hit *hit)
{
	size_t i, j;

	for (i = 0; i < m->nr && page >= m->range[i].pages; i++)
		page -= m->range[i].pages;
	if (i == m->nr)
		return false;

	hit->pfn = m->range[i].pfn + page;
	hit->before = page;
	hit->after = m->range[i].pages - page;
	for (j = i; j && model_joined(m, j); j--)
		hit->before += m->range[j - 1].pages;
	for (j = i + 1; j < m->nr && model_joined(m, j); j++)
		hit->after += m->range[j].pages;
	return true;
}

/* The table under test; the array has exactly the bytes that it asked for. */

static void *build(struct vpdm_ranges *t, const struct model *m)
{
	void *array = NULL;
	size_t i, bytes;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < m->nr; i++)
		vpdm_ranges_count(t, m->range[i].pfn, m->range[i].pages);
	bytes = vpdm_ranges_bytes(t);
	if (bytes) {
		array = malloc(bytes);
		if (!array)
			abort();
	}
	vpdm_ranges_start(t, array);
	for (i = 0; i < m->nr; i++)
		vpdm_ranges_add(t, m->range[i].pfn, m->range[i].pages);
	return array;
}

static void print_model(const struct model *m)
{
	size_t i;

	for (i = 0; i < m->nr; i++)
		printf("#   range %zu: pfn 0x%llx pages 0x%llx\n", i,
		       m->range[i].pfn, m->range[i].pages);
}

static bool wrong(const struct model *m, const char *what, __u64 page,
		  __u64 expected, __u64 seen)
{
	if (expected == seen)
		return false;
	printf("# %s at page 0x%llx: expected 0x%llx, seen 0x%llx\n", what,
	       page, expected, seen);
	print_model(m);
	return true;
}

static bool check_page(const struct vpdm_ranges *t, const struct model *m,
		       __u64 page)
{
	struct vpdm_hit want = {}, seen = {};
	bool found = model_lookup(m, page, &want);

	return !wrong(m, "found", page, found,
		      vpdm_ranges_lookup(t, page, &seen)) &&
	       !wrong(m, "pfn", page, want.pfn, seen.pfn) &&
	       !wrong(m, "before", page, want.before, seen.before) &&
	       !wrong(m, "after", page, want.after, seen.after);
}

/* Both sides of every border of the list as given, merged or not. */
static bool check_borders(const struct vpdm_ranges *t, const struct model *m)
{
	__u64 page = 0;
	size_t i;

	for (i = 0; i < m->nr; i++) {
		if (!check_page(t, m, page) ||
		    !check_page(t, m, page + m->range[i].pages - 1))
			return false;
		page += m->range[i].pages;
	}
	return check_page(t, m, page) && check_page(t, m, ~0ULL);
}

static bool check(const struct model *m, unsigned int random_pages)
{
	size_t bytes = model_bytes(m);
	struct vpdm_ranges t;
	void *array = build(&t, m);
	__u64 pages = model_pages(m);
	bool ok;

	ok = !wrong(m, "pages", 0, pages, t.pages) &&
	     !wrong(m, "ranges", 0, model_merged(m), t.nr) &&
	     !wrong(m, "bytes", 0, bytes, vpdm_ranges_bytes(&t)) &&
	     check_borders(&t, m);
	while (ok && random_pages--)
		ok = check_page(&t, m, below(pages));
	free(array);
	return ok;
}

/*
 * Random buffers. Small numbers make neighbours, overlaps and repeats likely;
 * the large ones reach beyond 32 bits of pages and of PFNs.
 */
static void random_range(struct model *m, unsigned int kind)
{
	struct range *r = &m->range[m->nr];
	const struct range *prev = m->nr ? r - 1 : NULL;

	r->pages = 1 + below(kind & 1 ? 4 : 1ULL << (1 + below(40)));
	r->pfn = below(kind & 2 ? 8 : 1ULL << (1 + below(44)));
	if (prev && !below(3))
		r->pfn = prev->pfn + prev->pages;
	else if (prev && !below(6))
		*r = *prev;
	m->nr++;
}

static void random_model(struct model *m)
{
	size_t nr = 1 + below(below(64) ? 6 : MAX_RANGES);
	unsigned int kind = below(4);

	m->nr = 0;
	while (m->nr < nr)
		random_range(m, kind);
}

static bool random_buffers(unsigned long cases, __u64 seed)
{
	struct model m;
	unsigned long i;

	for (i = 0; i < cases; i++) {
		random_state = seed + i * 0x9e3779b97f4a7c15ULL;
		if (!random_state)
			random_state = 1;
		random_model(&m);
		if (!check(&m, 2)) {
			printf("# case %lu, seed %llu\n", i, seed);
			return false;
		}
	}
	printf("# %lu random buffers, seed %llu\n", cases, seed);
	return true;
}

/* Buffers that the random ones could miss */

static bool one_range(void)
{
	return check(&(struct model){ 1, { { 0x80000, 1 } } }, 0) &&
	       check(&(struct model){ 1, { { 0, 1ULL << 50 } } }, 100);
}

static bool reversed_pages(void)
{
	struct model m = { .nr = MAX_RANGES };
	size_t i;

	for (i = 0; i < m.nr; i++)
		m.range[i] = (struct range){ 1000 - i, 1 };
	return model_merged(&m) == m.nr && check(&m, 0);
}

static bool neighbours_are_one_range(void)
{
	struct model m = { .nr = MAX_RANGES };
	size_t i;

	for (i = 0; i < m.nr; i++)
		m.range[i] = (struct range){ 1000 + 3 * i, 3 };
	return model_merged(&m) == 1 && check(&m, 100);
}

static bool neighbours_in_space_but_not_in_order(void)
{
	return check(&(struct model){ 2, { { 104, 4 }, { 100, 4 } } }, 0) &&
	       check(&(struct model){ 3, { { 0, 4 }, { 8, 4 }, { 4, 4 } } }, 0);
}

static bool repeated_and_overlapping(void)
{
	return check(&(struct model){ 3, { { 7, 5 }, { 7, 5 }, { 7, 5 } } }, 0) &&
	       check(&(struct model){ 3, { { 7, 5 }, { 9, 5 }, { 8, 1 } } }, 0);
}

/* A range at PFN 0 must not pass for the continuation of "nothing yet". */
static bool starts_at_pfn_0(void)
{
	return check(&(struct model){ 1, { { 0, 1 } } }, 0) &&
	       check(&(struct model){ 2, { { 0, 1 }, { 1, 1 } } }, 0) &&
	       check(&(struct model){ 2, { { 0, 1 }, { 0, 1 } } }, 0);
}

static bool border_of_32_bits_of_pages(void)
{
	__u64 d;

	for (d = 0; d < 4; d++) {
		struct model m = {
			3, { { 9, 1ULL << 31 },
			     { 9, (1ULL << 31) - 3 + d }, { 5, 1 } },
		};

		if (!check(&m, 100))
			return false;
	}
	return true;
}

static bool border_of_32_bits_of_pfns(void)
{
	__u64 d;

	for (d = 0; d < 4; d++) {
		struct model m = {
			2, { { 9 + NARROW_MAX - 2 + d, 1 }, { 9, 1 } },
		};

		if (!check(&m, 0))
			return false;
	}
	return true;
}

static bool wide_pages_and_pfns(void)
{
	return check(&(struct model){ 4, {
		{ 1ULL << 51, 1ULL << 40 }, { 0, 1 },
		{ 1ULL << 40, 1ULL << 50 }, { 1, 1ULL << 33 },
	} }, 1000);
}

/* An all-zero table, before any range: every look-up misses. */
static bool empty_table_has_no_page(void)
{
	struct vpdm_ranges t = {};
	struct vpdm_hit hit;

	return !vpdm_ranges_lookup(&t, 0, &hit) &&
	       !vpdm_ranges_lookup(&t, ~0ULL, &hit) && !vpdm_ranges_bytes(&t);
}

static int failures;

static void report(bool ok, const char *name)
{
	static int nr;

	if (!ok) {
		printf("not ");
		failures++;
	}
	printf("ok %d %s\n", ++nr, name);
}

int main(int argc, char **argv)
{
	unsigned long cases = 1000000;
	__u64 seed = 1;

	if (argc > 1)
		cases = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);

	printf("TAP version 13\n1..11\n");
	report(empty_table_has_no_page(), "empty_table_has_no_page");
	report(one_range(), "one_range");
	report(reversed_pages(), "reversed_pages");
	report(neighbours_are_one_range(), "neighbours_are_one_range");
	report(neighbours_in_space_but_not_in_order(),
	       "neighbours_in_space_but_not_in_order");
	report(repeated_and_overlapping(), "repeated_and_overlapping");
	report(starts_at_pfn_0(), "starts_at_pfn_0");
	report(border_of_32_bits_of_pages(), "border_of_32_bits_of_pages");
	report(border_of_32_bits_of_pfns(), "border_of_32_bits_of_pfns");
	report(wide_pages_and_pfns(), "wide_pages_and_pfns");
	report(random_buffers(cases, seed), "random_buffers");
	return failures != 0;
}
