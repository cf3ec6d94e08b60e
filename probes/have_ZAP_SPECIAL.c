// SPDX-License-Identifier: GPL-2.0-only
/* zap_vma_ptes() has another name. */
#include <linux/mm.h>

static void probe(struct vm_area_struct *vma)
{
	zap_special_vma_range(vma, vma->vm_start, PAGE_SIZE);
}
