// SPDX-License-Identifier: GPL-2.0-only
/* Page faults can be handled with the lock of the VMA alone. */
#include <linux/mm.h>

static unsigned int probe(void)
{
	return FAULT_FLAG_VMA_LOCK;
}
