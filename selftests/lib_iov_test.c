// SPDX-License-Identifier: GPL-2.0-only
/*
 * A DMABUF of memory that is given by address, as a VMM's guest gives it: from
 * memfds by udmabuf, from a BAR by VFIO, and the two ways to get none. On this
 * driver and on stock vfio-pci.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/memfd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"
#include "vfio_dmabuf.h"

#define BAR		2
#define WRONG		VFIO_DMABUF_WRONG_MEMORY
#define MEM_PAGES	2048
#define SIZE_LIMIT	"/sys/module/udmabuf/parameters/size_limit_mb"
#define BAR_SIZE	(1024 * VT_PAGE)

FIXTURE(iov) {
	struct vfio_dmabuf_ctx *ctx;
	struct vfio_dmabuf_device *a;
	struct vfio_dmabuf_device *b;
	char *bar;		/* of a */
	char *bar_b;
	char *mem;		/* a memfd's */
	int memfd;
	bool exports;		/* the driver can */
	bool shows;		/* which part of a BAR a mapping is of */
	bool udmabuf;		/* the kernel has it */
};

FIXTURE_VARIANT(iov) {
	const char *driver;
};

FIXTURE_VARIANT_ADD(iov, ours) { .driver = VT_DRIVER };
FIXTURE_VARIANT_ADD(iov, stock) { .driver = VT_STOCK };

static struct vfio_dmabuf_device *open_one(struct vfio_dmabuf_ctx *ctx,
					   const char *name, const char *driver,
					   char **bar)
{
	struct vfio_dmabuf_device *dev;
	void *addr;

	if (vt_bind(vt_bdf(name), driver) ||
	    vfio_dmabuf_open(ctx, vt_bdf(name), 0, &dev) ||
	    vfio_dmabuf_bar_map(dev, BAR, 0, BAR_SIZE, PROT_READ | PROT_WRITE,
				&addr)) {
		vt_log("%s: %s", name, vfio_dmabuf_error(ctx));
		return NULL;
	}
	*bar = addr;
	return dev;
}

static int sealed_memfd(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, MEM_PAGES * VT_PAGE) ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *map_memory(int fd, int flags)
{
	return mmap(NULL, MEM_PAGES * VT_PAGE, PROT_READ | PROT_WRITE, flags,
		    fd, 0);
}

FIXTURE_SETUP(iov)
{
	if (!strcmp(variant->driver, VT_STOCK) && !vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	self->ctx = vfio_dmabuf_new();
	self->a = open_one(self->ctx, "SW_MEM", variant->driver, &self->bar);
	ASSERT_NE(self->a, NULL);
	self->b = open_one(self->ctx, "B", variant->driver, &self->bar_b);
	ASSERT_NE(self->b, NULL);
	self->exports = vfio_dmabuf_features(self->a) & VFIO_DMABUF_CAN_EXPORT;
	self->shows = !strcmp(variant->driver, VT_DRIVER) ||
		      !vt_kernel_before(6, 10);
	/* Debian's 6.1 is built without. */
	self->udmabuf = !access("/dev/udmabuf", F_OK) ||
			!vt_kernel_before(6, 10);
	self->memfd = sealed_memfd();
	ASSERT_GE(self->memfd, 0);
	self->mem = map_memory(self->memfd, MAP_SHARED);
	ASSERT_NE(self->mem, MAP_FAILED);
	ASSERT_EQ(vfio_dmabuf_add_memfd(self->ctx, self->memfd), 0);
	vt_stamp(self->mem, MEM_PAGES * VT_PAGE, 0x10000);
	vt_stamp(self->bar, BAR_SIZE, 0x20000);
}

FIXTURE_TEARDOWN(iov)
{
	vfio_dmabuf_free(self->ctx);
}

static struct iovec pages(char *base, size_t first, size_t nr)
{
	return (struct iovec){ base + first * VT_PAGE, nr * VT_PAGE };
}

/* The value that vt_stamp() put at page @i of the view. */
static __u64 stamp(const void *view, size_t i)
{
	__u64 value = 0;

	return vt_peek((const char *)view + i * VT_PAGE, &value) ? ~0ULL :
								 value;
}

#define CREATE(cnt, iov) vfio_dmabuf_create_fd(self->ctx, iov, cnt, &fd)
#define WHY() TH_LOG("%s", vfio_dmabuf_error(self->ctx))

#define NO_UDMABUF "this kernel has no udmabuf"

/* Where they do not show what they map, others' mappings are refused. */
static bool refuses_mappings(struct vfio_dmabuf_device *dev,
			     struct vfio_dmabuf_ctx *ctx, void *map)
{
	return vfio_dmabuf_add_mapping(dev, map, VT_PAGE) == -EOPNOTSUPP &&
	       strstr(vfio_dmabuf_error(ctx), "vfio_dmabuf_bar_map()");
}

TEST_F(iov, memory_alone_is_a_udmabuf)
{
	struct iovec iov[] = {
		pages(self->mem, 5, 1),
		pages(self->mem, 3, 2),
	};
	void *view;
	int fd = -1;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	ASSERT_EQ(CREATE(2, iov), 0) WHY();
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 3 * VT_PAGE);
	view = mmap(NULL, 3 * VT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(view, MAP_FAILED);
	EXPECT_EQ(stamp(view, 0), 0x10005);
	EXPECT_EQ(stamp(view, 1), 0x10003);
	EXPECT_EQ(stamp(view, 2), 0x10004);
}

TEST_F(iov, bar_alone_is_a_vfio_export)
{
	struct iovec iov[] = {
		pages(self->bar, 9, 1),
		pages(self->bar, 2, 2),
		pages(self->bar, 9, 1),
	};
	void *view;
	int fd = -1;

	if (!self->exports) {
		EXPECT_EQ(CREATE(3, iov), -ENOTTY);
		return;
	}
	ASSERT_EQ(CREATE(3, iov), 0) WHY();
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 4 * VT_PAGE);
	view = mmap(NULL, 4 * VT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (!strcmp(variant->driver, VT_STOCK)) {
		EXPECT_EQ(view, MAP_FAILED);
		return;
	}
	ASSERT_NE(view, MAP_FAILED);
	EXPECT_EQ(stamp(view, 0), 0x20009);
	EXPECT_EQ(stamp(view, 1), 0x20002);
	EXPECT_EQ(stamp(view, 2), 0x20003);
	EXPECT_EQ(stamp(view, 3), 0x20009);
	EXPECT_EQ(vt_map_errno(fd, VT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			       0), EACCES);
}

TEST_F(iov, neither_is_the_guests_mistake)
{
	char *anon = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec memory_and_bar[] = {
		pages(self->mem, 0, 1), pages(self->bar, 0, 1),
	};
	struct iovec bar_and_memory[] = {
		pages(self->bar, 0, 1), pages(self->mem, 0, 1),
	};
	struct iovec two_devices[] = {
		pages(self->bar, 0, 1), pages(self->bar_b, 1, 1),
	};
	struct iovec anonymous[] = { pages(anon, 0, 1) };
	struct iovec bar_and_anonymous[] = {
		pages(self->bar, 0, 1), pages(anon, 0, 1),
	};
	struct iovec half[] = {
		{ self->bar, VT_PAGE / 2 },
	};
	int fd = -1;

	EXPECT_EQ(CREATE(2, memory_and_bar), WRONG) WHY();
	EXPECT_EQ(CREATE(2, bar_and_memory), WRONG) WHY();
	EXPECT_EQ(CREATE(2, two_devices), WRONG) WHY();
	EXPECT_EQ(CREATE(1, anonymous), WRONG) WHY();
	EXPECT_EQ(CREATE(2, bar_and_anonymous), WRONG) WHY();
	EXPECT_EQ(CREATE(1, half), WRONG) WHY();
	EXPECT_EQ(CREATE(0, half), WRONG) WHY();
	munmap(anon, 2 * VT_PAGE);
	EXPECT_EQ(CREATE(1, anonymous), WRONG) WHY();
	EXPECT_EQ(fd, -1);
}

TEST_F(iov, two_bars_of_one_device)
{
	struct iovec iov[2] = { pages(self->bar, 0, 1) };
	void *regs;
	int fd = -1;

	/*
	 * ivshmem's registers, 256 bytes in a page of their own: on the root
	 * bus they may be more, since some machines align BARs there.
	 */
	ASSERT_EQ(vfio_dmabuf_bar_map(self->a, 0, 0, 256, PROT_READ, &regs),
		  0) WHY();
	iov[1] = pages(regs, 0, 1);
	EXPECT_EQ(CREATE(2, iov), WRONG) WHY();
	/* A BAR, so the refusal of less than a page is the host's. */
	EXPECT_EQ(CREATE(1, iov + 1), self->exports ? -EINVAL : -ENOTTY)
		WHY();
}

TEST_F(iov, each_kind_by_itself)
{
	struct iovec mem = pages(self->mem, 0, 1), bar = pages(self->bar, 0, 1);
	int fd = -1;

	EXPECT_EQ(vfio_dmabuf_create_fd_udmabuf(self->ctx, &bar, 1, &fd),
		  WRONG);
	EXPECT_EQ(vfio_dmabuf_create_fd_bar(self->ctx, &mem, 1, &fd), WRONG);
	EXPECT_EQ(vfio_dmabuf_create_fd_udmabuf(self->ctx, &mem, 1, &fd),
		  self->udmabuf ? 0 : -ENOENT);
	EXPECT_EQ(vfio_dmabuf_create_fd_bar(self->ctx, &bar, 1, &fd),
		  self->exports ? 0 : -ENOTTY);
}

TEST_F(iov, neighbours_are_merged)
{
	struct iovec iov[MEM_PAGES];
	char limit[16];
	void *view;
	int fd = -1, ret;
	size_t i;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	/* More than udmabuf's list_limit of 1024, were they not. */
	for (i = 0; i < MEM_PAGES; i++)
		iov[i] = pages(self->mem, i, 1);
	/* With large pages they are more than its default of 64 MiB. */
	ASSERT_EQ(vt_read_text(SIZE_LIMIT, limit, sizeof(limit)), 0);
	ASSERT_EQ(vt_write_text(SIZE_LIMIT, "1024"), 0);
	ret = CREATE(MEM_PAGES, iov);
	ASSERT_EQ(vt_write_text(SIZE_LIMIT, limit), 0);
	ASSERT_EQ(ret, 0) WHY();
	view = mmap(NULL, MEM_PAGES * VT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(view, MAP_FAILED);
	EXPECT_EQ(stamp(view, MEM_PAGES - 1), 0x10000 + MEM_PAGES - 1);
}

/* Host failures: the memory is right, so the guest is never blamed. */

TEST_F(iov, host_udmabuf_is_missing)
{
	struct iovec iov = pages(self->mem, 0, 1);
	int fd = -1;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	ASSERT_EQ(rename("/dev/udmabuf", "/dev/udmabuf.away"), 0);
	EXPECT_EQ(CREATE(1, &iov), -ENOENT) WHY();
	ASSERT_EQ(rename("/dev/udmabuf.away", "/dev/udmabuf"), 0);
	EXPECT_EQ(CREATE(1, &iov), 0) WHY();
}

TEST_F(iov, host_udmabuf_has_limits)
{
	struct iovec iov[1025];
	size_t i;
	int fd = -1;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	for (i = 0; i < 1025; i++)
		iov[i] = pages(self->mem, (i & 1) * 2, 1);
	EXPECT_EQ(CREATE(1025, iov), -EINVAL);
	EXPECT_NE(strstr(vfio_dmabuf_error(self->ctx), "list_limit"), NULL)
		WHY();
}

TEST_F(iov, host_memory_is_not_sealed_or_private)
{
	int open_fd = memfd_create("unsealed", MFD_ALLOW_SEALING), fd = -1;
	char *unsealed, *private;
	struct iovec iov;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	ASSERT_EQ(ftruncate(open_fd, MEM_PAGES * VT_PAGE), 0);
	unsealed = map_memory(open_fd, MAP_SHARED);
	ASSERT_EQ(vfio_dmabuf_add_memfd(self->ctx, open_fd), 0);
	iov = pages(unsealed, 0, 1);
	EXPECT_EQ(CREATE(1, &iov), -EINVAL) WHY();
	private = map_memory(self->memfd, MAP_PRIVATE);
	iov = pages(private, 0, 1);
	EXPECT_EQ(CREATE(1, &iov), -EOPNOTSUPP) WHY();
	EXPECT_EQ(vfio_dmabuf_del_memfd(self->ctx, open_fd), 0);
	EXPECT_EQ(vfio_dmabuf_del_memfd(self->ctx, open_fd), -ENOENT);
	EXPECT_EQ(vfio_dmabuf_add_memfd(self->ctx, 0), -EINVAL);
}

TEST_F(iov, host_has_no_fds_left)
{
	struct iovec mem = pages(self->mem, 0, 1), bar = pages(self->bar, 0, 1);
	struct rlimit old, full;
	int fd = -1, maps;

	if (!self->udmabuf)
		SKIP(return, NO_UDMABUF);
	/* One place, which /proc/self/maps and /dev/udmabuf take by turns. */
	maps = dup(0);
	close(maps);
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	full = old;
	full.rlim_cur = maps + 1;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	EXPECT_EQ(CREATE(1, &mem), -EMFILE) WHY();
	EXPECT_EQ(CREATE(1, &bar), self->exports ? 0 : -ENOTTY) WHY();
	full.rlim_cur = maps;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	EXPECT_EQ(CREATE(1, &mem), -EMFILE) WHY();
	EXPECT_EQ(CREATE(1, &bar), -EMFILE) WHY();
	setrlimit(RLIMIT_NOFILE, &old);
}

/* Mappings that the library did not make */

static char *map_bar_by_hand(struct vfio_dmabuf_device *dev, size_t offset)
{
	struct vt_device d = { .fd = vfio_dmabuf_device_fd(dev) };

	return vt_map_bar(&d, BAR, offset, VT_PAGE);
}

TEST_F(iov, bar_mapping_must_be_announced)
{
	char *map = map_bar_by_hand(self->a, 7 * VT_PAGE);
	struct iovec iov = pages(map, 0, 1);
	size_t length;
	void *view;
	int fd = -1;

	if (!self->shows) {
		EXPECT_TRUE(refuses_mappings(self->a, self->ctx, self->bar));
		return;
	}
	EXPECT_EQ(CREATE(1, &iov), -ENOKEY) WHY();
	EXPECT_EQ(vfio_dmabuf_del_mapping(self->a, map), -ENOENT);
	ASSERT_EQ(vfio_dmabuf_add_mapping(self->a, map, VT_PAGE), 0) WHY();
	EXPECT_EQ(CREATE(1, &iov), self->exports ? 0 : -ENOTTY) WHY();
	ASSERT_EQ(vfio_dmabuf_mmap_iov(self->ctx, &iov, 1, &view, &length), 0)
		WHY();
	EXPECT_EQ(stamp(view, 0), 0x20007);
	EXPECT_EQ(vfio_dmabuf_del_mapping(self->a, map), 0);
	EXPECT_EQ(CREATE(1, &iov), -ENOKEY) WHY();
}

TEST_F(iov, announced_mapping_has_gone)
{
	char *map = map_bar_by_hand(self->a, 7 * VT_PAGE);
	char *other = map_bar_by_hand(self->a, 8 * VT_PAGE);
	struct iovec iov = pages(map, 0, 1);
	int fd = -1;

	if (!self->shows) {
		EXPECT_TRUE(refuses_mappings(self->a, self->ctx, self->bar));
		return;
	}
	ASSERT_EQ(vfio_dmabuf_add_mapping(self->a, map, VT_PAGE), 0);
	ASSERT_EQ(munmap(map, VT_PAGE), 0);
	EXPECT_EQ(CREATE(1, &iov), WRONG) WHY();
	/* Another page of the BAR in its place */
	ASSERT_EQ(mremap(other, VT_PAGE, VT_PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, map), map);
	EXPECT_EQ(CREATE(1, &iov), -ENOKEY) WHY();
}

TEST_F(iov, what_is_no_bar_mapping_is_refused)
{
	void *anon = mmap(NULL, VT_PAGE, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!self->shows) {
		EXPECT_TRUE(refuses_mappings(self->a, self->ctx, self->bar));
		return;
	}
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, anon, VT_PAGE), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, self->mem, VT_PAGE),
		  -EINVAL);
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, self->bar, 0), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, self->bar,
					  2 * BAR_SIZE), -EINVAL);
}

/* An export is named as a BAR mapping is, and offset 0 would be BAR 0's. */
TEST_F(iov, mapping_of_an_export_is_no_bar_mapping)
{
	struct vfio_dmabuf_range range = { 0, VT_PAGE };
	void *map;
	int fd;

	if (strcmp(variant->driver, VT_DRIVER))
		return;
	fd = vfio_dmabuf_export(self->a, BAR, &range, 1, O_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(vfio_dmabuf_map(self->ctx, fd, 0, VT_PAGE, PROT_READ, 0,
				  &map), 0);
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, map, VT_PAGE), -EINVAL)
		WHY();
}

/* Another device's mapping, with this driver, says so in its name. */
TEST_F(iov, mapping_of_another_device)
{
	if (strcmp(variant->driver, VT_DRIVER))
		return;
	EXPECT_EQ(vfio_dmabuf_add_mapping(self->a, self->bar_b, VT_PAGE),
		  -EINVAL) WHY();
}

TEST_F(iov, entry_across_two_mappings)
{
	char *base = mmap(NULL, 2 * VT_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov = { base, 2 * VT_PAGE };
	size_t length = 0, i;
	void *view;

	if (!self->shows) {
		EXPECT_TRUE(refuses_mappings(self->a, self->ctx, self->bar));
		return;
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(mremap(map_bar_by_hand(self->a, (20 - i) * VT_PAGE),
				 VT_PAGE, VT_PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED,
				 base + i * VT_PAGE), base + i * VT_PAGE);
		ASSERT_EQ(vfio_dmabuf_add_mapping(self->a, base + i * VT_PAGE,
						  VT_PAGE), 0);
	}
	ASSERT_EQ(vfio_dmabuf_mmap_iov(self->ctx, &iov, 1, &view, &length), 0)
		WHY();
	EXPECT_EQ(length, 2 * VT_PAGE);
	EXPECT_EQ(stamp(view, 0), 0x20014);
	EXPECT_EQ(stamp(view, 1), 0x20013);
}

/* vfio_dmabuf_mmap_iov() */

TEST_F(iov, stitched_view)
{
	struct iovec iov[] = {
		pages(self->bar, 9, 1),
		pages(self->bar, 2, 1),
		pages(self->bar, 3, 1),
		pages(self->bar, 900, 4),
	};
	size_t length = 0;
	void *view;

	ASSERT_EQ(vfio_dmabuf_mmap_iov(self->ctx, iov, 4, &view, &length), 0)
		WHY();
	EXPECT_EQ(length, 7 * VT_PAGE);
	EXPECT_EQ(stamp(view, 0), 0x20009);
	EXPECT_EQ(stamp(view, 1), 0x20002);
	EXPECT_EQ(stamp(view, 2), 0x20003);
	EXPECT_EQ(stamp(view, 6), 0x20000 + 903);
	EXPECT_EQ(vt_poke(view, 1), SIGSEGV);
	EXPECT_EQ(munmap(view, length), 0);
}

TEST_F(iov, stitched_view_of_the_wrong_memory)
{
	struct iovec iov[] = {
		pages(self->bar, 0, 1), pages(self->mem, 0, 1),
	};
	void *view = self;
	size_t length;

	EXPECT_EQ(vfio_dmabuf_mmap_iov(self->ctx, iov, 2, &view, &length),
		  WRONG);
	EXPECT_EQ(view, self);
}

static unsigned int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int nr = 0;
	int c;

	while ((c = getc(f)) != EOF)
		nr += c == '\n';
	fclose(f);
	return nr;
}

/* Every other page of the BAR is a mapping of its own, until there are no more. */
TEST_F(iov, stitched_view_is_all_or_nothing)
{
	static const char limit[] = "/proc/sys/vm/max_map_count";
	struct iovec iov[300];
	unsigned int before, i;
	size_t length = 77;
	void *view = self;
	char old[32];

	for (i = 0; i < 300; i++)
		iov[i] = pages(self->bar, 2 * i, 1);
	before = mappings();
	ASSERT_EQ(vt_read_text(limit, old, sizeof(old)), 0);
	ASSERT_EQ(vt_write_text(limit, "200"), 0);
	EXPECT_EQ(vfio_dmabuf_mmap_iov(self->ctx, iov, 300, &view, &length),
		  -ENOMEM) WHY();
	ASSERT_EQ(vt_write_text(limit, old), 0);
	EXPECT_EQ(mappings(), before);
	EXPECT_EQ(view, self);
	EXPECT_EQ(length, 77);
	EXPECT_EQ(vfio_dmabuf_mmap_iov(self->ctx, iov, 300, &view, &length),
		  0) WHY();
	EXPECT_EQ(stamp(view, 299), 0x20000 + 598);
}

TEST_HARNESS_MAIN
