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

/* How often to fault user memory in that is missing again and again. */
#define VPDM_FAULT_IN_TRIES	8

/**
 * enum vpdm_link - state of a device's link, by PCI error recovery
 * @VPDM_LINK_UP: no error
 * @VPDM_LINK_RECOVERING: an error froze the link; resume or LOST end this
 * @VPDM_LINK_LOST: recovery failed; a working reset or a new open end this
 * @VPDM_LINK_GONE: the device was pulled out; final
 */
enum vpdm_link {
	VPDM_LINK_UP,
	VPDM_LINK_RECOVERING,
	VPDM_LINK_LOST,
	VPDM_LINK_GONE,
};

/**
 * enum vpdm_state - whether a buffer can give access
 * @VPDM_LIVE: it gives access whenever its device does
 * @VPDM_REVOKED: the holder of the device fd has ended access, for good
 * @VPDM_DEAD: all device fds were closed
 *
 * A buffer that has left VPDM_LIVE never returns to it.
 */
enum vpdm_state {
	VPDM_LIVE,
	VPDM_REVOKED,
	VPDM_DEAD,
};

/**
 * enum vpdm_mode - whose DMABUF VFIO_DEVICE_FEATURE_DMA_BUF returns
 * @VPDM_MODE_MMAP: this driver's
 * @VPDM_MODE_PLAIN: vfio-pci-core's
 */
enum vpdm_mode {
	VPDM_MODE_MMAP,
	VPDM_MODE_PLAIN,
};

/**
 * struct vpdm_buf_list - a device's buffers, and state that blocks access to all of them
 * @kref: one for the device, one for each buffer
 * @core: the device; valid under @gate as long as a buffer is VPDM_LIVE
 * @gate: faults hold it for read; held for write to keep them out while buffers become
 *	VPDM_DEAD, and while vfio-pci-core may take memory away without telling
 * @ready_lock: lets one fault at a time find out that memory is on again
 * @lock: guards all members below, and vpdm_buf.state
 * @list: of struct vpdm_buf
 * @bar: for each BAR the buffer that its next mapping can share, which has VMAs, or NULL
 * @resetting: between reset_prepare and reset_done
 * @link: faults get SIGBUS unless VPDM_LINK_UP
 * @wait: faults of live buffers wait here while @resetting
 *
 * The list outlives the vfio_device. If a buffer held the vfio_device, that would
 * stay in its device set after unbind, the set would refuse hot resets of its
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
 * @export_lock: lets one export at a time ask vfio-pci-core for a DMABUF; guards
 *	@exporter and @request
 * @exporter: the task that asks, or NULL; compared with current without the lock
 * @request: the request of @exporter, which alone uses it
 * @mode: enum vpdm_mode; root can change it at any time, without a lock
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
 * struct vpdm_source - input for a new buffer
 * @dmabuf: vfio-pci-core's DMABUF of the ranges, NULL if there is none
 * @ranges: PFNs
 * @bar: number of their BAR
 * @pgoff: vm_pgoff of the first page in a VMA
 * @flags: access mode of the file
 * @device_file: file that a BAR mapping keeps open, NULL for an export
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
 * @kref: one for the DMABUF, one for code that tells or drains its importers, one for
 *	each fault that waits
 * @bufs: the device's buffers
 * @node: in @bufs->list
 * @drain: in a list of buffers whose importers are to be told; under the device lock
 * @dmabuf: the DMABUF; NULL during its release. Does not change under @bufs->lock or
 *	under the dma_resv, which it shares with @inner
 * @inner: vfio-pci-core's DMABUF of the same ranges; NULL for a BAR mapping, and on
 *	kernels without such DMABUFs
 * @listener: attachment to @inner, called when that is revoked. Set once
 * @ready: @inner is not revoked, and its revocation will call @listener. Set with
 *	memory_lock held for read, cleared with it held for write and under
 *	@bufs->lock
 * @mapping: address_space of this buffer's VMAs, NULL for a BAR mapping that
 *	vfio-pci-core zaps
 * @inode: of @dmabuf, held because the VFS would free it, and @mapping with it, before
 *	release() takes the buffer off the list
 * @dev: the PCI device, which @listener names
 * @pgoff: vm_pgoff of its first page in a VMA
 * @device_file: file of the device, which a BAR mapping keeps open while it has VMAs;
 *	NULL for an export
 * @ranges: PFNs, read-only
 * @bar: number of the BAR
 * @read_only: nothing may write through it
 * @state: guarded by @bufs->lock; also read without it, since LIVE ends only once
 * @memattr: VFIO_DMA_BUF_MEMATTR_*, for future mappings
 * @populated: page-table entries may exist. Faults set it under @bufs->lock; code that
 *	has removed all entries and still keeps faults out clears it
 * @vmas: number of VMAs; that of a BAR mapping changes between 0 and 1 under @bufs->lock
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

/* Without a lock the answer may be outdated. */
static inline bool vpdm_memory_is_on(struct vfio_pci_core_device *core)
{
	return !core->pm_runtime_engaged && __vfio_pci_memory_enabled(core);
}

static inline bool vpdm_buf_is_bar(const struct vpdm_buf *buf)
{
	return buf->device_file;
}

/* vfio_pci_dmabuf_mmap.c */
extern const char vfio_pci_dmabuf_mmap_is_loaded[];

/* ids.c: devices to bind without driver_override */
void vpdm_ids_add(struct pci_driver *driver);

/* setting.c: whose DMABUF an export returns */
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

/* revoke.c: ending access */
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
 * Export requests: inner.c lets vfio-pci-core make a DMABUF; request.c reads the
 * request on kernels whose vfio-pci-core makes none.
 */
int vpdm_source_setup(void);
void vpdm_source_cleanup(void);
void vpdm_source_init(struct vpdm_device *vdev);
int vpdm_source_get(struct vpdm_device *vdev, u32 flags,
		    struct vfio_device_feature_dma_buf __user *arg,
		    size_t argsz, struct vpdm_source *source);

/*
 * Learning that memory goes away: vfio-pci-core calls listen.c; on kernels where it
 * tells nobody, gate.c intercepts the calls that cause it.
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

/* listen.c, for code that tells importers. The latter is false in noimport.c */
int vpdm_listener_add(struct vpdm_buf *buf);
bool vpdm_inner_is_revoked(struct vpdm_buf *buf);

/* import.c: importers. noimport.c: kernels without importers */
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
