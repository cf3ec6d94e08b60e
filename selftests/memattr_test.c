// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory attributes: what is promised is what the page tables have. On x86 that
 * takes care: the kernel's own way to insert a PFN replaces write-combining.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/udmabuf.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	(2 * VT_PMD)
#define RW	(PROT_READ | PROT_WRITE)
#define NC	VFIO_DMA_BUF_MEMATTR_NC
#define WC	VFIO_DMA_BUF_MEMATTR_WC
#define SET	(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR)
#define GET	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR)

FIXTURE(memattr) {
	struct vt_device d;
	int fd;
};

FIXTURE_SETUP(memattr)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(memattr)
{
	vt_close(&self->d);
}

TEST_F(memattr, nc_at_first)
{
	EXPECT_EQ(NC, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(memattr, unknown_attribute_is_enoent_and_changes_nothing)
{
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, self->fd, 2));
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, self->fd, 0xffffffff));
	EXPECT_EQ(NC, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(memattr, not_an_fd_is_ebadf)
{
	int closed = dup(self->fd);

	close(closed);
	EXPECT_EQ(-EBADF, vt_memattr_set(self->d.fd, -1, NC));
	EXPECT_EQ(-EBADF, vt_memattr_set(self->d.fd, closed, NC));
	EXPECT_EQ(-EBADF, vt_memattr_get(self->d.fd, -1));
	EXPECT_EQ(-EBADF, vt_memattr_get(self->d.fd, closed));
}

TEST_F(memattr, not_a_dmabuf_is_einval)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-EINVAL, vt_memattr_set(self->d.fd, p[0], NC));
	EXPECT_EQ(-EINVAL, vt_memattr_get(self->d.fd, p[0]));
	EXPECT_EQ(-EINVAL, vt_memattr_set(self->d.fd, self->d.fd, NC));
	EXPECT_EQ(-EINVAL, vt_memattr_get(self->d.fd, self->d.fd));
}

TEST_F(memattr, dmabuf_of_udmabuf_is_enodev)
{
	struct udmabuf_create create = { .size = VT_PAGE };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	if (dev < 0)
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	create.memfd = memfd_create("x", MFD_ALLOW_SEALING);
	ASSERT_LE(0, (int)create.memfd);
	ASSERT_EQ(0, ftruncate(create.memfd, VT_PAGE));
	ASSERT_EQ(0, fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, vt_memattr_set(self->d.fd, fd, NC));
	EXPECT_EQ(-ENODEV, vt_memattr_get(self->d.fd, fd));
}

TEST_F(memattr, dmabuf_of_vfio_pci_core_is_enodev)
{
	struct vt_device other;
	int fd;

	ASSERT_EQ(0, vt_open_plain(&other, vt_bdf("B")));
	fd = vt_export_one(other.fd, BAR, 0, SIZE);
	/* That of older kernels exports nothing. */
	if (fd >= 0) {
		EXPECT_EQ(-ENODEV, vt_memattr_set(self->d.fd, fd, NC));
		EXPECT_EQ(-ENODEV, vt_memattr_get(self->d.fd, fd));
		close(fd);
	}
	vt_close_plain(&other);
}

TEST_F(memattr, dmabuf_of_another_device_is_enodev)
{
	struct vt_device other;
	int fd;

	ASSERT_EQ(0, vt_open(&other, vt_bdf("B"), VT_DRIVER));
	fd = vt_export_one(other.fd, BAR, 0, SIZE);
	EXPECT_EQ(-ENODEV, vt_memattr_set(self->d.fd, fd, NC));
	EXPECT_EQ(-ENODEV, vt_memattr_get(self->d.fd, fd));
	close(fd);
	vt_close(&other);
}

TEST_F(memattr, revoked_is_ebadfd)
{
	ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd));
	EXPECT_EQ(-EBADFD, vt_memattr_set(self->d.fd, self->fd, NC));
	EXPECT_EQ(-EBADFD, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(memattr, buffer_of_an_earlier_open_is_refused)
{
	vt_close(&self->d);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	EXPECT_GT(0, vt_memattr_set(self->d.fd, self->fd, NC));
	EXPECT_GT(0, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(memattr, argsz_too_small_is_einval)
{
	struct vfio_device_feature_dma_buf_memattr arg = {
		.dmabuf_fd = self->fd,
	};
	__u32 head = sizeof(struct vfio_device_feature), argsz;

	for (argsz = 0; argsz < head + sizeof(arg); argsz++) {
		EXPECT_EQ(-EINVAL, vt_feature_argsz(self->d.fd, argsz, SET,
						    &arg, sizeof(arg)));
		EXPECT_EQ(-EINVAL, vt_feature_argsz(self->d.fd, argsz, GET,
						    &arg, sizeof(arg)));
	}
	EXPECT_EQ(0, vt_feature_argsz(self->d.fd, argsz, SET, &arg,
				      sizeof(arg)));
	EXPECT_EQ(-EINVAL, vt_feature(self->d.fd, SET |
				      VFIO_DEVICE_FEATURE_GET, &arg,
				      sizeof(arg)));
	EXPECT_EQ(-EINVAL, vt_feature(self->d.fd,
				      VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR,
				      &arg, sizeof(arg)));
}

TEST_F(memattr, argument_that_cannot_be_read_or_written_is_efault)
{
	struct vfio_device_feature_dma_buf_memattr *arg;
	struct vfio_device_feature *f;
	char *map;

	map = mmap(NULL, 2 * VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	f = (void *)(map + VT_PAGE - sizeof(*f));
	f->argsz = sizeof(*f) + sizeof(*arg);
	f->flags = SET;
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_FEATURE, f));
	EXPECT_EQ(EFAULT, errno);
	f->flags = GET;
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_FEATURE, f));
	EXPECT_EQ(EFAULT, errno);

	f = (void *)map;
	arg = (void *)f->data;
	f->argsz = sizeof(*f) + sizeof(*arg);
	f->flags = GET;
	arg->dmabuf_fd = self->fd;
	EXPECT_EQ(0, ioctl(self->d.fd, VFIO_DEVICE_FEATURE, f));
	ASSERT_EQ(0, mprotect(map, VT_PAGE, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_FEATURE, f));
	EXPECT_EQ(EFAULT, errno);
}

/* Every entry of a whole, touched mapping has that cache mode. */
static bool all_are(const void *map, size_t size, enum vpdm_pt_cache cache)
{
	struct vpdm_pt_count c = vt_ptes(map, size);
	__u64 leaves = c.leaves[VPDM_PT_PTE] + c.leaves[VPDM_PT_PMD] +
		       c.leaves[VPDM_PT_PUD];

	if (vt_present(map, size) == size && c.caches[cache] == leaves)
		return true;
	vt_log("%llu entries, %zu bytes present, WC %llu, NC %llu, WB %llu",
	       leaves, vt_present(map, size), c.caches[VT_CACHE_WC],
	       c.caches[VT_CACHE_NC], c.caches[VPDM_PT_WB]);
	return false;
}

static char *map_and_touch(int fd, size_t skew)
{
	char *map = vt_map(fd, SIZE, RW, 0, VT_PMD, skew);

	if (map)
		vt_touch(map, SIZE);
	return map;
}

TEST_F(memattr, nc_entries_are_uncached)
{
	EXPECT_TRUE(all_are(map_and_touch(self->fd, 0), SIZE,
			    VT_CACHE_NC));
	EXPECT_TRUE(all_are(map_and_touch(self->fd, VT_PAGE), SIZE,
			    VT_CACHE_NC));
}

/* Buffers with write-combining; a machine without it is nopat_test's. */
FIXTURE(wc) {
	struct vt_device d;
	int fd;
	size_t skew;
};

FIXTURE_VARIANT(wc) {
	bool skewed;
};

FIXTURE_VARIANT_ADD(wc, aligned_to_a_pmd) { .skewed = false };
FIXTURE_VARIANT_ADD(wc, unaligned) { .skewed = true };

FIXTURE_SETUP(wc)
{
	self->skew = variant->skewed * VT_PAGE;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, WC));
}

FIXTURE_TEARDOWN(wc)
{
	vt_close(&self->d);
}

/* The two mappings that the tests below do something to. */
struct both {
	char *wc;
	char *nc;
};

static struct both both(FIXTURE_DATA(wc) *self, size_t skew)
{
	struct both b;

	b.wc = map_and_touch(self->fd, skew);
	vt_memattr_set(self->d.fd, self->fd, NC);
	b.nc = map_and_touch(self->fd, skew);
	return b;
}

static bool both_right(const struct both *b)
{
	return all_are(b->wc, SIZE, VT_CACHE_WC) &&
	       all_are(b->nc, SIZE, VT_CACHE_NC);
}

TEST_F(wc, get_returns_what_set_chose)
{
	EXPECT_EQ(WC, vt_memattr_get(self->d.fd, self->fd));
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, NC));
	EXPECT_EQ(NC, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(wc, unknown_attribute_leaves_it)
{
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, self->fd, 7));
	EXPECT_EQ(WC, vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(wc, entries_are_wc)
{
	char *map = map_and_touch(self->fd, self->skew);

	ASSERT_NE(NULL, map);
	EXPECT_TRUE(all_are(map, SIZE, VT_CACHE_WC));
	EXPECT_EQ(1U, vt_pte(map).writable);
}

TEST_F(wc, entries_are_as_large_as_nc_ones)
{
	struct both b = both(self, self->skew);
	struct vpdm_pt_count wc = vt_ptes(b.wc, SIZE);
	struct vpdm_pt_count nc = vt_ptes(b.nc, SIZE);

	EXPECT_EQ(0, memcmp(nc.leaves, wc.leaves, sizeof(wc.leaves)));
	EXPECT_EQ(self->skew || !vt_has_huge_entries() ?
		  0ULL : SIZE / VT_PMD, wc.leaves[VPDM_PT_PMD]);
}

TEST_F(wc, one_page_alone_is_wc)
{
	char *map = vt_map_rw(self->fd, VT_PAGE);

	ASSERT_NE(NULL, map);
	vt_touch(map, VT_PAGE);
	EXPECT_TRUE(all_are(map, VT_PAGE, VT_CACHE_WC));
}

TEST_F(wc, several_ranges_are_wc)
{
	struct vfio_region_dma_range r[] = {
		{ 4 * VT_PMD, VT_PMD }, { VT_PAGE, VT_PAGE },
		{ VT_PMD / 2, VT_PMD / 2 },
	};
	size_t size = vt_ranges_size(r, 3);
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, r, 3);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, fd, WC));
	map = vt_map(fd, size, RW, 0, VT_PMD, self->skew);
	ASSERT_NE(NULL, map);
	vt_touch(map, size);
	EXPECT_TRUE(all_are(map, size, VT_CACHE_WC));
	EXPECT_TRUE(vt_pfns_are(map, r, 3, vt_bar_pfn(self->d.bdf, BAR)));
}

TEST_F(wc, written_bytes_arrive)
{
	char *map = map_and_touch(self->fd, self->skew);
	char *bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	__u64 value;
	size_t i;

	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, bar);
	for (i = 0; i < SIZE; i += VT_PAGE)
		ASSERT_EQ(0, vt_poke(map + i, ~(__u64)i));
	__sync_synchronize();
	for (i = 0; i < SIZE; i += VT_PAGE) {
		ASSERT_EQ(0, vt_peek(bar + i, &value));
		ASSERT_EQ(~(__u64)i, value);
	}
}

/* One page, three mappings, two attributes, all at once. */
TEST_F(wc, of_both_kinds_on_the_same_pages_at_once)
{
	char *wc = map_and_touch(self->fd, self->skew), *nc, *bar;
	__u64 value;

	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, NC));
	nc = map_and_touch(self->fd, self->skew);
	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, wc);
	ASSERT_NE(NULL, nc);
	ASSERT_NE(NULL, bar);
	vt_touch(bar, SIZE);
	EXPECT_EQ(vt_pte(nc).pfn, vt_pte(wc).pfn);
	EXPECT_TRUE(all_are(wc, SIZE, VT_CACHE_WC));
	EXPECT_TRUE(all_are(nc, SIZE, VT_CACHE_NC));
	EXPECT_TRUE(all_are(bar, SIZE, VT_CACHE_NC));
	ASSERT_EQ(0, vt_poke(wc + 64, 31337));
	__sync_synchronize();
	ASSERT_EQ(0, vt_peek(nc + 64, &value));
	EXPECT_EQ(31337ULL, value);
}

TEST_F(wc, after_nc_was_there_first)
{
	char *nc, *wc;

	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, NC));
	nc = map_and_touch(self->fd, self->skew);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, WC));
	wc = map_and_touch(self->fd, self->skew);
	ASSERT_NE(NULL, nc);
	ASSERT_NE(NULL, wc);
	EXPECT_TRUE(all_are(nc, SIZE, VT_CACHE_NC));
	EXPECT_TRUE(all_are(wc, SIZE, VT_CACHE_WC));
}

/* Mappings that exist keep their attribute: also pages not touched before. */
TEST_F(wc, existing_mappings_keep_theirs)
{
	char *wc = vt_map(self->fd, SIZE, RW, 0, VT_PMD, self->skew), *nc;

	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, NC));
	nc = vt_map(self->fd, SIZE, RW, 0, VT_PMD, self->skew);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd, WC));
	ASSERT_NE(NULL, wc);
	ASSERT_NE(NULL, nc);
	vt_touch(wc, SIZE);
	vt_touch(nc, SIZE);
	EXPECT_TRUE(all_are(wc, SIZE, VT_CACHE_WC));
	EXPECT_TRUE(all_are(nc, SIZE, VT_CACHE_NC));
}

TEST_F(wc, through_a_zap_and_the_next_fault)
{
	struct both b = both(self, self->skew);

	ASSERT_TRUE(both_right(&b));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(0UL, vt_present(b.wc, SIZE));
	EXPECT_EQ(0UL, vt_present(b.nc, SIZE));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	vt_touch(b.wc, SIZE);
	vt_touch(b.nc, SIZE);
	EXPECT_TRUE(both_right(&b));
}

TEST_F(wc, through_fork)
{
	struct both b = both(self, self->skew);
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		vt_touch(b.wc, SIZE);
		vt_touch(b.nc, SIZE);
		_exit(!both_right(&b));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	vt_touch(b.wc, SIZE);
	vt_touch(b.nc, SIZE);
	EXPECT_TRUE(both_right(&b));
}

TEST_F(wc, through_fork_and_a_zap)
{
	struct both b = both(self, self->skew);
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (vt_memory(&self->d, false) || vt_present(b.wc, SIZE) ||
		    vt_memory(&self->d, true))
			_exit(1);
		vt_touch(b.wc, SIZE);
		vt_touch(b.nc, SIZE);
		_exit(!both_right(&b));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	vt_touch(b.wc, SIZE);
	vt_touch(b.nc, SIZE);
	EXPECT_TRUE(both_right(&b));
}

/* To where the buffer @fd is mapped for it: memory of SIZE may be more than there is. */
static char *moved(int fd, char *map, size_t skew)
{
	char *to = vt_map(fd, SIZE, RW, 0, VT_PMD, skew);

	if (!to)
		return NULL;
	to = mremap(map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return to == MAP_FAILED ? NULL : to;
}

TEST_F(wc, through_mremap)
{
	struct both b = both(self, self->skew);

	b.wc = moved(self->fd, b.wc, VT_PAGE - self->skew);
	b.nc = moved(self->fd, b.nc, VT_PAGE - self->skew);
	ASSERT_NE(NULL, b.wc);
	ASSERT_NE(NULL, b.nc);
	vt_touch(b.wc, SIZE);
	vt_touch(b.nc, SIZE);
	EXPECT_TRUE(both_right(&b));
}

TEST_F(wc, through_mprotect)
{
	struct both b = both(self, self->skew);
	char *maps[2] = { b.wc, b.nc };
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(maps); i++) {
		ASSERT_EQ(0, mprotect(maps[i], SIZE, PROT_READ));
		vt_touch(maps[i], SIZE);
		EXPECT_TRUE(both_right(&b));
		ASSERT_EQ(0, mprotect(maps[i], SIZE, PROT_NONE));
		ASSERT_EQ(0, mprotect(maps[i], SIZE, RW));
		vt_touch(maps[i], SIZE);
	}
	EXPECT_TRUE(both_right(&b));
}

TEST_F(wc, through_mprotect_and_a_zap)
{
	struct both b = both(self, self->skew);

	ASSERT_EQ(0, mprotect(b.wc, SIZE, PROT_READ));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	vt_touch(b.wc, SIZE);
	EXPECT_TRUE(all_are(b.wc, SIZE, VT_CACHE_WC));
	EXPECT_EQ(0U, vt_pte(b.wc).writable);
	ASSERT_EQ(0, mprotect(b.wc, SIZE, RW));
	vt_touch(b.wc, SIZE);
	EXPECT_EQ(0, vt_poke(b.wc, 1));
	EXPECT_TRUE(all_are(b.wc, SIZE, VT_CACHE_WC));
}

TEST_F(wc, through_munmap_of_the_middle)
{
	char *map = map_and_touch(self->fd, self->skew);
	size_t hole = VT_PMD - 3 * VT_PAGE;

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, munmap(map + hole, VT_PAGE));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	vt_touch(map, hole);
	vt_touch(map + hole + VT_PAGE, SIZE - hole - VT_PAGE);
	EXPECT_TRUE(all_are(map, hole, VT_CACHE_WC));
	EXPECT_TRUE(all_are(map + hole + VT_PAGE, SIZE - hole - VT_PAGE,
			    VT_CACHE_WC));
}

TEST_F(wc, one_fault_for_each_entry)
{
	char *map = vt_map(self->fd, SIZE, RW, 0, VT_PMD, self->skew);

	ASSERT_NE(NULL, map);
	EXPECT_EQ(self->skew ? (long)(SIZE / VT_AROUND + 1) : 2,
		  vt_touch_faults(map, SIZE));
}

TEST_F(wc, other_buffers_stay_nc)
{
	int other = vt_export_one(self->d.fd, BAR, 0, SIZE);

	ASSERT_LE(0, other);
	EXPECT_EQ(NC, vt_memattr_get(self->d.fd, other));
	EXPECT_TRUE(all_are(map_and_touch(other, self->skew), SIZE,
			    VT_CACHE_NC));
}

/*
 * Why the driver writes the entries itself: on x86 the kernel's vmf_insert_pfn()
 * takes the cache mode that it has recorded for the PFN, and ignores the one
 * asked for. The test module does just that, with a WC vm_page_prot.
 */
TEST_F(wc, also_where_vm_page_prot_alone_is_ignored)
{
	off_t offset = vt_bar_pfn(self->d.bdf, BAR) * VT_PAGE;
	int pt = open(VPDM_PT_PATH, O_RDWR);
	char *ours, *plain;

	ASSERT_LE(0, pt);
	plain = vt_map(pt, VT_PMD / 2, RW, offset, VT_PMD, self->skew);
	ours = vt_map(self->fd, VT_PMD / 2, RW, 0, VT_PMD, self->skew);
	ASSERT_NE(NULL, plain);
	ASSERT_NE(NULL, ours);
	vt_touch(plain, VT_PMD / 2);
	vt_touch(ours, VT_PMD / 2);
	EXPECT_EQ(vt_pte(ours).pfn, vt_pte(plain).pfn);
	EXPECT_TRUE(all_are(plain, VT_PMD / 2, VT_CACHE_PLAIN));
	EXPECT_TRUE(all_are(ours, VT_PMD / 2, VT_CACHE_WC));
}

/*
 * Root can map a BAR write-combining before the device is opened. On x86 the
 * kernel then has WC recorded for it, and its way to insert a huge PFN takes that
 * for NC's cache mode, as that to insert a small one takes UC- for WC's.
 */
FIXTURE(recorded_wc) {
	struct vt_device d;
	char *map;
	size_t size;
};

FIXTURE_VARIANT(recorded_wc) {
	bool bar;
	enum vpdm_pt_level level;
};

FIXTURE_VARIANT_ADD(recorded_wc, dmabuf_page) { false, VPDM_PT_PTE };
FIXTURE_VARIANT_ADD(recorded_wc, dmabuf_pmd) { false, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(recorded_wc, dmabuf_pud) { false, VPDM_PT_PUD };
FIXTURE_VARIANT_ADD(recorded_wc, bar_page) { true, VPDM_PT_PTE };
FIXTURE_VARIANT_ADD(recorded_wc, bar_pmd) { true, VPDM_PT_PMD };
FIXTURE_VARIANT_ADD(recorded_wc, bar_pud) { true, VPDM_PT_PUD };

static char *map_resource_wc(const char *bdf, unsigned int bar)
{
	char path[PATH_MAX], *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%u_wc",
		 bdf, bar);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		vt_log("open %s: %s", path, strerror(errno));
		return NULL;
	}
	map = vt_map_rw(fd, VT_PAGE);
	close(fd);
	return map;
}

FIXTURE_SETUP(recorded_wc)
{
	bool pud = variant->level == VPDM_PT_PUD;
	const char *bdf = vt_bdf(pud ? "BIG" : "A");
	struct vfio_region_info info;
	char *root;
	int fd;

	self->size = pud ? VT_PUD : SIZE;
	ASSERT_EQ(0, vt_bind(bdf, VT_DRIVER));
	root = map_resource_wc(bdf, BAR);
	ASSERT_NE(NULL, root);
	ASSERT_EQ(VT_CACHE_WC, vt_pte(root).cache);
	ASSERT_EQ(0, vt_open(&self->d, bdf, VT_DRIVER));
	ASSERT_EQ(0, munmap(root, VT_PAGE));

	ASSERT_EQ(0, vt_region(&self->d, BAR, &info));
	if (self->size > info.size)
		SKIP(return, VT_NO_ROOM);
	fd = variant->bar ? self->d.fd :
	     vt_export_one(self->d.fd, BAR, 0, self->size);
	ASSERT_LE(0, fd);
	self->map = vt_map(fd, self->size, RW, variant->bar ? info.offset : 0,
			   pud ? VT_PUD : VT_PMD,
			   variant->level == VPDM_PT_PTE ? VT_PAGE : 0);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(recorded_wc)
{
	vt_close(&self->d);
}

TEST_F(recorded_wc, nc_entries_are_uncached)
{
	size_t step = variant->level == VPDM_PT_PTE ? VT_AROUND : VT_PMD, off;

	/* One page of each block: the host allocates what is touched. */
	for (off = 0; off < self->size; off += step)
		vt_touch(self->map + off, VT_PAGE);
	vt_touch(self->map + self->size - VT_PAGE, VT_PAGE);
	EXPECT_TRUE(all_are(self->map, self->size, VT_CACHE_NC));
}

TEST_HARNESS_MAIN
