/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own header: what its files offer each other. The header of the same
 * name below include/uapi is the interface to userspace.
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
#include <linux/wait.h>

#include "include/uapi/linux/vfio_pci_dmabuf_mmap.h"
#include "ranges.h"

/**
 * DOC: Lock order
 *
 * Outermost first::
 *
 *	mmap_lock or VMA lock
 *	  vpdm_buf_list.gate			read by faults
 *	    vpdm_buf_list.ready_lock		one fault at a time, on (a)
 *	      vfio_pci_core_device.memory_lock	read by faults of BAR mappings on (a)
 *	        dma_resv of a buffer
 *	          vpdm_buf_list.lock		read by faults
 *	            i_mmap_rwsem, page-table locks
 *
 * Code that holds gate or lock allocates no page table, touches no user memory and
 * does not wait for importers. Faults of exported buffers take memory_lock only to
 * find out that memory is on again, and only try for it.
 *
 * Documentation/design.rst gives the reasons, and says what (a) is.
 */

struct dentry;
struct vpdm_inner_request;

/* Times that user memory is faulted in and found missing again. */
#define VPDM_FAULT_IN_TRIES	8

/**
 * enum vpdm_link - what PCI error recovery says of a device
 * @VPDM_LINK_UP: nothing
 * @VPDM_LINK_RECOVERING: an error froze the link; ends by resume, or by LOST
 * @VPDM_LINK_LOST: recovery failed; ends by a reset that works, or by a new open
 * @VPDM_LINK_GONE: the device was pulled out; does not end
 */
enum vpdm_link {
	VPDM_LINK_UP,
	VPDM_LINK_RECOVERING,
	VPDM_LINK_LOST,
	VPDM_LINK_GONE,
};

/**
 * enum vpdm_state - how long a buffer is good for
 * @VPDM_LIVE: it gives access whenever its device does
 * @VPDM_REVOKED: ended by the holder of the device fd, for good
 * @VPDM_DEAD: all device fds were closed
 *
 * A buffer that is not VPDM_LIVE never becomes so again.
 */
enum vpdm_state {
	VPDM_LIVE,
	VPDM_REVOKED,
	VPDM_DEAD,
};

/**
 * enum vpdm_mode - whose DMABUF VFIO_DEVICE_FEATURE_DMA_BUF returns
 * @VPDM_MODE_MMAP: ours
 * @VPDM_MODE_PLAIN: vfio-pci-core's
 */
enum vpdm_mode {
	VPDM_MODE_MMAP,
	VPDM_MODE_PLAIN,
};

/**
 * struct vpdm_buf_list - the buffers of a device, and what keeps all of them out
 * @kref: one for the device, one for each buffer
 * @core: the device; valid under @gate as long as a buffer is VPDM_LIVE
 * @gate: read by faults; held for write to keep them out while buffers become
 *	VPDM_DEAD, and while vfio-pci-core may take memory away without saying so
 * @ready_lock: one fault at a time finds out that memory is on again
 * @lock: guards all below, and vpdm_buf.state
 * @list: of struct vpdm_buf
 * @bar: for each BAR the buffer that its next mapping can share, or NULL; has VMAs
 * @resetting: between reset_prepare and reset_done
 * @link: faults get SIGBUS unless VPDM_LINK_UP
 * @wait: faults of live buffers wait here while @resetting
 *
 * Outlives the vfio_device: a buffer that held that one would keep it in its
 * device set after unbind, where it would refuse the hot resets of its
 * neighbours, and its pci_dev could be gone.
 */
struct vpdm_buf_list {
	struct kref kref;
	struct vfio_pci_core_device *core;
	struct rw_semaphore gate;
	struct mutex ready_lock;	/* outside of memory_lock */
	struct rw_semaphore lock;
	struct list_head list;
	struct vpdm_buf *bar[PCI_STD_NUM_BARS];
	bool resetting;
	enum vpdm_link link;
	wait_queue_head_t wait;
};

/**
 * struct vpdm_device - a device bound to this driver
 * @core: vfio-pci-core's part
 * @bufs: its buffers
 * @export_lock: one export at a time asks vfio-pci-core for a DMABUF; guards
 *	@exporter and @request
 * @exporter: the task that does so, NULL if there is none; compared with
 *	current without the lock
 * @request: what it asks for; only for @exporter
 * @mode: enum vpdm_mode; root's to change at any time, without a lock
 * @debugfs: directory of this device
 */
struct vpdm_device {
	struct vfio_pci_core_device core;
	struct vpdm_buf_list *bufs;
	struct mutex export_lock;	/* guards the two below */
	struct task_struct *exporter;
	struct vpdm_inner_request *request;
	unsigned int mode;
	struct dentry *debugfs;
};

/**
 * struct vpdm_source - what a buffer is made of
 * @dmabuf: vfio-pci-core's DMABUF of the ranges, NULL if there is none
 * @ranges: PFNs
 * @bar: number of the BAR that they are in
 * @pgoff: vm_pgoff of the first page in a VMA
 * @flags: access mode of the file
 * @device_file: makes it a BAR mapping, which keeps this open
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
 * @kref: one for the DMABUF, one for who tells or drains its importers, one for
 *	each fault that waits
 * @bufs: the device's buffers
 * @node: in @bufs->list
 * @drain: in the list of whose importers are told; under the device lock
 * @dmabuf: the DMABUF; NULL once it is being released. Stays under @bufs->lock,
 *	and under the dma_resv, which it shares with @inner
 * @inner: vfio-pci-core's DMABUF of the same ranges. A BAR mapping has none,
 *	nor has an export where the kernel has none
 * @listener: attachment to @inner, called when that is revoked. Set once
 * @ready: @inner is not revoked, and @listener will be called when it is. Set
 *	with memory_lock held for read, cleared with it held for write and under
 *	@bufs->lock
 * @mapping: where the VMAs of this buffer live, NULL for a BAR mapping that
 *	vfio-pci-core zaps
 * @inode: of @dmabuf; the VFS would free it, and @mapping with it, before
 *	release() takes the buffer off the list
 * @dev: the PCI device, which @listener names
 * @pgoff: vm_pgoff of its first page in a VMA
 * @device_file: a BAR mapping's, kept open as long as it has VMAs; NULL if the
 *	buffer was exported
 * @ranges: PFNs, read-only
 * @bar: number of the BAR
 * @read_only: nothing may write through it
 * @state: guarded by @bufs->lock; looked at without, too, as LIVE ends once
 * @memattr: VFIO_DMA_BUF_MEMATTR_*, for future mappings
 * @populated: there may be page-table entries. Set by faults under @bufs->lock,
 *	cleared by who has dropped them all and still keeps faults out
 * @vmas: number of VMAs; from 0 to 1, or back, of a BAR mapping under @bufs->lock
 * @attachments: number of importers attached; falls only under the dma_resv
 * @sgts: number of scatter-gather tables that importers hold; changes under
 *	the dma_resv
 */
struct vpdm_buf {
	struct kref kref;
	struct vpdm_buf_list *bufs;
	struct list_head node;
	struct list_head drain;
	struct dma_buf *dmabuf;
	struct dma_buf *inner;
	struct dma_buf_attachment *listener;
	bool ready;
	struct address_space *mapping;
	struct inode *inode;
	struct device *dev;
	pgoff_t pgoff;
	struct file *device_file;
	struct vpdm_ranges ranges;
	unsigned int bar;
	bool read_only;
	enum vpdm_state state;
	u32 memattr;
	bool populated;
	atomic_t vmas;
	atomic_t attachments;
	atomic_t sgts;
};

static inline struct vpdm_device *vpdm_from_core(struct vfio_device *core_vdev)
{
	return container_of(core_vdev, struct vpdm_device, core.vdev);
}

static inline struct vpdm_device *vpdm_from_pdev(struct pci_dev *pdev)
{
	return container_of(pci_get_drvdata(pdev), struct vpdm_device, core);
}

/* As faults see it: without a lock the answer may be old. */
static inline bool vpdm_memory_is_on(struct vfio_pci_core_device *core)
{
	return !core->pm_runtime_engaged && __vfio_pci_memory_enabled(core);
}

static inline bool vpdm_buf_is_bar(const struct vpdm_buf *buf)
{
	return buf->device_file;
}

/* ids.c: which devices are bound without being told */
void vpdm_ids_add(struct pci_driver *driver);

/* setting.c: whose DMABUF an export is */
extern const struct attribute_group vpdm_setting_group;
void vpdm_setting_init(struct vpdm_device *vdev);
bool vpdm_plain_is_default(const struct vpdm_device *vdev);
bool vpdm_plain_is_allowed(const struct vpdm_device *vdev);

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
struct vpdm_buf_list *vpdm_buf_list_create(struct vfio_pci_core_device *core);
void vpdm_buf_list_put(struct vpdm_buf_list *bufs);

/* revoke.c: where access ends */
void vpdm_zap(struct vpdm_buf *buf);
void vpdm_zap_all(struct vpdm_buf_list *bufs);
bool vpdm_buf_may_import(const struct vpdm_buf *buf);
int vpdm_revoke(struct vpdm_device *vdev, int fd);
void vpdm_reset_begin(struct vpdm_buf_list *bufs);
void vpdm_reset_end(struct vpdm_buf_list *bufs);
void vpdm_link_down(struct vpdm_buf_list *bufs, enum vpdm_link link);
void vpdm_link_up(struct vpdm_buf_list *bufs);
void vpdm_close(struct vpdm_buf_list *bufs);

/* mmap.c: mappings */
int vpdm_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int vpdm_bar_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma);

/* fault.c: faults */
vm_fault_t vpdm_huge_fault(struct vm_fault *vmf, unsigned int order);
vm_fault_t vpdm_fault(struct vm_fault *vmf);

/* entries.c: page-table entries */
int vpdm_entries_alloc(struct vm_fault *vmf);
vm_fault_t vpdm_entries_fill(struct vm_fault *vmf, unsigned long addr,
			     unsigned long pfn, unsigned int pages,
			     unsigned int *filled);
vm_fault_t vpdm_entry_insert(struct vm_fault *vmf, unsigned long pfn,
			     unsigned int order);

/* memattr.c: memory attributes */
pgprot_t vpdm_memattr_prot(u32 memattr, pgprot_t prot);
int vpdm_memattr_set(struct vpdm_device *vdev, int fd, u32 memattr);
int vpdm_memattr_get(struct vpdm_device *vdev, int fd, u32 *memattr);

/*
 * How an export is made: inner.c lets vfio-pci-core make a DMABUF, request.c
 * reads the request where vfio-pci-core makes none.
 */
int vpdm_source_setup(void);
void vpdm_source_cleanup(void);
void vpdm_source_init(struct vpdm_device *vdev);
int vpdm_source_get(struct vpdm_device *vdev, u32 flags,
		    struct vfio_device_feature_dma_buf __user *arg,
		    size_t argsz, struct vpdm_source *source);

/*
 * How it is known that memory goes away: listen.c is told by vfio-pci-core,
 * gate.c stands in its way where it tells nobody.
 */
int vpdm_memory_hold(struct vpdm_buf *buf);
vm_fault_t vpdm_memory_check(struct vpdm_buf *buf);
void vpdm_memory_release(struct vpdm_buf *buf);
void vpdm_listener_remove(struct vpdm_buf *buf);
ssize_t vpdm_write(struct vfio_device *core_vdev, const char __user *buf,
		   size_t count, loff_t *ppos);
int vpdm_core_feature(struct vfio_device *core_vdev, u32 flags,
		      void __user *arg, size_t argsz);
void vpdm_wakeup_init(struct pci_dev *pdev);

/* listen.c, for who tells importers. The latter is false in noimport.c */
int vpdm_listener_add(struct vpdm_buf *buf);
bool vpdm_inner_is_revoked(struct vpdm_buf *buf);

/* import.c: importers. noimport.c: where there cannot be any */
int vpdm_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment);
void vpdm_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment);
struct sg_table *vpdm_map(struct dma_buf_attachment *attachment,
			  enum dma_data_direction dir);
void vpdm_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt,
		enum dma_data_direction dir);
void vpdm_importers_tell(struct vpdm_buf *buf);
void vpdm_importers_invalidate(struct vpdm_buf *buf);
int vpdm_importers_drain(struct vpdm_buf *buf, bool killable);

/* debugfs.c */
void vpdm_debugfs_init(void);
void vpdm_debugfs_exit(void);
void vpdm_debugfs_add(struct vpdm_device *vdev);
void vpdm_debugfs_remove(struct vpdm_device *vdev);

#endif /* VFIO_PCI_DMABUF_MMAP_H */
