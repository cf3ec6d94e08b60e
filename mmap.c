// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where pages are mapped: mmap() of DMABUFs and of BARs, faults, memory
 * attributes.
 */
#include <linux/file.h>
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

/**
 * struct vpdm_fill - entries to write in one go
 * @mm: address space
 * @prot: protection and memory attribute
 * @pfn: PFN of the next entry
 * @filled: entries written
 */
struct vpdm_fill {
	struct mm_struct *mm;
	pgprot_t prot;
	unsigned long pfn;
	unsigned int filled;
};

static int vpdm_fill_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct vpdm_fill *fill = data;

	if (pte_none(ptep_get(pte))) {
		set_pte_at(fill->mm, addr, pte,
			   pte_mkspecial(pfn_pte(fill->pfn, fill->prot)));
		fill->filled++;
	}
	fill->pfn++;

	return 0;
}

/*
 * Map what is in the same range and the same VMA, in an aligned block around the
 * fault: one fault then does for up to 512 pages.
 *
 * The entries are written here, as vmf_insert_pfn() would replace the cache mode
 * of vm_page_prot by the one that x86 has recorded for the PFN
 * (pfnmap_setup_cachemode()): UC-, from vfio-pci-core's pci_iomap() of the BAR.
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

	/* Another thread's huge entry: the access is repeated and finds it. */
	if (pmd_leaf(pmdp_get_lockless(vmf->pmd)))
		return VM_FAULT_NOPAGE;

	first = max(first, vma->vm_start);
	last = min(last, vma->vm_end - PAGE_SIZE);
	before = min_t(u64, hit->before, (addr - first) >> PAGE_SHIFT);
	after = min_t(u64, hit->after, ((last - addr) >> PAGE_SHIFT) + 1);

	fill = (struct vpdm_fill) {
		.mm = vma->vm_mm,
		.prot = vma->vm_page_prot,
		.pfn = hit->pfn - before,
	};
	ret = apply_to_page_range(vma->vm_mm, addr - (before << PAGE_SHIFT),
				  (before + after) << PAGE_SHIFT,
				  vpdm_fill_pte, &fill);
	*filled = fill.filled;

	return ret ? vmf_error(ret) : VM_FAULT_NOPAGE;
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

	ret = vfio_pci_vmf_insert_pfn(buf->bufs->core, vmf, hit->pfn, order);
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

static vm_fault_t vpdm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vpdm_buf *buf = vmf->vma->vm_private_data;
	struct vpdm_bufs *bufs = buf->bufs;
	unsigned int filled = 0;
	struct vpdm_hit hit;
	vm_fault_t ret;

	if (!vpdm_order_fits(buf, vmf, order, &hit))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;

	/* A dead buffer's device may be gone, and its memory_lock with it. */
	down_read(&bufs->life);
	if (READ_ONCE(buf->state) == VPDM_DEAD) {
		ret = VM_FAULT_SIGBUS;
	} else {
		down_read(&bufs->core->memory_lock);
		down_read(&bufs->lock);
		ret = vpdm_insert(vmf, buf, &hit, order, &filled);
		up_read(&bufs->lock);
		up_read(&bufs->core->memory_lock);
	}
	up_read(&bufs->life);

	trace_vpdm_fault(buf, vmf, order, filled, ret);

	return ret;
}

static vm_fault_t vpdm_fault(struct vm_fault *vmf)
{
	return vpdm_huge_fault(vmf, 0);
}

static void vpdm_vma_open(struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = vma->vm_private_data;

	atomic_inc(&buf->vmas);
}

static void vpdm_vma_close(struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = vma->vm_private_data;

	atomic_dec(&buf->vmas);
}

static const struct vm_operations_struct vpdm_vm_ops = {
	.open = vpdm_vma_open,
	.close = vpdm_vma_close,
	.fault = vpdm_fault,
	.huge_fault = vpdm_huge_fault,
};

/* For a memory attribute that inserting huge entries would change. */
static const struct vm_operations_struct vpdm_small_vm_ops = {
	.open = vpdm_vma_open,
	.close = vpdm_vma_close,
	.fault = vpdm_fault,
};

static void vpdm_vma_set_buf(struct vm_area_struct *vma, struct vpdm_buf *buf,
			     const struct vm_operations_struct *vm_ops)
{
	vma->vm_private_data = buf;
	vma->vm_ops = vm_ops;
	vpdm_vma_open(vma);
	trace_vpdm_mmap(buf, vma);
}

/**
 * vpdm_mmap - mmap() of an exported DMABUF
 * @dmabuf: the DMABUF
 * @vma: new mapping; the DMABUF's core has checked that the buffer holds it
 *
 * Succeeds while memory is off: faults decide, as for a BAR. VM_SHARED says
 * nothing on a read-only fd, where the VFS clears it.
 *
 * Context: mmap_lock held for write.
 *
 * Return: 0; -EINVAL if @vma is private; -ENODEV if the buffer is revoked or its
 * device was closed.
 */
int vpdm_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = dmabuf->priv;
	const struct vm_operations_struct *vm_ops = &vpdm_vm_ops;
	pgprot_t prot;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (READ_ONCE(buf->state) != VPDM_LIVE)
		return -ENODEV;

	if (READ_ONCE(buf->memattr) == VFIO_DMA_BUF_MEMATTR_WC) {
		prot = pgprot_writecombine(vma->vm_page_prot);
		if (!vpdm_huge_insert_keeps_prot())
			vm_ops = &vpdm_small_vm_ops;
	} else {
		prot = pgprot_noncached(vma->vm_page_prot);
	}
	vma->vm_page_prot = pgprot_decrypted(prot);

	/* As vfio-pci-core sets for a BAR. */
	vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED | VM_IO | VM_PFNMAP |
			  VM_DONTEXPAND | VM_DONTDUMP);
	vpdm_vma_set_buf(vma, buf, vm_ops);

	return 0;
}

static struct vpdm_buf *vpdm_bar_buf_create(struct vpdm_device *vdev,
					    unsigned int bar,
					    struct file *device_file)
{
	struct pci_dev *pdev = vdev->core.pdev;
	struct vpdm_source source = {
		.bar = bar,
		.pgoff = VFIO_PCI_INDEX_TO_OFFSET(bar) >> PAGE_SHIFT,
		.flags = O_RDWR,
		.device_file = device_file,
	};

	vpdm_ranges_count(&source.ranges,
			  PHYS_PFN(pci_resource_start(pdev, bar)),
			  PHYS_PFN(PAGE_ALIGN(pci_resource_len(pdev, bar))));

	return vpdm_buf_create(vdev, &source);
}

/**
 * vpdm_bar_mmap - mmap() of the device fd
 * @core_vdev: device
 * @vma: new mapping, vm_pgoff selects region and offset
 *
 * vfio-pci-core checks the mapping and sets it up; a DMABUF then takes over
 * faults and the file, and keeps the device open in place of the latter. Regions
 * that are not BARs stay vfio-pci-core's.
 *
 * Context: mmap_lock held for write.
 *
 * Return: what vfio-pci-core answers, or -ENOMEM.
 */
int vpdm_bar_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma)
{
	unsigned int index =
		vma->vm_pgoff >> (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT);
	struct vpdm_buf *buf;
	int ret;

	ret = vfio_pci_core_mmap(core_vdev, vma);
	if (ret || index >= VFIO_PCI_ROM_REGION_INDEX)
		return ret;

	buf = vpdm_bar_buf_create(vpdm_from_core(core_vdev), index,
				  vma->vm_file);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	vma_set_file(vma, buf->dmabuf->file);
	dma_buf_put(buf->dmabuf);
	vpdm_vma_set_buf(vma, buf, &vpdm_vm_ops);

	return 0;
}

static bool vpdm_memattr_supported(u32 memattr)
{
	switch (memattr) {
	case VFIO_DMA_BUF_MEMATTR_NC:
		return true;
	case VFIO_DMA_BUF_MEMATTR_WC:
		/* The same on x86 without PAT. */
		return pgprot_val(pgprot_writecombine(PAGE_SHARED)) !=
		       pgprot_val(pgprot_noncached(PAGE_SHARED));
	default:
		return false;
	}
}

/**
 * vpdm_memattr_set - choose the memory attribute of future mappings
 * @vdev: device, open
 * @fd: file descriptor of the buffer in the caller's table
 * @memattr: VFIO_DMA_BUF_MEMATTR_*
 *
 * Return: 0; -EBADF, -EINVAL or -ENODEV as vpdm_buf_get(); -EBADFD if the buffer
 * is revoked; -ENOENT if @memattr is unknown or cannot be had here.
 */
int vpdm_memattr_set(struct vpdm_device *vdev, int fd, u32 memattr)
{
	struct vpdm_buf *buf = vpdm_buf_get(vdev, fd);
	int ret = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	down_write(&buf->bufs->lock);
	if (buf->state != VPDM_LIVE)
		ret = -EBADFD;
	else if (!vpdm_memattr_supported(memattr))
		ret = -ENOENT;
	else
		WRITE_ONCE(buf->memattr, memattr);
	up_write(&buf->bufs->lock);

	dma_buf_put(buf->dmabuf);

	return ret;
}

/**
 * vpdm_memattr_get - the memory attribute of future mappings
 * @vdev: device, open
 * @fd: file descriptor of the buffer in the caller's table
 * @memattr: where to put it
 *
 * Return: 0, or as vpdm_memattr_set().
 */
int vpdm_memattr_get(struct vpdm_device *vdev, int fd, u32 *memattr)
{
	struct vpdm_buf *buf = vpdm_buf_get(vdev, fd);
	int ret = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);

	down_read(&buf->bufs->lock);
	if (buf->state != VPDM_LIVE)
		ret = -EBADFD;
	else
		*memattr = buf->memattr;
	up_read(&buf->bufs->lock);

	dma_buf_put(buf->dmabuf);

	return ret;
}
