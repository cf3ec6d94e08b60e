/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel differences, all of them. Included before every file of the driver, so
 * that those look as if written for one kernel, the newest. VPDM_HAVE_* come
 * from the probes, which tell what each is about.
 */
#ifndef VPDM_COMPAT_H
#define VPDM_COMPAT_H

/* First of all, as the headers below define it otherwise. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

/*
 * Where the architecture tracks cache modes by PFN, vmf_insert_pfn*() puts the
 * recorded one in place of that of vm_page_prot.
 */
#ifdef __HAVE_PFNMAP_TRACKING
#define vpdm_huge_insert_keeps_prot()	false
#else
#define vpdm_huge_insert_keeps_prot()	true
#endif

#ifdef VPDM_HAVE_NAMED_NS
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

/* Linux 7.0 */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#endif

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

#ifndef VPDM_HAVE_VMF_INSERT_PFN
#ifdef VPDM_HAVE_PFN_T
#include <linux/pfn_t.h>
#define vpdm_pfn(pfn)	__pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define vpdm_pfn(pfn)	(pfn)
#endif

/* The caller has checked that memory is enabled, and inserts no order 0. */
static inline vm_fault_t
vfio_pci_vmf_insert_pfn(struct vfio_pci_core_device *core, struct vm_fault *vmf,
			unsigned long pfn, unsigned int order)
{
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, vpdm_pfn(pfn), false);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, vpdm_pfn(pfn), false);
#endif
	return VM_FAULT_FALLBACK;
}
#endif

#ifdef VPDM_HAVE_GET_IOMAP
static inline void vpdm_claim_bars(struct vfio_pci_core_device *core)
{
}
#else
/*
 * As newer kernels do in vfio_pci_core_enable(). Left to the first use of each,
 * two threads can meet in it, and one of them gets -EBUSY.
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

/* Operations that vfio-pci has and not every kernel. */
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

static inline void vpdm_set_params(struct vfio_pci_core_device *core,
				   bool nointxmask, bool disable_idle_d3,
				   bool disable_vga)
{
#ifdef VPDM_HAVE_DEVICE_PARAMS
	core->nointxmask = nointxmask;
	core->disable_idle_d3 = disable_idle_d3;
	core->disable_vga = disable_vga;
#else
	if (nointxmask || disable_idle_d3 || disable_vga)
		pr_warn_once("this kernel takes nointxmask, disable_idle_d3 and disable_vga from vfio-pci alone\n");
#endif
}

#endif /* VPDM_COMPAT_H */
