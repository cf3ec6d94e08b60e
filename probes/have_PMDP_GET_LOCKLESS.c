// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.2: pmd_read_atomic() has another name. */
#include <linux/mm.h>
#include <linux/pgtable.h>

static pmd_t probe(pmd_t *pmdp)
{
	return pmdp_get_lockless(pmdp);
}
