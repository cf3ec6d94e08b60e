// SPDX-License-Identifier: GPL-2.0-only
/* Each of these tests is to be called failed, see ../vm/check_test.sh. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vfio_test.h"

static void write_to(unsigned long addr)
{
	*(volatile int *)addr = 1;
}

TEST(of_segv)
{
	write_to(VT_PAGE);
}

TEST(of_kill)
{
	raise(SIGKILL);
}

FIXTURE(dies) {
};

FIXTURE_SETUP(dies)
{
}

FIXTURE_TEARDOWN(dies)
{
}

TEST_F(dies, of_segv)
{
	write_to(VT_PAGE);
}

TEST_F(dies, of_bus)
{
	raise(SIGBUS);
}

TEST_F(dies, of_abrt)
{
	abort();
}

TEST_F(dies, of_kill)
{
	raise(SIGKILL);
}

TEST_F(dies, exits_early)
{
	exit(0);
}

TEST(exits_early)
{
	_exit(0);
}

FIXTURE(in_setup) {
};

FIXTURE_SETUP(in_setup)
{
	exit(0);
}

FIXTURE_TEARDOWN(in_setup)
{
}

TEST_F(in_setup, exits_early)
{
}

FIXTURE(in_teardown) {
};

FIXTURE_SETUP(in_teardown)
{
}

FIXTURE_TEARDOWN(in_teardown)
{
	exit(0);
}

TEST_F(in_teardown, exits_early)
{
}

TEST_HARNESS_MAIN
