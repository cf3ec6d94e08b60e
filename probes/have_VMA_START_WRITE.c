// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.4: VMAs have locks of their own. */
#include <linux/mm.h>

static void probe(struct vm_area_struct *vma)
{
	vma_start_write(vma);
}
