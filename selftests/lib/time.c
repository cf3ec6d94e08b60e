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

int vt_patience_ms(void)
{
	const char *limit = getenv("VPDM_LIMIT");
	int seconds = limit ? atoi(limit) : 0;

	return (seconds > 0 ? seconds : 900) * 500;
}

bool vt_child_ends(pid_t child, int *status)
{
	return vt_wait_for(waitpid(child, status, WNOHANG) == child);
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
