// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.12: a PMD entry can say that there are no struct pages behind it. */
#include <linux/mm.h>

static pmd_t probe(pmd_t pmd)
{
	return pmd_mkspecial(pmd);
}
