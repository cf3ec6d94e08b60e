/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio-pci-dmabuf-mmap: what its files offer each other.
 *
 * Lock order, outermost first:
 *
 *	mmap_lock or VMA lock
 *	  vpdm_bufs.life		read by faults
 *	    vfio_pci_core_device.memory_lock	read by faults
 *	      vpdm_bufs.lock
 *	        dma_resv of a buffer
 *	          i_mmap_rwsem
 *
 * memory_lock is never taken in mmap() or export: vfio-pci-core copies to user
 * memory under it, so a writer that queues behind such a reader would deadlock
 * against mmap_lock. User memory is never touched, and importers are never
 * waited for, under vpdm_bufs.life or vpdm_bufs.lock.
 */
#ifndef VFIO_PCI_DMABUF_MMAP_H
#define VFIO_PCI_DMABUF_MMAP_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>

#include "include/uapi/linux/vfio_pci_dmabuf_mmap.h"
#include "ranges.h"

struct dentry;

/* Why faults and importers are kept out for a time: bits of vpdm_bufs.blocked. */
enum vpdm_block {
	VPDM_BLOCK_RESET,	/* between reset_prepare and reset_done */
	VPDM_BLOCK_ERROR,	/* the link is frozen, or failed for good */
	VPDM_BLOCK_GONE,	/* the device was pulled out */
};

enum vpdm_state {
	VPDM_LIVE,
	VPDM_REVOKED,	/* by the holder of the device fd, for good */
	VPDM_DEAD,	/* all device fds were closed */
};

/**
 * struct vpdm_bufs - the buffers of a device
 * @kref: one for the device, one for each buffer
 * @core: the device; valid under @life as long as a buffer is VPDM_LIVE
 * @life: held for read while a fault uses @core, for write to make buffers
 *	VPDM_DEAD
 * @lock: guards all below, and vpdm_buf.state
 * @list: of struct vpdm_buf
 * @blocked: bits of enum vpdm_block
 *
 * Outlives the vfio_device: a buffer that held that one would keep it in its
 * device set after unbind, where it would refuse the hot resets of its
 * neighbours, and its pci_dev could be gone.
 */
struct vpdm_bufs {
	struct kref kref;
	struct vfio_pci_core_device *core;
	struct rw_semaphore life;
	struct rw_semaphore lock;
	struct list_head list;
	unsigned long blocked;
};

struct vpdm_inner_request;

/**
 * struct vpdm_device - a device bound to this driver
 * @core: vfio-pci-core's part
 * @bufs: its buffers
 * @export_lock: one export at a time asks vfio-pci-core for a DMABUF
 * @exporter: the task that does so, NULL if there is none; compared with
 *	current without the lock
 * @request: what it asks for; only for @exporter
 * @strays: DMABUFs of vfio-pci-core that cannot be used
 * @debugfs: directory of this device
 */
struct vpdm_device {
	struct vfio_pci_core_device core;
	struct vpdm_bufs *bufs;
	struct mutex export_lock;	/* guards the following three */
	struct task_struct *exporter;
	struct vpdm_inner_request *request;
	struct list_head strays;
	struct dentry *debugfs;
};

/**
 * struct vpdm_source - what a buffer is made of
 * @dmabuf: vfio-pci-core's DMABUF, NULL if there is none
 * @ranges: PFNs
 * @bar: number of the BAR that they are in
 * @pgoff: vm_pgoff of the first page in a VMA
 * @flags: access mode of the file
 * @device_file: to be kept open, or NULL
 */
struct vpdm_source {
	struct dma_buf *dmabuf;
	struct vpdm_ranges ranges;
	unsigned int bar;
	pgoff_t pgoff;
	int flags;
	struct file *device_file;
};

/**
 * struct vpdm_buf - a DMABUF of this driver
 * @kref: one for the DMABUF, one for who drains it
 * @bufs: the device's buffers
 * @node: in @bufs->list
 * @drain: in the list of what a reset waits for; under the device lock
 * @dmabuf: the DMABUF; valid while the buffer is in @bufs->list
 * @inner: vfio-pci-core's DMABUF of the same ranges. A BAR mapping has none,
 *	nor has an export where the kernel has none
 * @listener: attachment to @inner, hears it being revoked. Set once
 * @heard: @inner is not revoked, and @listener will hear when it will be.
 *	Guarded by memory_lock
 * @mapping: where the VMAs of this buffer live
 * @inode: of @dmabuf; the VFS would free it, and @mapping with it, before
 *	release() takes the buffer off the list
 * @dev: the PCI device, which @listener names
 * @owner: the vfio_device, if @mapping is its
 * @pgoff: vm_pgoff of its first page in a VMA
 * @is_bar: a BAR mapping, which no file descriptor shows
 * @device_file: keeps the device open as long as a BAR mapping has VMAs
 * @ranges: PFNs, read-only
 * @bar: number of the BAR
 * @state: guarded by @bufs->lock; importers read it without
 * @memattr: VFIO_DMA_BUF_MEMATTR_*, for future mappings
 * @vmas: number of VMAs
 * @attachments: number of importers attached, for debugfs
 * @sgts: number of scatter-gather tables that importers hold; changes under
 *	the dma_resv
 */
struct vpdm_buf {
	struct kref kref;
	struct vpdm_bufs *bufs;
	struct list_head node;
	struct list_head drain;
	struct dma_buf *dmabuf;
	struct dma_buf *inner;
	struct dma_buf_attachment *listener;
	bool heard;
	struct address_space *mapping;
	struct inode *inode;
	struct device *dev;
	struct device *owner;
	pgoff_t pgoff;
	bool is_bar;
	struct file *device_file;
	struct vpdm_ranges ranges;
	unsigned int bar;
	enum vpdm_state state;
	u32 memattr;
	atomic_t vmas;
	atomic_t attachments;
	atomic_t sgts;
};

static inline struct vpdm_device *vpdm_from_core(struct vfio_device *core_vdev)
{
	return container_of(core_vdev, struct vpdm_device, core.vdev);
}

/* export.c: DMABUFs, from export to release */
int vpdm_ranges_alloc(struct vpdm_ranges *ranges);
int vpdm_export(struct vpdm_device *vdev, u32 flags,
		struct vfio_device_feature_dma_buf __user *arg, size_t argsz);
int vpdm_export_plain(struct vpdm_device *vdev, u32 flags,
		      struct vfio_device_feature_dma_buf __user *arg,
		      size_t argsz);
struct vpdm_buf *vpdm_buf_create(struct vpdm_device *vdev,
				 const struct vpdm_source *source);
struct vpdm_buf *vpdm_buf_get(struct vpdm_device *vdev, int fd);
void vpdm_buf_put(struct vpdm_buf *buf);
struct vpdm_bufs *vpdm_bufs_alloc(struct vfio_pci_core_device *core);
void vpdm_bufs_put(struct vpdm_bufs *bufs);

/* inner.c: vfio-pci-core's DMABUF. noinner.c: for kernels without */
int vpdm_inner_setup(void);
void vpdm_inner_cleanup(void);
void vpdm_inner_init(struct vpdm_device *vdev);
void vpdm_inner_close(struct vpdm_device *vdev);
int vpdm_inner_create(struct vpdm_device *vdev, u32 flags,
		      struct vfio_device_feature_dma_buf __user *arg,
		      size_t argsz, struct vpdm_source *source);
int vpdm_inner_listen(struct vpdm_buf *buf);
bool vpdm_inner_invalidate(struct vpdm_buf *buf, bool mapped_only);
bool vpdm_inner_is_revoked(struct vpdm_buf *buf);
void vpdm_inner_release(struct vpdm_buf *buf);
int vpdm_inner_attach(struct dma_buf *dmabuf,
		      struct dma_buf_attachment *attachment);
void vpdm_inner_detach(struct dma_buf *dmabuf,
		       struct dma_buf_attachment *attachment);
struct sg_table *vpdm_inner_map(struct dma_buf_attachment *attachment,
				enum dma_data_direction dir);
void vpdm_inner_unmap(struct dma_buf_attachment *attachment,
		      struct sg_table *sgt, enum dma_data_direction dir);

/* revoke.c: where access ends */
void vpdm_zap(struct vpdm_buf *buf);
bool vpdm_buf_may_import(const struct vpdm_buf *buf);
int vpdm_revoke(struct vpdm_device *vdev, int fd);
void vpdm_block(struct vpdm_bufs *bufs, enum vpdm_block why);
void vpdm_unblock(struct vpdm_bufs *bufs, unsigned long mask);
void vpdm_close(struct vpdm_bufs *bufs);

/* fault.c: where pages are mapped */
vm_fault_t vpdm_huge_fault(struct vm_fault *vmf, unsigned int order);
vm_fault_t vpdm_fault(struct vm_fault *vmf);

/* mmap.c: mappings and their memory attribute */
int vpdm_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int vpdm_bar_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma);
int vpdm_memattr_set(struct vpdm_device *vdev, int fd, u32 memattr);
int vpdm_memattr_get(struct vpdm_device *vdev, int fd, u32 *memattr);

/* power.c: waking up */
void vpdm_power_init(struct vpdm_device *vdev);

/* lockdep.c: the lock order above, for lockdep */
void vpdm_lockdep_prime(struct vpdm_device *vdev);

/* debugfs.c */
void vpdm_debugfs_init(void);
void vpdm_debugfs_exit(void);
void vpdm_debugfs_add(struct vpdm_device *vdev);
void vpdm_debugfs_remove(struct vpdm_device *vdev);

#endif /* VFIO_PCI_DMABUF_MMAP_H */
