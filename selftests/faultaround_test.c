// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault-around: where no huge entry fits, one fault fills what the same range
 * and the same mapping have in an aligned block. Counts are exact.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x4641554c54000000ULL
#define RW	(PROT_READ | PROT_WRITE)
#define PARAM	"fault_around_kb"
#define DEFAULT	"2048"

FIXTURE(around) {
	struct vt_device d;
	size_t size;
};

FIXTURE_SETUP(around)
{
	char *bar;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_param_set(PARAM, DEFAULT));
	self->size = VT_MIB(64);
	bar = vt_map_bar(&self->d, BAR, 0, self->size);
	ASSERT_NE(NULL, bar);
	vt_stamp(bar, self->size, STAMP);
	munmap(bar, self->size);
}

FIXTURE_TEARDOWN(around)
{
	vt_param_set(PARAM, DEFAULT);
	vt_close(&self->d);
}

/* A buffer of one range, mapped at @skew from a multiple of VT_PMD. */
static char *map_skewed(const struct vt_device *d, size_t size, size_t skew)
{
	int fd = vt_export_one(d->fd, BAR, 0, size);
	char *map;

	if (fd < 0)
		return NULL;
	map = vt_map(fd, size, RW, 0, VT_PMD, skew);
	close(fd);
	return map;
}

static int set_param(size_t bytes)
{
	char kb[24];

	snprintf(kb, sizeof(kb), "%zu", bytes >> 10);
	return vt_param_set(PARAM, kb);
}

TEST_F(around, default_is_2_mib)
{
	char value[16];

	ASSERT_EQ(0, vt_param_get(PARAM, value, sizeof(value)));
	EXPECT_STREQ(DEFAULT, value);
}

/* The mapping covers 32 blocks and one page of a 33rd. */
TEST_F(around, 64_mib_at_an_unaligned_address_take_33_faults)
{
	char *map = map_skewed(&self->d, self->size, VT_PAGE);

	ASSERT_NE(NULL, map);
	EXPECT_EQ(33, vt_touch_faults(map, self->size));
	EXPECT_EQ(self->size / VT_PAGE,
		  vt_ptes(map, self->size).leaves[VPDM_PT_PTE]);
	EXPECT_EQ(0, vt_touch_faults(map, self->size));
}

TEST_F(around, 64_mib_at_an_aligned_address_take_one_fault_for_each_entry)
{
	char *map = map_skewed(&self->d, self->size, 0);
	size_t entry = VT_PMD;

	if (!vt_has_huge_entries() || VT_PMD > self->size)
		entry = VT_AROUND;
	ASSERT_NE(NULL, map);
	EXPECT_EQ((long)(self->size / entry), vt_touch_faults(map, self->size));
}

TEST_F(around, order_of_the_accesses_does_not_matter)
{
	size_t nr = self->size / VT_PAGE, i, j, swap;
	size_t *offsets = calloc(nr, sizeof(*offsets));
	char *map = map_skewed(&self->d, self->size, VT_MIB(1));
	__u64 seed = 5;

	ASSERT_NE(NULL, offsets);
	ASSERT_NE(NULL, map);
	for (i = 0; i < nr; i++)
		offsets[i] = i * VT_PAGE;
	for (i = nr - 1; i; i--) {
		j = vt_random(&seed) % (i + 1);
		swap = offsets[i];
		offsets[i] = offsets[j];
		offsets[j] = swap;
	}
	EXPECT_EQ(33, vt_touch_offsets(map, offsets, nr));
	free(offsets);
}

TEST_F(around, bar_mapping_takes_as_few)
{
	struct vfio_region_info info;
	char *map;

	ASSERT_EQ(0, vt_region(&self->d, BAR, &info));
	map = vt_map(self->d.fd, self->size, RW, info.offset, VT_PMD, VT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(33, vt_touch_faults(map, self->size));
}

/* What the counting itself is worth: stock takes a fault for each page. */
/* Before Linux 6.12, one for all of the mapping. */
TEST_F(around, stock_takes_one_fault_for_each_page)
{
	struct vfio_region_info info;
	struct vt_device stock;
	char *map;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(0, vt_open(&stock, vt_bdf("B"), VT_STOCK));
	ASSERT_EQ(0, vt_region(&stock, BAR, &info));
	map = vt_map(stock.fd, VT_MIB(8), RW, info.offset, VT_PMD, VT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(vt_has_huge_entries() ? (long)(VT_MIB(8) / VT_PAGE) : 1,
		  vt_touch_faults(map, VT_MIB(8)));
	vt_close(&stock);
}

TEST_F(around, 256_mib_at_an_unaligned_address_take_129_faults)
{
	struct vt_device big;
	char *map;
	int fd;

	ASSERT_EQ(0, vt_open(&big, vt_bdf("BIG"), VT_DRIVER));
	fd = vt_export_one(big.fd, BAR, 0, VT_MIB(256));
	ASSERT_LE(0, fd);
	map = vt_map(fd, VT_MIB(256), RW, 0, VT_PMD, VT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(129, vt_touch_faults(map, VT_MIB(256)));
	vt_close(&big);
}

TEST_F(around, same_number_of_faults_after_a_zap)
{
	char *map = map_skewed(&self->d, VT_MIB(8), VT_PAGE);

	ASSERT_NE(NULL, map);
	EXPECT_EQ(5, vt_touch_faults(map, VT_MIB(8)));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(0UL, vt_present(map, VT_MIB(8)));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(5, vt_touch_faults(map, VT_MIB(8)));
}

/* One fault in the middle: what is filled, and what is not. */

static size_t touched_once(const char *map, size_t size, size_t at)
{
	(void)*(const volatile char *)(map + at);
	return vt_present(map, size);
}

TEST_F(around, one_fault_fills_its_block_and_no_other)
{
	char *map = map_skewed(&self->d, VT_MIB(8), VT_MIB(1));

	ASSERT_NE(NULL, map);
	EXPECT_EQ(VT_MIB(2), touched_once(map, VT_MIB(8), VT_MIB(3) - VT_PAGE));
	EXPECT_EQ(VT_MIB(2), vt_present(map + VT_MIB(1), VT_MIB(2)));
	EXPECT_EQ(VT_MIB(3), touched_once(map, VT_MIB(8), 0));
	EXPECT_EQ(VT_MIB(4), touched_once(map, VT_MIB(8),
					  VT_MIB(8) - VT_PAGE));
}

/* Neighbouring mappings of the same buffer in the same block stay empty. */
TEST_F(around, never_past_the_mapping)
{
	size_t half = VT_MIB(1), off = 5 * VT_PAGE;
	char *map, *next;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, VT_PAGE, VT_MIB(2));
	ASSERT_LE(0, fd);
	map = vt_map(fd, half, RW, 0, VT_PMD, off);
	ASSERT_NE(NULL, map);
	next = mmap(map + half, VT_PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_EQ(map + half, next);
	EXPECT_EQ(half, touched_once(map, half, half - VT_PAGE));
	EXPECT_EQ(0UL, vt_present(next, VT_PAGE));
	EXPECT_EQ(VT_PAGE, touched_once(next, VT_PAGE, 0));
}

TEST_F(around, never_past_the_range)
{
	struct vfio_region_dma_range r[] = {
		{ VT_MIB(4), VT_KIB(384) },
		{ VT_MIB(1), VT_KIB(192) },
		{ VT_MIB(9) + VT_PAGE, VT_KIB(768) },
	};
	size_t size = vt_ranges_size(r, 3), first = r[0].length;
	size_t second = r[1].length;
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, r, 3);
	ASSERT_LE(0, fd);
	map = vt_map(fd, size, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(second, touched_once(map, size, first + second / 2));
	EXPECT_EQ(second, vt_present(map + first, second));
	EXPECT_EQ(second + first, touched_once(map, size, 0));
	EXPECT_EQ(size, touched_once(map, size, size - VT_PAGE));
	EXPECT_TRUE(vt_values_are(map, r, 3, STAMP));
	EXPECT_TRUE(vt_pfns_are(map, r, 3, vt_bar_pfn(self->d.bdf, BAR)));
}

TEST_F(around, one_fault_for_each_range_of_a_block)
{
	struct vfio_region_dma_range r[64];
	size_t i, size;
	char *map;
	int fd;

	for (i = 0; i < VT_ARRAY_SIZE(r); i++)
		r[i] = (struct vfio_region_dma_range){
			(1000 - 10 * i) * VT_PAGE, 8 * VT_PAGE,
		};
	size = vt_ranges_size(r, VT_ARRAY_SIZE(r));
	fd = vt_export(self->d.fd, BAR, O_RDWR, r, VT_ARRAY_SIZE(r));
	ASSERT_LE(0, fd);
	map = vt_map(fd, size, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(64, vt_touch_faults(map, size));
	EXPECT_TRUE(vt_values_are(map, r, VT_ARRAY_SIZE(r), STAMP));
}

/*
 * The hardware has marked an entry as accessed and written: were it made anew,
 * the marks would be gone.
 */
TEST_F(around, never_over_an_entry_that_is_there)
{
	size_t size = VT_MIB(2), at = 7 * VT_PAGE;
	char *map = map_skewed(&self->d, size, VT_MIB(1));
	__u64 before;

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, set_param(VT_PAGE));
	ASSERT_EQ(0, vt_poke(map + at, STAMP + at / VT_PAGE));
	EXPECT_EQ(VT_PAGE, vt_present(map, size));
	before = vt_pte(map + at).entry;

	ASSERT_EQ(0, vt_param_set(PARAM, DEFAULT));
	EXPECT_EQ(VT_MIB(1), touched_once(map, size, 0));
	EXPECT_EQ(before, vt_pte(map + at).entry);
	/* The next page's entry differs in more than the PFN: no marks. */
	EXPECT_NE(before + VT_PAGE, vt_pte(map + at + VT_PAGE).entry);
}

/* Pages that a mapping may not read stay so, and are not filled from beside. */
TEST_F(around, protected_part_is_not_filled)
{
	size_t size = VT_MIB(1), part = VT_KIB(64);
	char *map = map_skewed(&self->d, size, VT_PAGE);

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, mprotect(map + part, part, PROT_NONE));
	EXPECT_EQ(part, touched_once(map, size, 0));
	EXPECT_EQ(part + size - 2 * part, touched_once(map, size, 2 * part));
	EXPECT_EQ(0UL, vt_present(map + part, part));
}

TEST_F(around, read_only_buffer_is_filled_read_only)
{
	struct vfio_region_dma_range r = { 0, VT_MIB(1) };
	char *map;
	size_t i;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDONLY, &r, 1);
	ASSERT_LE(0, fd);
	map = vt_map(fd, r.length, PROT_READ, 0, VT_PMD, VT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(r.length, touched_once(map, r.length, 0));
	for (i = 0; i < r.length; i += VT_PAGE)
		ASSERT_EQ(0U, vt_pte(map + i).writable);
}

struct toucher {
	pthread_t thread;
	const char *map;
	size_t size;
	bool backwards;
};

static void *touch_all(void *arg)
{
	struct toucher *t = arg;
	size_t off, at;

	for (off = 0; off < t->size; off += VT_PAGE) {
		at = t->backwards ? t->size - VT_PAGE - off : off;
		(void)*(const volatile char *)(t->map + at);
	}
	return NULL;
}

TEST_F(around, threads_that_fault_in_the_same_blocks)
{
	struct vfio_region_dma_range r = { 0, self->size };
	struct toucher t[4];
	int round, i;
	char *map;

	for (round = 0; round < 10; round++) {
		map = map_skewed(&self->d, self->size, VT_PAGE);
		ASSERT_NE(NULL, map);
		for (i = 0; i < 4; i++) {
			t[i] = (struct toucher){
				.map = map, .size = self->size,
				.backwards = i & 1,
			};
			ASSERT_EQ(0, pthread_create(&t[i].thread, NULL,
						    touch_all, &t[i]));
		}
		for (i = 0; i < 4; i++)
			pthread_join(t[i].thread, NULL);
		EXPECT_TRUE(vt_values_are(map, &r, 1, STAMP));
		munmap(map, self->size);
	}
}

/*
 * A process can switch huge pages off and on for itself at any time, so a huge
 * and a small fault can meet in one block.
 */
TEST_F(around, threads_that_fault_while_huge_pages_go_off_and_on)
{
	__u64 end = vt_now_ns() + 4000000000ULL;
	struct toucher t[2];
	bool off = false;
	int i;

	while (vt_now_ns() < end) {
		char *map = map_skewed(&self->d, VT_MIB(32), 0);

		ASSERT_NE(NULL, map);
		for (i = 0; i < 2; i++) {
			t[i] = (struct toucher){
				.map = map, .size = VT_MIB(32),
			};
			ASSERT_EQ(0, pthread_create(&t[i].thread, NULL,
						    touch_all, &t[i]));
		}
		for (i = 0; i < 50; i++) {
			off = !off;
			ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, off, 0, 0, 0));
		}
		for (i = 0; i < 2; i++)
			pthread_join(t[i].thread, NULL);
		EXPECT_EQ(VT_MIB(32), vt_present(map, VT_MIB(32)));
		munmap(map, VT_MIB(32));
	}
}

/* Every size that the parameter takes. */
FIXTURE(param) {
	struct vt_device d;
};

FIXTURE_SETUP(param)
{
	if (!vt_module_loaded())
		ASSERT_EQ(0, vt_module_load(""));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
}

FIXTURE_TEARDOWN(param)
{
	vt_param_set(PARAM, DEFAULT);
	vt_close(&self->d);
}

TEST_F(param, each_size_has_its_number_of_faults)
{
	size_t size = 4 * VT_PMD, bytes;
	char seen[16];
	long expected;
	char *map;

	for (bytes = VT_PAGE; bytes <= VT_PMD; bytes *= 2) {
		ASSERT_EQ(0, set_param(bytes));
		ASSERT_EQ(0, vt_param_get(PARAM, seen, sizeof(seen)));
		EXPECT_EQ(bytes >> 10, strtoul(seen, NULL, 10));

		map = map_skewed(&self->d, size, VT_PAGE);
		ASSERT_NE(NULL, map);
		expected = size / bytes + (bytes > VT_PAGE);
		EXPECT_EQ(expected, vt_touch_faults(map, size))
			TH_LOG("%zu bytes", bytes);
		munmap(map, size);
	}
}

TEST_F(param, has_no_say_where_huge_entries_fit)
{
	size_t size = 4 * VT_PMD;
	char *map;

	ASSERT_EQ(0, set_param(VT_PAGE));
	map = map_skewed(&self->d, size, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(vt_has_huge_entries() ? 4 : (long)(size / VT_PAGE),
		  vt_touch_faults(map, size));
}

/* What is no power of 2 of KiB from a page to what a page table maps */
static const char * const bad_values[] = {
	"0", "1", "2", "3", "5", "6", "2047", "2049", "3072", "-4",
	"4294967296", "4294967300", "18446744073709551616", "9007199254740992",
	"x", "4k", "",
};

TEST_F(param, bad_values_are_refused_and_change_nothing)
{
	char value[16];
	size_t i;

	ASSERT_EQ(0, vt_param_set(PARAM, "64"));
	for (i = 0; i < VT_ARRAY_SIZE(bad_values); i++) {
		/* A write of no bytes reaches no driver. */
		if (bad_values[i][0])
			EXPECT_NE(0, vt_param_set(PARAM, bad_values[i]))
				TH_LOG("\"%s\"", bad_values[i]);
		ASSERT_EQ(0, vt_param_get(PARAM, value, sizeof(value)));
		EXPECT_STREQ("64", value);
	}
	EXPECT_EQ(-EINVAL, vt_param_set(PARAM, "3"));
	EXPECT_EQ(-EINVAL, set_param(VT_PAGE / 2));
	EXPECT_EQ(-EINVAL, set_param(2 * VT_PMD));
	ASSERT_EQ(0, vt_param_get(PARAM, value, sizeof(value)));
	EXPECT_STREQ("64", value);
}

TEST_F(param, bad_values_are_refused_at_load)
{
	char param[64], value[16];
	size_t i;

	vt_close(&self->d);
	ASSERT_EQ(0, vt_module_unload());
	for (i = 0; i < VT_ARRAY_SIZE(bad_values); i++) {
		snprintf(param, sizeof(param), PARAM "=%s", bad_values[i]);
		EXPECT_NE(0, vt_module_load(param))
			TH_LOG("%s", param);
		ASSERT_FALSE(vt_module_loaded());
	}
	ASSERT_EQ(0, vt_module_load(PARAM "=64"));
	ASSERT_EQ(0, vt_param_get(PARAM, value, sizeof(value)));
	EXPECT_STREQ("64", value);
	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load(""));
	ASSERT_EQ(0, vt_param_get(PARAM, value, sizeof(value)));
	EXPECT_STREQ(DEFAULT, value);
}

TEST_HARNESS_MAIN
