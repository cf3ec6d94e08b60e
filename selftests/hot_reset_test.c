// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hot reset gives up, with EBUSY, if somebody holds a lock of one of the devices
 * that faults take. So subordinates that fault all the time can be in its way.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		(2 * VT_PMD)
#define RW		(PROT_READ | PROT_WRITE)
#define SUBORDINATES	16
/* Where faults hold resets up, fewer than 20 of 1000 succeed. */
#define RESETS		100

FIXTURE(hot_reset)
{
	struct vt_device a;
	struct vt_device b;
	int fd;
	pid_t child[SUBORDINATES];
	unsigned int children;
	unsigned int done, busy;
};

FIXTURE_SETUP(hot_reset)
{
	self->b = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_bind(vt_bdf("HOT_B"), VT_DRIVER));
	ASSERT_EQ(0, vt_open(&self->a, vt_bdf("HOT_A"), VT_DRIVER));
	ASSERT_EQ(0, vt_open_sibling(&self->b, &self->a, vt_bdf("HOT_B")));
	self->fd = vt_export_one(self->a.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(hot_reset)
{
	unsigned int i;

	for (i = 0; i < self->children; i++)
		kill(self->child[i], SIGKILL);
	for (i = 0; i < self->children; i++)
		waitpid(self->child[i], NULL, 0);
	vt_close(&self->b);
	vt_close(&self->a);
}

/*
 * Maps and faults, over and over. A buffer that is not live cannot be mapped any
 * more; the mapping from before can be touched.
 */
static void loop(const char *before, int fd)
{
	__u64 value;
	char *map;

	/* Who resets need not wait for a processor as well. */
	setpriority(PRIO_PROCESS, 0, 19);
	for (;;) {
		vt_peek(before, &value);
		map = vt_map(fd, VT_PAGE, RW, 0, 0, 0);
		if (map) {
			vt_peek(map, &value);
			munmap(map, VT_PAGE);
		}
	}
}

static bool start_loops(FIXTURE_DATA(hot_reset) *self)
{
	char *map = vt_map(self->fd, SIZE, RW, 0, VT_PMD, VT_PAGE), c;
	int up[2], i;

	if (!map || pipe(up))
		return false;
	for (i = 0; i < SUBORDINATES; i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			vt_close(&self->b);
			vt_close(&self->a);
			vt_touch(map, SIZE);
			if (write(up[1], "", 1) == 1)
				loop(map, self->fd);
			_exit(1);
		}
		if (pid < 0)
			return false;
		self->child[self->children++] = pid;
	}
	for (i = 0; i < SUBORDINATES; i++) {
		if (read(up[0], &c, 1) != 1)
			return false;
	}
	munmap(map, SIZE);
	return true;
}

/* False if a reset fails in another way than by EBUSY. */
static bool resets(FIXTURE_DATA(hot_reset) *self, unsigned int rounds)
{
	unsigned int i;
	__u64 start = vt_now_ns();
	int ret;

	self->done = 0;
	self->busy = 0;
	for (i = 0; i < rounds; i++) {
		ret = vt_hot_reset(&self->a);
		self->done += !ret;
		self->busy += ret == -EBUSY;
	}
	vt_log("%u hot resets against %u processes: %u done, %u EBUSY, %llu ms",
	       rounds, self->children, self->done, self->busy,
	       (vt_now_ns() - start) / 1000000);
	return self->done + self->busy == rounds;
}

TEST_F(hot_reset, without_anybody)
{
	ASSERT_TRUE(resets(self, 20));
	EXPECT_EQ(0U, self->busy);
}

TEST_F(hot_reset, subordinates_of_a_live_buffer)
{
	ASSERT_TRUE(start_loops(self));
	ASSERT_TRUE(resets(self, vt_rounds(RESETS)));
	EXPECT_LT(0U, self->done);
}

TEST_F(hot_reset, subordinates_of_a_revoked_buffer)
{
	ASSERT_TRUE(start_loops(self));
	ASSERT_EQ(0, vt_revoke(self->a.fd, self->fd));
	ASSERT_TRUE(resets(self, vt_rounds(RESETS)));
	EXPECT_EQ(0U, self->busy);
}

/* The device's next user has nothing to do with the buffers of the last one. */
TEST_F(hot_reset, subordinates_of_an_earlier_open)
{
	ASSERT_TRUE(start_loops(self));
	vt_close(&self->b);
	vt_close(&self->a);
	ASSERT_EQ(0, vt_open(&self->a, vt_bdf("HOT_A"), VT_DRIVER));
	ASSERT_EQ(0, vt_open_sibling(&self->b, &self->a, vt_bdf("HOT_B")));
	ASSERT_TRUE(resets(self, 20));
	EXPECT_EQ(0U, self->busy);
}

TEST_HARNESS_MAIN
