// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults of DMABUF and BAR mappings: decide whether a page may be mapped now, and
 * how much around it.
 */
#include <linux/huge_mm.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

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

/**
 * struct vpdm_block - the pages that one fault maps
 * @order: log2 of the pages of one entry
 * @addr: address of the first page
 * @pfn: its PFN
 * @pages: number of pages
 */
struct vpdm_block {
	unsigned int order;
	unsigned long addr;
	unsigned long pfn;
	unsigned int pages;
};

/* An entry fits if its block is within the VMA and within one range. */
static bool vpdm_entry_fits(const struct vpdm_buf *buf,
			    const struct vm_fault *vmf, unsigned int order,
			    struct vpdm_block *block)
{
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	struct vpdm_hit hit;

	if (!vpdm_has_entries(order, vpdm_buf_is_bar(buf)))
		return false;
	if (addr < vma->vm_start || vma->vm_end - addr < size)
		return false;
	if (!vpdm_ranges_lookup(&buf->ranges, vpdm_page(buf, vma, addr), &hit))
		return false;
	if (hit.after < 1UL << order || !IS_ALIGNED(hit.pfn, 1UL << order))
		return false;

	*block = (struct vpdm_block) {
		.order = order,
		.addr = addr,
		.pfn = hit.pfn,
		.pages = 1U << order,
	};
	return true;
}

/*
 * The part of an aligned block around the fault that is in the same range and VMA. So
 * one fault can map as much as fault_around_kb says.
 */
static bool vpdm_block_around(const struct vpdm_buf *buf,
			      const struct vm_fault *vmf,
			      struct vpdm_block *block)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long size = (unsigned long)READ_ONCE(fault_around_kb) * SZ_1K;
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long first = ALIGN_DOWN(addr, size);
	unsigned long last = first + size - PAGE_SIZE;
	struct vpdm_hit hit;
	u64 before, after;

	if (!vpdm_ranges_lookup(&buf->ranges, vpdm_page(buf, vma, addr), &hit))
		return false;

	first = max(first, vma->vm_start);
	last = min(last, vma->vm_end - PAGE_SIZE);
	before = min_t(u64, hit.before, (addr - first) >> PAGE_SHIFT);
	after = min_t(u64, hit.after, ((last - addr) >> PAGE_SHIFT) + 1);

	*block = (struct vpdm_block) {
		.addr = addr - (before << PAGE_SHIFT),
		.pfn = hit.pfn - before,
		.pages = before + after,
	};
	return true;
}

/*
 * Whether the kernel wants a fault at the first write to each page, as after soft-dirty
 * bits were cleared. It then makes entries read-only. On a write it makes a small entry
 * writable itself, but can only split a huge one. If the driver inserted a huge entry
 * again, the access would fault forever.
 */
static bool vpdm_vma_tracks_writes(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_WRITE &&
	       !pte_write(pfn_pte(0, vma->vm_page_prot));
}

/*
 * Choose what to map when the kernel asks for entries of @order.
 *
 * Use a PMD entry wherever one fits, even if the process has switched off THPs. It can
 * do so between faults. If such a fault made a page table, another thread could still
 * insert a PMD entry in its place, and apply_to_page_range() would meet that and warn.
 *
 * If no PMD entry fits, fill the page table at once. After VM_FAULT_FALLBACK the kernel
 * would allocate a page table that is not used.
 */
static vm_fault_t vpdm_choose(const struct vpdm_buf *buf,
			      const struct vm_fault *vmf, unsigned int order,
			      struct vpdm_block *block)
{
	bool tracks = vpdm_vma_tracks_writes(vmf->vma);

	if (order > PMD_ORDER || (order && tracks))
		return !tracks && vpdm_entry_fits(buf, vmf, order, block) ?
		       0 : VM_FAULT_FALLBACK;

	if (!tracks && pmd_none(pmdp_get_lockless(vmf->pmd)) &&
	    vpdm_entry_fits(buf, vmf, PMD_ORDER, block))
		return 0;

	return vpdm_block_around(buf, vmf, block) ? 0 : VM_FAULT_SIGBUS;
}

/*
 * Whether pages may be mapped now: 0, or the result of the fault. VM_FAULT_RETRY means
 * that it has to wait. The locks keep the answer true until the entries are in place.
 */
static vm_fault_t vpdm_may_map(struct vpdm_buf *buf)
{
	const struct vpdm_buf_list *bufs = buf->bufs;

	lockdep_assert_held(&bufs->lock);

	if (buf->state != VPDM_LIVE || bufs->link != VPDM_LINK_UP)
		return VM_FAULT_SIGBUS;
	if (bufs->resetting)
		return VM_FAULT_RETRY;

	return vpdm_memory_check(buf);
}

static vm_fault_t vpdm_map_block(struct vpdm_buf *buf, struct vm_fault *vmf,
				 const struct vpdm_block *block,
				 unsigned int *filled)
{
	vm_fault_t ret = vpdm_may_map(buf);

	if (ret)
		return ret;

	WRITE_ONCE(buf->populated, true);
	if (!block->order)
		return vpdm_entries_fill(vmf, block->addr, block->pfn,
					 block->pages, filled);

	*filled = block->pages;
	return vpdm_entry_insert(vmf, block->pfn, block->order);
}

/* Called with the gate held for read, so a buffer that is live has a device. */
static vm_fault_t vpdm_fault_gated(struct vpdm_buf *buf, struct vm_fault *vmf,
				   const struct vpdm_block *block,
				   unsigned int *filled)
{
	vm_fault_t ret;
	int err;

	if (READ_ONCE(buf->state) != VPDM_LIVE)
		return VM_FAULT_SIGBUS;

	err = vpdm_memory_hold(buf);
	if (err)
		return err == -EAGAIN ? VM_FAULT_RETRY : vmf_error(err);

	down_read(&buf->bufs->lock);
	ret = vpdm_map_block(buf, vmf, block, filled);
	up_read(&buf->bufs->lock);
	vpdm_memory_release(buf);

	return ret;
}

static bool vpdm_must_wait(const struct vpdm_buf *buf)
{
	return READ_ONCE(buf->bufs->resetting) &&
	       READ_ONCE(buf->bufs->link) == VPDM_LINK_UP &&
	       READ_ONCE(buf->state) == VPDM_LIVE;
}

/* Waits for the end of a reset, or briefly while vfio-pci-core switches memory. */
static void vpdm_wait_killable(struct vpdm_buf *buf)
{
	if (vpdm_must_wait(buf))
		wait_event_killable(buf->bufs->wait, !vpdm_must_wait(buf));
	else
		schedule_timeout_killable(1);
}

/*
 * Release the mmap_lock while waiting, if the caller allows it, so that other threads
 * can map and unmap. Under a VMA lock it does not; then VM_FAULT_FALLBACK from a huge
 * fault leads to one under the mmap_lock.
 */
static vm_fault_t vpdm_wait(struct vpdm_buf *buf, struct vm_fault *vmf)
{
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		return VM_FAULT_FALLBACK;
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		vpdm_wait_killable(buf);
		return fatal_signal_pending(current) ? VM_FAULT_SIGBUS :
						       VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* Without the lock, the VMA and its reference can disappear. */
	kref_get(&buf->kref);
	mmap_read_unlock(vmf->vma->vm_mm);
	vpdm_wait_killable(buf);
	vpdm_buf_put(buf);

	return VM_FAULT_RETRY;
}

/**
 * vpdm_huge_fault - map missing pages
 * @vmf: the fault
 * @order: log2 of the pages that one entry is to map
 *
 * Takes no lock if the buffer is not live: a process that has lost access must not be
 * able to delay others.
 *
 * Context: mmap_lock or VMA lock held. Takes vpdm_buf_list.gate and
 * vpdm_buf_list.lock for read, and may take memory_lock for read.
 *
 * Return: VM_FAULT_NOPAGE if the access can be repeated; VM_FAULT_RETRY likewise, after
 * releasing the mmap_lock unless FAULT_FLAG_RETRY_NOWAIT; VM_FAULT_SIGBUS while there
 * is no access; VM_FAULT_OOM; VM_FAULT_FALLBACK if @order does not fit.
 */
vm_fault_t vpdm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vpdm_buf *buf = vmf->vma->vm_private_data;
	struct vpdm_block block = { .order = order };
	unsigned int filled = 0;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (READ_ONCE(buf->state) != VPDM_LIVE)
		goto out;

	ret = vpdm_choose(buf, vmf, order, &block);
	if (!ret && !block.order && vpdm_entries_alloc(vmf))
		ret = VM_FAULT_OOM;
	if (ret)
		goto out;

	down_read(&buf->bufs->gate);
	ret = vpdm_fault_gated(buf, vmf, &block, &filled);
	up_read(&buf->bufs->gate);
out:
	trace_vpdm_fault(buf, vmf, block.order, filled, ret);

	return ret == VM_FAULT_RETRY ? vpdm_wait(buf, vmf) : ret;
}

/**
 * vpdm_fault - map missing pages when the kernel asks for a single one
 * @vmf: the fault
 *
 * Return: as vpdm_huge_fault().
 */
vm_fault_t vpdm_fault(struct vm_fault *vmf)
{
	return vpdm_huge_fault(vmf, 0);
}
