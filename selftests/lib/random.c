// SPDX-License-Identifier: GPL-2.0-only
#include "vfio_test.h"

__u64 vt_random(__u64 *state)
{
	__u64 x = *state ? *state : 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}
