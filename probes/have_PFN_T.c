// SPDX-License-Identifier: GPL-2.0-only
/* PFNs of huge entries had a type of their own before Linux 6.17. */
#include <linux/mm.h>
#include <linux/pfn_t.h>

static vm_fault_t probe(struct vm_fault *vmf, pfn_t pfn)
{
	return vmf_insert_pfn_pmd(vmf, pfn, false);
}
