// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.6 */
#include <linux/mm.h>
#include <linux/pgtable.h>

static pmd_t probe(pmd_t *pmdp)
{
	return pmdp_get(pmdp);
}
