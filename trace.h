/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. The inode number of its DMABUF identifies a buffer, as in
 * /proc/PID/maps, in fdinfo and in the dma-buf bufinfo.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_pci_dmabuf_mmap

#if !defined(VPDM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VPDM_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "vfio_pci_dmabuf_mmap.h"

/*
 * Results of the driver's faults, as numbers: perf and trace-cmd read this list from
 * the event's format and do not know the kernel's enum.
 */
#define vpdm_show_result(ret)						\
	__print_flags(ret, "|",						\
		{ 0x001, "OOM" },					\
		{ 0x002, "SIGBUS" },					\
		{ 0x100, "NOPAGE" },					\
		{ 0x400, "RETRY" },					\
		{ 0x800, "FALLBACK" })

static_assert((__force unsigned int)VM_FAULT_OOM == 0x001);
static_assert((__force unsigned int)VM_FAULT_SIGBUS == 0x002);
static_assert((__force unsigned int)VM_FAULT_NOPAGE == 0x100);
static_assert((__force unsigned int)VM_FAULT_RETRY == 0x400);
static_assert((__force unsigned int)VM_FAULT_FALLBACK == 0x800);

DECLARE_EVENT_CLASS(vpdm_buf,
	TP_PROTO(const struct vpdm_buf *buf),
	TP_ARGS(buf),
	TP_STRUCT__entry(
		__string(device, dev_name(buf->dev))
		__field(unsigned long, ino)
		__field(unsigned int, bar)
		__field(u64, size)
		__field(u64, ranges)
	),
	TP_fast_assign(
		vpdm_assign_str(device, dev_name(buf->dev));
		__entry->ino = buf->inode->i_ino;
		__entry->bar = buf->bar;
		__entry->size = buf->ranges.pages << PAGE_SHIFT;
		__entry->ranges = buf->ranges.nr;
	),
	TP_printk("%s ino=%lu bar=%u size=%llu ranges=%llu",
		  __get_str(device), __entry->ino, __entry->bar,
		  __entry->size, __entry->ranges)
);

DEFINE_EVENT(vpdm_buf, vpdm_export,
	TP_PROTO(const struct vpdm_buf *buf),
	TP_ARGS(buf)
);

DEFINE_EVENT(vpdm_buf, vpdm_zap,
	TP_PROTO(const struct vpdm_buf *buf),
	TP_ARGS(buf)
);

DEFINE_EVENT(vpdm_buf, vpdm_release,
	TP_PROTO(const struct vpdm_buf *buf),
	TP_ARGS(buf)
);

TRACE_EVENT(vpdm_mmap,
	TP_PROTO(const struct vpdm_buf *buf, const struct vm_area_struct *vma),
	TP_ARGS(buf, vma),
	TP_STRUCT__entry(
		__string(device, dev_name(buf->dev))
		__field(unsigned long, ino)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, pgoff)
		__field(u32, memattr)
	),
	TP_fast_assign(
		vpdm_assign_str(device, dev_name(buf->dev));
		__entry->ino = buf->inode->i_ino;
		__entry->start = vma->vm_start;
		__entry->end = vma->vm_end;
		__entry->pgoff = vma->vm_pgoff;
		__entry->memattr = READ_ONCE(buf->memattr);
	),
	TP_printk("%s ino=%lu start=%#lx end=%#lx pgoff=%#lx memattr=%s",
		  __get_str(device), __entry->ino, __entry->start,
		  __entry->end, __entry->pgoff,
		  __print_symbolic(__entry->memattr,
				   { VFIO_DMA_BUF_MEMATTR_NC, "NC" },
				   { VFIO_DMA_BUF_MEMATTR_WC, "WC" }))
);

TRACE_EVENT(vpdm_fault,
	TP_PROTO(const struct vpdm_buf *buf, const struct vm_fault *vmf,
		 unsigned int order, unsigned int filled, vm_fault_t ret),
	TP_ARGS(buf, vmf, order, filled, ret),
	TP_STRUCT__entry(
		__string(device, dev_name(buf->dev))
		__field(unsigned long, ino)
		__field(unsigned long, address)
		__field(unsigned int, order)
		__field(unsigned int, filled)
		__field(unsigned int, ret)
	),
	TP_fast_assign(
		vpdm_assign_str(device, dev_name(buf->dev));
		__entry->ino = buf->inode->i_ino;
		__entry->address = vmf->address;
		__entry->order = order;
		__entry->filled = filled;
		__entry->ret = (__force unsigned int)ret;
	),
	TP_printk("%s ino=%lu address=%#lx order=%u filled=%u result=%s",
		  __get_str(device), __entry->ino, __entry->address,
		  __entry->order, __entry->filled,
		  vpdm_show_result(__entry->ret))
);

TRACE_EVENT(vpdm_revoke,
	TP_PROTO(const struct vpdm_buf *buf, s64 us, int ret),
	TP_ARGS(buf, us, ret),
	TP_STRUCT__entry(
		__string(device, dev_name(buf->dev))
		__field(unsigned long, ino)
		__field(int, attachments)
		__field(s64, us)
		__field(int, ret)
	),
	TP_fast_assign(
		vpdm_assign_str(device, dev_name(buf->dev));
		__entry->ino = buf->inode->i_ino;
		__entry->attachments = atomic_read(&buf->attachments);
		__entry->us = us;
		__entry->ret = ret;
	),
	TP_printk("%s ino=%lu attachments=%d us=%lld ret=%d",
		  __get_str(device), __entry->ino, __entry->attachments,
		  __entry->us, __entry->ret)
);

#endif /* VPDM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
