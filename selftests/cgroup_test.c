// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process over the limit memory.high of its cgroup sleeps for up to 2 s now and
 * then where the kernel allocates memory for it, as a fault does for a page table.
 * Nobody else waits for it then.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define ROOT	"/tmp/cgroup"
#define GROUP	ROOT "/vpdm"
/* What the process has beside page tables; there is nothing to swap to. */
#define BALLAST	VT_MIB(8)
#define TABLES	511
#define SLEEPS	10

FIXTURE(throttled)
{
	struct vt_device d;
	int big;
	pid_t child;
};

FIXTURE_VARIANT(throttled)
{
	/* What must not wait, done to another buffer or its device */
	int (*act)(struct vt_device *d, int fd);
};

static int revoke_buffer(struct vt_device *d, int fd)
{
	return vt_revoke(d->fd, fd);
}

static int turn_memory_off(struct vt_device *d, int fd __attribute__((unused)))
{
	return vt_memory(d, false);
}

FIXTURE_VARIANT_ADD(throttled, revoke)
{
	.act = revoke_buffer,
};

FIXTURE_VARIANT_ADD(throttled, memory_off)
{
	.act = turn_memory_off,
};

static bool has_memory_controller(void)
{
	char text[256];

	mkdir(ROOT, 0755);
	return !mount("none", ROOT, "cgroup2", 0, NULL) &&
	       !vt_read_text(ROOT "/cgroup.controllers", text, sizeof(text)) &&
	       strstr(text, "memory");
}

/*
 * Reads a byte into each block of the mapping, in one call. Only within one call
 * the kernel makes a fault pay for those before it.
 */
static void __attribute__((noreturn)) fault_for_ever(int big, int up)
{
	static struct iovec iov[TABLES];
	int file = memfd_create("bytes", 0);
	size_t i;
	char *map;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	map = mmap(NULL, BALLAST, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || ftruncate(file, TABLES) ||
	    vt_write_text(GROUP "/cgroup.procs", "0"))
		_exit(1);
	memset(map, 1, BALLAST);
	if (write(up, "", 1) != 1)
		_exit(1);
	for (;;) {
		map = vt_map(big, TABLES * VT_PMD, RW, 0, VT_PMD, VT_PAGE);
		if (!map)
			_exit(1);
		for (i = 0; i < TABLES; i++)
			iov[i] = (struct iovec){ map + i * VT_PMD, 1 };
		preadv(file, iov, TABLES, 0);
		munmap(map, TABLES * VT_PMD);
	}
}

FIXTURE_SETUP(throttled)
{
	int up[2];
	char c;

	self->d = (struct vt_device)VT_DEVICE_INIT;
	if (!has_memory_controller())
		SKIP(return, "this kernel has no memory controller of cgroup v2");
	ASSERT_EQ(0, vt_write_text(ROOT "/cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("BIG"), VT_DRIVER));
	self->big = vt_export_one(self->d.fd, BAR, 0, (TABLES + 1) * VT_PMD);
	ASSERT_LE(0, self->big);

	ASSERT_EQ(0, pipe(up));
	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child) {
		vt_close(&self->d);
		fault_for_ever(self->big, up[1]);
	}
	ASSERT_EQ(1, read(up[0], &c, 1));
	ASSERT_EQ(0, vt_write_text(GROUP "/memory.high", "1M"));
}

FIXTURE_TEARDOWN(throttled)
{
	int status;

	if (self->child > 0) {
		kill(self->child, SIGKILL);
		EXPECT_TRUE(vt_child_ends(self->child, &status));
	}
	vt_close(&self->d);
	EXPECT_TRUE(vt_wait_for(!rmdir(GROUP) || errno == ENOENT));
	umount(ROOT);
}

static bool read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return !vt_read_text(path, text, size);
}

/* In a fault of the driver, and put to sleep for being over the limit */
static bool is_throttled(pid_t pid)
{
	char stack[4096];

	return read_proc(pid, "stack", stack, sizeof(stack)) &&
	       strstr(stack, "over_high") && strstr(stack, "vpdm_");
}

/* How often it has gone to sleep; -1 if it cannot be told. */
static long sleeps(pid_t pid)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char status[4096], *line;

	if (!read_proc(pid, "status", status, sizeof(status)))
		return -1;
	line = strstr(status, key);
	return line ? atol(line + sizeof(key) - 1) : -1;
}

/*
 * The one goes on while the other sleeps: its sleep is the same one before and
 * after. It could end by itself in between, so that it is tried some times.
 */
TEST_F(throttled, keeps_nobody_waiting)
{
	int fd, i, through = 0;
	__u64 value, start;
	long before;
	char *map;

	for (i = 0; i < SLEEPS && !through; i++) {
		fd = vt_export_one(self->d.fd, BAR, 0, VT_PMD);
		ASSERT_LE(0, fd);
		map = vt_map_rw(fd, VT_PMD);
		ASSERT_NE(NULL, map);
		vt_touch(map, VT_PMD);

		ASSERT_TRUE(vt_wait_for((before = sleeps(self->child)) >= 0 &&
					is_throttled(self->child)));
		start = vt_now_ns();
		ASSERT_EQ(0, variant->act(&self->d, fd));
		through = is_throttled(self->child) &&
			  sleeps(self->child) == before;
		TH_LOG("%llu us, the other one %s", (vt_now_ns() - start) / 1000,
		       through ? "asleep all the time" : "woken up");
		EXPECT_EQ(0UL, vt_present(map, VT_PMD));
		EXPECT_EQ(SIGBUS, vt_peek(map, &value));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		munmap(map, VT_PMD);
		close(fd);
	}
	EXPECT_EQ(1, through);
}

TEST_HARNESS_MAIN
