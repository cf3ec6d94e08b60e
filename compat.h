/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All kernel differences. Kbuild includes this before every file of the driver, so
 * those files look as if written for the newest kernel only. VPDM_HAVE_* come from
 * the probes, which explain them.
 */
#ifndef VPDM_COMPAT_H
#define VPDM_COMPAT_H

/* First, because the headers below would define it differently. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-buf.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_pci_core.h>

/*
 * arm64's set_pte() calls this with CONFIG_DEBUG_VM, and the kernel does not export it.
 * It is about replacing a valid entry by another, which the driver never does.
 */
#if defined(CONFIG_ARM64) && defined(CONFIG_DEBUG_VM)
bool __weak pgattr_change_is_safe(pteval_t old, pteval_t new)
{
	return false;
}
#endif

#ifdef VPDM_HAVE_NAMED_NS
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

/* Linux 7.0 */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#endif

/* Linux 6.7, 6.12, 6.12, 6.18 */
#ifndef PMD_ORDER
#define PMD_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#endif
#ifndef PUD_ORDER
#define PUD_ORDER	(PUD_SHIFT - PAGE_SHIFT)
#endif
#ifndef MIN
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#endif
#ifndef VM_ALLOW_ANY_UNCACHED
#define VM_ALLOW_ANY_UNCACHED	VM_NONE
#endif

#ifndef VPDM_HAVE_MEMDUP_ARRAY
static inline void *memdup_array_user(const void __user *src, size_t n,
				      size_t size)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return ERR_PTR(-EOVERFLOW);

	return memdup_user(src, bytes);
}
#endif

/*
 * On kernels without VMA locks mmap_lock guards VMAs, in faults too. Avoid
 * mmap_assert_write_locked(): with CONFIG_DEBUG_VM it calls an unexported function.
 */
#ifndef VPDM_HAVE_VMA_START_WRITE
static inline void vma_start_write(struct vm_area_struct *vma)
{
	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
}
#endif

#ifndef VPDM_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	vma->vm_flags &= ~flags;
}
#endif

#ifndef VPDM_HAVE_PMDP_GET
#define pmdp_get(pmdp)	READ_ONCE(*(pmdp))
#endif
#ifndef VPDM_HAVE_PMDP_GET_LOCKLESS
#define pmdp_get_lockless	pmd_read_atomic
#endif

#ifndef VPDM_HAVE_PTE_NEXT_PFN
static inline pte_t pte_next_pfn(pte_t pte)
{
	return pte_mkspecial(pfn_pte(pte_pfn(pte) + 1, pte_pgprot(pte)));
}
#endif

#ifndef VPDM_HAVE_UPDATE_RANGE
static inline void update_mmu_cache_range(struct vm_fault *vmf,
					  struct vm_area_struct *vma,
					  unsigned long addr, pte_t *pte,
					  unsigned int nr)
{
	for (; nr; nr--, addr += PAGE_SIZE, pte++)
		update_mmu_cache(vma, addr, pte);
}
#endif

/*
 * Without special PMD entries get_user_pages_fast() assumes that the PFN of a huge
 * entry has a struct page, so the driver makes no huge entries. On kernels with them
 * .huge_fault takes an order. Before Linux 6.6 it took an enum, and the compiler does
 * not tell the difference.
 */
#ifdef VPDM_HAVE_PMD_SPECIAL
#define VPDM_OP_HUGE_FAULT	\
	.huge_fault		= vpdm_huge_fault,
#else
#define VPDM_OP_HUGE_FAULT
#endif

/* Linux 6.4: huge faults, too, can come with only a VMA lock. */
#ifndef VPDM_HAVE_FAULT_VMA_LOCK
#define FAULT_FLAG_VMA_LOCK	0
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
#define vpdm_has_pmd_entries()	(!arch_needs_pgtable_deposit())

static inline void vpdm_set_pmd(struct vm_area_struct *vma, unsigned long addr,
				pmd_t *pmd, unsigned long pfn)
{
	set_pmd_at(vma->vm_mm, addr, pmd,
		   pmd_mkspecial(pmd_mkhuge(pfn_pmd(pfn, vma->vm_page_prot))));
	update_mmu_cache_pmd(vma, addr, pmd);
}
#else
#define vpdm_has_pmd_entries()	false

static inline void vpdm_set_pmd(struct vm_area_struct *vma, unsigned long addr,
				pmd_t *pmd, unsigned long pfn)
{
}
#endif

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
#define vpdm_has_pud_entries()	true

static inline void vpdm_set_pud(struct vm_area_struct *vma, unsigned long addr,
				pud_t *pud, unsigned long pfn)
{
	set_pud_at(vma->vm_mm, addr, pud,
		   pud_mkspecial(pud_mkhuge(pfn_pud(pfn, vma->vm_page_prot))));
	update_mmu_cache_pud(vma, addr, pud);
}
#else
#define vpdm_has_pud_entries()	false

static inline void vpdm_set_pud(struct vm_area_struct *vma, unsigned long addr,
				pud_t *pud, unsigned long pfn)
{
}
#endif

/*
 * Whether an export or a BAR mapping can have entries of @order. Before 6.12.84 the
 * kernel can crash if one thread splits a PUD entry while another walks the page
 * tables, so subordinates get none on kernels without DMABUFs of vfio-pci-core, which
 * include those.
 */
static inline bool vpdm_has_entries(unsigned int order, bool is_bar)
{
	if (!order)
		return true;
	if (order == PMD_ORDER)
		return vpdm_has_pmd_entries();
#ifdef VPDM_HAVE_CORE_DMABUF
	is_bar = true;
#endif
	return order == PUD_ORDER && vpdm_has_pud_entries() && is_bar;
}

/* The second argument is that of __string(). */
#ifdef VPDM_HAVE_ASSIGN_STR
#define vpdm_assign_str(dst, src)	__assign_str(dst)
#else
#define vpdm_assign_str(dst, src)	__assign_str(dst, src)
#endif

#ifndef VPDM_HAVE_INVALIDATE_MAPPINGS
#define invalidate_mappings		move_notify
#define dma_buf_invalidate_mappings	dma_buf_move_notify
#endif

/* A dynamic importer lets go when told. */
#ifndef VPDM_HAVE_ATTACH_REVOCABLE
static inline bool dma_buf_attach_revocable(struct dma_buf_attachment *attachment)
{
	return attachment->importer_ops &&
	       attachment->importer_ops->invalidate_mappings;
}
#endif

/*
 * The address_space in which vfio-pci-core zaps BAR mappings. NULL if it tells nobody
 * that memory goes away: then the gate also handles BAR mappings.
 */
static inline struct address_space *
vpdm_core_mapping(struct vfio_pci_core_device *core)
{
#ifdef VPDM_HAVE_CORE_DMABUF
	return core->vdev.inode->i_mapping;
#else
	return NULL;
#endif
}

/* The whole range, as vfio-pci-core does: it contains all BAR mappings of a device. */
static inline void vpdm_zap_core_mapping(struct vfio_pci_core_device *core)
{
	struct address_space *mapping = vpdm_core_mapping(core);
	loff_t end = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX);

	if (mapping)
		unmap_mapping_range(mapping, 0, end, true);
}

#ifndef VPDM_HAVE_ZAP_SPECIAL
#define zap_special_vma_range	zap_vma_ptes
#endif

#ifndef VPDM_HAVE_MEMORY_ENABLED
static inline bool __vfio_pci_memory_enabled(struct vfio_pci_core_device *core)
{
	u16 command = le16_to_cpup((__le16 *)(core->vconfig + PCI_COMMAND));

	return core->pdev->current_state < PCI_D3hot &&
	       (core->pdev->no_command_memory || command & PCI_COMMAND_MEMORY);
}
#endif

#ifdef VPDM_HAVE_GET_IOMAP
static inline void vpdm_claim_bars(struct vfio_pci_core_device *core)
{
}
#else
#ifndef VPDM_HAVE_SETUP_BARMAP
static inline int vfio_pci_core_setup_barmap(struct vfio_pci_core_device *core,
					     int bar)
{
	struct pci_dev *pdev = core->pdev;
	int ret;

	ret = pci_request_selected_regions(pdev, BIT(bar), "vfio");
	if (ret)
		return ret;

	core->barmap[bar] = pci_iomap(pdev, bar, 0);
	if (core->barmap[bar])
		return 0;

	pci_release_selected_regions(pdev, BIT(bar));

	return -ENOMEM;
}
#endif

/*
 * As newer kernels do in vfio_pci_core_enable(). If the first use of a BAR claimed
 * it, two threads could do so at the same time, and one would get -EBUSY.
 */
static inline void vpdm_claim_bars(struct vfio_pci_core_device *core)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pci_resource_len(core->pdev, bar))
			vfio_pci_core_setup_barmap(core, bar);
}

static inline void __iomem *
vfio_pci_core_get_iomap(struct vfio_pci_core_device *core, unsigned int bar)
{
	return core->barmap[bar] ? : IOMEM_ERR_PTR(-ENODEV);
}
#endif

/* Operations of vfio-pci that not every kernel has. */
#ifdef VPDM_HAVE_DETACH_IOAS
#define VPDM_OP_DETACH_IOAS	\
	.detach_ioas		= vfio_iommufd_physical_detach_ioas,
#else
#define VPDM_OP_DETACH_IOAS
#endif
#ifdef VPDM_HAVE_IOMMUFD
#define VPDM_OPS_IOMMUFD	\
	.bind_iommufd		= vfio_iommufd_physical_bind, \
	.unbind_iommufd		= vfio_iommufd_physical_unbind, \
	.attach_ioas		= vfio_iommufd_physical_attach_ioas, \
	VPDM_OP_DETACH_IOAS
#else
#define VPDM_OPS_IOMMUFD
#endif
#ifdef VPDM_HAVE_REGION_INFO_CAPS
#define VPDM_OP_REGION_INFO	\
	.get_region_info_caps	= vfio_pci_ioctl_get_region_info,
#else
#define VPDM_OP_REGION_INFO
#endif
#ifdef VPDM_HAVE_MATCH_TOKEN
#define VPDM_OP_MATCH_TOKEN	\
	.match_token_uuid	= vfio_pci_core_match_token_uuid,
#else
#define VPDM_OP_MATCH_TOKEN
#endif
#ifdef VPDM_HAVE_PASID
#define VPDM_OPS_PASID	\
	.pasid_attach_ioas	= vfio_iommufd_physical_pasid_attach_ioas, \
	.pasid_detach_ioas	= vfio_iommufd_physical_pasid_detach_ioas,
#else
#define VPDM_OPS_PASID
#endif

/*
 * Built as vfio-pci, the driver has vfio-pci's alias and an alias for its other name,
 * and sets the parameters that vfio-pci-core keeps. It does not bind devices whose
 * users need features that only the kernel's own vfio-pci has.
 */
#ifdef VPDM_DROPIN
#define vpdm_is_dropin()		true
#define VPDM_DEVICE_TABLE(table)	MODULE_DEVICE_TABLE(pci, table)
#define VPDM_OTHER_NAME(name)		MODULE_ALIAS(name)
#define VPDM_IGD_NOTICE	\
	"not bound: Intel graphics need the OpRegion and the host bridge's regions, which only the kernel's own vfio-pci has; to pass the device on, remove this one from /lib/modules\n"
#else
#define vpdm_is_dropin()		false
#define VPDM_DEVICE_TABLE(table)
#define VPDM_OTHER_NAME(name)
#define VPDM_IGD_NOTICE	\
	"no OpRegion and no host bridge regions: only vfio-pci has them\n"
#endif

static inline void vpdm_set_params(struct vfio_pci_core_device *core,
				   bool nointxmask, bool disable_idle_d3,
				   bool disable_vga)
{
#ifdef VPDM_HAVE_DEVICE_PARAMS
	core->nointxmask = nointxmask;
	core->disable_idle_d3 = disable_idle_d3;
	core->disable_vga = disable_vga;
#else
	if (!vpdm_is_dropin() &&
	    (nointxmask || disable_idle_d3 || disable_vga))
		pr_warn_once("this kernel takes nointxmask, disable_idle_d3 and disable_vga from vfio-pci alone\n");
#endif
}

/* Once for all devices, as vfio-pci does. */
static inline void vpdm_set_core_params(bool nointxmask, bool disable_vga,
					bool disable_idle_d3)
{
#if defined(VPDM_DROPIN) && !defined(VPDM_HAVE_DEVICE_PARAMS)
	vfio_pci_core_set_params(nointxmask, disable_vga, disable_idle_d3);
#endif
}

#endif /* VPDM_COMPAT_H */
