// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that do what no decent process does. None of it may leave a handle
 * that outlives a revocation, hang anybody else, or show up in the kernel's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/edu.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		(16 * VT_PAGE)
#define RW		(PROT_READ | PROT_WRITE)
/* An attack goes on until there were so many of each. */
#define ATTACKED_EXPORTS	3000
#define ATTACKS			3000
#define KEPT			10

static bool is_dmabuf(int fd)
{
	char path[32], target[128];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	return n > 0 && !strncmp(target, "/dmabuf:", 8);
}

/* How many DMABUFs the kernel has, whoever made them. */
static long dmabufs(void)
{
	long n = -1;
	char line[256];
	FILE *f;

	f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Total %ld objects", &n);
	fclose(f);
	return n;
}

/*
 * An fd that is no way around a revocation: it can be revoked itself, or has
 * been.
 */
static bool is_harmless(int dev, int fd)
{
	int ret = vt_revoke(dev, fd);

	if ((ret && ret != -EBADFD) ||
	    vt_map_errno(fd, VT_PAGE, PROT_READ, MAP_SHARED, 0) != ENODEV) {
		vt_log("fd %d: revoke %d", fd, ret);
		return false;
	}
	return true;
}

FIXTURE(attack)
{
	struct vt_device d;
	bool can_import;
	int edu;
	long dmabufs;
};

FIXTURE_SETUP(attack)
{
	self->can_import = vt_stock_exports();
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->edu = vt_edu_open(vt_bdf("EDU"));
	ASSERT_LE(0, self->edu);
	self->dmabufs = dmabufs();
	ASSERT_LE(0, self->dmabufs);
}

FIXTURE_TEARDOWN(attack)
{
	vt_close(&self->d);
	close(self->edu);
}

/* Low fds, where new ones go, with what the test needs itself out of the way */
#define LOW	8
#define HIGH	64

struct thief {
	pthread_t thread;
	int source;
	bool stop;
	long count;
	long kept;
};

static void *closer(void *arg)
{
	struct thief *t = arg;
	int fd;

	for (; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); t->count++) {
		for (fd = LOW; fd < HIGH; fd++)
			close(fd);
	}
	return NULL;
}

static void *duper(void *arg)
{
	struct thief *t = arg;
	int fd;

	for (; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); t->count++) {
		for (fd = LOW; fd < HIGH; fd++)
			dup2(t->source, fd);
	}
	return NULL;
}

/* Quicker than is_dmabuf(), and nothing else in the table has this size. */
static bool has_size(int fd) { return lseek(fd, 0, SEEK_END) == (off_t)SIZE; }

static void *keeper(void *arg)
{
	struct thief *t = arg;
	int fd, up;

	/* What is at a low fd for an instant lives on at a high one. */
	for (; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); t->count++) {
		fd = LOW + t->count % (HIGH - LOW);
		if (!has_size(fd))
			continue;
		up = fcntl(fd, F_DUPFD_CLOEXEC, HIGH * 4);
		if (has_size(up))
			t->kept++;
		else
			close(up);
	}
	return NULL;
}

static int away(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

	close(fd);
	return up;
}

static bool was_attacked(const struct thief *t, size_t nr)
{
	long kept = 0, attacks = vt_rounds(ATTACKS);
	long wanted = vt_is_slow() ? 1 : KEPT;

	while (nr--) {
		if (__atomic_load_n(&t[nr].count, __ATOMIC_RELAXED) < attacks)
			return false;
		kept += __atomic_load_n(&t[nr].kept, __ATOMIC_RELAXED);
	}
	return kept >= wanted;
}

/* Exports while thieves have their way with the table. */
static long export_under(struct vt_device *d, struct thief *t, size_t nr)
{
	__u64 end = vt_now_ns() + vt_patience_ms() * 1000000ULL;
	long exports = 0, wanted = vt_rounds(ATTACKED_EXPORTS);
	int fd;

	while ((exports < wanted || !was_attacked(t, nr)) &&
	       vt_now_ns() < end) {
		fd = vt_export_one(d->fd, BAR, 0, SIZE);
		if (fd < 0 && fd != -EMFILE)
			return fd;
		exports++;
		/*
		 * It may be somebody else's by now. A high one is nobody's: were
		 * it left, the table would fill, and the keeper get nothing.
		 */
		if (is_dmabuf(fd) && (exports % 4 || fd >= HIGH))
			close(fd);
	}
	while (nr--) {
		__atomic_store_n(&t[nr].stop, true, __ATOMIC_RELAXED);
		pthread_join(t[nr].thread, NULL);
	}
	return exports;
}

TEST_F(attack, fd_table_while_exporting)
{
	void *(*run[])(void *) = { closer, duper, keeper };
	struct rlimit lim = { 1024, 1024 };
	struct thief t[VT_ARRAY_SIZE(run)] = {};
	long exports, found = 0, bad = 0;
	size_t i;
	int fd;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	self->d.fd = away(self->d.fd);
	self->d.group = away(self->d.group);
	self->d.container = away(self->d.container);
	self->edu = away(self->edu);
	for (i = 0; i < VT_ARRAY_SIZE(run); i++) {
		t[i].source = away(memfd_create("source", 0));
		ASSERT_LT(0, t[i].source);
	}
	for (i = 0; i < VT_ARRAY_SIZE(run); i++)
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, run[i], &t[i]));
	exports = export_under(&self->d, t, VT_ARRAY_SIZE(run));
	ASSERT_LT(0, exports);

	for (fd = 0; fd < (int)lim.rlim_cur; fd++) {
		if (!is_dmabuf(fd))
			continue;
		found++;
		bad += !is_harmless(self->d.fd, fd);
		close(fd);
	}
	TH_LOG("%ld exports, %ld rounds of close, %ld of dup2, %ld found",
	       exports, t[0].count, t[1].count, found);
	EXPECT_TRUE(was_attacked(t, VT_ARRAY_SIZE(run)));
	EXPECT_LT(0, found);
	EXPECT_EQ(0, bad);
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
}

/* Go on until there were so many of both, or no fd is left. */
#define EXPORTS		200
#define CHILDREN	100
#define EXPORTS_MAX	900

/* What was exported last is what a child may have got half done. */
#define NEWEST		8

/* Children that keep what they find at their birth until the parent revoked it */
static void heir(int dev, int go, int edu, int refused)
{
	int fds[NEWEST], nr = 0, bad = 0, fd, i, h;
	char word;

	for (fd = EXPORTS_MAX + 100; fd >= 0 && nr < NEWEST; fd--) {
		if (fcntl(fd, F_GETFD) >= 0 && is_dmabuf(fd))
			fds[nr++] = fd;
	}
	if (read(go, &word, 1) < 0)
		_exit(2);
	for (i = 0; i < nr; i++) {
		h = vt_edu_attach(edu, fds[i], 0);
		if (vt_map_errno(fds[i], VT_PAGE, PROT_READ, MAP_SHARED, 0) !=
		    ENODEV || h != refused || vt_revoke(dev, fds[i]) != -EBADFD)
			bad++;
	}
	_exit(bad ? 1 : 0);
}

struct forker {
	pthread_t thread;
	bool stop;
	int dev, edu, go, refused;
	pid_t child[1000];
	int nr;
};

static void *forker(void *arg)
{
	struct forker *f = arg;
	pid_t pid;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED) &&
	       f->nr < (int)VT_ARRAY_SIZE(f->child)) {
		pid = fork();
		if (!pid)
			heir(f->dev, f->go, f->edu, f->refused);
		if (pid < 0)
			continue;
		f->child[f->nr] = pid;
		__atomic_store_n(&f->nr, f->nr + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int born(struct forker *f)
{
	return __atomic_load_n(&f[0].nr, __ATOMIC_ACQUIRE) +
	       __atomic_load_n(&f[1].nr, __ATOMIC_ACQUIRE);
}

TEST_F(attack, fork_storm_while_exporting)
{
	static struct forker f[2];
	struct rlimit lim = { EXPORTS_MAX + 100, EXPORTS_MAX + 100 };
	int fd[EXPORTS_MAX], nr = 0, go[2], i, j, status, bad = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < 2; i++) {
		f[i].dev = self->d.fd;
		f[i].edu = self->edu;
		f[i].go = go[0];
		f[i].refused = self->can_import ? -ENODEV : -EOPNOTSUPP;
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, forker, &f[i]));
	}
	while (nr < EXPORTS || (nr < EXPORTS_MAX && born(f) < CHILDREN)) {
		fd[nr] = vt_export_one(self->d.fd, BAR, 0, SIZE);
		ASSERT_LE(0, fd[nr]);
		nr++;
	}
	EXPECT_TRUE(vt_wait_for(born(f) > CHILDREN / 10));
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&f[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(f[i].thread, NULL);
	}
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, vt_revoke(self->d.fd, fd[i]));
	/* Every read of the children ends. */
	for (i = 0; i < born(f); i++)
		ASSERT_EQ(1, write(go[1], "g", 1));
	for (i = 0; i < 2; i++) {
		for (j = 0; j < f[i].nr; j++) {
			ASSERT_EQ(f[i].child[j],
				  waitpid(f[i].child[j], &status, 0));
			bad += status != 0;
		}
	}
	TH_LOG("%d exports, %d children", nr, born(f));
	EXPECT_EQ(0, bad);
	for (i = 0; i < nr; i++)
		close(fd[i]);
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
}

/* Pages that nobody ever resolves */
static char *parked_pages(size_t pages, int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {};
	char *p;

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	p = mmap(NULL, (pages + 1) * VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (*uffd < 0 || p == MAP_FAILED || ioctl(*uffd, UFFDIO_API, &api))
		return NULL;
	/* One page before them is like any other. */
	reg.range.start = (__u64)p + VT_PAGE;
	reg.range.len = pages * VT_PAGE;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	return ioctl(*uffd, UFFDIO_REGISTER, &reg) ? NULL : p + VT_PAGE;
}

/* A request whose first @head bytes are readable, and the rest is parked. */
struct request {
	__u32 feature;
	size_t head;
};

static int send_parked(int dev, const struct request *r)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_dma_buf b;
		struct vfio_region_dma_range range;
	} arg = {
		.f.argsz = sizeof(arg),
		.f.flags = r->feature,
		.b.region_index = BAR,
		.b.open_flags = O_RDWR | O_CLOEXEC,
		.b.nr_ranges = 1,
		.range.length = SIZE,
	};
	int uffd, ret;
	char *p;

	p = parked_pages(1, &uffd);
	if (!p)
		return -errno;
	p -= r->head;
	memcpy(p, &arg, r->head);
	ret = ioctl(dev, VFIO_DEVICE_FEATURE, p);
	return ret < 0 ? -errno : ret;
}

FIXTURE(parked)
{
	struct vt_device d;
	long dmabufs;
};

FIXTURE_VARIANT(parked)
{
	struct request r;
};

#define EXPORT	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)
#define HEAD	sizeof(struct vfio_device_feature)

FIXTURE_VARIANT_ADD(parked, export_before_the_header)
{
	.r = { EXPORT, HEAD },
};

FIXTURE_VARIANT_ADD(parked, export_before_the_ranges)
{
	.r = { EXPORT, HEAD + sizeof(struct vfio_device_feature_dma_buf) },
};

FIXTURE_VARIANT_ADD(parked, export_amid_a_range)
{
	.r = { EXPORT, HEAD + sizeof(struct vfio_device_feature_dma_buf) + 8 },
};

FIXTURE_VARIANT_ADD(parked, revoke)
{
	.r = { VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE,
	       HEAD },
};

FIXTURE_VARIANT_ADD(parked, memattr)
{
	.r = { VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR,
	       HEAD },
};

FIXTURE_SETUP(parked)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->dmabufs = dmabufs();
}

FIXTURE_TEARDOWN(parked)
{
	vt_close(&self->d);
}

TEST_F(parked, request_hangs_nobody_and_is_killable)
{
	int fd, status, i;
	char *map, *bar;
	__u64 value;
	pid_t child;

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	vt_stamp(map, SIZE, 1);

	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(send_parked(self->d.fd, &variant->r) ? 1 : 0);
	vt_sleep_ms(300);
	ASSERT_EQ(0, waitpid(child, &status, WNOHANG));

	/* The device serves everyone else. */
	for (i = 0; i < 3; i++) {
		int other = vt_export_one(self->d.fd, BAR, 0, SIZE);

		ASSERT_LE(0, other);
		bar = vt_map_rw(other, SIZE);
		ASSERT_NE(NULL, bar);
		EXPECT_EQ(0, vt_peek(bar, &value));
		EXPECT_EQ(1, value);
		EXPECT_EQ(0, vt_revoke(self->d.fd, other));
		munmap(bar, SIZE);
		close(other);
	}
	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, bar);
	EXPECT_EQ(0, vt_peek(bar, &value));
	munmap(bar, SIZE);
	EXPECT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	EXPECT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(map, &value));

	/* With the last other fd closed, death of the caller closes the device. */
	vt_close(&self->d);
	ASSERT_EQ(0, waitpid(child, &status, WNOHANG));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_TRUE(vt_child_ends(child, &status));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	munmap(map, SIZE);
	close(fd);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
}

/*
 * One thread reads a BAR into a parked page, one writes to config space, one
 * maps the device and a DMABUF. The last must come through.
 */
struct parked_reader {
	pthread_t thread;
	struct vt_device *d;
	char *page;
	ssize_t ret;
};

static void *parked_read(void *arg)
{
	struct parked_reader *r = arg;
	struct vfio_region_info info;

	vt_region(r->d, BAR, &info);
	r->ret = pread(r->d->fd, r->page, VT_PAGE, info.offset);
	return NULL;
}

struct toggler {
	pthread_t thread;
	struct vt_device *d;
	bool stop;
	int bad;
};

static void *toggle(void *arg)
{
	struct toggler *t = arg;

	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		t->bad += !!vt_memory(t->d, false);
		t->bad += !!vt_memory(t->d, true);
	}
	return NULL;
}

TEST_F(attack, writer_queued_behind_a_parked_reader)
{
	struct parked_reader r = { .d = &self->d };
	struct toggler t = { .d = &self->d };
	struct uffdio_zeropage zero = {};
	int fd, uffd, i;
	void *map;

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	r.page = parked_pages(1, &uffd);
	ASSERT_NE(NULL, r.page);
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, parked_read, &r));
	vt_sleep_ms(200);
	ASSERT_EQ(EBUSY, pthread_tryjoin_np(r.thread, NULL));
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, toggle, &t));

	for (i = 0; i < 200; i++) {
		map = vt_map_rw(fd, SIZE);
		ASSERT_NE(NULL, map);
		munmap(map, SIZE);
		map = vt_map_bar(&self->d, BAR, 0, SIZE);
		ASSERT_NE(NULL, map);
		munmap(map, SIZE);
	}
	ASSERT_EQ(EBUSY, pthread_tryjoin_np(r.thread, NULL));

	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	zero.range.start = (__u64)r.page;
	zero.range.len = VT_PAGE;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(r.thread, NULL));
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
	EXPECT_EQ(0, t.bad);
	close(fd);
}

/* The dentry lives on without its file, and the struct dma_buf with it. */
static int only_path(int fd)
{
	char name[32];
	int path;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	path = open(name, O_PATH | O_CLOEXEC);
	close(fd);
	return path;
}

TEST_F(attack, o_path_outlives_the_fd)
{
	int path, fd, i, paths[16];
	struct vt_device sw;
	void *map;

	ASSERT_EQ(0, vt_open(&sw, vt_bdf("SW_MEM"), VT_DRIVER));
	for (i = 0; i < 16; i++) {
		fd = vt_export_one(sw.fd, BAR, 0, SIZE);
		ASSERT_LE(0, fd);
		if (i % 2) {
			map = vt_map_rw(fd, SIZE);
			ASSERT_NE(NULL, map);
			vt_touch(map, SIZE);
			ASSERT_EQ(0, munmap(map, SIZE));
		}
		paths[i] = only_path(fd);
		ASSERT_LE(0, paths[i]);
	}
	path = paths[0];
	EXPECT_EQ(-EBADF, vt_revoke(sw.fd, path));
	EXPECT_EQ(EBADF, vt_map_errno(path, SIZE, RW, MAP_SHARED, 0));
	EXPECT_EQ(-EBADF, vt_edu_attach(self->edu, path, 0));

	/* All that goes through the list of the device's buffers. */
	EXPECT_EQ(0, vt_reset(&sw));
	EXPECT_EQ(0, vt_memory(&sw, false));
	EXPECT_EQ(0, vt_memory(&sw, true));
	EXPECT_EQ(0, vt_sysfs_reset(sw.bdf));
	vt_close(&sw);
	ASSERT_EQ(0, vt_unbind(vt_bdf("SW_MEM")));
	for (i = 0; i < 16; i++)
		close(paths[i]);
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
	ASSERT_EQ(0, vt_bind(vt_bdf("SW_MEM"), VT_DRIVER));
}

TEST_F(attack, o_path_of_a_bar_mapping)
{
	unsigned long offset;
	char name[80];
	char *bar;
	int path;

	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, bar);
	ASSERT_EQ(0, vt_maps_entry(bar, &offset, name, sizeof(name)));
	snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)bar, (unsigned long)bar + SIZE);
	path = open(name, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, path);
	/* Opening it for good would be a DMABUF fd of the whole BAR. */
	EXPECT_GT(0, open(name, O_RDWR | O_CLOEXEC));
	munmap(bar, SIZE);
	EXPECT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(0, vt_memory(&self->d, true));
	close(path);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
	ASSERT_EQ(0, vt_bind(vt_bdf("A"), VT_DRIVER));
}

/* fds that sit in a socket that nobody can read any more */
TEST_F(attack, fds_lost_in_a_socket)
{
	int sock[2], fd, i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
		fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_send_fd(sock[0], fd));
		/* A cycle: the sockets hold each other. */
		ASSERT_EQ(0, vt_send_fd(sock[0], sock[1]));
		ASSERT_EQ(0, vt_send_fd(sock[1], sock[0]));
		if (i % 2)
			ASSERT_EQ(0, vt_revoke(self->d.fd, fd));
		close(fd);
		close(sock[0]);
		close(sock[1]);
	}
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	/* The garbage collector runs when the next socket is made. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, vt_send_fd(sock[0], sock[1]));
	close(sock[0]);
	close(sock[1]);
	EXPECT_TRUE(vt_wait_for(dmabufs() == self->dmabufs));
	ASSERT_EQ(0, vt_bind(vt_bdf("A"), VT_DRIVER));
}

TEST_HARNESS_MAIN
