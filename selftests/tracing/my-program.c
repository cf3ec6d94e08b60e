// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the commands of Documentation/tracing.rst watch: it lends slices of a BAR
 * to itself, so that each tracepoint is hit and debugfs has what that page shows.
 *
 * It waits for a line on standard input before it begins, and before the last
 * revocation; at the end of the input it does not wait. What it did is on standard
 * output, as NAME=VALUE, for comparison with what the driver says of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "vfio_dmabuf.h"
#include "vfio_test.h"

#define BAR	2
#define SLICE	VT_KIB(64)
/* How long the importer keeps its mapping when it is told to give it up. */
#define HOLD_US	20000

static struct vfio_dmabuf_ctx *ctx;
static struct vfio_dmabuf_device *dev;

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "my-program: %s: %s\n", what, vfio_dmabuf_error(ctx));
	exit(1);
}

static void wait_for_line(const char *state)
{
	int c;

	printf("state=%s\n", state);
	fflush(stdout);
	do {
		c = getchar();
	} while (c != '\n' && c != EOF);
}

static unsigned long long inode(int fd)
{
	struct stat st;

	require(!fstat(fd, &st), "fstat");
	return st.st_ino;
}

static int export(const char *name, const struct vfio_dmabuf_range *ranges,
		  uint32_t nr)
{
	int fd = vfio_dmabuf_export(dev, BAR, ranges, nr, O_RDWR | O_CLOEXEC);

	require(fd >= 0, name);
	printf("%s_ino=%llu\n", name, inode(fd));
	return fd;
}

static bool touch(const char *at)
{
	char byte;

	return !vfio_dmabuf_read(&byte, at, 1);
}

static void map(const char *name, int fd, uint64_t phase, size_t length,
		void **at)
{
	require(!vfio_dmabuf_map(ctx, fd, 0, length, PROT_READ | PROT_WRITE,
				 phase, at), name);
	printf("%s_at=%#lx\n", name, (unsigned long)*at);
	require(touch(*at), name);
}

static void open_device(const char *bdf)
{
	struct vfio_dmabuf_bar bar;
	void *at;

	require(!vt_bind(bdf, VT_DRIVER), bdf);
	require(!vfio_dmabuf_open(ctx, bdf, 0, &dev) &&
		!vfio_dmabuf_bar_info(dev, BAR, &bar) &&
		!vfio_dmabuf_bar_map(dev, BAR, 0, bar.size,
				     PROT_READ | PROT_WRITE, &at), bdf);
	printf("bar_at=%#lx\n", (unsigned long)at);
	require(touch(at), "BAR");
}

static void lend_slices(void)
{
	static const struct vfio_dmabuf_range slices[] = {
		{ 0x200000, SLICE },
		{ 0x100000, SLICE },
	};
	int fd = export("slices", slices, 2);
	void *at;

	require(!vfio_dmabuf_set_memattr(dev, fd, VFIO_DMABUF_WC),
		"write-combining");
	map("slices", fd, slices[0].offset, 2 * SLICE, &at);
	map("again", fd, slices[0].offset, 2 * SLICE, &at);
}

static void lend_and_revoke(void)
{
	static const struct vfio_dmabuf_range range = { 0x300000, SLICE };
	int fd = export("doorbell", &range, 1);
	void *at;

	require(!vfio_dmabuf_set_name(ctx, fd, "doorbell-7"), "name");
	map("doorbell", fd, range.offset, SLICE, &at);
	require(!vfio_dmabuf_revoke(dev, fd), "revoke");
	require(!touch(at), "no SIGBUS after revocation");
}

struct importer {
	int edu;
	int handle;
};

/* Lets the importer go on holding for a time once the revocation waits for it. */
static void *let_go(void *arg)
{
	struct importer *imp = arg;
	struct vpdm_edu_stats stats;

	do {
		usleep(1000);
		require(!vt_edu_stats(imp->edu, imp->handle, &stats), "stats");
	} while (!stats.pending);
	usleep(HOLD_US);
	require(!vt_edu_hold(imp->edu, imp->handle, false), "let go");
	return NULL;
}

static unsigned long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static void revoke_slowly(const char *edu_bdf)
{
	static const struct vfio_dmabuf_range range = { 0x400000, SLICE };
	int fd = export("held", &range, 1);
	struct importer imp = { .edu = vt_edu_open(edu_bdf) };
	unsigned long long start;
	pthread_t thread;

	require(imp.edu >= 0, edu_bdf);
	imp.handle = vt_edu_import(imp.edu, fd);
	if (imp.handle == -EOPNOTSUPP) {
		printf("importers=no\n");
		return;
	}
	require(imp.handle > 0 && !vt_edu_hold(imp.edu, imp.handle, true),
		"import");
	require(!pthread_create(&thread, NULL, let_go, &imp), "thread");
	start = now_us();
	require(!vfio_dmabuf_revoke(dev, fd), "revoke");
	printf("held_us=%llu\n", now_us() - start);
	pthread_join(thread, NULL);
}

int main(void)
{
	ctx = vfio_dmabuf_new();
	if (!ctx)
		return 1;
	printf("pid=%d\nhold_us=%d\n", getpid(), HOLD_US);
	wait_for_line("start");
	open_device(vt_bdf("A"));
	lend_slices();
	lend_and_revoke();
	wait_for_line("middle");
	revoke_slowly(vt_bdf("EDU"));
	vfio_dmabuf_close(dev);
	vfio_dmabuf_free(ctx);
	printf("state=end\n");
	return 0;
}
