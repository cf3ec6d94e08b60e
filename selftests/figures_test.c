// SPDX-License-Identifier: GPL-2.0-only
/* What an export costs in memory, held against a limit; what a revoke takes */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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
	ASSERT_EQ(0, vt_open_plain(&self->stock, vt_bdf("B")));
	self->stock_exports = vt_exports(self->stock.fd);
}

FIXTURE_TEARDOWN(figures)
{
	vt_close(&self->d);
	vt_close_plain(&self->stock);
}

#define BUFFERS	8

/* Kernel memory that one more buffer of these ranges takes, in bytes. */
static double cost(struct __test_metadata *_metadata,
		   const struct vt_device *d,
		   const struct vfio_region_dma_range *r, __u32 nr)
{
	long long before, after;
	int fd[BUFFERS], i;

	before = vt_kernel_bytes();
	for (i = 0; i < BUFFERS; i++) {
		fd[i] = vt_export(d->fd, BAR, O_RDWR, r, nr);
		ASSERT_LE(0, fd[i]);
	}
	after = vt_kernel_bytes();
	for (i = 0; i < BUFFERS; i++)
		close(fd[i]);
	return (double)(after - before) / BUFFERS;
}

/*
 * From outside, so whatever vfio-pci-core allocates for the same ranges is in
 * it. Half a byte is left for what the counters are off by.
 */
TEST_F(figures, 65536_unmerged_ranges_cost_at_most_24_bytes_each)
{
	struct vfio_region_dma_range *r = calloc(65536, sizeof(*r));
	__u64 pages = vt_bar_size(&self->d, BAR) / VT_PAGE;
	double one, many, each;
	__u32 i;

	ASSERT_NE(NULL, r);
	for (i = 0; i < 65536; i++)
		r[i] = (struct vfio_region_dma_range){
			(pages - 1 - i % pages) * VT_PAGE, VT_PAGE,
		};
	/* What earlier programs left behind is freed meanwhile. */
	cost(_metadata, &self->d, r, 65536);
	one = cost(_metadata, &self->d, r, 1);
	many = cost(_metadata, &self->d, r, 65536);
	each = (many - one) / 65535;
	TH_LOG("buffer of 1 range: %.0f bytes, of 65536: %.0f, each: %.2f",
	       one, many, each);
	if (self->stock_exports)
		TH_LOG("stock vfio-pci, each: %.2f",
		       (cost(_metadata, &self->stock, r, 65536) -
			cost(_metadata, &self->stock, r, 1)) / 65535);
	EXPECT_GT(24.5, each);
	EXPECT_LT(4.0, each);
	free(r);
}

TEST_F(figures, neighbours_that_merge_cost_no_array)
{
	struct vfio_region_dma_range *r = calloc(16384, sizeof(*r));
	double own, stock = 0;
	__u32 i;

	ASSERT_NE(NULL, r);
	for (i = 0; i < 16384; i++)
		r[i] = (struct vfio_region_dma_range){ i * VT_PAGE, VT_PAGE };
	if (self->stock_exports)
		stock = cost(_metadata, &self->stock, r, 16384);
	own = cost(_metadata, &self->d, r, 16384);
	TH_LOG("16384 neighbours: %.0f bytes, stock: %.0f", own, stock);
	EXPECT_GT(stock + 16384, own);
	free(r);
}

/* A subordinate that maps a page of the buffer as often as it is let. */
static void __attribute__((noreturn)) map_often(int fd, unsigned int vmas,
						bool touch, int in, int out)
{
	unsigned int made = 0;
	char *first = NULL, *map, c;
	__u64 value;

	while (made < vmas) {
		map = vt_map_rw(fd, VT_PAGE);
		if (!map)
			break;
		if (touch)
			vt_touch(map, VT_PAGE);
		first = made++ ? first : map;
	}
	if (write(out, &made, sizeof(made)) != sizeof(made) ||
	    read(in, &c, 1) != 1)
		_exit(1);
	_exit(!first || vt_peek(first, &value) != SIGBUS ||
	      vt_peek(map ? map : first, &value) != SIGBUS);
}

/* Microseconds of a revoke; @vmas becomes what the process could make. */
static __u64 time_of_a_revoke(struct __test_metadata *_metadata,
			      struct vt_device *d, unsigned int *vmas,
			      bool touch)
{
	int to[2], from[2], status, fd;
	__u64 start, ns;
	pid_t pid;

	fd = vt_export_one(d->fd, BAR, 0, VT_PAGE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid)
		map_often(fd, *vmas, touch, to[0], from[1]);
	ASSERT_LT(0, pid);
	close(from[1]);
	ASSERT_EQ((int)sizeof(*vmas), read(from[0], vmas, sizeof(*vmas)));
	start = vt_now_ns();
	ASSERT_EQ(0, vt_revoke(d->fd, fd));
	ns = vt_now_ns() - start;
	ASSERT_EQ(1, write(to[1], "", 1));
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(fd);
	return ns / 1000;
}

/* Printed, not judged: it grows with their number, and processes can be many. */
TEST_F(figures, revoke_of_a_buffer_that_is_mapped_often)
{
	static const unsigned int often[] = { 1, 10, 100, 1000, 10000, 65530 };
	unsigned int wanted, vmas;
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(often); i++) {
		wanted = often[i] > 1000 ? vt_rounds(often[i]) : often[i];
		vmas = wanted;
		TH_LOG("revoke with %u mappings in a process: %llu us", vmas,
		       time_of_a_revoke(_metadata, &self->d, &vmas, false));
		vmas = wanted;
		TH_LOG("the same, each touched: %llu us",
		       time_of_a_revoke(_metadata, &self->d, &vmas, true));
		EXPECT_LE(wanted * 9 / 10, vmas);
	}
}

TEST_HARNESS_MAIN
