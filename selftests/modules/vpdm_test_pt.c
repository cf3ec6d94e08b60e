// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test-only: tell a test what its page tables hold (see vpdm_test_pt.h)
 */
#include <linux/bitfield.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "vpdm_test_pt.h"

#if defined(CONFIG_X86_64)

#include <asm/msr.h>

/* The PAT register decides, not the kernel's idea of what it wrote there. */
static enum vpdm_pt_cache vpdm_pt_cache(pgprot_t prot, enum vpdm_pt_level level)
{
	static const u8 types[8] = {
		VPDM_PT_UC, VPDM_PT_WC, VPDM_PT_CACHE_UNKNOWN,
		VPDM_PT_CACHE_UNKNOWN, VPDM_PT_WT, VPDM_PT_CACHE_UNKNOWN,
		VPDM_PT_WB, VPDM_PT_UC_MINUS,
	};
	u64 pat_bit = level == VPDM_PT_PTE ? _PAGE_PAT : _PAGE_PAT_LARGE;
	u64 val = pgprot_val(prot);
	unsigned int index = 0;
	u32 pat[2];

	rdmsr(MSR_IA32_CR_PAT, pat[0], pat[1]);
	if (val & _PAGE_PWT)
		index |= 1;
	if (val & _PAGE_PCD)
		index |= 2;
	/* Bit 2 of the index selects the register's upper half. */
	return types[(pat[!!(val & pat_bit)] >> (index * 8)) & 7];
}

#elif defined(CONFIG_ARM64)

#include <asm/sysreg.h>

/* The MAIR register decides, as the PAT does on x86. */
static enum vpdm_pt_cache vpdm_pt_cache(pgprot_t prot, enum vpdm_pt_level level)
{
	unsigned int index = FIELD_GET(PTE_ATTRINDX_MASK, pgprot_val(prot));

	switch (read_sysreg(mair_el1) >> (index * 8) & 0xff) {
	case MAIR_ATTR_NORMAL:
	case MAIR_ATTR_NORMAL_TAGGED:
		return VPDM_PT_WB;
	case MAIR_ATTR_NORMAL_NC:
		return VPDM_PT_NORMAL_NC;
	case MAIR_ATTR_DEVICE_nGnRnE:
	case MAIR_ATTR_DEVICE_nGnRE:
		return VPDM_PT_DEVICE;
	default:
		return VPDM_PT_CACHE_UNKNOWN;
	}
}

#else
#error "vpdm_test_pt decodes the page tables of x86-64 and arm64 only"
#endif

static const unsigned long vpdm_pt_sizes[VPDM_PT_NR_LEVELS] = {
	PAGE_SIZE, PMD_SIZE, PUD_SIZE,
};

/*
 * Find the level at which the walk for @addr ends, and whether that entry is none.
 * Without the lock of that entry the answer can be stale on return.
 */
static bool vpdm_pt_descend(struct mm_struct *mm, unsigned long addr,
			    unsigned long *size)
{
	pgd_t *pgdp = pgd_offset(mm, addr);
	p4d_t *p4dp;
	pud_t *pudp, pud;
	pmd_t pmd;

	*size = PUD_SIZE;
	if (pgd_none(*pgdp))
		return false;
	p4dp = p4d_offset(pgdp, addr);
	if (p4d_none(READ_ONCE(*p4dp)))
		return false;
	pudp = pud_offset(p4dp, addr);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud))
		return false;
	if (pud_leaf(pud))
		return true;

	*size = PMD_SIZE;
	pmd = READ_ONCE(*pmd_offset(pudp, addr));
	if (pmd_none(pmd))
		return false;
	if (!pmd_leaf(pmd))
		*size = PAGE_SIZE;
	return true;
}

static void vpdm_pt_fill(struct vpdm_pt_lookup *lookup,
			 struct follow_pfnmap_args *args)
{
	unsigned long size;
	u64 base;

	vpdm_pt_descend(args->vma->vm_mm, args->address, &size);
	lookup->level = size == PUD_SIZE ? VPDM_PT_PUD :
			size == PMD_SIZE ? VPDM_PT_PMD : VPDM_PT_PTE;
	base = args->pfn & ~((u64)(size >> PAGE_SHIFT) - 1);
	lookup->present = 1;
	lookup->pfn = args->pfn;
	lookup->entry = base << PAGE_SHIFT | pgprot_val(args->pgprot);
	lookup->writable = args->writable;
	lookup->special = args->special;
	lookup->cache = vpdm_pt_cache(args->pgprot, lookup->level);
}

/* Called with mmap_lock held, @addr inside @vma. */
static void vpdm_pt_read(struct vm_area_struct *vma, unsigned long addr,
			 struct vpdm_pt_lookup *lookup)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };

	memset(lookup, 0, sizeof(*lookup));
	lookup->addr = addr;
	if (follow_pfnmap_start(&args))
		return;
	vpdm_pt_fill(lookup, &args);
	follow_pfnmap_end(&args);
}

static int vpdm_pt_lookup(struct vpdm_pt_lookup *lookup)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -ENOENT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, lookup->addr);
	if (vma && vma->vm_start <= lookup->addr &&
	    vma->vm_flags & (VM_IO | VM_PFNMAP)) {
		vpdm_pt_read(vma, lookup->addr, lookup);
		ret = 0;
	}
	mmap_read_unlock(mm);
	return ret;
}

static int vpdm_pt_count_vma(struct vm_area_struct *vma, unsigned long addr,
			     unsigned long end, struct vpdm_pt_count *count)
{
	struct vpdm_pt_lookup lookup;
	unsigned long size;

	for (; addr < end; addr = ALIGN_DOWN(addr, size) + size) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (!vpdm_pt_descend(vma->vm_mm, addr, &size))
			continue;
		vpdm_pt_read(vma, addr, &lookup);
		if (lookup.present) {
			count->leaves[lookup.level]++;
			count->caches[lookup.cache]++;
			size = vpdm_pt_sizes[lookup.level];
		} else {
			/* A block can have become a table, so go page by page. */
			size = PAGE_SIZE;
		}
	}
	return 0;
}

static int vpdm_pt_count(struct vpdm_pt_count *count)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr = count->addr, end;
	struct vm_area_struct *vma;
	int ret = 0;

	if (!count->len || !PAGE_ALIGNED(addr | count->len) ||
	    check_add_overflow(addr, count->len, &end))
		return -EINVAL;
	memset(count->leaves, 0, sizeof(count->leaves));
	memset(count->caches, 0, sizeof(count->caches));

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	while (!ret && addr < end) {
		vma = find_vma_intersection(mm, addr, end);
		if (!vma)
			break;
		if (vma->vm_flags & (VM_IO | VM_PFNMAP))
			ret = vpdm_pt_count_vma(vma, max(addr, vma->vm_start),
						min(end, vma->vm_end), count);
		addr = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return ret;
}

static int vpdm_pt_dmabuf(struct file *file, int __user *fd_arg)
{
	struct dma_buf *dmabuf;
	int fd;

	if (get_user(fd, fd_arg))
		return -EFAULT;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (cmpxchg(&file->private_data, NULL, dmabuf)) {
		dma_buf_put(dmabuf);
		return -EBUSY;
	}
	return 0;
}

static long vpdm_pt_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	union {
		struct vpdm_pt_lookup lookup;
		struct vpdm_pt_count count;
	} u;
	int ret;

	switch (cmd) {
	case VPDM_PT_LOOKUP:
	case VPDM_PT_COUNT:
		break;
	case VPDM_PT_DMABUF:
		return vpdm_pt_dmabuf(file, uarg);
	default:
		return -ENOTTY;
	}
	if (copy_from_user(&u, uarg, _IOC_SIZE(cmd)))
		return -EFAULT;
	if (cmd == VPDM_PT_LOOKUP)
		ret = vpdm_pt_lookup(&u.lookup);
	else
		ret = vpdm_pt_count(&u.count);
	if (ret)
		return ret;
	return copy_to_user(uarg, &u, _IOC_SIZE(cmd)) ? -EFAULT : 0;
}

static vm_fault_t vpdm_pt_fault(struct vm_fault *vmf)
{
	return vmf_insert_pfn(vmf->vma, vmf->address, vmf->pgoff);
}

static const struct vm_operations_struct vpdm_pt_vm_ops = {
	.fault = vpdm_pt_fault,
};

/* misc_open() has left the miscdevice there. */
static int vpdm_pt_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return 0;
}

static int vpdm_pt_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		dma_buf_put(file->private_data);
	return 0;
}

static int vpdm_pt_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = READ_ONCE(file->private_data);

	if (dmabuf)
		return dma_buf_mmap(dmabuf, vma, vma->vm_pgoff);
	/* vmf_insert_pfn() does not take copy-on-write mappings. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &vpdm_pt_vm_ops;
	return 0;
}

static const struct file_operations vpdm_pt_fops = {
	.owner = THIS_MODULE,
	.open = vpdm_pt_open,
	.release = vpdm_pt_release,
	.unlocked_ioctl = vpdm_pt_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vpdm_pt_mmap,
};

static struct miscdevice vpdm_pt_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vpdm_test_pt",
	.fops = &vpdm_pt_fops,
};
module_misc_device(vpdm_pt_misc);

MODULE_DESCRIPTION("Test-only: read the caller's page tables");
MODULE_LICENSE("GPL");
VPDM_IMPORT_DMA_BUF;
