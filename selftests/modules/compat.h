/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel differences that the test modules meet; Kbuild probes for them. */
#ifndef VPDM_TEST_COMPAT_H
#define VPDM_TEST_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/module.h>

/* MODULE_IMPORT_NS() takes an identifier up to 6.12 and a string later. */
#define VPDM_IMPORT_DMA_BUF	MODULE_INFO(import_ns, "DMA_BUF")

#ifdef VPDM_HAVE_INVALIDATE_MAPPINGS
#define VPDM_INVALIDATE_OPTIONAL	true
#else
/* The older name; dma-buf.c of that time warns of an importer without it. */
#define invalidate_mappings	move_notify
#define VPDM_INVALIDATE_OPTIONAL	false
#endif

#ifndef VPDM_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/* Before Linux 6.12 without huge entries, of which there are none then. */
#ifndef VPDM_HAVE_FOLLOW_PFNMAP
struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;
	pte_t *ptep;
	spinlock_t *lock;	/* of the page table */
	unsigned long pfn;
	pgprot_t pgprot;
	bool writable;
	bool special;
};

static inline int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	int ret = follow_pte(args->vma->vm_mm, args->address, &args->ptep,
			     &args->lock);

	if (ret)
		return ret;
	args->pfn = pte_pfn(*args->ptep);
	args->pgprot = pte_pgprot(*args->ptep);
	args->writable = pte_write(*args->ptep);
	args->special = pte_special(*args->ptep);
	return 0;
}

static inline void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	pte_unmap_unlock(args->ptep, args->lock);
}
#endif

#endif /* VPDM_TEST_COMPAT_H */
