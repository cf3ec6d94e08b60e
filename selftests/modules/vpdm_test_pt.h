/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vpdm_test_pt: what the page tables of the caller really hold
 *
 * Tests must not believe the driver under test about the size, the cache mode or
 * the presence of a mapping, so they ask this module. It sees VM_PFNMAP and
 * VM_IO mappings, which BAR mappings are.
 *
 * mmap() of the device maps any PFN (offset: PFN times the page size) with
 * vmf_insert_pfn() and a write-combining vm_page_prot, one page per fault. It
 * must be shared.
 *
 * Once the file has been given a DMABUF, mmap() of it maps that one, by
 * dma_buf_mmap(), as a driver does that imports it and lets its own users map it.
 */
#ifndef VPDM_TEST_PT_H
#define VPDM_TEST_PT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VPDM_PT_PATH	"/dev/vpdm_test_pt"

enum vpdm_pt_level {
	VPDM_PT_PTE,
	VPDM_PT_PMD,
	VPDM_PT_PUD,
	VPDM_PT_NR_LEVELS,
};

/* NORMAL_NC and DEVICE are arm64's, the others x86's; WB is of both. */
enum vpdm_pt_cache {
	VPDM_PT_WB,
	VPDM_PT_WC,
	VPDM_PT_UC_MINUS,
	VPDM_PT_UC,
	VPDM_PT_WT,
	VPDM_PT_NORMAL_NC,
	VPDM_PT_DEVICE,
	VPDM_PT_CACHE_UNKNOWN,
	VPDM_PT_NR_CACHES,
};

/**
 * struct vpdm_pt_lookup - one address
 * @addr: in: an address of the caller
 * @entry: the leaf entry, as the hardware reads it
 * @pfn: the PFN of the page at @addr, also inside a huge entry
 * @present: 1, or 0 and all that follows is 0
 * @level: enum vpdm_pt_level of the leaf entry
 * @writable: the entry allows writing
 * @special: the entry is marked special
 * @cache: enum vpdm_pt_cache. On x86 the entry's index into the PAT register of
 *	the CPU, on arm64 into MAIR
 * @reserved: padding
 */
struct vpdm_pt_lookup {
	__u64	addr;
	__u64	entry;
	__u64	pfn;
	__u32	present;
	__u32	level;
	__u32	writable;
	__u32	special;
	__u32	cache;
	__u32	reserved;
};

/**
 * struct vpdm_pt_count - present leaf entries of a range
 * @addr: in: start, page aligned
 * @len: in: bytes, page aligned; addresses without a mapping count as nothing
 * @leaves: entries by enum vpdm_pt_level
 * @caches: the same entries by enum vpdm_pt_cache
 */
struct vpdm_pt_count {
	__u64	addr;
	__u64	len;
	__u64	leaves[VPDM_PT_NR_LEVELS];
	__u64	caches[VPDM_PT_NR_CACHES];
};

/* ENOENT: no VM_PFNMAP or VM_IO mapping there. */
#define VPDM_PT_LOOKUP	_IOWR('v', 0x00, struct vpdm_pt_lookup)
/* EINVAL: the range is empty, unaligned or wraps. */
#define VPDM_PT_COUNT	_IOWR('v', 0x01, struct vpdm_pt_count)
/* The fd of a DMABUF, kept until close. EBUSY: it has one; else as dma_buf_get(). */
#define VPDM_PT_DMABUF	_IOW('v', 0x02, __s32)

#endif /* VPDM_TEST_PT_H */
