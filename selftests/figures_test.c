// SPDX-License-Identifier: GPL-2.0-only
/* What an export costs in memory, printed and held against a limit */
#include <fcntl.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2

FIXTURE(figures) {
	struct vt_device d;
	struct vt_device stock;
	bool stock_exports;
};

FIXTURE_SETUP(figures)
{
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
	self->stock_exports = vt_probe(self->stock.fd,
				       VFIO_DEVICE_FEATURE_DMA_BUF,
				       VFIO_DEVICE_FEATURE_GET);
}

FIXTURE_TEARDOWN(figures)
{
	vt_close(&self->d);
	vt_close(&self->stock);
}

/* Kernel memory that one more buffer of @nr unmerged ranges takes, in bytes. */
#define BUFFERS	24

static double cost(struct __test_metadata *_metadata,
		   const struct vt_device *d, __u32 nr)
{
	struct vfio_region_dma_range *r = calloc(nr, sizeof(*r));
	__u64 pages = vt_bar_size(d, BAR) / VT_PAGE;
	long long before, after;
	int fd[BUFFERS];
	__u32 i;

	ASSERT_NE(NULL, r);
	for (i = 0; i < nr; i++)
		r[i] = (struct vfio_region_dma_range){
			(pages - 1 - i % pages) * VT_PAGE, VT_PAGE,
		};
	vt_settle();
	before = vt_kernel_bytes();
	for (i = 0; i < BUFFERS; i++) {
		fd[i] = vt_export(d->fd, BAR, O_RDWR, r, nr);
		ASSERT_LE(0, fd[i]);
	}
	vt_settle();
	after = vt_kernel_bytes();
	for (i = 0; i < BUFFERS; i++)
		close(fd[i]);
	free(r);
	return (double)(after - before) / BUFFERS;
}

/*
 * From outside, so whatever vfio-pci-core allocates for the same ranges is in
 * it. Half a byte is left for what the counters are off by.
 */
TEST_F(figures, 65536_unmerged_ranges_cost_at_most_24_bytes_each)
{
	double one, many, each;

	cost(_metadata, &self->d, 65536);
	one = cost(_metadata, &self->d, 1);
	many = cost(_metadata, &self->d, 65536);
	each = (many - one) / 65535;
	TH_LOG("buffer of 1 range: %.0f bytes, of 65536: %.0f, each: %.2f",
	       one, many, each);
	if (self->stock_exports)
		TH_LOG("stock vfio-pci, each: %.2f",
		       (cost(_metadata, &self->stock, 65536) -
			cost(_metadata, &self->stock, 1)) / 65535);
	EXPECT_GT(24.5, each);
	EXPECT_LT(4.0, each);
}

TEST_F(figures, neighbours_that_merge_cost_no_array)
{
	struct vfio_region_dma_range *r = calloc(16384, sizeof(*r));
	long long before, after, stock_bytes = 0;
	int fd[BUFFERS];
	size_t i;

	ASSERT_NE(NULL, r);
	for (i = 0; i < 16384; i++)
		r[i] = (struct vfio_region_dma_range){ i * VT_PAGE, VT_PAGE };
	if (self->stock_exports)
		stock_bytes = cost(_metadata, &self->stock, 16384);
	vt_settle();
	before = vt_kernel_bytes();
	for (i = 0; i < BUFFERS; i++) {
		fd[i] = vt_export(self->d.fd, BAR, O_RDWR, r, 16384);
		ASSERT_LE(0, fd[i]);
	}
	vt_settle();
	after = vt_kernel_bytes();
	TH_LOG("16384 neighbours: %lld bytes, stock: %lld",
	       (after - before) / BUFFERS, stock_bytes);
	EXPECT_GT(stock_bytes + 16384, (after - before) / BUFFERS);
	for (i = 0; i < BUFFERS; i++)
		close(fd[i]);
	free(r);
}

TEST_HARNESS_MAIN
