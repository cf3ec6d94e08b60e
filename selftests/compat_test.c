// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of 32 bits on a kernel of 64: what it hands over is laid out the same,
 * and its addresses are shorter. It is built with -m32 and the C library of 32
 * bits, so that the helpers of the other tests, and the library, are in it too.
 */
#include "kselftest_harness.h"

#ifdef __LP64__

#include "kselftest.h"

int main(void)
{
	ksft_exit_skip("programs of 32 bits are built for x86 alone\n");
}

#else

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/edu.h"
#include "lib/vfio_test.h"
#include "vfio_dmabuf.h"

#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define STAMP	0x3332000000000000ULL
#define SIZE	(4 * VT_PMD)
#define GIB_4	(4ULL << 30)

static_assert(sizeof(struct vfio_region_dma_range) == 16);
static_assert(sizeof(struct vfio_device_feature_dma_buf) == 16);
static_assert(offsetof(struct vfio_device_feature_dma_buf, dma_ranges) == 16);
static_assert(sizeof(struct vfio_device_feature_dma_buf_revoke) == 4);
static_assert(sizeof(struct vfio_device_feature_dma_buf_memattr) == 8);
static_assert(sizeof(struct vfio_pci_dmabuf_revoke) == 8);

FIXTURE(compat) {
	struct vt_device d;
	char *bar;
};

FIXTURE_SETUP(compat)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);
}

FIXTURE_TEARDOWN(compat)
{
	vt_close(&self->d);
}

TEST_F(compat, export_and_mmap)
{
	struct vfio_region_dma_range r[] = {
		{ VT_PMD, VT_PMD }, { 0, 3 * VT_PAGE }, { 0, VT_PMD / 2 },
	};
	size_t size = vt_ranges_size(r, VT_ARRAY_SIZE(r)), skew;
	struct vpdm_pt_count c;
	struct stat st;
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, r, VT_ARRAY_SIZE(r));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ((off_t)size, st.st_size);
	for (skew = 0; skew <= VT_PAGE; skew += VT_PAGE) {
		map = vt_map(fd, size, RW, 0, VT_PMD, skew);
		ASSERT_NE(NULL, map);
		EXPECT_TRUE(vt_values_are(map, r, VT_ARRAY_SIZE(r), STAMP));
		EXPECT_TRUE(vt_pfns_are(map, r, VT_ARRAY_SIZE(r),
					vt_bar_pfn(self->d.bdf, BAR)));
		c = vt_ptes(map, size);
		EXPECT_EQ(size, vt_present(map, size));
		EXPECT_EQ(c.leaves[VPDM_PT_PTE] + c.leaves[VPDM_PT_PMD],
			  c.caches[VT_CACHE_NC]);
	}
	*(volatile __u32 *)map = 1234;
	EXPECT_EQ(1234, *(volatile __u32 *)(self->bar + VT_PMD));
}

/* mmap() takes an offset of pages, of which 32 bits hold 16 TiB. */
TEST_F(compat, buffer_beyond_4_gib)
{
	struct vfio_region_dma_range r[5];
	volatile __u32 *bar, *map;
	struct vt_device d;
	size_t i;
	int fd;

	ASSERT_EQ(0, vt_open(&d, vt_bdf("BIG"), VT_DRIVER));
	bar = vt_map_bar(&d, BAR, 3 * VT_PMD / 2, VT_PAGE);
	ASSERT_NE(NULL, bar);
	for (i = 0; i < VT_ARRAY_SIZE(r); i++)
		r[i] = (struct vfio_region_dma_range){ 0, VT_GIB(1) };
	fd = vt_export(d.fd, BAR, O_RDWR, r, VT_ARRAY_SIZE(r));
	ASSERT_LE(0, fd);
	EXPECT_EQ((off_t)(GIB_4 + VT_GIB(1)), lseek(fd, 0, SEEK_END));
	map = vt_map(fd, VT_PAGE, RW, GIB_4 + 3 * VT_PMD / 2, 0, 0);
	ASSERT_NE(NULL, map);
	*map = 4321;
	EXPECT_EQ(4321, *bar);
	EXPECT_EQ(EINVAL, vt_map_errno(fd, VT_PAGE, RW, MAP_SHARED,
				       GIB_4 + VT_GIB(1)));
	vt_close(&d);
}

TEST_F(compat, write_combining)
{
	size_t skew;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(VFIO_DMA_BUF_MEMATTR_NC, vt_memattr_get(self->d.fd, fd));
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, fd, 0xffffffff));
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, fd, VFIO_DMA_BUF_MEMATTR_WC));
	EXPECT_EQ(VFIO_DMA_BUF_MEMATTR_WC, vt_memattr_get(self->d.fd, fd));
	for (skew = 0; skew <= VT_PAGE; skew += VT_PAGE) {
		map = vt_map(fd, SIZE, RW, 0, VT_PMD, skew);
		ASSERT_NE(NULL, map);
		vt_touch(map, SIZE);
		EXPECT_EQ((__u32)VT_CACHE_WC, vt_pte(map).cache);
		EXPECT_EQ(SIZE, vt_present(map, SIZE));
	}
}

TEST_F(compat, memory_off_and_on)
{
	__u64 value;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, VT_PAGE, VT_PAGE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, VT_PAGE);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_peek(map, &value));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(map, &value));
	EXPECT_EQ(STAMP + 1, value);
}

/* An argument that cannot be read, at both ends of 32 bits. */
TEST_F(compat, argument_that_is_not_there_is_efault)
{
	static const unsigned long addresses[] = { 0, 0xfffff000, 0xffffffff };
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(addresses); i++) {
		EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_FEATURE,
				    addresses[i]));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE,
				    addresses[i]));
		EXPECT_EQ(EFAULT, errno);
	}
}

TEST_F(compat, argument_that_is_too_small_is_einval)
{
	struct vfio_pci_dmabuf_revoke arg = { .argsz = sizeof(arg) - 1 };
	int fd = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);

	ASSERT_LE(0, fd);
	arg.dmabuf_fd = fd;
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL,
		  vt_feature_argsz(self->d.fd,
				   sizeof(struct vfio_device_feature) + 3,
				   VFIO_DEVICE_FEATURE_SET |
				   VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, &fd,
				   sizeof(fd)));
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
}

TEST_F(compat, importer)
{
	__u64 word = 0;
	int fd, edu, h;

	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	munmap(self->bar, SIZE);
	vt_close(&self->d);
	if (!vt_edu_reaches(vt_bdf("EDU"), vt_bdf("A")))
		SKIP(return, VT_NO_P2P);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	fd = vt_export_one(self->d.fd, BAR, VT_PAGE, VT_PAGE);
	ASSERT_LE(0, fd);
	edu = vt_edu_open(vt_bdf("EDU"));
	ASSERT_LE(0, edu);
	h = vt_edu_import(edu, fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_dma(edu, h, 0, 0, &word, sizeof(word)));
	EXPECT_EQ(STAMP + 1, word);
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
	EXPECT_EQ(-ENODEV, vt_edu_attach(edu, fd, 0));
	close(edu);
}

TEST_F(compat, library)
{
	struct vfio_dmabuf_range r = { VT_PMD / 2, 2 * VT_PMD };
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;
	struct vfio_dmabuf_bar info;
	void *map, *bar;
	__u64 value;
	int fd;

	munmap(self->bar, SIZE);
	vt_close(&self->d);
	ASSERT_NE(NULL, ctx);
	ASSERT_EQ(0, vfio_dmabuf_open(ctx, vt_bdf("A"), VFIO_DMABUF_OPEN_GROUP,
				      &dev));
	ASSERT_EQ(0, vfio_dmabuf_bar_info(dev, BAR, &info));
	EXPECT_EQ(VT_BAR, info.size);
	ASSERT_EQ(0, vfio_dmabuf_bar_map(dev, BAR, r.offset, r.length, RW,
					 &bar));
	fd = vfio_dmabuf_export(dev, BAR, &r, 1, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vfio_dmabuf_map(ctx, fd, 0, r.length, RW, 0, &map));
	ASSERT_EQ(0, vfio_dmabuf_read(&value, bar, sizeof(value)));
	ASSERT_EQ(0, vfio_dmabuf_read(&value, map, sizeof(value)));
	EXPECT_EQ(STAMP + r.offset / VT_PAGE, value);
	EXPECT_EQ(0, vfio_dmabuf_revoke(dev, fd));
	EXPECT_EQ(-EFAULT, vfio_dmabuf_read(&value, map, sizeof(value)));
	vfio_dmabuf_free(ctx);
}

/* Both ways to revoke. */
FIXTURE(compat_revoke) {
	struct vt_device d;
};

FIXTURE_VARIANT(compat_revoke) {
	int (*revoke)(int device_fd, int dmabuf_fd);
};

FIXTURE_VARIANT_ADD(compat_revoke, feature) { vt_revoke };
FIXTURE_VARIANT_ADD(compat_revoke, ioctl) { vt_revoke_ioctl };

FIXTURE_SETUP(compat_revoke)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
}

FIXTURE_TEARDOWN(compat_revoke)
{
	vt_close(&self->d);
}

TEST_F(compat_revoke, ends_access_to_one_buffer)
{
	__u64 value;
	char *map[2];
	int fd[2], i;

	for (i = 0; i < 2; i++) {
		fd[i] = vt_export_one(self->d.fd, BAR, 0, VT_KIB(64));
		ASSERT_LE(0, fd[i]);
		map[i] = vt_map_rw(fd[i], VT_KIB(64));
		ASSERT_NE(NULL, map[i]);
		ASSERT_EQ(0, vt_poke(map[i], 77));
	}
	ASSERT_EQ(0, variant->revoke(self->d.fd, fd[0]));
	EXPECT_EQ(0UL, vt_present(map[0], VT_KIB(64)));
	EXPECT_EQ(SIGBUS, vt_peek(map[0], &value));
	EXPECT_EQ(SIGBUS, vt_poke(map[0], 78));
	EXPECT_EQ(ENODEV, vt_map_errno(fd[0], VT_PAGE, RW, MAP_SHARED, 0));
	EXPECT_EQ(0, vt_peek(map[1], &value));
	EXPECT_EQ(77ULL, value);
	EXPECT_EQ(-EBADFD, variant->revoke(self->d.fd, fd[0]));
	EXPECT_EQ(-EBADFD, vt_memattr_get(self->d.fd, fd[0]));
	EXPECT_EQ(0, variant->revoke(self->d.fd, fd[1]));
}

TEST_F(compat_revoke, of_what_is_no_buffer)
{
	EXPECT_EQ(-EBADF, variant->revoke(self->d.fd, -1));
	EXPECT_EQ(-EINVAL, variant->revoke(self->d.fd, self->d.fd));
}

/* What export_test has for programs of 64 bits: a size may wrap here alone. */
FIXTURE(compat_export) {
	struct vt_device d;
};

FIXTURE_SETUP(compat_export)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
}

FIXTURE_TEARDOWN(compat_export)
{
	vt_close(&self->d);
}

/* argsz: 0 for the right one */
static int export_errno(int device_fd, __u32 argsz, __u32 nr,
			const struct vfio_region_dma_range range[2])
{
	struct {
		struct vfio_device_feature_dma_buf head;
		struct vfio_region_dma_range range[2];
	} arg = { .head = { BAR, O_RDWR, 0, nr } };
	__u32 whole = sizeof(struct vfio_device_feature) + sizeof(arg);

	memcpy(arg.range, range, sizeof(arg.range));
	return -vt_feature_argsz(device_fd, argsz ?: whole,
				 VFIO_DEVICE_FEATURE_GET |
				 VFIO_DEVICE_FEATURE_DMA_BUF, &arg, sizeof(arg));
}

#define BAD(name, err, argsz, nr, ...)					\
	TEST_F(compat_export, name)					\
	{								\
		const struct vfio_region_dma_range range[2] = __VA_ARGS__; \
									\
		EXPECT_EQ(err, export_errno(self->d.fd, argsz, nr, range)); \
	}

BAD(no_ranges, EINVAL, 0, 0, { { 0, VT_PAGE } })
BAD(more_ranges_than_there_may_be, ENOMEM, 0, 0xffffffff, { { 0, VT_PAGE } })
BAD(ranges_of_4_gib_and_one, ENOMEM, 0, 0x10000001, { { 0, VT_PAGE } })
BAD(empty, EINVAL, 0, 1, { { 0, 0 } })
BAD(offset_within_a_page, EINVAL, 0, 1, { { 512, VT_PAGE } })
BAD(length_within_a_page, EINVAL, 0, 1, { { 0, VT_PAGE + 1 } })
BAD(offset_of_4_gib, EINVAL, 0, 1, { { GIB_4, VT_PAGE } })
BAD(length_of_4_gib_and_a_page, EINVAL, 0, 1, { { 0, GIB_4 + VT_PAGE } })
BAD(end_past_the_bar, EINVAL, 0, 1, { { 0, VT_BAR + VT_PAGE } })
BAD(offset_that_wraps, EOVERFLOW, 0, 1, { { -(__u64)VT_PAGE, VT_PAGE } })
BAD(length_that_wraps, EINVAL, 0, 1, { { VT_PAGE, -(__u64)VT_PAGE } })
BAD(sum_that_wraps, EINVAL, 0, 2, { { 0, 1ULL << 63 }, { 0, 1ULL << 63 } })
BAD(argsz_of_nothing, EINVAL, 4, 1, { { 0, VT_PAGE } })
BAD(argsz_of_the_header, EINVAL, 8, 1, { { 0, VT_PAGE } })
BAD(argsz_a_byte_short, EINVAL, 23, 1, { { 0, VT_PAGE } })

TEST_HARNESS_MAIN

#endif /* __LP64__ */
