/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel differences, all of them. Included before every file of the driver, so
 * that those look as if written for one kernel, the newest.
 */
#ifndef VPDM_COMPAT_H
#define VPDM_COMPAT_H

/* First of all, as the headers below define it otherwise. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/pgtable.h>

/*
 * Where the architecture tracks cache modes by PFN, vmf_insert_pfn*() puts the
 * recorded one in place of that of vm_page_prot.
 */
#ifdef __HAVE_PFNMAP_TRACKING
#define vpdm_huge_insert_keeps_prot()	false
#else
#define vpdm_huge_insert_keeps_prot()	true
#endif

#endif /* VPDM_COMPAT_H */
