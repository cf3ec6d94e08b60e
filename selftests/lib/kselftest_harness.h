/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's test harness, found before it by "kselftest_harness.h", with two
 * differences:
 *
 * A test has no limit of time of its own. What it waits for comes late on a slow
 * machine, and run-tests ends a program that hangs, with the stacks of those who
 * wait in the kernel's log.
 *
 * A test, its set-up and its tear-down must return. The harness takes a process
 * that calls exit(0) on the way for one whose test passed.
 */
#ifndef _SELFTESTS_KSELFTEST_HARNESS_H
#define _SELFTESTS_KSELFTEST_HARNESS_H

/* No warnings of what a program does not use, as from the kernel's own. */
#pragma GCC system_header
#include_next <kselftest_harness.h>

/* poll() takes it for "no limit". */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	(-1)

/* No status of the harness: a test that ends with it has failed. */
#define VT_UNFINISHED		(KSFT_SKIP + 1)

static inline bool vt_begin(struct __test_metadata *t)
{
	if (t->exit_code)
		return false;
	t->exit_code = VT_UNFINISHED;
	return true;
}

/* What failed or was skipped meanwhile stays so. */
static inline void vt_end(struct __test_metadata *t, bool begun)
{
	if (begun && t->exit_code == VT_UNFINISHED)
		t->exit_code = KSFT_PASS;
}

#define VT_ARGS(fixture)						\
	struct __test_metadata __attribute__((unused)) *_metadata,	\
	FIXTURE_DATA(fixture) __attribute__((unused)) *self,		\
	const FIXTURE_VARIANT(fixture) __attribute__((unused)) *variant

#define VT_MUST_RETURN(function)					\
	{								\
		bool begun = vt_begin(_metadata);			\
									\
		function(_metadata, self, variant);			\
		vt_end(_metadata, begun);				\
	}

#undef FIXTURE_SETUP
#define FIXTURE_SETUP(fixture)						\
	static void vt_##fixture##_setup(VT_ARGS(fixture));		\
	static void fixture##_setup(VT_ARGS(fixture))			\
		VT_MUST_RETURN(vt_##fixture##_setup)			\
	static void vt_##fixture##_setup(VT_ARGS(fixture))

#undef FIXTURE_TEARDOWN
#define FIXTURE_TEARDOWN(fixture)					\
	static void vt_##fixture##_teardown(VT_ARGS(fixture));		\
	static const bool fixture##_teardown_parent;			\
	__FIXTURE_TEARDOWN(fixture)					\
		VT_MUST_RETURN(vt_##fixture##_teardown)			\
	static void vt_##fixture##_teardown(VT_ARGS(fixture))

#undef TEST_F
#define TEST_F(fixture, test)						\
	static void vt_##fixture##_##test(VT_ARGS(fixture));		\
	__TEST_F_IMPL(fixture, test, -1, TEST_TIMEOUT_DEFAULT)		\
		VT_MUST_RETURN(vt_##fixture##_##test)			\
	static void vt_##fixture##_##test(VT_ARGS(fixture))

#undef TEST_F_TIMEOUT
#undef TEST_F_SIGNAL
#undef TEST_SIGNAL

/* The harness shares its data between processes for tests with a fixture alone. */
FIXTURE(global) {
};

FIXTURE_SETUP(global)
{
}

FIXTURE_TEARDOWN(global)
{
}

#undef TEST
#define TEST(test)	TEST_F(global, test)

#endif
