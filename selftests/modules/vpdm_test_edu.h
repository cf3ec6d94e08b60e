/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vpdm_test_edu<N>: QEMU's edu device as an importer of DMABUFs
 *
 * edu has a DMA engine with a buffer of 4096 bytes, so it can move real bytes
 * into and out of another device's BAR. Each open file has its own attachments,
 * named by handles; closing the file signals their fences, unmaps and detaches
 * them. Handles can be used from many threads; no call holds a lock that another
 * needs while it waits, but for the reservation lock of the DMABUF itself.
 */
#ifndef VPDM_TEST_EDU_H
#define VPDM_TEST_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VPDM_EDU_PATH_PREFIX	"/dev/vpdm_test_edu"
#define VPDM_EDU_DMA_MAX	4096

/**
 * struct vpdm_edu_info - which device this is
 * @bdf: PCI address, as "0000:00:04.0"
 */
struct vpdm_edu_info {
	char	bdf[32];
};

/* What kind of importer attaches; 0 is dynamic, peer to peer and revocable. */
#define VPDM_EDU_ATTACH_NO_P2P		0x1
#define VPDM_EDU_ATTACH_NO_REVOKE	0x2
#define VPDM_EDU_ATTACH_STATIC		0x4

/**
 * struct vpdm_edu_attach - attach to a DMABUF
 * @fd: in: the DMABUF
 * @flags: in: at most one VPDM_EDU_ATTACH_* flag
 * @handle: out: names the attachment in all other calls
 */
struct vpdm_edu_attach {
	__s32	fd;
	__u32	flags;
	__u32	handle;
};

/* Values of enum dma_data_direction. */
#define VPDM_EDU_BIDIRECTIONAL	0
#define VPDM_EDU_TO_DEVICE	1
#define VPDM_EDU_FROM_DEVICE	2

/**
 * struct vpdm_edu_map - map an attachment
 * @handle: in: the attachment
 * @dir: in: VPDM_EDU_BIDIRECTIONAL and so on
 */
struct vpdm_edu_map {
	__u32	handle;
	__u32	dir;
};

/**
 * struct vpdm_edu_sg - one DMA segment of a mapping
 * @handle: in: the attachment
 * @index: in: which segment, from 0
 * @nents: out: number of segments
 * @reserved: padding
 * @addr: out: DMA address
 * @len: out: length in bytes
 */
struct vpdm_edu_sg {
	__u32	handle;
	__u32	index;
	__u32	nents;
	__u32	reserved;
	__u64	addr;
	__u64	len;
};

/* Write into the DMABUF; without it read from there. */
#define VPDM_EDU_DMA_WRITE	0x1
/*
 * The importer that keeps an address it has lost: @offset is a DMA address, used
 * without a mapping and without a fence; @handle is ignored.
 */
#define VPDM_EDU_DMA_RAW	0x2

/**
 * struct vpdm_edu_dma - let edu's engine move bytes
 * @handle: in: a mapped attachment
 * @flags: in: VPDM_EDU_DMA_*
 * @offset: in: offset in the DMABUF; the bytes must lie in one segment
 * @len: in: 1 to VPDM_EDU_DMA_MAX
 * @data: in: address of the caller's @len bytes
 *
 * Returns when the bytes have moved (edu takes 100 ms for each of two steps).
 * Until then an unsignalled fence is in the DMABUF's reservation object.
 */
struct vpdm_edu_dma {
	__u32	handle;
	__u32	flags;
	__u64	offset;
	__u64	len;
	__u64	data;
};

/**
 * struct vpdm_edu_set - switch something on or off for an attachment
 * @handle: in: the attachment
 * @on: in: 1 or 0
 */
struct vpdm_edu_set {
	__u32	handle;
	__u32	on;
};

/**
 * struct vpdm_edu_stats - what has happened to an attachment
 * @handle: in: the attachment
 * @mapped: it has a mapping now
 * @pending: it was told to give up its mapping and holds on to it
 * @invalidations: how often the exporter called invalidate_mappings()
 * @unmaps: how often that led to an unmap
 * @last_error: positive errno of the last failed map, or 0
 * @dmas: DMAs through the mapping that have begun
 * @met_dma: how many of @invalidations came while one was under way
 */
struct vpdm_edu_stats {
	__u32	handle;
	__u32	mapped;
	__u32	pending;
	__u32	invalidations;
	__u32	unmaps;
	__u32	last_error;
	__u32	dmas;
	__u32	met_dma;
};

/*
 * Errors of all calls with a handle: ENOENT for an unknown one, ENODEV once the
 * edu device is gone, EINTR for a signal.
 */
#define VPDM_EDU_INFO	_IOR('v', 0x20, struct vpdm_edu_info)
/* The errors of dma_buf_get() and dma_buf_dynamic_attach(). */
#define VPDM_EDU_ATTACH	_IOWR('v', 0x21, struct vpdm_edu_attach)
#define VPDM_EDU_DETACH	_IOW('v', 0x22, __u32)
/* EBUSY: it is mapped already; else the errors of dma_buf_map_attachment(). */
#define VPDM_EDU_MAP	_IOW('v', 0x23, struct vpdm_edu_map)
/* ENXIO: it is not mapped. */
#define VPDM_EDU_UNMAP	_IOW('v', 0x24, __u32)
/* ENXIO: it is not mapped. ERANGE: no such segment. */
#define VPDM_EDU_SG	_IOWR('v', 0x25, struct vpdm_edu_sg)
/* ENXIO: not mapped. ERANGE: not in one segment. EBUSY: one is running. */
#define VPDM_EDU_DMA	_IOW('v', 0x26, struct vpdm_edu_dma)
/*
 * On: when told to give up its mapping, keep it until this is switched off. Off,
 * the default: unmap in a work item, within bounded time.
 */
#define VPDM_EDU_HOLD	_IOW('v', 0x27, struct vpdm_edu_set)
/*
 * On: add an unsignalled fence with usage BOOKKEEP to the reservation object
 * (EBUSY: there is one). Off: signal it (ENXIO: there is none).
 */
#define VPDM_EDU_FENCE	_IOW('v', 0x28, struct vpdm_edu_set)
#define VPDM_EDU_STATS	_IOWR('v', 0x29, struct vpdm_edu_stats)

#endif /* VPDM_TEST_EDU_H */
