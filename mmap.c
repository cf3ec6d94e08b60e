// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of DMABUFs and of BARs, and the life of their VMAs.
 */
#include <linux/file.h>
#include <linux/pgtable.h>

#include "vfio_pci_dmabuf_mmap.h"
#include "trace.h"

static bool vpdm_is_pud_leaf(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(*pgd))
		return false;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return false;
	pud = pud_offset(p4d, addr);

	return !pud_none(*pud) && pud_leaf(*pud);
}

/*
 * The kernel cannot split a PUD entry of a PFN mapping: munmap() of a page in it
 * takes the entry for a page table (mm_find_pmd()).
 */
static void vpdm_vma_before_split(struct vm_area_struct *vma)
{
	unsigned long addr = ALIGN(vma->vm_start, PUD_SIZE);

	vma_start_write(vma);
	for (; addr < vma->vm_end && vma->vm_end - addr >= PUD_SIZE;
	     addr += PUD_SIZE)
		if (vpdm_is_pud_leaf(vma->vm_mm, addr))
			zap_special_vma_range(vma, addr, PUD_SIZE);
}

static void vpdm_vma_zap(struct vm_area_struct *vma)
{
	zap_special_vma_range(vma, vma->vm_start, vma->vm_end - vma->vm_start);
}

/*
 * mremap() moves huge entries unsafely (move_huge_pmd()), see "Entries before the
 * kernel copies, moves or cuts them" in Documentation/design.rst. It does not say
 * which VMA it is about to move, so zap all VMAs of the buffer.
 */
static void vpdm_vma_before_move(const struct vm_area_struct *copy)
{
	VMA_ITERATOR(vmi, copy->vm_mm, 0);
	struct vm_area_struct *vma;

	for_each_vma(vmi, vma) {
		if (vma->vm_ops != copy->vm_ops ||
		    vma->vm_private_data != copy->vm_private_data)
			continue;
		vma_start_write(vma);
		vpdm_vma_zap(vma);
	}
}

/*
 * fork() copies huge entries unsafely (copy_huge_pmd()), see the same section. It has
 * already locked the original.
 */
static void vpdm_vma_before_fork(struct vm_area_struct *orig)
{
	vpdm_vma_zap(orig);
}

/*
 * The kernel calls this before it copies, moves or cuts page tables, with mmap_lock
 * held for write. Remove the entries that it would mishandle, and lock their VMA, or
 * a fault would put them back.
 */
static void vpdm_vma_before_copy(struct vm_area_struct *copy)
{
	struct vm_area_struct *orig = vma_lookup(current->mm, copy->vm_start);

	if (!orig)
		vpdm_vma_before_move(copy);
	else if (copy->vm_mm == current->mm)
		vpdm_vma_before_split(orig);
	else
		vpdm_vma_before_fork(orig);
}

static void vpdm_vma_open(struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = vma->vm_private_data;

	if (buf->ranges.pages >= PMD_SIZE >> PAGE_SHIFT)
		vpdm_vma_before_copy(vma);
	atomic_inc(&buf->vmas);
}

/* Whether this was the last VMA. Then no later mapping shares the buffer. */
static bool vpdm_bar_drop_vma(struct vpdm_buf *buf)
{
	struct vpdm_buf **shared = &buf->bufs->bar[buf->bar];
	bool is_last;

	down_write(&buf->bufs->lock);
	is_last = atomic_dec_and_test(&buf->vmas);
	if (is_last && *shared == buf)
		*shared = NULL;
	up_write(&buf->bufs->lock);

	return is_last;
}

static void vpdm_vma_close(struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = vma->vm_private_data;

	if (!vpdm_buf_is_bar(buf)) {
		atomic_dec(&buf->vmas);
	} else if (vpdm_bar_drop_vma(buf)) {
		/* The device's address_space may disappear with the device. */
		vma->vm_file->f_mapping = buf->inode->i_mapping;
		fput(buf->device_file);
	}
}

static const struct vm_operations_struct vpdm_vm_ops = {
	.open = vpdm_vma_open,
	.close = vpdm_vma_close,
	.fault = vpdm_fault,
	VPDM_OP_HUGE_FAULT
};

static void vpdm_vma_set_buf(struct vm_area_struct *vma, struct vpdm_buf *buf)
{
	vma->vm_private_data = buf;
	vma->vm_ops = &vpdm_vm_ops;
	trace_vpdm_mmap(buf, vma);
}

/**
 * vpdm_mmap - mmap() of an exported DMABUF
 * @dmabuf: the DMABUF
 * @vma: new mapping; the dma-buf core has checked that it lies within the buffer
 *
 * Succeeds while memory is off: faults decide, as for a BAR. Does not test VM_SHARED,
 * which the VFS clears for a read-only fd. Tests VM_WRITE, because an importer can
 * call this for a writable file of its own (dma_buf_mmap()).
 *
 * Context: mmap_lock held for write. Does not take memory_lock, so that mmap() does
 * not wait for a reset.
 *
 * Return: 0; -EINVAL if @vma is private, or if remap_file_pages() makes a BAR mapping
 * anew; -EACCES if @vma is writable and the DMABUF is not; -ENODEV if the buffer is
 * revoked or its device was closed.
 */
int vpdm_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct vpdm_buf *buf = dmabuf->priv;

	/* The file that kept the device open for a BAR mapping may be gone by now. */
	if (!(vma->vm_flags & VM_MAYSHARE) || vpdm_buf_is_bar(buf))
		return -EINVAL;
	if (buf->read_only && vma->vm_flags & VM_WRITE)
		return -EACCES;
	if (READ_ONCE(buf->state) != VPDM_LIVE)
		return -ENODEV;

	vma->vm_page_prot = vpdm_memattr_prot(READ_ONCE(buf->memattr),
					      vma->vm_page_prot);
	/* As vfio-pci-core sets for a BAR. */
	vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED | VM_IO | VM_PFNMAP |
			  VM_DONTEXPAND | VM_DONTDUMP);
	if (buf->read_only)
		vm_flags_clear(vma, VM_MAYWRITE);
	atomic_inc(&buf->vmas);
	vpdm_vma_set_buf(vma, buf);

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

/*
 * Get the buffer of an existing mapping, and count another VMA. Do not share a mapping
 * of another open of the device: it keeps that one open, not this one.
 */
static struct vpdm_buf *vpdm_bar_buf_share(struct vpdm_buf_list *bufs,
					   unsigned int bar,
					   const struct file *device_file)
{
	struct vpdm_buf *buf;

	down_read(&bufs->lock);
	buf = bufs->bar[bar];
	if (buf && buf->device_file == device_file) {
		atomic_inc(&buf->vmas);
		get_dma_buf(buf->dmabuf);
	} else {
		buf = NULL;
	}
	up_read(&bufs->lock);

	return buf;
}

static struct vpdm_buf *vpdm_bar_buf_get(struct vpdm_device *vdev,
					 unsigned int bar,
					 struct file *device_file)
{
	struct vpdm_buf_list *bufs = vdev->bufs;
	struct vpdm_buf *buf;

	buf = vpdm_bar_buf_share(bufs, bar, device_file);
	if (buf)
		return buf;

	buf = vpdm_bar_buf_create(vdev, bar, device_file);
	if (IS_ERR(buf))
		return buf;

	down_write(&bufs->lock);
	atomic_inc(&buf->vmas);
	if (!bufs->bar[bar])
		bufs->bar[bar] = buf;
	up_write(&bufs->lock);

	return buf;
}

/**
 * vpdm_bar_mmap - mmap() of the device fd
 * @core_vdev: device
 * @vma: new mapping, vm_pgoff selects region and offset
 *
 * vfio-pci-core checks the mapping and sets it up. Then a DMABUF takes over: it handles
 * faults, replaces the file, and keeps the device open. All mappings of a BAR made
 * through one open of the device share one DMABUF of the whole BAR. vfio-pci-core keeps
 * regions that are not BARs.
 *
 * Context: mmap_lock held for write.
 *
 * Return: what vfio-pci-core answers, or -ENOMEM or -ENFILE.
 */
int vpdm_bar_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma)
{
	pgoff_t pgoff = vma->vm_pgoff;
	unsigned int index = pgoff >> (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT);
	struct vpdm_buf *buf;
	int ret;

	ret = vfio_pci_core_mmap(core_vdev, vma);
	if (ret || index >= VFIO_PCI_ROM_REGION_INDEX)
		return ret;

	/* Before Linux 6.10 vfio-pci-core makes it the PFN. */
	vma->vm_pgoff = pgoff;

	buf = vpdm_bar_buf_get(vpdm_from_core(core_vdev), index, vma->vm_file);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	vma_set_file(vma, buf->dmabuf->file);
	dma_buf_put(buf->dmabuf);
	vpdm_vma_set_buf(vma, buf);

	return 0;
}
