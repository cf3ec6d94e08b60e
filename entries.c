// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-table entries. Only this file writes them, and it does not use vmf_insert_pfn()
 * or its huge variants: on x86 they replace the cache mode of vm_page_prot
 * (pfnmap_setup_cachemode()). Documentation/design.rst explains this under "Faults".
 */
#include <linux/huge_mm.h>
#include <linux/pgtable.h>

#include "vfio_pci_dmabuf_mmap.h"

/**
 * struct vpdm_fill - entries to write into one page table
 * @vmf: the fault
 * @pfn: first PFN
 * @pages: number of entries
 * @filled: number of those that were empty
 */
struct vpdm_fill {
	struct vm_fault *vmf;
	unsigned long pfn;
	unsigned int pages;
	unsigned int filled;
};

static int vpdm_touch_table(pte_t *pte, unsigned long addr, void *data)
{
	return 0;
}

/* Another thread has inserted the entry. The repeated access finds it. */
static bool vpdm_has_huge_entry(const struct vm_fault *vmf)
{
	return pmd_leaf(pmdp_get_lockless(vmf->pmd));
}

/**
 * vpdm_entries_alloc - make sure that there is a page table
 * @vmf: the fault
 *
 * Call this without locks held: the page table is charged to the faulting process, and
 * a memory cgroup over its limit makes that sleep for seconds.
 *
 * Context: mmap_lock or VMA lock held, so the table stays; no locks of the driver.
 *
 * Return: 0 or -ENOMEM.
 */
int vpdm_entries_alloc(struct vm_fault *vmf)
{
	if (vpdm_has_huge_entry(vmf))
		return 0;

	return apply_to_page_range(vmf->vma->vm_mm, vmf->address & PAGE_MASK,
				   PAGE_SIZE, vpdm_touch_table, NULL);
}

/* Called for the first entry. Writes the others too, under the same lock. */
static int vpdm_fill_table(pte_t *pte, unsigned long addr, void *data)
{
	struct vpdm_fill *fill = data;
	struct vm_area_struct *vma = fill->vmf->vma;
	pte_t entry = pte_mkspecial(pfn_pte(fill->pfn, vma->vm_page_prot));
	unsigned int i;

	for (i = 0; i < fill->pages; i++) {
		if (pte_none(ptep_get(pte + i))) {
			set_pte_at(vma->vm_mm, addr + i * PAGE_SIZE, pte + i,
				   entry);
			fill->filled++;
		}
		entry = pte_next_pfn(entry);
	}
	update_mmu_cache_range(fill->vmf, vma, addr, pte, fill->pages);

	return 0;
}

/**
 * vpdm_entries_fill - write entries of one page
 * @vmf: the fault, after vpdm_entries_alloc()
 * @addr: address of the first page
 * @pfn: its PFN
 * @pages: number of pages, physically contiguous, in the page table of the fault
 * @filled: number of entries that were empty
 *
 * Existing entries stay.
 *
 * Return: VM_FAULT_NOPAGE.
 */
vm_fault_t vpdm_entries_fill(struct vm_fault *vmf, unsigned long addr,
			     unsigned long pfn, unsigned int pages,
			     unsigned int *filled)
{
	struct vpdm_fill fill = {
		.vmf = vmf,
		.pfn = pfn,
		.pages = pages,
	};
	int ret;

	if (vpdm_has_huge_entry(vmf))
		return VM_FAULT_NOPAGE;

	ret = apply_to_page_range(vmf->vma->vm_mm, addr, PAGE_SIZE,
				  vpdm_fill_table, &fill);
	*filled = fill.filled;

	return ret ? vmf_error(ret) : VM_FAULT_NOPAGE;
}

static void vpdm_insert_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	spinlock_t *ptl = pmd_lock(vma->vm_mm, vmf->pmd);

	if (pmd_none(pmdp_get(vmf->pmd)))
		vpdm_set_pmd(vma, vmf->address & PMD_MASK, vmf->pmd, pfn);
	spin_unlock(ptl);
}

static void vpdm_insert_pud(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	spinlock_t *ptl = pud_lock(vma->vm_mm, vmf->pud);

	if (pud_none(*vmf->pud))
		vpdm_set_pud(vma, vmf->address & PUD_MASK, vmf->pud, pfn);
	spin_unlock(ptl);
}

/**
 * vpdm_entry_insert - write one huge entry
 * @vmf: the fault
 * @pfn: PFN of its first page, aligned
 * @order: PMD_ORDER or PUD_ORDER, as vpdm_has_entries() allows
 *
 * An existing entry stays.
 *
 * Return: VM_FAULT_NOPAGE.
 */
vm_fault_t vpdm_entry_insert(struct vm_fault *vmf, unsigned long pfn,
			     unsigned int order)
{
	if (order == PMD_ORDER)
		vpdm_insert_pmd(vmf, pfn);
	else
		vpdm_insert_pud(vmf, pfn);

	return VM_FAULT_NOPAGE;
}
