/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An edu device as an importer: vpdm_test_edu.ko's calls as functions. Each
 * returns 0 (a descriptor, a handle) or -errno. Handles are from 1 up.
 */
#ifndef _SELFTESTS_EDU_H
#define _SELFTESTS_EDU_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "../modules/vpdm_test_edu.h"

/* Binds the device to the test driver where it is not, and opens it. */
int vt_edu_open(const char *bdf);

/*
 * Unbinds the device and says how its DMA addresses are translated: "DMA" or
 * "identity", which is not at all.
 */
int vt_edu_domain(const char *bdf, const char *type);

int vt_edu_attach(int edu, int dmabuf, __u32 flags);
int vt_edu_detach(int edu, __u32 handle);
int vt_edu_map(int edu, __u32 handle, __u32 dir);
int vt_edu_unmap(int edu, __u32 handle);
/* vt_edu_attach() and vt_edu_map() in both directions. */
int vt_edu_import(int edu, int dmabuf);

/*
 * Whether the kernel lets the edu device reach the other one's memory. Asks with
 * a DMABUF of stock vfio-pci, which has the device afterwards; nobody may have
 * either of them open.
 */
bool vt_edu_reaches(const char *edu, const char *memory);
#define VT_NO_P2P \
	"this kernel knows of no peer-to-peer DMA between devices of the root bus"

/*
 * The variants of a fixture that has memory and an importer of it: both on the root
 * bus, and both behind a switch.
 */
#define VT_EDU_PAIRS(fixture)						\
	FIXTURE_VARIANT(fixture)					\
	{								\
		const char *memory;					\
		const char *edu;					\
	};								\
	FIXTURE_VARIANT_ADD(fixture, root_bus)				\
	{								\
		.memory = "A",						\
		.edu = "EDU",						\
	};								\
	FIXTURE_VARIANT_ADD(fixture, behind_a_switch)			\
	{								\
		.memory = "SW_MEM",					\
		.edu = "SW_EDU",					\
	}

int vt_edu_sg(int edu, __u32 handle, __u32 index, struct vpdm_edu_sg *sg);
/* @offset: in the DMABUF, or with VPDM_EDU_DMA_RAW a DMA address. */
int vt_edu_dma(int edu, __u32 handle, __u32 flags, __u64 offset, void *data,
	       size_t len);
int vt_edu_hold(int edu, __u32 handle, bool on);
int vt_edu_fence(int edu, __u32 handle, bool on);
int vt_edu_stats(int edu, __u32 handle, struct vpdm_edu_stats *stats);

#endif
