/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel interfaces that the headers of Debian 12 lack. The layouts are ABI.
 */
#ifndef VFIO_DMABUF_UAPI_H
#define VFIO_DMABUF_UAPI_H

#include <linux/vfio.h>
#include <linux/vfio_pci_dmabuf_mmap.h>

/* As of 6.18. Before, it ends ahead of the token. */
struct vd_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
	__u64 token_uuid_ptr;
};

#define VD_BIND_FLAG_TOKEN		(1u << 0)

#ifndef VFIO_DEVICE_BIND_IOMMUFD
#define VFIO_DEVICE_BIND_IOMMUFD	_IO(VFIO_TYPE, VFIO_BASE + 18)
#endif

#endif /* VFIO_DMABUF_UAPI_H */
