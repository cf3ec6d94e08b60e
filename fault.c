// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where pages are mapped: page faults of DMABUF and BAR mappings.
 *
 * NC entries of PMD and PUD size are inserted by vfio-pci-core, and WC ones too
 * where the architecture keeps their cache mode. All others are written here: on
 * x86 vmf_insert_pfn() and its huge kin replace the cache mode of vm_page_prot by
 * the one that is recorded for the PFN (pfnmap_setup_cachemode()), which
 * vfio-pci-core's pci_iomap() of the BAR has made UC-. A WC mapping would be UC-,
 * silently.
 */
#include <linux/huge_mm.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>

#include "vfio_pci_dmabuf_mmap.h"
#include "trace.h"

static unsigned int fault_around_kb = MIN(PMD_SIZE, SZ_2M) / SZ_1K;

static int vpdm_fault_around_set(const char *val, const struct kernel_param *kp)
{
	unsigned long bytes;
	unsigned int kb;
	int ret;

	ret = kstrtouint(val, 0, &kb);
	if (ret)
		return ret;

	bytes = (unsigned long)kb * SZ_1K;
	if (!is_power_of_2(bytes) || bytes < PAGE_SIZE || bytes > PMD_SIZE)
		return -EINVAL;

	WRITE_ONCE(fault_around_kb, kb);
	return 0;
}

static const struct kernel_param_ops vpdm_fault_around_ops = {
	.set = vpdm_fault_around_set,
	.get = param_get_uint,
};

module_param_cb(fault_around_kb, &vpdm_fault_around_ops, &fault_around_kb, 0644);
MODULE_PARM_DESC(fault_around_kb, "KiB around a fault that are mapped at once where huge pages do not fit: a power of two, one page to the size that a PMD maps");

static pgoff_t vpdm_page(const struct vpdm_buf *buf,
			 const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff - buf->pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/*
 * Whether pages may be mapped now. Both locks held for read: nothing of it
 * changes before the entries are in place.
 */
static vm_fault_t vpdm_may_fault(struct vpdm_buf *buf)
{
	struct vfio_pci_core_device *core = buf->bufs->core;
	int ret;

	if (buf->state != VPDM_LIVE || buf->bufs->blocked)
		return VM_FAULT_SIGBUS;
	if (core->pm_runtime_engaged || !__vfio_pci_memory_enabled(core))
		return VM_FAULT_SIGBUS;

	ret = vpdm_inner_listen(buf);

	return ret ? vmf_error(ret) : 0;
}

/* Whether vm_page_prot is that of NC, as the kernel has recorded it. */
static bool vpdm_vma_is_nc(const struct vm_area_struct *vma)
{
	return pgprot_val(pgprot_noncached(vma->vm_page_prot)) ==
	       pgprot_val(vma->vm_page_prot);
}

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

/* Called for the first entry. The others follow it, under the same lock. */
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

/*
 * Map what is in the same range and the same VMA, in an aligned block around the
 * fault: one fault then does for up to 512 pages.
 */
static vm_fault_t vpdm_fault_around(struct vm_fault *vmf,
				    const struct vpdm_hit *hit,
				    unsigned int *filled)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long block = (unsigned long)READ_ONCE(fault_around_kb) * SZ_1K;
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long first = ALIGN_DOWN(addr, block);
	unsigned long last = first + block - PAGE_SIZE;
	u64 before, after;
	struct vpdm_fill fill;
	int ret;

	/* Another thread's entry: the access is repeated and finds it. */
	if (pmd_leaf(pmdp_get_lockless(vmf->pmd)))
		return VM_FAULT_NOPAGE;

	first = max(first, vma->vm_start);
	last = min(last, vma->vm_end - PAGE_SIZE);
	before = min_t(u64, hit->before, (addr - first) >> PAGE_SHIFT);
	after = min_t(u64, hit->after, ((last - addr) >> PAGE_SHIFT) + 1);

	fill = (struct vpdm_fill) {
		.vmf = vmf,
		.pfn = hit->pfn - before,
		.pages = before + after,
	};
	ret = apply_to_page_range(vma->vm_mm, addr - (before << PAGE_SHIFT),
				  PAGE_SIZE, vpdm_fill_table, &fill);
	*filled = fill.filled;

	return ret ? vmf_error(ret) : VM_FAULT_NOPAGE;
}

static vm_fault_t vpdm_insert_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PMD_MASK;
	spinlock_t *ptl;
	pmd_t entry;

	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ||
	    arch_needs_pgtable_deposit())
		return VM_FAULT_FALLBACK;

	entry = pmd_mkspecial(pmd_mkhuge(pfn_pmd(pfn, vma->vm_page_prot)));

	ptl = pmd_lock(vma->vm_mm, vmf->pmd);
	if (pmd_none(pmdp_get(vmf->pmd))) {
		set_pmd_at(vma->vm_mm, addr, vmf->pmd, entry);
		update_mmu_cache_pmd(vma, addr, vmf->pmd);
	}
	spin_unlock(ptl);

	return VM_FAULT_NOPAGE;
}

static vm_fault_t vpdm_insert_huge(struct vm_fault *vmf,
				   struct vfio_pci_core_device *core,
				   unsigned long pfn, unsigned int order)
{
	if (vpdm_huge_insert_keeps_prot() || vpdm_vma_is_nc(vmf->vma))
		return vfio_pci_vmf_insert_pfn(core, vmf, pfn, order);
	if (order == PMD_ORDER)
		return vpdm_insert_pmd(vmf, pfn);

	return VM_FAULT_FALLBACK;
}

static vm_fault_t vpdm_insert(struct vm_fault *vmf, struct vpdm_buf *buf,
			      const struct vpdm_hit *hit, unsigned int order,
			      unsigned int *filled)
{
	vm_fault_t ret;

	ret = vpdm_may_fault(buf);
	if (ret)
		return ret;

	if (!order)
		return vpdm_fault_around(vmf, hit, filled);

	ret = vpdm_insert_huge(vmf, buf->bufs->core, hit->pfn, order);
	if (ret == VM_FAULT_NOPAGE)
		*filled = 1U << order;

	return ret;
}

/* An order fits if its block is within the VMA and within one range. */
static bool vpdm_order_fits(const struct vpdm_buf *buf,
			    const struct vm_fault *vmf, unsigned int order,
			    struct vpdm_hit *hit)
{
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);

	if (addr < vma->vm_start || vma->vm_end - addr < size)
		return false;
	if (!vpdm_ranges_lookup(&buf->ranges, vpdm_page(buf, vma, addr), hit))
		return false;

	return hit->after >= 1UL << order && IS_ALIGNED(hit->pfn, 1UL << order);
}

/*
 * The order to map, for one that the kernel asks for. A PMD entry wherever one
 * fits, also if the process has THPs switched off, which it may do in the midst
 * of faults: would that make a page table, another thread could still put an
 * entry in its place, for apply_to_page_range() to meet and warn of. Where none
 * fits the page table is filled right away: to fall back would have the kernel
 * allocate one that is not used.
 */
static unsigned int vpdm_choose_order(const struct vpdm_buf *buf,
				      const struct vm_fault *vmf,
				      unsigned int order, struct vpdm_hit *hit)
{
	if (order > PMD_ORDER)
		return order;

	if (pmd_none(pmdp_get_lockless(vmf->pmd)) &&
	    vpdm_order_fits(buf, vmf, PMD_ORDER, hit))
		return PMD_ORDER;

	return 0;
}

/*
 * Whether the kernel wants a fault at the first write to each page, as it does
 * once soft-dirty bits were cleared. It makes entries read-only then. One of a page
 * it makes writable itself, a huge one it can only split: one in its place would be
 * faulted on for ever.
 */
static bool vpdm_vma_tracks_writes(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_WRITE &&
	       !pte_write(pfn_pte(0, vma->vm_page_prot));
}

static vm_fault_t vpdm_fault_locked(struct vpdm_buf *buf, struct vm_fault *vmf,
				    unsigned int *order, unsigned int *filled)
{
	struct vpdm_hit hit;
	vm_fault_t ret;

	if (!vpdm_vma_tracks_writes(vmf->vma))
		*order = vpdm_choose_order(buf, vmf, *order, &hit);
	else if (*order)
		return VM_FAULT_FALLBACK;

	if (!vpdm_order_fits(buf, vmf, *order, &hit))
		return *order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;

	ret = vpdm_insert(vmf, buf, &hit, *order, filled);
	if (ret != VM_FAULT_FALLBACK || *order > PMD_ORDER)
		return ret;

	/* No PMD entries of this kind on this architecture. */
	*order = 0;
	vpdm_order_fits(buf, vmf, 0, &hit);
	return vpdm_insert(vmf, buf, &hit, 0, filled);
}

/**
 * vpdm_huge_fault - map what an access found missing
 * @vmf: the fault
 * @order: log2 of the pages that one entry is to map
 *
 * Context: mmap_lock or VMA lock held. Takes vpdm_bufs.life, memory_lock and
 * vpdm_bufs.lock for read.
 *
 * Return: VM_FAULT_NOPAGE if the access can be repeated, VM_FAULT_SIGBUS while
 * there is no access, VM_FAULT_OOM, or VM_FAULT_FALLBACK if @order does not fit.
 */
vm_fault_t vpdm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vpdm_buf *buf = vmf->vma->vm_private_data;
	struct vpdm_bufs *bufs = buf->bufs;
	unsigned int filled = 0;
	vm_fault_t ret;

	/* A dead buffer's device may be gone, and its memory_lock with it. */
	down_read(&bufs->life);
	if (READ_ONCE(buf->state) == VPDM_DEAD) {
		ret = VM_FAULT_SIGBUS;
	} else {
		down_read(&bufs->core->memory_lock);
		down_read(&bufs->lock);
		ret = vpdm_fault_locked(buf, vmf, &order, &filled);
		up_read(&bufs->lock);
		up_read(&bufs->core->memory_lock);
	}
	up_read(&bufs->life);

	trace_vpdm_fault(buf, vmf, order, filled, ret);

	return ret;
}

/**
 * vpdm_fault - map what an access found missing, by entries of one page
 * @vmf: the fault
 *
 * Return: as vpdm_huge_fault().
 */
vm_fault_t vpdm_fault(struct vm_fault *vmf)
{
	return vpdm_huge_fault(vmf, 0);
}
