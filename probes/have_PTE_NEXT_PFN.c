// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.9 */
#include <linux/mm.h>
#include <linux/pgtable.h>

static pte_t probe(pte_t pte)
{
	return pte_next_pfn(pte);
}
