/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO PCI DMABUFs that can be mapped and revoked: userspace interface
 *
 * The kernel's own VFIO_DEVICE_FEATURE_DMA_BUF exports a DMABUF. This header adds the
 * other features of vfio-pci-dmabuf-mmap. Every feature answers
 * VFIO_DEVICE_FEATURE_PROBE; a device bound to another driver answers ENOTTY.
 */
#ifndef _UAPI_LINUX_VFIO_PCI_DMABUF_MMAP_H
#define _UAPI_LINUX_VFIO_PCI_DMABUF_MMAP_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/vfio.h>

/*
 * The kernel numbers its features from 0 up and has taken numbers that unmerged
 * series used (7.3: 13), so these sit in a block of their own, high in the 16
 * bits that VFIO_DEVICE_FEATURE_MASK leaves. They stay valid on kernels that
 * gain such features under numbers of their own.
 */
#define VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE	0xfd00
#define VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR	0xfd01
#define VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN	0xfd02
#define VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP	0xfd03

/* <linux/vfio.h> has this since 6.19; the driver exports on older kernels too. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

/**
 * struct vfio_region_dma_range - a slice of a region
 * @offset: start, in bytes from the start of the region, a multiple of the
 *	page size
 * @length: size in bytes, a multiple of the page size, not 0
 */
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct vfio_device_feature_dma_buf - export slices of a BAR as a DMABUF
 * @region_index: the BAR, VFIO_PCI_BAR0_REGION_INDEX to
 *	VFIO_PCI_BAR5_REGION_INDEX
 * @open_flags: access mode (O_RDONLY, O_RDWR) and O_CLOEXEC of the new fd
 * @flags: 0
 * @nr_ranges: number of entries in @dma_ranges, not 0
 * @dma_ranges: slices in the order in which the DMABUF shows them; they may
 *	overlap and repeat
 */
__extension__	/* C++ has no flexible array members. */
struct vfio_device_feature_dma_buf {
	__u32	region_index;
	__u32	open_flags;
	__u32	flags;
	__u32	nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};
#endif

/**
 * DOC: VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
 *
 * Upon VFIO_DEVICE_FEATURE_SET, end all access through one DMABUF of this
 * device, for good. On return no mapping of it in any process reaches the
 * device (access gives SIGBUS), every importer has unmapped it, and a later
 * mmap() or attach fails with ENODEV. No other DMABUF is disturbed, and the same
 * slices can be exported again as a new DMABUF.
 *
 * A fatal signal ends the wait for importers; the DMABUF stays revoked.
 *
 * Return: 0, or -1 with errno:
 *
 * * EBADF: @dmabuf_fd is not an open file
 * * EINVAL: it is not a DMABUF, argsz is too small, or GET was asked for
 * * ENODEV: it is a DMABUF of another exporter or of another device
 * * EBADFD: it is revoked already, though another call may still be waiting for
 *   its importers; or the device was closed since it was exported
 * * EFAULT: the argument cannot be read
 */
#define VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE

/**
 * struct vfio_device_feature_dma_buf_revoke - which DMABUF to revoke
 * @dmabuf_fd: file descriptor of the DMABUF
 */
struct vfio_device_feature_dma_buf_revoke {
	__s32 dmabuf_fd;
};

/**
 * DOC: VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR
 *
 * Upon VFIO_DEVICE_FEATURE_SET, choose the memory attribute of mappings that
 * are made of one DMABUF from now on; existing mappings keep theirs. Upon
 * VFIO_DEVICE_FEATURE_GET, read it.
 *
 * Return: 0, or -1 with errno as for VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, and
 *
 * * ENOENT: the attribute is unknown, or this machine lacks it (WC on x86 without
 *   PAT)
 */
#define VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR

/*
 * As BAR mappings of vfio-pci are: x86 UC-, arm64 Device-nGnRnE (not Normal-NC). The
 * default.
 */
#define VFIO_DMA_BUF_MEMATTR_NC		0
/* Write-combining: x86 WC, arm64 Normal-NC. */
#define VFIO_DMA_BUF_MEMATTR_WC		1

/**
 * struct vfio_device_feature_dma_buf_memattr - memory attribute of a DMABUF
 * @dmabuf_fd: file descriptor of the DMABUF, read on GET too
 * @memattr: VFIO_DMA_BUF_MEMATTR_NC or VFIO_DMA_BUF_MEMATTR_WC
 */
struct vfio_device_feature_dma_buf_memattr {
	__s32 dmabuf_fd;
	__u32 memattr;
};

/**
 * DOC: VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN
 *
 * Upon VFIO_DEVICE_FEATURE_GET, export as VFIO_DEVICE_FEATURE_DMA_BUF does, with
 * its argument, but return vfio-pci-core's own DMABUF: no mmap(), no revocation
 * of one buffer. For importers that accept only that one, such as iommufd's
 * IOMMU_IOAS_MAP_FILE.
 *
 * Return: a file descriptor, or -1 with errno as for
 * VFIO_DEVICE_FEATURE_DMA_BUF. ENOTTY, for PROBE too, where the kernel has no
 * DMABUFs of its own, and unless root allows it: by the module parameter
 * plain_export, or by the device's setting dmabuf_mode, if that is "plain".
 */
#define VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN

/**
 * DOC: VFIO_DEVICE_FEATURE_DMA_BUF_MMAP
 *
 * Upon VFIO_DEVICE_FEATURE_GET, export as VFIO_DEVICE_FEATURE_DMA_BUF does, with
 * its argument, a DMABUF that can be mapped and revoked, whatever the device's
 * setting dmabuf_mode. Root sets that to "plain" for clients that pass the DMABUF of
 * VFIO_DEVICE_FEATURE_DMA_BUF to iommufd: it is then vfio-pci-core's own.
 *
 * Return: a file descriptor, or -1 with errno as for
 * VFIO_DEVICE_FEATURE_DMA_BUF.
 */
#define VFIO_DEVICE_FEATURE_DMA_BUF_MMAP VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP

/**
 * struct vfio_pci_dmabuf_revoke - argument of VFIO_DEVICE_PCI_DMABUF_REVOKE
 * @argsz: size of this structure in bytes
 * @dmabuf_fd: file descriptor of the DMABUF
 */
struct vfio_pci_dmabuf_revoke {
	__u32 argsz;
	__s32 dmabuf_fd;
};

/**
 * VFIO_DEVICE_PCI_DMABUF_REVOKE - _IO(VFIO_TYPE, VFIO_BASE + 22)
 *
 * VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE as an ioctl of its own.
 */
#define VFIO_DEVICE_PCI_DMABUF_REVOKE	_IO(VFIO_TYPE, VFIO_BASE + 22)

#endif /* _UAPI_LINUX_VFIO_PCI_DMABUF_MMAP_H */
