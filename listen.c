// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learning that memory goes away, from a vfio-pci-core that makes DMABUFs.
 *
 * vfio-pci-core revokes its DMABUFs on every path before memory goes away. Each export
 * has a listener, an attachment to its inner DMABUF, which the revocation calls. BAR
 * mappings have none: their VMAs live in the device's address_space, where
 * vfio-pci-core zaps them itself, under memory_lock.
 */
#include <linux/dma-resv.h>

#include "vfio_pci_dmabuf_mmap.h"

/*
 * vfio-pci-core calls this when it revokes the inner DMABUF, and also when it ends the
 * revocation; both look the same from here. It holds memory_lock for write and the
 * dma_resv.
 */
static void vpdm_listener_invalidate(struct dma_buf_attachment *listener)
{
	struct vpdm_buf *buf = listener->importer_priv;

	if (buf->ready) {
		down_write(&buf->bufs->lock);
		WRITE_ONCE(buf->ready, false);
		up_write(&buf->bufs->lock);
		vpdm_zap(buf);
	}
	if (buf->dmabuf)
		dma_buf_invalidate_mappings(buf->dmabuf);
}

static const struct dma_buf_attach_ops vpdm_listener_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpdm_listener_invalidate,
};

/**
 * vpdm_listener_add - attach the listener, if it is not attached yet
 * @buf: buffer with an inner DMABUF
 *
 * vfio-pci-core does not tell whether its DMABUF is revoked, but attaching fails if so.
 *
 * Context: takes the dma_resv, allocates.
 *
 * Return: 0, -ENODEV while the inner DMABUF is revoked, -ENOMEM.
 */
int vpdm_listener_add(struct vpdm_buf *buf)
{
	struct dma_buf_attachment *listener;

	listener = dma_buf_dynamic_attach(buf->inner, buf->dev,
					  &vpdm_listener_ops, buf);
	if (IS_ERR(listener))
		return PTR_ERR(listener);

	if (cmpxchg(&buf->listener, NULL, listener))
		dma_buf_detach(buf->inner, listener);

	return 0;
}

/**
 * vpdm_listener_remove - stop listening
 * @buf: buffer whose DMABUF is being released
 *
 * Context: waits for a revocation that is under way.
 */
void vpdm_listener_remove(struct vpdm_buf *buf)
{
	if (!buf->inner)
		return;

	dma_resv_lock(buf->inner->resv, NULL);
	buf->dmabuf = NULL;
	dma_resv_unlock(buf->inner->resv);

	if (buf->listener)
		dma_buf_detach(buf->inner, buf->listener);
}

/**
 * vpdm_inner_is_revoked - whether vfio-pci-core keeps importers out
 * @buf: buffer with an inner DMABUF
 *
 * Context: takes the dma_resv.
 *
 * Return: true if so; it will tell importers when that ends.
 */
bool vpdm_inner_is_revoked(struct vpdm_buf *buf)
{
	return vpdm_listener_add(buf) == -ENODEV;
}

/*
 * Hot reset only tries for memory_lock, so take it rarely: not while memory is off, and
 * after that in one fault at a time, once for each buffer. Only try for it, too: a fault
 * that slept for the lock would own it before it runs again.
 */
static int vpdm_get_ready(struct vpdm_buf *buf)
{
	struct vfio_pci_core_device *core = buf->bufs->core;
	int ret;

	ret = mutex_lock_killable(&buf->bufs->ready_lock);
	if (ret)
		return ret;

	if (!vpdm_memory_is_on(core)) {
		ret = -ENODEV;
	} else if (!READ_ONCE(buf->ready)) {
		if (down_read_trylock(&core->memory_lock)) {
			ret = vpdm_listener_add(buf);
			if (!ret)
				WRITE_ONCE(buf->ready, true);
			up_read(&core->memory_lock);
		} else {
			ret = -EAGAIN;
		}
	}
	mutex_unlock(&buf->bufs->ready_lock);

	return ret;
}

/**
 * vpdm_memory_hold - prepare to ask whether memory is on
 * @buf: buffer, live
 *
 * For a BAR mapping, keeps memory as it is until vpdm_memory_release(). For an export,
 * makes sure that the next revocation will call the listener.
 *
 * Enabled memory does not show that the inner DMABUF is not revoked: a wakeup from
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP enables memory and leaves the DMABUFs
 * revoked (see wakeup.c). vfio-pci-core then announces no second revocation.
 *
 * Context: vpdm_buf_list.gate held for read. May take memory_lock for read.
 *
 * Return: 0, -ENODEV if memory is off, -EAGAIN while vfio-pci-core may be changing
 * that, -ENOMEM, -EINTR if killed.
 */
int vpdm_memory_hold(struct vpdm_buf *buf)
{
	if (vpdm_buf_is_bar(buf)) {
		down_read(&buf->bufs->core->memory_lock);
		return 0;
	}

	return READ_ONCE(buf->ready) ? 0 : vpdm_get_ready(buf);
}

/**
 * vpdm_memory_check - whether memory is on
 * @buf: buffer, after vpdm_memory_hold()
 *
 * Context: vpdm_buf_list.lock held, under which the answer stays true.
 *
 * Return: 0 if it is, VM_FAULT_SIGBUS if not, VM_FAULT_RETRY to ask again.
 */
vm_fault_t vpdm_memory_check(struct vpdm_buf *buf)
{
	if (!vpdm_buf_is_bar(buf))
		return buf->ready ? 0 : VM_FAULT_RETRY;

	return vpdm_memory_is_on(buf->bufs->core) ? 0 : VM_FAULT_SIGBUS;
}

/**
 * vpdm_memory_release - undo vpdm_memory_hold()
 * @buf: buffer
 */
void vpdm_memory_release(struct vpdm_buf *buf)
{
	if (vpdm_buf_is_bar(buf))
		up_read(&buf->bufs->core->memory_lock);
}

/* No gate here: vfio-pci-core tells the listeners. */
ssize_t vpdm_write(struct vfio_device *core_vdev, const char __user *buf,
		   size_t count, loff_t *ppos)
{
	return vfio_pci_core_write(core_vdev, buf, count, ppos);
}

int vpdm_core_feature(struct vfio_device *core_vdev, u32 flags,
		      void __user *arg, size_t argsz)
{
	return vfio_pci_core_ioctl_feature(core_vdev, flags, arg, argsz);
}
