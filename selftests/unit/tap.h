/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for tests of the library that run on the host, where the kernel's
 * kselftest headers need not be.
 */
#ifndef _SELFTESTS_UNIT_TAP_H
#define _SELFTESTS_UNIT_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int tap_planned, tap_run, tap_failed;

static inline void plan(unsigned int tests)
{
	tap_planned = tests;
	printf("TAP version 13\n1..%u\n", tests);
}

static inline void ok(bool passed, const char *what)
{
	tap_run++;
	tap_failed += !passed;
	printf("%sok %u - %s\n", passed ? "" : "not ", tap_run, what);
	fflush(stdout);
}

static inline void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

static inline int finish(void)
{
	if (tap_run != tap_planned)
		printf("# planned %u tests, ran %u\n", tap_planned, tap_run);
	return tap_failed || tap_run != tap_planned;
}

#endif /* _SELFTESTS_UNIT_TAP_H */
