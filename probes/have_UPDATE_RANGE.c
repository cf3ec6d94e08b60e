// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.6: update_mmu_cache() of several pages. */
#include <linux/mm.h>
#include <linux/pgtable.h>

static void probe(struct vm_fault *vmf, pte_t *pte)
{
	update_mmu_cache_range(vmf, vmf->vma, vmf->address, pte, 1);
}
