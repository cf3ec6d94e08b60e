// SPDX-License-Identifier: GPL-2.0-only
/* Revocation for good: what it answers, what it ends, and what it leaves alone */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/udmabuf.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	(64 * VT_PAGE)
#define RW	(PROT_READ | PROT_WRITE)
/* No fd of these programs is as high as this. */
#define CLOSED_FD	4000

/* Every test of the errors runs with both ways to ask. */
FIXTURE(revoke)
{
	struct vt_device d;
	int fd;
	char *map;
};

FIXTURE_VARIANT(revoke)
{
	int (*call)(int device_fd, int dmabuf_fd);
};

FIXTURE_VARIANT_ADD(revoke, feature)
{
	.call = vt_revoke,
};

FIXTURE_VARIANT_ADD(revoke, ioctl)
{
	.call = vt_revoke_ioctl,
};

FIXTURE_SETUP(revoke)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	vt_stamp(self->map, SIZE, 0x1000);
}

FIXTURE_TEARDOWN(revoke)
{
	close(self->fd);
	vt_close(&self->d);
}

static bool is_dead(const void *map, size_t size)
{
	const char *p = map;
	__u64 value;
	size_t i;

	if (vt_present(map, size))
		return false;
	for (i = 0; i < size; i += VT_PAGE) {
		if (vt_peek(p + i, &value) != SIGBUS)
			return false;
	}
	return !vt_present(map, size);
}

TEST_F(revoke, ends_the_mapping_and_later_ones)
{
	ASSERT_EQ(SIZE, vt_present(self->map, SIZE));
	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	EXPECT_TRUE(is_dead(self->map, SIZE));
	EXPECT_EQ(SIGBUS, vt_poke(self->map, 1));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, SIZE, RW, MAP_SHARED, 0));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       VT_PAGE));
}

TEST_F(revoke, twice_is_ebadfd)
{
	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	EXPECT_EQ(-EBADFD, variant->call(self->d.fd, self->fd));
	EXPECT_EQ(-EBADFD, vt_revoke(self->d.fd, self->fd));
	EXPECT_EQ(-EBADFD, vt_revoke_ioctl(self->d.fd, self->fd));
}

TEST_F(revoke, what_is_not_open_is_ebadf)
{
	int path;

	EXPECT_EQ(-EBADF, variant->call(self->d.fd, -1));
	EXPECT_EQ(-EBADF, variant->call(self->d.fd, CLOSED_FD));
	path = open("/dev/null", O_PATH);
	ASSERT_LE(0, path);
	EXPECT_EQ(-EBADF, variant->call(self->d.fd, path));
	close(path);
	EXPECT_EQ(-EBADF, variant->call(self->d.fd, path));
}

TEST_F(revoke, what_is_no_dmabuf_is_einval)
{
	int pipes[2], fd;

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EINVAL, variant->call(self->d.fd, pipes[0]));
	EXPECT_EQ(-EINVAL, variant->call(self->d.fd, pipes[1]));
	EXPECT_EQ(-EINVAL, variant->call(self->d.fd, self->d.fd));
	fd = memfd_create("no dmabuf", 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, variant->call(self->d.fd, fd));
	fd = eventfd(0, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, variant->call(self->d.fd, fd));
}

static int make_udmabuf(void)
{
	struct udmabuf_create create = { .size = VT_PAGE };
	int memfd, dev, ret;

	memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, VT_PAGE) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	create.memfd = memfd;
	dev = open("/dev/udmabuf", O_RDWR);
	if (dev < 0)
		return -errno;
	ret = ioctl(dev, UDMABUF_CREATE, &create);
	close(dev);
	close(memfd);
	return ret;
}

TEST_F(revoke, a_dmabuf_of_another_exporter_is_enodev)
{
	int fd = make_udmabuf();

	if (fd == -ENOENT)
		SKIP(return, "no /dev/udmabuf");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, variant->call(self->d.fd, fd));
	EXPECT_EQ(0, vt_map_errno(fd, VT_PAGE, RW, MAP_SHARED, 0));
}

TEST_F(revoke, a_dmabuf_of_another_device_is_enodev)
{
	struct vt_device other;
	void *map;
	int fd;

	ASSERT_EQ(0, vt_open(&other, vt_bdf("B"), VT_DRIVER));
	fd = vt_export_one(other.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	vt_touch(map, SIZE);

	EXPECT_EQ(-ENODEV, variant->call(self->d.fd, fd));
	EXPECT_EQ(SIZE, vt_present(map, SIZE));
	EXPECT_EQ(-ENODEV, variant->call(other.fd, self->fd));
	EXPECT_EQ(SIZE, vt_present(self->map, SIZE));
	EXPECT_EQ(0, variant->call(other.fd, fd));
	vt_close(&other);
	/* Dead is not this device's either. */
	EXPECT_EQ(-ENODEV, variant->call(self->d.fd, fd));
	munmap(map, SIZE);
	close(fd);
}

TEST_F(revoke, a_dmabuf_of_vfio_pci_core_is_enodev)
{
	struct vt_device other;
	int fd;

	ASSERT_EQ(0, vt_open_plain(&other, vt_bdf("B")));
	fd = vt_export_one(other.fd, BAR, 0, SIZE);
	if (fd >= 0) {
		EXPECT_EQ(-ENODEV, variant->call(self->d.fd, fd));
		close(fd);
	} else {
		/* 6.12's has no DMABUFs. */
		EXPECT_EQ(-ENOTTY, fd);
	}
	vt_close_plain(&other);
	EXPECT_EQ(0, vt_bind(vt_bdf("B"), VT_DRIVER));
}

TEST_F(revoke, a_buffer_of_an_earlier_open_is_not_this_ones)
{
	int old = self->fd;

	vt_close(&self->d);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	EXPECT_EQ(-EBADFD, variant->call(self->d.fd, old));
	EXPECT_TRUE(is_dead(self->map, SIZE));
}

TEST_F(revoke, works_through_any_fd_of_the_file)
{
	int copy, ro;
	char *map;
	struct vfio_region_dma_range range = { 0, SIZE };

	copy = fcntl(self->fd, F_DUPFD_CLOEXEC, 100);
	ASSERT_LE(0, copy);
	close(self->fd);
	self->fd = copy;
	EXPECT_EQ(0, variant->call(self->d.fd, copy));
	EXPECT_TRUE(is_dead(self->map, SIZE));

	ro = vt_export(self->d.fd, BAR, O_RDONLY, &range, 1);
	ASSERT_LE(0, ro);
	map = vt_map(ro, SIZE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, SIZE);
	EXPECT_EQ(0, variant->call(self->d.fd, ro));
	EXPECT_TRUE(is_dead(map, SIZE));
	close(ro);
}

TEST_F(revoke, reaches_every_kind_of_mapping)
{
	const size_t half = SIZE / 2;
	char *untouched, *tail, *holes, *moved, *wc, *ro;

	untouched = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, untouched);
	tail = vt_map(self->fd, half, RW, half, 0, 0);
	ASSERT_NE(NULL, tail);
	vt_touch(tail, half);
	holes = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, holes);
	vt_touch(holes, SIZE);
	ASSERT_EQ(0, munmap(holes + half, VT_PAGE));
	moved = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, moved);
	vt_touch(moved, SIZE);
	moved = mremap(moved, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       (char *)vt_map_rw(self->fd, SIZE));
	ASSERT_NE(MAP_FAILED, moved);
	ro = vt_map(self->fd, SIZE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, ro);
	vt_touch(ro, SIZE);
	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd,
				    VFIO_DMA_BUF_MEMATTR_WC));
	wc = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, wc);
	vt_touch(wc, SIZE);

	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	EXPECT_TRUE(is_dead(self->map, SIZE));
	EXPECT_TRUE(is_dead(untouched, SIZE));
	EXPECT_TRUE(is_dead(tail, half));
	EXPECT_TRUE(is_dead(holes, half));
	EXPECT_TRUE(is_dead(holes + half + VT_PAGE, half - VT_PAGE));
	EXPECT_TRUE(is_dead(moved, SIZE));
	EXPECT_TRUE(is_dead(ro, SIZE));
	EXPECT_TRUE(is_dead(wc, SIZE));
}

TEST_F(revoke, takes_huge_entries_away)
{
	struct vpdm_pt_count count;
	char *map;
	int fd;

	if (!vt_has_huge_entries())
		SKIP(return, VT_NO_HUGE_ENTRIES);
	fd = vt_export_one(self->d.fd, BAR, 0, 8 * VT_PMD);
	ASSERT_LE(0, fd);
	map = vt_map(fd, 8 * VT_PMD, RW, 0, VT_PMD, 0);
	ASSERT_NE(NULL, map);
	vt_touch(map, 8 * VT_PMD);
	count = vt_ptes(map, 8 * VT_PMD);
	ASSERT_EQ(8, count.leaves[VPDM_PT_PMD]);
	ASSERT_EQ(0, variant->call(self->d.fd, fd));
	EXPECT_TRUE(is_dead(map, 8 * VT_PMD));
	close(fd);
}

/* Maps and touches, tells the parent, waits for its word, and looks. */
static void other_process(int fd, int up, int down, bool again)
{
	char *map = vt_map_rw(fd, SIZE), word;
	bool ok = map;

	if (ok)
		vt_touch(map, SIZE);
	ok = ok && vt_present(map, SIZE) == SIZE &&
	     write(up, "m", 1) == 1 && read(down, &word, 1) == 1 &&
	     is_dead(map, SIZE) &&
	     vt_map_errno(fd, SIZE, RW, MAP_SHARED, 0) == ENODEV;
	/* A mapping that fork() copied. */
	if (ok && again && !fork())
		_exit(!is_dead(map, SIZE));
	if (ok && again) {
		int status;

		ok = wait(&status) > 0 && !status;
	}
	_exit(!ok);
}

#define CHILDREN	16

TEST_F(revoke, reaches_every_process)
{
	int up[2], down[2], i, status;
	char word;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	for (i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (!child)
			other_process(self->fd, up[1], down[0], i % 2);
	}
	for (i = 0; i < CHILDREN; i++)
		ASSERT_EQ(1, read(up[0], &word, 1));
	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	for (i = 0; i < CHILDREN; i++)
		ASSERT_EQ(1, write(down[1], "r", 1));
	for (i = 0; i < CHILDREN; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
}

TEST_F(revoke, lets_the_range_be_exported_again_at_once)
{
	__u64 value;
	char *map;
	int fd, i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
		fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
		ASSERT_LE(0, fd);
		map = vt_map_rw(fd, SIZE);
		ASSERT_NE(NULL, map);
		ASSERT_EQ(0, vt_peek(map, &value));
		ASSERT_EQ(0x1000 + i, value);
		ASSERT_EQ(0, vt_poke(map, 0x1001 + i));
		ASSERT_EQ(SIGBUS, vt_peek(self->map, &value));
		munmap(self->map, SIZE);
		close(self->fd);
		self->map = map;
		self->fd = fd;
	}
}

TEST_F(revoke, while_memory_is_off)
{
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(is_dead(self->map, SIZE));
	EXPECT_EQ(-EBADFD, variant->call(self->d.fd, self->fd));
}

TEST_F(revoke, stays_after_reset_and_memory_off_and_on)
{
	ASSERT_EQ(0, variant->call(self->d.fd, self->fd));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(is_dead(self->map, SIZE));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, SIZE, RW, MAP_SHARED, 0));
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	int (*call)(int device_fd, int dmabuf_fd);
	int dev, fd, ret;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	r->ret = r->call(r->dev, r->fd);
	return NULL;
}

#define RACERS	64

TEST_F(revoke, from_64_threads_succeeds_once)
{
	pthread_barrier_t start;
	struct racer r[RACERS];
	int i, won = 0, lost = 0;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, RACERS));
	for (i = 0; i < RACERS; i++) {
		r[i] = (struct racer){
			.start = &start,
			.call = variant->call,
			.dev = self->d.fd,
			.fd = self->fd,
		};
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, race, &r[i]));
	}
	for (i = 0; i < RACERS; i++) {
		ASSERT_EQ(0, pthread_join(r[i].thread, NULL));
		won += !r[i].ret;
		lost += r[i].ret == -EBADFD;
	}
	EXPECT_EQ(1, won);
	EXPECT_EQ(RACERS - 1, lost);
	EXPECT_TRUE(is_dead(self->map, SIZE));
}

/* What is in the argument, one form at a time */
FIXTURE(argument)
{
	struct vt_device d;
	int fd;
};

FIXTURE_SETUP(argument)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(argument)
{
	/* Nothing here may have revoked it. */
	EXPECT_EQ(0, vt_revoke(self->d.fd, self->fd));
	close(self->fd);
	vt_close(&self->d);
}

#define REVOKE	VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
#define HEAD	sizeof(struct vfio_device_feature)

TEST_F(argument, feature_probe)
{
	EXPECT_TRUE(vt_probe(self->d.fd, REVOKE, VFIO_DEVICE_FEATURE_SET));
	EXPECT_FALSE(vt_probe(self->d.fd, REVOKE, VFIO_DEVICE_FEATURE_GET));
	EXPECT_TRUE(vt_probe(self->d.fd, VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE,
			     VFIO_DEVICE_FEATURE_SET));
}

TEST_F(argument, feature_get_is_einval)
{
	struct vfio_device_feature_dma_buf_revoke arg = { self->fd };
	__u32 both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;

	EXPECT_EQ(-EINVAL, vt_feature(self->d.fd, REVOKE |
				      VFIO_DEVICE_FEATURE_GET, &arg,
				      sizeof(arg)));
	EXPECT_EQ(-EINVAL, vt_feature(self->d.fd, REVOKE | both, &arg,
				      sizeof(arg)));
	EXPECT_EQ(-EINVAL, vt_feature(self->d.fd, REVOKE, &arg, sizeof(arg)));
}

TEST_F(argument, feature_argsz_too_small_is_einval)
{
	struct vfio_device_feature_dma_buf_revoke arg = { self->fd };
	__u32 argsz;

	for (argsz = 0; argsz < HEAD + sizeof(arg); argsz++)
		EXPECT_EQ(-EINVAL, vt_feature_argsz(self->d.fd, argsz, REVOKE |
						    VFIO_DEVICE_FEATURE_SET,
						    &arg, sizeof(arg)));
}

TEST_F(argument, feature_argsz_may_be_larger)
{
	struct {
		struct vfio_device_feature_dma_buf_revoke arg;
		__u32 more[8];
	} a = { .arg.dmabuf_fd = vt_export_one(self->d.fd, BAR, 0, SIZE) };

	ASSERT_LE(0, a.arg.dmabuf_fd);
	EXPECT_EQ(0, vt_feature(self->d.fd, REVOKE | VFIO_DEVICE_FEATURE_SET,
				&a, sizeof(a)));
}

/* The last bytes of a page with nothing after it. */
static char *end_of_memory(size_t size)
{
	char *p = mmap(NULL, 2 * VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED || munmap(p + VT_PAGE, VT_PAGE))
		return NULL;
	return p + VT_PAGE - size;
}

TEST_F(argument, feature_that_cannot_be_read_is_efault)
{
	struct vfio_device_feature *f = (void *)end_of_memory(HEAD);

	ASSERT_NE(NULL, f);
	f->argsz = HEAD + sizeof(struct vfio_device_feature_dma_buf_revoke);
	f->flags = REVOKE | VFIO_DEVICE_FEATURE_SET;
	ASSERT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_FEATURE, f));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(argument, ioctl_argsz_too_small_is_einval)
{
	struct vfio_pci_dmabuf_revoke arg = { .dmabuf_fd = self->fd };

	for (; arg.argsz < sizeof(arg); arg.argsz++) {
		ASSERT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE,
				    &arg));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_F(argument, ioctl_argsz_may_be_larger)
{
	struct vfio_pci_dmabuf_revoke arg = {
		.argsz = 4096,
		.dmabuf_fd = vt_export_one(self->d.fd, BAR, 0, SIZE),
	};

	ASSERT_LE(0, arg.dmabuf_fd);
	EXPECT_EQ(0, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE, &arg));
}

TEST_F(argument, ioctl_that_cannot_be_read_is_efault)
{
	char *p = end_of_memory(sizeof(__u32));

	ASSERT_NE(NULL, p);
	*(__u32 *)p = sizeof(struct vfio_pci_dmabuf_revoke);
	ASSERT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE, p));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_PCI_DMABUF_REVOKE, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(argument, stock_vfio_pci_knows_neither_form)
{
	struct vt_device other;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(0, vt_open(&other, vt_bdf("B"), VT_STOCK));
	EXPECT_EQ(-ENOTTY, vt_revoke(other.fd, self->fd));
	EXPECT_EQ(-ENOTTY, vt_revoke_ioctl(other.fd, self->fd));
	vt_close(&other);
	EXPECT_EQ(0, vt_bind(vt_bdf("B"), VT_DRIVER));
}

/* A thousand buffers, mapped and touched, and the one that is revoked */
#define OTHERS		1000
#define PAGES		16
#define BUFFER		(PAGES * VT_PAGE)

FIXTURE(thousand)
{
	struct vt_device d;
	int fd[OTHERS];
	char *map[OTHERS];
	size_t nr;
};

FIXTURE_SETUP(thousand)
{
	struct rlimit lim = { OTHERS + 200, OTHERS + 200 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
}

FIXTURE_TEARDOWN(thousand)
{
	while (self->nr--) {
		munmap(self->map[self->nr], BUFFER);
		close(self->fd[self->nr]);
	}
	vt_close(&self->d);
}

static bool add_buffer(FIXTURE_DATA(thousand) *self)
{
	size_t i = self->nr;

	self->fd[i] = vt_export_one(self->d.fd, BAR, i * BUFFER, BUFFER);
	if (self->fd[i] < 0)
		return false;
	self->map[i] = vt_map_rw(self->fd[i], BUFFER);
	if (!self->map[i])
		return false;
	vt_stamp(self->map[i], BUFFER, i * PAGES);
	self->nr++;
	return true;
}

/* Every page shows what was written there. */
static bool works(FIXTURE_DATA(thousand) *self, size_t i)
{
	__u64 value;
	size_t p;

	for (p = 0; p < PAGES; p++) {
		if (vt_peek(self->map[i] + p * VT_PAGE, &value) ||
		    value != i * PAGES + p)
			return false;
	}
	return true;
}

/* The same, and every page is in the page table already. */
static bool untouched(FIXTURE_DATA(thousand) *self, size_t i)
{
	long before = vt_faults();

	return vt_present(self->map[i], BUFFER) == BUFFER && works(self, i) &&
	       vt_faults() == before;
}

#define SOME	50

TEST_F(thousand, others_work_on_when_one_is_revoked)
{
	size_t i, bad = 0;
	__u64 value;
	char *bar;

	while (self->nr < SOME)
		ASSERT_TRUE(add_buffer(self));
	bar = vt_map_bar(&self->d, BAR, 0, SOME * BUFFER);
	ASSERT_NE(NULL, bar);
	vt_touch(bar, SOME * BUFFER);

	ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd[SOME / 2]));
	EXPECT_TRUE(is_dead(self->map[SOME / 2], BUFFER));
	for (i = 0; i < SOME; i++) {
		if (i != SOME / 2)
			bad += !works(self, i);
		bad += vt_peek(bar + i * BUFFER, &value) || value != i * PAGES;
	}
	EXPECT_EQ(0, bad);
}

TEST_F(thousand, others_lose_no_entry_when_one_is_revoked)
{
	const size_t victims[] = { 0, 500, 999 };
	size_t i, v, bad = 0;
	char *bar;

	while (self->nr < OTHERS)
		ASSERT_TRUE(add_buffer(self));
	bar = vt_map_bar(&self->d, BAR, 0, OTHERS * BUFFER);
	ASSERT_NE(NULL, bar);
	vt_touch(bar, OTHERS * BUFFER);

	for (v = 0; v < VT_ARRAY_SIZE(victims); v++) {
		ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd[victims[v]]));
		ASSERT_TRUE(is_dead(self->map[victims[v]], BUFFER));
	}
	for (i = 0; i < OTHERS; i++) {
		if (i == victims[0] || i == victims[1] || i == victims[2])
			continue;
		bad += !untouched(self, i);
	}
	EXPECT_EQ(0, bad);
	/* Nor does the device's own mapping, which shows the same pages. */
	EXPECT_EQ(OTHERS * BUFFER, vt_present(bar, OTHERS * BUFFER));
	EXPECT_EQ(0, vt_touch_faults(bar, OTHERS * BUFFER));
}

TEST_F(thousand, a_buffer_of_the_same_range_loses_no_entry)
{
	char *map;
	int fd;

	ASSERT_TRUE(add_buffer(self));
	fd = vt_export_one(self->d.fd, BAR, 0, BUFFER);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, BUFFER);
	ASSERT_NE(NULL, map);
	vt_touch(map, BUFFER);
	ASSERT_EQ(0, vt_revoke(self->d.fd, fd));
	EXPECT_TRUE(is_dead(map, BUFFER));
	EXPECT_TRUE(untouched(self, 0));
	close(fd);
}

/*
 * A 1 GiB entry of one buffer and the revocation of another: a kernel that takes
 * an entry for a page-table's worth of smaller ones warns.
 */
FIXTURE(giant)
{
	struct vt_device d;
	int small;
	int fd;
	char *map;
	long long taint;
};

#define TAINT	"/proc/sys/kernel/tainted"
#define WORD	0x6769616e74ULL

FIXTURE_SETUP(giant)
{
	self->small = -1;
	self->fd = -1;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_DRIVER));
	if (vt_bar_size(&self->d, BAR) < VT_PUD)
		SKIP(return, VT_NO_ROOM);
	/* The older one, so that where all end it is the first. */
	self->small = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	ASSERT_LE(0, self->small);
	self->fd = vt_export_one(self->d.fd, BAR, 0, VT_PUD);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, VT_PUD, RW, 0, VT_PUD, 0);
	ASSERT_NE(NULL, self->map);
	ASSERT_EQ(0, vt_poke(self->map, WORD));
	if (!vt_ptes(self->map, VT_PUD).leaves[VPDM_PT_PUD])
		SKIP(return, "this machine has no entries of 1 GiB");
	self->taint = vt_read_number(TAINT);
}

FIXTURE_TEARDOWN(giant)
{
	close(self->fd);
	close(self->small);
	vt_close(&self->d);
}

TEST_F(giant, stays_whole_when_a_small_buffer_is_revoked)
{
	__u64 value;

	ASSERT_EQ(0, vt_revoke(self->d.fd, self->small));
	EXPECT_EQ(self->taint, vt_read_number(TAINT));
	EXPECT_EQ(0, vt_peek(self->map, &value));
	EXPECT_EQ(WORD, value);
}

TEST_F(giant, goes_whole_when_the_device_is_closed)
{
	__u64 value;

	vt_close(&self->d);
	EXPECT_EQ(self->taint, vt_read_number(TAINT));
	EXPECT_EQ(0, vt_present(self->map, VT_PUD));
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
}

TEST_HARNESS_MAIN
