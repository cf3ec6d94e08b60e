// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody with ptrace rights looks into the primary's table of files while it
 * exports. For an instant vfio-pci-core's own DMABUF is in there. One that was
 * seen must not end up inside a buffer of ours, and must do no harm later.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		VT_KIB(64)
#define WANTED		5
#define EXPORTS_MAX	200000
#define INNER		"exp_name:\tvfio_pci_core"

struct spy {
	int pidfd;
	int fd;		/* the number that the primary's next file will have */
	int out;	/* a byte for each inner DMABUF that was got hold of */
	int stop;
};

static bool is_inner(int fd)
{
	char path[64], info[1024];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return vt_read_text(path, info, sizeof(info)) >= 0 &&
	       strstr(info, INNER);
}

/* Keeps what it got as a path alone, which outlives the file. */
static void keep_path(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (open(path, O_PATH) < 0)
		_exit(2);
}

static void spy(const struct spy *s, const struct vt_device *d)
{
	struct stat st;
	ino_t last = 0;
	char byte;
	int fd;

	/* Or the device would stay open. */
	close(d->fd);
	close(d->group);
	close(d->container);
	close(d->iommufd);

	while (read(s->stop, &byte, 1) < 0 && errno == EAGAIN) {
		fd = syscall(SYS_pidfd_getfd, s->pidfd, s->fd, 0);
		if (fd < 0)
			continue;
		if (is_inner(fd) && !fstat(fd, &st) && st.st_ino != last) {
			last = st.st_ino;
			keep_path(fd);
			if (write(s->out, "x", 1) != 1)
				_exit(3);
		}
		close(fd);
	}
	/* Until killed: the paths stay open. */
	pause();
}

/* DMABUFs of vfio-pci-core that there are. */
static long inner_dmabufs(void)
{
	char line[512];
	long n = 0;
	FILE *f;

	f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, "\tvfio_pci_core\t");
	fclose(f);
	return n;
}

FIXTURE(stray) {
	struct vt_device d;
	int out[2];
	int stop[2];
	pid_t spy;
};

FIXTURE_SETUP(stray)
{
	struct spy s;
	int next;

	self->d = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	next = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, next);
	if (!inner_dmabufs())
		SKIP(return, "vfio-pci-core of this kernel makes no DMABUFs");
	ASSERT_EQ(1, inner_dmabufs());
	close(next);
	ASSERT_EQ(0, pipe2(self->out, O_NONBLOCK));
	ASSERT_EQ(0, pipe2(self->stop, O_NONBLOCK));
	s.pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	ASSERT_LE(0, s.pidfd);
	next = dup(0);
	ASSERT_LE(0, next);
	close(next);
	s.fd = next;
	s.out = self->out[1];
	s.stop = self->stop[0];
	self->spy = fork();
	if (!self->spy) {
		spy(&s, &self->d);
		_exit(0);
	}
	ASSERT_LT(0, self->spy);
}

FIXTURE_TEARDOWN(stray)
{
	int status;

	if (self->spy > 0) {
		kill(self->spy, SIGKILL);
		EXPECT_EQ(self->spy, waitpid(self->spy, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	vt_close(&self->d);
}

/* Exports until the spy has seen some, and keeps the last one. */
static int export_under(struct vt_device *d, int out, long *exports, long *seen)
{
	int fd = -1;
	char byte;

	while (*exports < EXPORTS_MAX && *seen < WANTED) {
		if (fd >= 0)
			close(fd);
		fd = vt_export_one(d->fd, BAR, 0, SIZE);
		if (fd < 0)
			return fd;
		++*exports;
		while (read(out, &byte, 1) == 1)
			++*seen;
	}
	return fd;
}

TEST_F(stray, is_never_inside_a_buffer_of_ours)
{
	long exports = 0, seen = 0;
	char byte;
	int fd;

	fd = export_under(&self->d, self->out[0], &exports, &seen);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(self->stop[1], "x", 1));
	vt_sleep_ms(200);
	while (read(self->out[0], &byte, 1) == 1)
		seen++;
	TH_LOG("%ld of %ld exports were seen from outside", seen, exports);
	ASSERT_LT(0, seen);

	/* The one in the buffer, and those that were put aside. */
	vt_settle();
	EXPECT_LE(1 + seen, inner_dmabufs());

	/* vfio-pci-core walks its list of DMABUFs, here and on close. */
	EXPECT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
	close(fd);
	vt_close(&self->d);
	EXPECT_TRUE(vt_wait_for(!inner_dmabufs()));
}

TEST_HARNESS_MAIN
