// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMABUFs, from export to release.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vfio_pci_dmabuf_mmap.h"
#include "trace.h"

struct vpdm_buf_list *vpdm_buf_list_create(struct vfio_pci_core_device *core)
{
	struct vpdm_buf_list *bufs;

	bufs = kzalloc_obj(*bufs, GFP_KERNEL);
	if (!bufs)
		return NULL;

	kref_init(&bufs->kref);
	bufs->core = core;
	init_rwsem(&bufs->gate);
	mutex_init(&bufs->ready_lock);
	init_rwsem(&bufs->lock);
	INIT_LIST_HEAD(&bufs->list);
	init_waitqueue_head(&bufs->wait);

	return bufs;
}

static void vpdm_buf_list_free(struct kref *kref)
{
	kfree(container_of(kref, struct vpdm_buf_list, kref));
}

void vpdm_buf_list_put(struct vpdm_buf_list *bufs)
{
	kref_put(&bufs->kref, vpdm_buf_list_free);
}

/**
 * vpdm_ranges_alloc - get the array of a range table
 * @ranges: table after its first pass; ready for the second on return
 *
 * Freed by kvfree(@ranges->array).
 *
 * Return: 0 or -ENOMEM.
 */
int vpdm_ranges_alloc(struct vpdm_ranges *ranges)
{
	size_t bytes = vpdm_ranges_bytes(ranges);
	void *array = NULL;

	if (bytes) {
		array = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
		if (!array)
			return -ENOMEM;
	}
	vpdm_ranges_start(ranges, array);

	return 0;
}

static void vpdm_buf_free(struct kref *kref)
{
	struct vpdm_buf *buf = container_of(kref, struct vpdm_buf, kref);

	if (buf->inner)
		dma_buf_put(buf->inner);
	kvfree(buf->ranges.array);
	iput(buf->inode);
	put_device(buf->dev);
	vpdm_buf_list_put(buf->bufs);
	kfree(buf);
}

/**
 * vpdm_buf_put - drop a reference to a buffer
 * @buf: buffer
 *
 * Such a reference keeps the buffer, and the dma_resv that it shares with its inner
 * DMABUF, but not its DMABUF.
 */
void vpdm_buf_put(struct vpdm_buf *buf)
{
	kref_put(&buf->kref, vpdm_buf_free);
}

static void vpdm_buf_release(struct dma_buf *dmabuf)
{
	struct vpdm_buf *buf = dmabuf->priv;

	trace_vpdm_release(buf);

	down_write(&buf->bufs->lock);
	list_del(&buf->node);
	up_write(&buf->bufs->lock);

	vpdm_listener_remove(buf);
	vpdm_buf_put(buf);
}

static const struct dma_buf_ops vpdm_dmabuf_ops = {
	.attach		= vpdm_attach,
	.detach		= vpdm_detach,
	.map_dma_buf	= vpdm_map,
	.unmap_dma_buf	= vpdm_unmap,
	.mmap		= vpdm_mmap,
	.release	= vpdm_buf_release,
};

static struct dma_buf *vpdm_dmabuf_create(struct vpdm_buf *buf,
					  const struct vpdm_source *source)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);

	exp_info.ops = &vpdm_dmabuf_ops;
	exp_info.size = source->ranges.pages << PAGE_SHIFT;
	exp_info.flags = source->flags;
	exp_info.priv = buf;
	if (source->dmabuf)
		exp_info.resv = source->dmabuf->resv;

	return dma_buf_export(&exp_info);
}

/* If vfio-pci-core zaps BAR mappings itself, they must live in its address_space. */
static void vpdm_buf_set_mapping(struct vpdm_buf *buf,
				 struct vfio_pci_core_device *core)
{
	struct file *file = buf->dmabuf->file;

	buf->inode = file_inode(file);
	ihold(buf->inode);
	if (vpdm_buf_is_bar(buf) && vpdm_core_mapping(core))
		file->f_mapping = vpdm_core_mapping(core);
	else
		buf->mapping = file->f_mapping;
}

static void vpdm_buf_init(struct vpdm_buf *buf, struct vpdm_device *vdev,
			  const struct vpdm_source *source)
{
	kref_init(&buf->kref);
	kref_get(&vdev->bufs->kref);
	buf->bufs = vdev->bufs;
	buf->dev = get_device(&vdev->core.pdev->dev);
	buf->inner = source->dmabuf;
	buf->ranges = source->ranges;
	buf->bar = source->bar;
	buf->pgoff = source->pgoff;
	buf->read_only = (source->flags & O_ACCMODE) == O_RDONLY;
	if (source->device_file)
		buf->device_file = get_file(source->device_file);
	vpdm_buf_set_mapping(buf, &vdev->core);

	down_write(&buf->bufs->lock);
	list_add_tail(&buf->node, &buf->bufs->list);
	up_write(&buf->bufs->lock);
}

/**
 * vpdm_buf_create - make a DMABUF
 * @vdev: device, open
 * @source: input; the function takes over its DMABUF and ranges, on failure too
 *
 * Return: the buffer, with a reference to its DMABUF for the caller, or an ERR_PTR().
 */
struct vpdm_buf *vpdm_buf_create(struct vpdm_device *vdev,
				 const struct vpdm_source *source)
{
	struct dma_buf *dmabuf;
	struct vpdm_buf *buf;
	char *name;
	int ret = -ENOMEM;

	buf = kzalloc_obj(*buf, GFP_KERNEL_ACCOUNT);
	if (!buf)
		goto err_source;

	name = kasprintf(GFP_KERNEL_ACCOUNT, "%s:%s/%u",
			 dev_name(&vdev->core.vdev.device),
			 pci_name(vdev->core.pdev), source->bar);
	if (!name)
		goto err_buf;

	dmabuf = vpdm_dmabuf_create(buf, source);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto err_name;
	}

	dmabuf->name = name;
	buf->dmabuf = dmabuf;
	vpdm_buf_init(buf, vdev, source);

	return buf;

err_name:
	kfree(name);
err_buf:
	kfree(buf);
err_source:
	kvfree(source->ranges.array);
	if (source->dmabuf)
		dma_buf_put(source->dmabuf);
	return ERR_PTR(ret);
}

/**
 * vpdm_buf_get - get the buffer of a file descriptor
 * @vdev: device whose buffer it must be
 * @fd: file descriptor in the caller's table
 *
 * Return: the buffer with a reference to its DMABUF, which the caller drops by
 * dma_buf_put(), or an ERR_PTR(): -EBADF if @fd is not open, -EINVAL if it is not a
 * DMABUF, -ENODEV if it is a DMABUF of another exporter or device.
 */
struct vpdm_buf *vpdm_buf_get(struct vpdm_device *vdev, int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct vpdm_buf *buf;

	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);

	buf = dmabuf->priv;
	if (dmabuf->ops != &vpdm_dmabuf_ops || buf->bufs != vdev->bufs) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-ENODEV);
	}

	return buf;
}

/* The flags of an export, as if by VFIO_DEVICE_FEATURE_DMA_BUF. */
static u32 vpdm_as_dma_buf(u32 flags)
{
	return (flags & ~VFIO_DEVICE_FEATURE_MASK) | VFIO_DEVICE_FEATURE_DMA_BUF;
}

/**
 * vpdm_export - VFIO_DEVICE_FEATURE_DMA_BUF and VFIO_DEVICE_FEATURE_DMA_BUF_MMAP
 * @vdev: device, open
 * @flags: as of the ioctl
 * @arg: argument in user memory
 * @argsz: its size in bytes
 *
 * Context: sleeps, no locks held.
 *
 * Return: a file descriptor, 0 for PROBE, or an errno: those of vfio-pci-core,
 * -EINTR if killed.
 */
int vpdm_export(struct vpdm_device *vdev, u32 flags,
		struct vfio_device_feature_dma_buf __user *arg, size_t argsz)
{
	struct vpdm_source source = {};
	struct vpdm_buf *buf;
	u32 open_flags;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(*arg));
	if (ret != 1)
		return ret;
	/* Only for O_CLOEXEC: vpdm_source_get() has the rest read and checked. */
	if (get_user(open_flags, &arg->open_flags))
		return -EFAULT;

	ret = vpdm_source_get(vdev, vpdm_as_dma_buf(flags), arg, argsz, &source);
	if (ret)
		return ret;

	buf = vpdm_buf_create(vdev, &source);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	trace_vpdm_export(buf);

	ret = dma_buf_fd(buf->dmabuf, open_flags);
	if (ret < 0)
		dma_buf_put(buf->dmabuf);

	return ret;
}

/**
 * vpdm_export_plain - VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN
 * @vdev: device, open
 * @flags: as of the ioctl
 * @arg: argument in user memory
 * @argsz: its size in bytes
 *
 * Return: what vfio-pci-core's VFIO_DEVICE_FEATURE_DMA_BUF returns; -ENOTTY
 * unless vpdm_plain_is_allowed().
 */
int vpdm_export_plain(struct vpdm_device *vdev, u32 flags,
		      struct vfio_device_feature_dma_buf __user *arg,
		      size_t argsz)
{
	if (!vpdm_plain_is_allowed(vdev))
		return -ENOTTY;

	return vfio_pci_core_ioctl_feature(&vdev->core.vdev,
					   vpdm_as_dma_buf(flags), arg, argsz);
}
