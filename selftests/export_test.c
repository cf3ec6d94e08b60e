// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: what it accepts, what it refuses and how. The
 * reference is stock vfio-pci, asked the same in the same boot.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <linux/dma-buf.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define GET_DMA_BUF	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)
#define BAR		2

/* Number of open fds of this process. */
static unsigned int count_fds(void)
{
	unsigned int nr = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

/*
 * Requests that are wrong in one way. The same request goes to this driver and
 * to stock vfio-pci; where the kernel has no such feature, stock cannot be asked
 * and the errno is the one that newer kernels give.
 */
struct request {
	__u32 argsz;	/* 0: the right one */
	__u32 flags;	/* of struct vfio_device_feature */
	struct vfio_device_feature_dma_buf head;
	struct vfio_region_dma_range range[2];
};

FIXTURE(bad_export) {
	struct vt_device d;
};

FIXTURE_SETUP(bad_export)
{
}

FIXTURE_TEARDOWN(bad_export)
{
	vt_close(&self->d);
}

static int ask(struct vt_device *d, const char *bdf, const char *driver,
	       const struct request *request)
{
	struct request r = *request;
	size_t size = sizeof(r.head) + sizeof(r.range);
	__u32 argsz = sizeof(struct vfio_device_feature) + size;
	int ret;

	ret = vt_open(d, bdf, driver);
	if (ret)
		return ret;
	ret = vt_feature_argsz(d->fd, r.argsz ? r.argsz : argsz, r.flags,
			       &r.head, size);
	if (ret >= 0 && !(r.flags & VFIO_DEVICE_FEATURE_PROBE))
		close(ret);
	vt_close(d);
	return ret < 0 ? -ret : 0;
}

static bool stock_exports(struct vt_device *d, const char *bdf)
{
	bool has;

	if (!vt_has_stock() || vt_open(d, bdf, VT_STOCK))
		return false;
	has = vt_exports(d->fd);
	vt_close(d);
	return has;
}

static void expect_errno_of_stock(struct __test_metadata *_metadata,
				  struct vt_device *d, const char *device,
				  const char *stock, int error,
				  const struct request *request)
{
	unsigned int fds = count_fds();
	int ours, expected = error;

	ours = ask(d, vt_bdf(device), VT_DRIVER, request);
	if (stock_exports(d, vt_bdf(stock)))
		expected = ask(d, vt_bdf(stock), VT_STOCK, request);
	EXPECT_NE(0, expected);
	EXPECT_EQ(expected, ours);
	EXPECT_EQ(error, ours);
	EXPECT_EQ(fds, count_fds());
}

#define BAD(name, err, dev, stockdev, ...)				\
	TEST_F(bad_export, name)					\
	{								\
		const struct request request = { __VA_ARGS__ };		\
									\
		expect_errno_of_stock(_metadata, &self->d, dev,		\
				      stockdev, err, &request);		\
	}
#define BAD_RANGES(name, err, nr, ...)				\
	BAD(name, err, "A", "B", .flags = GET_DMA_BUF,		\
	    .head = { BAR, O_RDWR, 0, nr },			\
	    .range = { __VA_ARGS__ })
#define BAD_BAR(name, err, dev, index)				\
	BAD(name, err, dev, dev, .flags = GET_DMA_BUF,		\
	    .head = { index, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })

BAD_RANGES(no_ranges, EINVAL, 0, { 0, VT_PAGE })
BAD_RANGES(most_ranges_that_a_u32_holds, ENOMEM, 0xffffffff, { 0, VT_PAGE })
BAD_RANGES(empty_range, EINVAL, 1, { 0, 0 })
BAD_RANGES(empty_second_range, EINVAL, 2, { 0, VT_PAGE }, { VT_PAGE, 0 })
BAD_RANGES(unaligned_offset, EINVAL, 1, { 512, VT_PAGE })
BAD_RANGES(unaligned_length, EINVAL, 1, { 0, VT_PAGE + 1 })
BAD_RANGES(unaligned_second_range, EINVAL, 2, { 0, VT_PAGE }, { 8, VT_PAGE })
BAD_RANGES(starts_at_the_end_of_the_bar, EINVAL, 1, { VT_BAR, VT_PAGE })
BAD_RANGES(one_page_past_the_end_of_the_bar, EINVAL, 1,
	   { 0, VT_BAR + VT_PAGE })
BAD_RANGES(second_range_past_the_end_of_the_bar, EINVAL, 2,
	   { 0, VT_PAGE }, { VT_BAR - VT_PAGE, 2 * VT_PAGE })
BAD_RANGES(offset_overflows, EOVERFLOW, 1, { -VT_PAGE, VT_PAGE })
BAD_RANGES(offset_plus_length_overflows, EINVAL, 1,
	   { VT_PAGE, -VT_PAGE })
BAD_RANGES(sum_of_lengths_overflows, EINVAL, 2,
	   { 0, 1ULL << 63 }, { 0, 1ULL << 63 })
BAD_RANGES(sum_of_lengths_beyond_an_iova, EINVAL, 2,
	   { 0, 1ULL << 62 }, { 0, 1ULL << 62 })

BAD_BAR(absent_bar, ENODEV, "A", 4)
BAD_BAR(upper_half_of_a_64_bit_bar, ENODEV, "A", 3)
BAD_BAR(bar_smaller_than_a_page, EINVAL, "SW_MEM", 0)
BAD_BAR(io_bar, EINVAL, "TESTDEV", 1)
BAD_BAR(rom_region, ENODEV, "A", VFIO_PCI_ROM_REGION_INDEX)
BAD_BAR(config_region, ENODEV, "A", VFIO_PCI_CONFIG_REGION_INDEX)
BAD_BAR(vga_region, ENODEV, "A", VFIO_PCI_VGA_REGION_INDEX)
BAD_BAR(region_that_is_none, ENODEV, "A", 1000)
BAD_BAR(largest_region_index, ENODEV, "A", 0xffffffff)

BAD(flags_of_the_export, EINVAL, "A", "B", .flags = GET_DMA_BUF,
    .head = { BAR, O_RDWR, 1, 1 }, .range = { { 0, VT_PAGE } })
BAD(set_instead_of_get, EINVAL, "A", "B",
    .flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF,
    .head = { BAR, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })
BAD(neither_get_nor_set, EINVAL, "A", "B", .flags = VFIO_DEVICE_FEATURE_DMA_BUF,
    .head = { BAR, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })
BAD(get_and_set, EINVAL, "A", "B",
    .flags = GET_DMA_BUF | VFIO_DEVICE_FEATURE_SET,
    .head = { BAR, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })
BAD(unknown_feature_flag, EINVAL, "A", "B", .flags = GET_DMA_BUF | 1U << 24,
    .head = { BAR, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })
BAD(probe_for_set, EINVAL, "A", "B",
    .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
	     VFIO_DEVICE_FEATURE_DMA_BUF)
BAD(argsz_without_the_header, EINVAL, "A", "B", .argsz = 4,
    .flags = GET_DMA_BUF, .head = { BAR, O_RDWR, 0, 1 },
    .range = { { 0, VT_PAGE } })
BAD(argsz_without_the_payload, EINVAL, "A", "B",
    .argsz = sizeof(struct vfio_device_feature), .flags = GET_DMA_BUF,
    .head = { BAR, O_RDWR, 0, 1 }, .range = { { 0, VT_PAGE } })
BAD(argsz_one_byte_short_of_the_payload, EINVAL, "A", "B",
    .argsz = sizeof(struct vfio_device_feature) +
	     sizeof(struct vfio_device_feature_dma_buf) - 1,
    .flags = GET_DMA_BUF, .head = { BAR, O_RDWR, 0, 1 },
    .range = { { 0, VT_PAGE } })

FIXTURE(export) {
	struct vt_device d;
	struct vt_device stock;
	bool stock_exports;
};

FIXTURE_SETUP(export)
{
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	if (vt_has_stock())
		ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
	self->stock_exports = vt_exports(self->stock.fd);
}

FIXTURE_TEARDOWN(export)
{
	vt_close(&self->d);
	vt_close(&self->stock);
}

TEST_F(export, every_feature_answers_probe)
{
	static const struct {
		__u32 feature;
		__u32 op;
		int error;
	} probes[] = {
		{ VFIO_DEVICE_FEATURE_DMA_BUF, VFIO_DEVICE_FEATURE_GET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF, VFIO_DEVICE_FEATURE_SET, EINVAL },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, VFIO_DEVICE_FEATURE_SET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, VFIO_DEVICE_FEATURE_GET,
		  EINVAL },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR, VFIO_DEVICE_FEATURE_SET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR, VFIO_DEVICE_FEATURE_GET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR,
		  VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN, VFIO_DEVICE_FEATURE_GET,
		  ENOTTY },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_MMAP, VFIO_DEVICE_FEATURE_GET, 0 },
		{ VFIO_DEVICE_FEATURE_DMA_BUF_MMAP, VFIO_DEVICE_FEATURE_SET, EINVAL },
		{ 0xfd04, VFIO_DEVICE_FEATURE_GET, ENOTTY },
	};
	char plain[8];
	size_t i;

	ASSERT_EQ(0, vt_param_get("plain_export", plain, sizeof(plain)));
	ASSERT_STREQ("N", plain);
	for (i = 0; i < VT_ARRAY_SIZE(probes); i++) {
		EXPECT_EQ(-probes[i].error,
			  vt_feature(self->d.fd, VFIO_DEVICE_FEATURE_PROBE |
				     probes[i].op | probes[i].feature, NULL, 0))
			TH_LOG("probe %zu", i);
	}
}

TEST_F(export, stock_has_none_of_the_features_of_this_driver)
{
	__u32 feature;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	for (feature = VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE;
	     feature <= VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP; feature++) {
		EXPECT_EQ(-ENOTTY, vt_feature(self->stock.fd,
					      VFIO_DEVICE_FEATURE_PROBE |
					      VFIO_DEVICE_FEATURE_GET | feature,
					      NULL, 0));
	}
}

TEST_F(export, takes_one_fd_the_lowest_free_one)
{
	unsigned int fds = count_fds();
	int lowest = dup(0), fd;

	close(lowest);
	fd = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	EXPECT_EQ(lowest, fd);
	EXPECT_EQ(fds + 1, count_fds());
	close(fd);
	EXPECT_EQ(fds, count_fds());
}

TEST_F(export, size_is_the_sum_of_the_ranges)
{
	struct vfio_region_dma_range r[] = {
		{ 0, 3 * VT_PAGE }, { VT_MIB(1), VT_PAGE }, { 0, VT_MIB(2) },
	};
	off_t sum = vt_ranges_size(r, VT_ARRAY_SIZE(r));
	struct stat st;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, r, VT_ARRAY_SIZE(r));
	ASSERT_LE(0, fd);
	EXPECT_EQ(sum, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(sum, st.st_size);
	close(fd);
}

TEST_F(export, open_flags_are_kept_as_stock_keeps_them)
{
	static const __u32 flags[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_CLOEXEC,
		O_RDWR | O_CLOEXEC, O_RDWR | O_NONBLOCK, O_RDWR | O_APPEND,
		O_RDWR | O_DIRECT, O_ACCMODE, 0xffffffff,
	};
	struct vfio_region_dma_range r = { 0, VT_PAGE };
	int ours, stock;
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(flags); i++) {
		ours = vt_export(self->d.fd, BAR, flags[i], &r, 1);
		if (self->stock_exports) {
			stock = vt_export(self->stock.fd, BAR, flags[i], &r, 1);
			EXPECT_EQ(stock < 0 ? stock : 0, ours < 0 ? ours : 0)
				TH_LOG("open_flags 0x%x", flags[i]);
			EXPECT_EQ(fcntl(stock, F_GETFL), fcntl(ours, F_GETFL))
				TH_LOG("open_flags 0x%x", flags[i]);
			close(stock);
		}
		if (ours < 0)
			continue;
		EXPECT_EQ(flags[i] & O_CLOEXEC ? FD_CLOEXEC : 0,
			  fcntl(ours, F_GETFD));
		close(ours);
	}
}

/* No new fd until setrlimit() with what this returns. */
static struct rlimit use_up_fds(struct __test_metadata *_metadata)
{
	struct rlimit limit, full;
	int lowest = dup(0);

	close(lowest);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	full = limit;
	full.rlim_cur = lowest;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &full));
	return limit;
}

TEST_F(export, no_fd_left_is_emfile)
{
	struct rlimit limit = use_up_fds(_metadata);
	int ours, stock = -EMFILE;

	ours = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	if (self->stock_exports)
		stock = vt_export_one(self->stock.fd, BAR, 0, VT_PAGE);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, ours);
	EXPECT_EQ(stock, ours);
}

/* A request for @nr single pages at the end of @map, which has @size bytes. */
static struct vfio_device_feature *request_at_end(void *map, size_t size,
						  __u32 nr)
{
	struct vfio_device_feature_dma_buf *arg;
	struct vfio_device_feature *f;
	size_t len = sizeof(*f) + sizeof(*arg) +
		     nr * sizeof(struct vfio_region_dma_range);
	__u32 i;

	f = (void *)((char *)map + size - len);
	f->argsz = len;
	f->flags = GET_DMA_BUF;
	arg = (void *)f->data;
	arg->region_index = BAR;
	arg->open_flags = O_RDWR | O_CLOEXEC;
	arg->flags = 0;
	arg->nr_ranges = nr;
	for (i = 0; i < nr; i++) {
		arg->dma_ranges[i].offset = (nr - 1 - i) * VT_PAGE;
		arg->dma_ranges[i].length = VT_PAGE;
	}
	return f;
}

static int feature_errno(int device_fd, struct vfio_device_feature *f)
{
	int fd = ioctl(device_fd, VFIO_DEVICE_FEATURE, f);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

TEST_F(export, request_that_ends_in_no_memory_is_efault)
{
	unsigned int fds = count_fds();
	struct vfio_device_feature *f;
	size_t cut;
	char *map;

	map = mmap(NULL, 3 * VT_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + 2 * VT_PAGE, VT_PAGE));

	/* The whole request fits, then misses its tail, then all ranges. */
	f = request_at_end(map, 2 * VT_PAGE, 4);
	EXPECT_EQ(0, feature_errno(self->d.fd, f));
	for (cut = 8; cut <= 4 * sizeof(struct vfio_region_dma_range) + 16;
	     cut += 8) {
		void *moved = (char *)f + cut;

		memmove(moved, f, f->argsz - cut);
		EXPECT_EQ(EFAULT, feature_errno(self->d.fd, moved))
			TH_LOG("%zu bytes missing", cut);
		if (self->stock_exports)
			EXPECT_EQ(EFAULT, feature_errno(self->stock.fd, moved));
		f = request_at_end(map, 2 * VT_PAGE, 4);
	}
	EXPECT_EQ(EFAULT, feature_errno(self->d.fd, NULL));
	EXPECT_EQ(fds, count_fds());
}

/* The kernel that copies the request in must not depend on a fault handler. */
TEST_F(export, request_in_pages_that_are_not_in_memory_yet)
{
	const __u32 nr = 4096;
	size_t size = VT_KIB(128);
	struct vfio_device_feature *f;
	char *filled, *fresh;
	size_t offset;
	int memfd;

	memfd = memfd_create("request", MFD_CLOEXEC);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, ftruncate(memfd, size));
	filled = vt_map_rw(memfd, size);
	ASSERT_NE(NULL, filled);
	offset = (char *)request_at_end(filled, size, nr) - filled;

	fresh = vt_map(memfd, size, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, fresh);
	ASSERT_EQ(0, madvise(fresh, size, MADV_RANDOM));
	f = (void *)(fresh + offset);
	EXPECT_EQ(0, feature_errno(self->d.fd, f));
}

TEST_F(export, argsz_may_be_larger_than_needed)
{
	struct {
		struct vfio_device_feature_dma_buf head;
		struct vfio_region_dma_range range;
		char more[64];
	} arg = {
		.head = { BAR, O_RDWR, 0, 1 },
		.range = { 0, VT_PAGE },
	};
	int fd;

	fd = vt_feature(self->d.fd, GET_DMA_BUF, &arg, sizeof(arg));
	EXPECT_LE(0, fd);
	close(fd);
}

/* The kernel takes nr_ranges, not argsz, as the number of ranges: stock too. */
TEST_F(export, argsz_that_leaves_out_the_ranges_is_as_stock)
{
	struct {
		struct vfio_device_feature_dma_buf head;
		struct vfio_region_dma_range range;
	} arg = {
		.head = { BAR, O_RDWR, 0, 1 },
		.range = { 0, VT_PAGE },
	};
	__u32 argsz = sizeof(struct vfio_device_feature) + sizeof(arg.head);
	int ours, stock;

	ours = vt_feature_argsz(self->d.fd, argsz, GET_DMA_BUF, &arg,
				sizeof(arg));
	if (self->stock_exports) {
		stock = vt_feature_argsz(self->stock.fd, argsz, GET_DMA_BUF,
					 &arg, sizeof(arg));
		EXPECT_EQ(stock < 0 ? stock : 0, ours < 0 ? ours : 0);
		close(stock);
	}
	close(ours);
}

TEST_F(export, device_fd_of_a_parent_works_in_a_child)
{
	int fd, status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		fd = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
		_exit(fd < 0 || !vt_map_rw(fd, VT_PAGE));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(export, same_range_twice_gives_two_buffers)
{
	struct stat a, b;
	int one, two;

	one = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	two = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, fstat(one, &a));
	ASSERT_EQ(0, fstat(two, &b));
	EXPECT_NE(a.st_ino, b.st_ino);
	close(one);
	close(two);
}

TEST_F(export, cpu_access_ioctl_works_as_with_stock)
{
	struct dma_buf_sync sync = {
		.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW,
	};
	int ours, stock;

	ours = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	ASSERT_LE(0, ours);
	EXPECT_EQ(0, ioctl(ours, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, ioctl(ours, DMA_BUF_IOCTL_SYNC, &sync));
	close(ours);
	if (!self->stock_exports)
		return;
	stock = vt_export_one(self->stock.fd, BAR, 0, VT_PAGE);
	EXPECT_EQ(0, ioctl(stock, DMA_BUF_IOCTL_SYNC, &sync));
	close(stock);
}

/* Two threads that use a BAR for the first time since the device was opened */
struct first_use {
	pthread_t thread;
	pthread_barrier_t *start;
	const struct vt_device *d;
	int error;
};

static void *map_first(void *arg)
{
	struct first_use *use = arg;
	void *map;

	pthread_barrier_wait(use->start);
	map = vt_map_bar(use->d, BAR, 0, VT_PAGE);
	use->error = map ? 0 : errno;
	if (map)
		munmap(map, VT_PAGE);
	return NULL;
}

FIXTURE(first_use) {
};

FIXTURE_SETUP(first_use)
{
}

FIXTURE_TEARDOWN(first_use)
{
}

TEST_F(first_use, of_a_bar_by_a_mapping_and_an_export)
{
	unsigned int i, rounds = vt_rounds(300), exports = 0, mappings = 0;
	pthread_barrier_t start;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (i = 0; i < rounds; i++) {
		struct vt_device d;
		struct first_use use = { .start = &start, .d = &d };
		int fd;

		ASSERT_EQ(0, vt_open(&d, vt_bdf("A"), VT_DRIVER));
		ASSERT_EQ(0, pthread_create(&use.thread, NULL, map_first,
					    &use));
		pthread_barrier_wait(&start);
		fd = vt_export_one(d.fd, BAR, 0, VT_PAGE);
		ASSERT_EQ(0, pthread_join(use.thread, NULL));
		exports += fd >= 0;
		mappings += !use.error;
		close(fd);
		vt_close(&d);
	}
	EXPECT_EQ(rounds, exports);
	EXPECT_EQ(rounds, mappings);
}

/* A buffer's memory, by a control group: ranges that do not merge take most. */
FIXTURE(charge) {
	struct vt_device d;
	struct vfio_region_dma_range *ranges;
};

#define CGROUPS		"/sys/fs/cgroup"
#define CGROUP		CGROUPS "/vpdm"
#define RANGES		65536
#define RANGE_BYTES	8
#define EXPORTS		8

FIXTURE_SETUP(charge)
{
	char controllers[256];
	size_t i;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	mount("cgroup", CGROUPS, "cgroup2", 0, NULL);
	if (vt_read_text(CGROUPS "/cgroup.controllers", controllers,
			 sizeof(controllers)) ||
	    !strstr(controllers, "memory"))
		SKIP(return, "the kernel has no memory cgroups");
	ASSERT_EQ(0, vt_write_text(CGROUPS "/cgroup.subtree_control",
				   "+memory"));
	ASSERT_TRUE(!mkdir(CGROUP, 0755) || errno == EEXIST);
	ASSERT_EQ(0, vt_write_text(CGROUP "/cgroup.procs", "0"));
	self->ranges = calloc(RANGES, sizeof(*self->ranges));
	ASSERT_NE(NULL, self->ranges);
	for (i = 0; i < RANGES; i++) {
		self->ranges[i].offset = i % 2 * VT_PAGE * 2;
		self->ranges[i].length = VT_PAGE;
	}
}

FIXTURE_TEARDOWN(charge)
{
	vt_close(&self->d);
	free(self->ranges);
	/* Other programs make one of that name. */
	vt_try_write_text(CGROUPS "/cgroup.procs", "0");
	rmdir(CGROUP);
}

TEST_F(charge, no_fd_left_is_emfile)
{
	int refs = vt_module_refs(), fd;
	struct rlimit limit = use_up_fds(_metadata);

	fd = vt_export(self->d.fd, BAR, O_RDWR, self->ranges, RANGES);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, fd);
	EXPECT_EQ(refs, vt_module_refs());
}

/* Also where a kernel thread calls vfio-pci-core. */
TEST_F(charge, is_the_callers)
{
	long long before, grown;
	int i, fd;

	/* What the first one needs besides. */
	fd = vt_export(self->d.fd, BAR, O_RDWR, self->ranges, RANGES);
	ASSERT_LE(0, fd);
	close(fd);
	before = vt_read_number(CGROUP "/memory.current");
	for (i = 0; i < EXPORTS; i++)
		ASSERT_LE(0, vt_export(self->d.fd, BAR, O_RDWR, self->ranges,
				       RANGES));
	grown = vt_read_number(CGROUP "/memory.current") - before;
	TH_LOG("%d exports of %d ranges: %lld bytes", EXPORTS, RANGES, grown);
	EXPECT_LE((long long)EXPORTS * RANGES * RANGE_BYTES / 4 * 3, grown);
}

TEST_HARNESS_MAIN
