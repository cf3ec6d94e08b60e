// SPDX-License-Identifier: GPL-2.0-only
/* What the tests of dies_test.c do in ways that are right. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

FIXTURE(good) {
	volatile char *page;
};

FIXTURE_SETUP(good)
{
	self->page = mmap(NULL, VT_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
}

FIXTURE_TEARDOWN(good)
{
}

TEST_F(good, survives_its_own_segv)
{
	EXPECT_EQ(SIGSEGV, vt_poke(self->page, 1));
}

TEST_F(good, sees_a_child_die_of_segv)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		*self->page = 1;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST_F(good, returns_early)
{
	if (self->page)
		return;
	EXPECT_TRUE(false);
}

TEST_F(good, is_skipped)
{
	SKIP(return, "on purpose");
}

TEST_HARNESS_MAIN
