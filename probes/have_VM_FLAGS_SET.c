// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.3: VMA flags are changed by functions. */
#include <linux/mm.h>

static void probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO);
}
