// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "vfio_test.h"

__u64 vt_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void vt_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

bool vt_child_ends(pid_t child, int *status, int ms)
{
	for (; ms > 0; ms -= 5) {
		if (waitpid(child, status, WNOHANG) == child)
			return true;
		vt_sleep_ms(5);
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}

__u64 vt_median(__u64 *v, size_t nr)
{
	qsort(v, nr, sizeof(*v), compare);
	return v[nr / 2];
}

static unsigned int slow(void)
{
	const char *times = getenv("VPDM_SLOW");

	return times && atoi(times) > 0 ? atoi(times) : 1;
}

unsigned int vt_rounds(unsigned int rounds)
{
	return rounds / slow();
}

bool vt_is_slow(void)
{
	return slow() > 1;
}
