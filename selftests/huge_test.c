// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge entries, as the page tables have them: where they fit they are used, where
 * they do not the range's small pages are. One entry is one fault.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x4855474500000000ULL
#define RW	(PROT_READ | PROT_WRITE)
#define BLOCK	VT_PMD
#define PAGES	(BLOCK / VT_PAGE)
/* Faults that fill a block with small entries */
#define SMALL_FAULTS	(BLOCK / VT_AROUND)

FIXTURE(huge) {
	struct vt_device d;
	size_t size;
};

FIXTURE_SETUP(huge)
{
	struct vpdm_pt_count c;
	char *bar;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->size = vt_bar_size(&self->d, BAR);
	bar = vt_map_bar(&self->d, BAR, 0, self->size);
	ASSERT_NE(NULL, bar);
	vt_stamp(bar, self->size, STAMP);
	c = vt_ptes(bar, self->size);
	ASSERT_EQ(self->size, c.leaves[VPDM_PT_PTE] * VT_PAGE +
			      c.leaves[VPDM_PT_PMD] * VT_PMD);
	munmap(bar, self->size);
}

FIXTURE_TEARDOWN(huge)
{
	vt_close(&self->d);
}

/* Entries of a mapping by level. */
struct entries {
	size_t pte;
	size_t pmd;
	size_t pud;
};

static struct entries entries(const void *map, size_t size)
{
	struct vpdm_pt_count c = vt_ptes(map, size);

	return (struct entries){
		c.leaves[VPDM_PT_PTE], c.leaves[VPDM_PT_PMD],
		c.leaves[VPDM_PT_PUD],
	};
}

/* Where there are no huge entries, a fault fills a page table in place of one. */
static void expect_entries(struct __test_metadata *_metadata, const void *map,
			   size_t size, size_t pte, size_t pmd)
{
	struct entries e = entries(map, size);
	bool huge = !pmd || vt_has_huge_entries();

	EXPECT_EQ(huge ? pte : pte + pmd * PAGES, e.pte);
	EXPECT_EQ(huge ? pmd : 0, e.pmd);
	EXPECT_EQ(0UL, e.pud);
}

/* Exports the ranges, maps them at a skew from huge alignment, touches every page. */
static char *export_and_touch(struct __test_metadata *_metadata,
			      FIXTURE_DATA(huge) *self,
			      const struct vfio_region_dma_range *r, size_t nr,
			      size_t skew, long *faults)
{
	size_t size = vt_ranges_size(r, nr);
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, r, nr);
	ASSERT_LE(0, fd);
	map = vt_map(fd, size, RW, 0, VT_PMD, skew);
	ASSERT_NE(NULL, map);
	*faults = vt_touch_faults(map, size);
	EXPECT_TRUE(vt_values_are(map, r, nr, STAMP));
	EXPECT_TRUE(vt_pfns_are(map, r, nr, vt_bar_pfn(self->d.bdf, BAR)));
	return map;
}

TEST_F(huge, aligned_address_has_huge_entries)
{
	struct vfio_region_dma_range r = { 0, self->size };
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	expect_entries(_metadata, map, self->size, 0, self->size / BLOCK);
	EXPECT_EQ((long)(self->size / BLOCK), faults);
}

/* Small ones beside a huge fault in the same block would trip the kernel. */
TEST_F(huge, are_there_also_where_the_process_has_no_thp)
{
	struct vfio_region_dma_range r = { 0, self->size };
	long faults;
	char *map;

	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	expect_entries(_metadata, map, self->size, 0, self->size / BLOCK);
	EXPECT_EQ((long)(self->size / BLOCK), faults);
}

TEST_F(huge, second_mapping_at_an_aligned_address_has_them_beside_a_first)
{
	size_t size = self->size;
	char *first, *second;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, size);
	ASSERT_LE(0, fd);
	first = vt_map(fd, size, RW, 0, VT_PMD, VT_PAGE);
	second = vt_map(fd, size, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, first);
	ASSERT_NE(NULL, second);
	vt_touch(first, size);
	vt_touch(second, size);
	expect_entries(_metadata, first, size, size / VT_PAGE, 0);
	expect_entries(_metadata, second, size, 0, size / BLOCK);
}

TEST_F(huge, unaligned_address_has_small_entries)
{
	struct vfio_region_dma_range r = { 0, self->size };
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, VT_PAGE, &faults);
	expect_entries(_metadata, map, self->size, self->size / VT_PAGE, 0);
}

TEST_F(huge, unaligned_slice_at_an_aligned_address_has_small_entries)
{
	struct vfio_region_dma_range r = { VT_PAGE, 4 * VT_PMD };
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	expect_entries(_metadata, map, r.length, r.length / VT_PAGE, 0);
}

/* Address and slice are off by the same: what lies between borders is huge. */
TEST_F(huge, equally_unaligned_slice_and_address_have_huge_entries)
{
	struct vfio_region_dma_range r = { VT_PAGE, 4 * VT_PMD };
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, VT_PAGE, &faults);
	expect_entries(_metadata, map, r.length, PAGES, 3);
	EXPECT_EQ((long)(3 + SMALL_FAULTS + 1), faults);
}

TEST_F(huge, block_that_the_mapping_cuts_off_is_small)
{
	size_t size = 2 * BLOCK + VT_PAGE;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, 4 * VT_PMD);
	ASSERT_LE(0, fd);
	map = vt_map(fd, size, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, size);
	expect_entries(_metadata, map, size, 1, 2);
	munmap(map, size);

	map = vt_map(fd, BLOCK - VT_PAGE, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, BLOCK - VT_PAGE);
	expect_entries(_metadata, map, BLOCK - VT_PAGE, PAGES - 1, 0);
}

TEST_F(huge, mapping_at_an_offset)
{
	size_t size = 2 * VT_PMD;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, 8 * VT_PMD);
	ASSERT_LE(0, fd);
	map = vt_map(fd, size, RW, 3 * VT_PMD, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(2, vt_touch_faults(map, size));
	expect_entries(_metadata, map, size, 0, 2);
	EXPECT_EQ(vt_bar_pfn(self->d.bdf, BAR) + 3 * VT_PMD / VT_PAGE + 5,
		  vt_pte(map + 5 * VT_PAGE).pfn);
	munmap(map, size);

	/* The address is aligned, what is behind it is not. */
	map = vt_map(fd, size, RW, 5 * VT_PMD / 2, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, size);
	expect_entries(_metadata, map, size, size / VT_PAGE, 0);
}

/* Two aligned ranges with small ones between them, of one block in sum. */
TEST_F(huge, aligned_parts_among_several_ranges)
{
	struct vfio_region_dma_range r[] = {
		{ 2 * BLOCK, BLOCK },
		{ 0, VT_PAGE },
		{ 4 * BLOCK + VT_PAGE, BLOCK - VT_PAGE },
		{ 8 * BLOCK, BLOCK },
	};
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, r, VT_ARRAY_SIZE(r), 0,
			       &faults);
	expect_entries(_metadata, map, 4 * BLOCK - BLOCK, PAGES, 2);
	EXPECT_EQ((long)(2 + 1 + SMALL_FAULTS), faults);
}

/* A block of which the last page is another range's is not one entry. */
TEST_F(huge, range_one_page_short_of_a_block)
{
	struct vfio_region_dma_range r[] = {
		{ 0, BLOCK - VT_PAGE },
		{ BLOCK, VT_PAGE },
		{ BLOCK, BLOCK },
	};
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, r, VT_ARRAY_SIZE(r), 0,
			       &faults);
	expect_entries(_metadata, map, 2 * BLOCK, PAGES, 1);
	EXPECT_EQ((long)(1 + 1 + SMALL_FAULTS), faults);
}

TEST_F(huge, neighbours_are_as_one_range)
{
	struct vfio_region_dma_range *r = calloc(2 * PAGES, sizeof(*r));
	long faults;
	size_t i;
	char *map;

	ASSERT_NE(NULL, r);
	for (i = 0; i < 2 * PAGES; i++)
		r[i] = (struct vfio_region_dma_range){
			4 * BLOCK + i * VT_PAGE, VT_PAGE,
		};
	map = export_and_touch(_metadata, self, r, 2 * PAGES, 0, &faults);
	expect_entries(_metadata, map, 2 * BLOCK, 0, 2);
	EXPECT_EQ(2, faults);
	free(r);
}

TEST_F(huge, read_only_export_has_them_and_they_are_read_only)
{
	struct vfio_region_dma_range r = { 0, 2 * VT_PMD };
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDONLY, &r, 1);
	ASSERT_LE(0, fd);
	map = vt_map(fd, r.length, PROT_READ, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, r.length);
	expect_entries(_metadata, map, r.length, 0, 2);
	EXPECT_EQ(0U, vt_pte(map).writable);
	EXPECT_EQ(SIGSEGV, vt_poke(map, 1));
}

TEST_F(huge, come_back_after_a_zap)
{
	struct vfio_region_dma_range r = { 0, 4 * VT_PMD };
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	ASSERT_EQ(0, vt_memory(&self->d, false));
	expect_entries(_metadata, map, r.length, 0, 0);
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(4, vt_touch_faults(map, r.length));
	expect_entries(_metadata, map, r.length, 0, 4);
}

TEST_F(huge, munmap_of_a_page_amid_an_entry)
{
	struct vfio_region_dma_range r = { 0, 2 * VT_PMD };
	size_t hole = BLOCK + 7 * VT_PAGE;
	struct vfio_region_dma_range ends[] = {
		{ 0, hole }, { hole + VT_PAGE, r.length - hole - VT_PAGE },
	};
	__u64 value;
	long faults;
	char *map;

	if (!vt_has_huge_entries())
		SKIP(return, VT_NO_HUGE_ENTRIES);
	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	ASSERT_EQ(0, munmap(map + hole, VT_PAGE));
	expect_entries(_metadata, map, ends[0].length, 0, 1);
	EXPECT_TRUE(vt_values_are(map, &ends[0], 1, STAMP));
	EXPECT_TRUE(vt_values_are(map + ends[1].offset, &ends[1], 1, STAMP));
	EXPECT_EQ(SIGSEGV, vt_peek(map + hole, &value));
	expect_entries(_metadata, map, ends[0].length, 7, 1);
	expect_entries(_metadata, map + ends[1].offset, ends[1].length,
		       PAGES - 8, 0);
}

TEST_F(huge, mprotect_of_a_page_amid_an_entry)
{
	struct vfio_region_dma_range r = { 0, 2 * VT_PMD };
	size_t at = BLOCK + 9 * VT_PAGE;
	long faults;
	char *map;

	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	ASSERT_EQ(0, mprotect(map + at, VT_PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, vt_poke(map + at, 1));
	EXPECT_EQ(0, vt_poke(map + at - VT_PAGE,
			     STAMP + at / VT_PAGE - 1));
	EXPECT_TRUE(vt_values_are(map, &r, 1, STAMP));
}

TEST_F(huge, child_of_a_fork_sees_the_same)
{
	struct vfio_region_dma_range r = { 0, 2 * VT_PMD };
	int status;
	long faults;
	pid_t pid;
	char *map;

	if (!vt_has_huge_entries())
		SKIP(return, VT_NO_HUGE_ENTRIES);
	map = export_and_touch(_metadata, self, &r, 1, 0, &faults);
	pid = fork();
	if (!pid) {
		bool right = vt_values_are(map, &r, 1, STAMP);
		struct entries e = entries(map, r.length);

		_exit(!right || e.pmd != 2 || e.pte);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void touch_blocks(const char *map, size_t size)
{
	__u64 value;
	size_t at;

	for (at = 0; at < size; at += BLOCK)
		vt_peek(map + at, &value);
}

/*
 * The kernel copies and moves huge entries in ways that a revocation at the same
 * time can miss. So there are none when it does.
 */
FIXTURE(copied) {
	struct vt_device d;
	int fd;
	char *map;
	size_t size;
};

FIXTURE_VARIANT(copied) {
	__u32 memattr;
	enum vpdm_pt_level level;
};

FIXTURE_VARIANT_ADD(copied, nc_pmd) { VFIO_DMA_BUF_MEMATTR_NC, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(copied, wc_pmd) { VFIO_DMA_BUF_MEMATTR_WC, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(copied, nc_pud) { VFIO_DMA_BUF_MEMATTR_NC, VPDM_PT_PUD };

FIXTURE_SETUP(copied)
{
	struct entries e;

	if (!vt_has_huge_entries())
		SKIP(return, VT_NO_HUGE_ENTRIES);
	self->size = variant->level == VPDM_PT_PUD ? VT_PUD : 32 * VT_PMD;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_DRIVER));
	if (self->size > vt_bar_size(&self->d, BAR))
		SKIP(return, VT_NO_ROOM);
	self->fd = vt_export_one(self->d.fd, BAR, 0, self->size);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, variant->memattr));
	self->map = vt_map(self->fd, self->size, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, self->map);
	touch_blocks(self->map, self->size);
	ASSERT_EQ(0, vt_poke(self->map + 3 * VT_PMD / 2, 88));
	e = entries(self->map, self->size);
	ASSERT_NE(0UL, e.pmd + e.pud);
	ASSERT_EQ(0UL, e.pte);
}

FIXTURE_TEARDOWN(copied)
{
	vt_close(&self->d);
}

TEST_F(copied, fork_gives_the_child_none)
{
	__u64 value;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct entries e = entries(self->map, self->size);

		if (e.pmd || e.pud || vt_peek(self->map + 3 * VT_PMD / 2, &value))
			_exit(1);
		_exit(value != 88);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, vt_peek(self->map + 3 * VT_PMD / 2, &value));
	EXPECT_EQ(88ULL, value);
}

TEST_F(copied, mremap_moves_none)
{
	struct entries e;
	__u64 value;
	char *to;

	to = vt_map(self->fd, self->size, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, to);
	ASSERT_EQ(to, mremap(self->map, self->size, self->size,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	e = entries(to, self->size);
	EXPECT_EQ(0UL, e.pmd + e.pud);
	ASSERT_EQ(0, vt_peek(to + 3 * VT_PMD / 2, &value));
	EXPECT_EQ(88ULL, value);
}

/*
 * Where the kernel looks for the first write to a page, as it does once soft-dirty
 * bits were cleared, entries are read-only until then; and huge ones can only be
 * split.
 */
FIXTURE(tracked) {
	struct vt_device d;
	char *map;
	size_t size;
};

FIXTURE_VARIANT(tracked) {
	__u32 memattr;
	enum vpdm_pt_level level;
};

FIXTURE_VARIANT_ADD(tracked, nc_pmd) { VFIO_DMA_BUF_MEMATTR_NC, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(tracked, wc_pmd) { VFIO_DMA_BUF_MEMATTR_WC, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(tracked, nc_pud) { VFIO_DMA_BUF_MEMATTR_NC, VPDM_PT_PUD };

FIXTURE_SETUP(tracked)
{
	int fd;

	self->size = variant->level == VPDM_PT_PUD ? VT_PUD : 2 * VT_PMD;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_DRIVER));
	if (self->size > vt_bar_size(&self->d, BAR))
		SKIP(return, VT_NO_ROOM);
	fd = vt_export_one(self->d.fd, BAR, 0, self->size);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, fd, variant->memattr));
	self->map = vt_map(fd, self->size, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(tracked)
{
	vt_close(&self->d);
}

/* Writes in a child, since it may take for ever. */
static int write_when_tracked(char *map, size_t size, bool read_before)
{
	__u64 value;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (mprotect(map, size, PROT_READ))
			_exit(1);
		if (read_before && vt_peek(map + 3 * VT_PMD / 2, &value))
			_exit(2);
		/* Refused where there are no soft-dirty bits. */
		vt_try_write_text("/proc/self/clear_refs", "4");
		if (mprotect(map, size, RW))
			_exit(3);
		alarm(vt_patience_ms() / 1000);
		_exit(vt_poke(map + 3 * VT_PMD / 2, 99) ||
		      vt_poke(map + 3 * VT_PMD / 2 + VT_PAGE, 100));
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

TEST_F(tracked, first_write)
{
	__u64 value;

	ASSERT_EQ(0, vt_poke(self->map + 3 * VT_PMD / 2, 1));
	EXPECT_EQ(0, write_when_tracked(self->map, self->size, false));
	ASSERT_EQ(0, vt_peek(self->map + 3 * VT_PMD / 2, &value));
	EXPECT_EQ(99ULL, value);
}

TEST_F(tracked, first_write_to_an_entry_that_was_read)
{
	__u64 value;

	ASSERT_EQ(0, vt_poke(self->map + 3 * VT_PMD / 2, 1));
	EXPECT_EQ(0, write_when_tracked(self->map, self->size, true));
	ASSERT_EQ(0, vt_peek(self->map + 3 * VT_PMD / 2, &value));
	EXPECT_EQ(99ULL, value);
}

/* BAR mappings have what stock's have, at every alignment. */
FIXTURE(as_stock) {
	struct vt_device d;
	struct vt_device stock;
};

FIXTURE_SETUP(as_stock)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
}

FIXTURE_TEARDOWN(as_stock)
{
	vt_close(&self->d);
	vt_close(&self->stock);
}

static struct entries bar_entries(const struct vt_device *d, size_t offset,
				  size_t size, size_t align, size_t skew)
{
	struct vfio_region_info info;
	struct entries e = {};
	char *map;

	if (vt_region(d, BAR, &info))
		return e;
	map = vt_map(d->fd, size, RW, info.offset + offset, align, skew);
	if (!map)
		return e;
	vt_touch(map, size);
	e = entries(map, size);
	munmap(map, size);
	return e;
}

static void expect_same_entries(struct __test_metadata *_metadata,
				FIXTURE_DATA(as_stock) *self, size_t offset,
				size_t size, size_t skew)
{
	struct entries ours, stock;

	ours = bar_entries(&self->d, offset, size, VT_PMD, skew);
	stock = bar_entries(&self->stock, offset, size, VT_PMD, skew);
	EXPECT_NE(0UL, stock.pte + stock.pmd);
	EXPECT_EQ(stock.pte, ours.pte);
	EXPECT_EQ(stock.pmd, ours.pmd);
	EXPECT_EQ(stock.pud, ours.pud);
}

#define AS_STOCK(name, offset, size, skew)				\
	TEST_F(as_stock, name)						\
	{								\
		expect_same_entries(_metadata, self, offset, size, skew); \
	}

AS_STOCK(aligned, 0, VT_BAR, 0)
AS_STOCK(aligned_part, VT_PMD, 3 * VT_PMD, 0)
AS_STOCK(equally_skewed, VT_PAGE, 4 * VT_PMD, VT_PAGE)
AS_STOCK(skewed, 0, 4 * VT_PMD, VT_PAGE)
AS_STOCK(end_amid_a_block, 0, 5 * VT_PMD / 2, 0)

/*
 * PUD entries, of 1 GiB: the kernel has them if stock vfio-pci uses them. Exports get them
 * where vfio-pci-core makes DMABUFs: among the others are kernels that crash when one
 * is split at the wrong moment.
 */
FIXTURE(pud) {
	struct vt_device d;
	char *map;
	int fd;
	size_t puds;
};

FIXTURE_SETUP(pud)
{
	struct entries stock;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_STOCK));
	stock = bar_entries(&self->d, 0, VT_PUD, VT_PUD, 0);
	vt_close(&self->d);
	if (!stock.pud)
		SKIP(return, "no PUD entries here: stock vfio-pci has none either");
	self->puds = vt_export_level(VPDM_PT_PUD) == VPDM_PT_PUD;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, VT_PUD);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, VT_PUD, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(pud)
{
	vt_close(&self->d);
}

TEST_F(pud, dmabuf_at_an_aligned_address_has_a_pud_entry)
{
	char *map = self->map;

	EXPECT_EQ(self->puds ? 1 : 4, vt_touch_faults(map, 4 * VT_PMD));
	EXPECT_EQ(self->puds, entries(map, VT_PUD).pud);
	EXPECT_EQ(self->puds ? VT_PUD : 4 * VT_PMD, vt_present(map, VT_PUD));
	vt_touch(map + 12345 * VT_PAGE, VT_PAGE);
	EXPECT_EQ(vt_bar_pfn(self->d.bdf, BAR) + 12345,
		  vt_pte(map + 12345 * VT_PAGE).pfn);
}

TEST_F(pud, bar_at_an_aligned_address_has_a_pud_entry)
{
	EXPECT_EQ(1UL, bar_entries(&self->d, 0, VT_PUD, VT_PUD, 0).pud);
}

TEST_F(pud, address_aligned_to_a_pmd_has_pmd_entries)
{
	char *map;

	map = vt_map(self->fd, VT_PUD, RW, 0, VT_PUD, VT_PMD);
	ASSERT_NE(NULL, map);
	vt_touch(map, 4 * VT_PMD);
	expect_entries(_metadata, map, VT_PUD, 0, 4);
}

TEST_F(pud, zap_and_refault)
{
	char *map = self->map;
	__u64 value;

	ASSERT_EQ(0, vt_poke(map + 8, 1234));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(0UL, vt_present(map, VT_PUD));
	EXPECT_EQ(SIGBUS, vt_peek(map + 8, &value));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(map + 8, &value));
	EXPECT_EQ(1234ULL, value);
	EXPECT_EQ(self->puds, entries(map, VT_PUD).pud);
}

TEST_F(pud, munmap_of_a_page_amid_the_entry)
{
	char *map = self->map;
	size_t hole = 256 * VT_PMD;
	__u64 value;

	ASSERT_EQ(0, vt_poke(map + hole - VT_PAGE, 11));
	ASSERT_EQ(0, vt_poke(map + hole + VT_PAGE, 22));
	ASSERT_EQ(0, munmap(map + hole, VT_PAGE));
	ASSERT_EQ(0, vt_peek(map + hole - VT_PAGE, &value));
	EXPECT_EQ(11ULL, value);
	ASSERT_EQ(0, vt_peek(map + hole + VT_PAGE, &value));
	EXPECT_EQ(22ULL, value);
	EXPECT_EQ(SIGSEGV, vt_peek(map + hole, &value));
}

TEST_F(pud, mprotect_of_a_page_amid_the_entry)
{
	char *map = self->map;
	size_t at = 256 * VT_PMD;
	__u64 value;

	ASSERT_EQ(0, vt_poke(map + at, 33));
	ASSERT_EQ(0, mprotect(map + at, VT_PAGE, PROT_READ));
	ASSERT_EQ(0, vt_peek(map + at, &value));
	EXPECT_EQ(33ULL, value);
	EXPECT_EQ(SIGSEGV, vt_poke(map + at, 1));
	EXPECT_EQ(0, vt_poke(map + at + VT_PAGE, 1));
}

/* Where no PUD entry can be any more. */
TEST_F(pud, mremap_to_an_address_that_is_not_aligned)
{
	char *map = self->map, *to;
	__u64 value;

	to = vt_map(self->fd, VT_PUD, RW, 0, VT_PUD, VT_PAGE);
	ASSERT_NE(NULL, to);
	ASSERT_EQ(0, vt_poke(map + 350 * VT_PMD, 44));
	ASSERT_EQ(self->puds, entries(map, VT_PUD).pud);
	ASSERT_EQ(to, mremap(map, VT_PUD, VT_PUD,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	ASSERT_EQ(0, vt_peek(to + 350 * VT_PMD, &value));
	EXPECT_EQ(44ULL, value);
}

TEST_F(pud, mremap_to_an_aligned_address)
{
	char *map = self->map, *to;
	__u64 value;

	to = vt_map(self->fd, VT_PUD, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, to);
	ASSERT_EQ(0, vt_poke(map + 350 * VT_PMD, 55));
	ASSERT_EQ(to, mremap(map, VT_PUD, VT_PUD,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	ASSERT_EQ(0, vt_peek(to + 350 * VT_PMD, &value));
	EXPECT_EQ(55ULL, value);
	EXPECT_EQ(self->puds, entries(to, VT_PUD).pud);
}

TEST_F(pud, mremap_of_a_part)
{
	char *map = self->map, *to;
	__u64 value;

	to = vt_map(self->fd, 2 * VT_PMD, RW, 0, VT_PMD, VT_PAGE);
	ASSERT_NE(NULL, to);
	ASSERT_EQ(0, vt_poke(map + 351 * VT_PMD, 66));
	ASSERT_EQ(to, mremap(map + 350 * VT_PMD, 2 * VT_PMD, 2 * VT_PMD,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	ASSERT_EQ(0, vt_peek(to + VT_PMD, &value));
	EXPECT_EQ(66ULL, value);
	EXPECT_EQ(SIGSEGV, vt_peek(map + 351 * VT_PMD, &value));
}

TEST_F(pud, child_of_a_fork)
{
	char *map = self->map;
	__u64 value;
	int status;
	pid_t pid;

	ASSERT_EQ(0, vt_poke(map + 150 * VT_PMD, 77));
	pid = fork();
	if (!pid) {
		if (vt_peek(map + 150 * VT_PMD, &value) || value != 77)
			_exit(1);
		_exit(vt_poke(map + 150 * VT_PMD, 78) != 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, vt_peek(map + 150 * VT_PMD, &value));
	EXPECT_EQ(78ULL, value);
}

TEST_HARNESS_MAIN
