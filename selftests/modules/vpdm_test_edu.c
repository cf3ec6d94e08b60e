// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test-only: QEMU's edu device as an importer of DMABUFs (see vpdm_test_edu.h)
 *
 * Locks: vpdm_edu.lock (attach, detach, device removal) -> dma_resv. The engine
 * lock is taken with neither of them held. The fences are under a spinlock, so
 * that they can be signalled whoever waits for what.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/idr.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "vpdm_test_edu.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_TO_RAM	BIT(1)
#define EDU_BUFFER	0x40000

/* The engine starts 100 ms after the command; a loaded host takes far longer. */
#define EDU_DMA_TIMEOUT_US	(300 * USEC_PER_SEC)

struct vpdm_edu {
	struct kref kref;
	struct pci_dev *pdev;
	struct miscdevice misc;
	char name[24];
	int id;
	/* Serializes attach, detach and removal; covers @gone and @files. */
	struct mutex lock;
	bool gone;
	struct list_head files;
	/* Covers the engine, the bounce buffer and @regs. */
	struct mutex engine;
	void __iomem *regs;
	void *bounce;
	dma_addr_t bounce_addr;
};

struct vpdm_file {
	struct vpdm_edu *edu;
	struct list_head node;
	struct xarray imports;
};

struct vpdm_fence {
	struct dma_fence base;
	spinlock_t lock; /* dma_fence's own, as 6.12 has none inside */
};

/* An attachment. What is not said otherwise is under the DMABUF's resv. */
struct vpdm_import {
	struct kref kref;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	bool detached;
	bool hold;
	bool pending;
	u32 invalidations;
	u32 unmaps;
	u32 dmas;
	u32 met_dma;
	int last_error;
	struct work_struct unmap_work;
	/* Covers the two fences: one of the user's, one of a running DMA. */
	spinlock_t fence_lock;
	struct dma_fence *user_fence;
	struct dma_fence *dma_fence;
};

static DEFINE_IDA(vpdm_edu_ida);

/* Fences */

static const char *vpdm_fence_name(struct dma_fence *fence)
{
	return "vpdm_test_edu";
}

static void vpdm_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops vpdm_fence_ops = {
	.get_driver_name = vpdm_fence_name,
	.get_timeline_name = vpdm_fence_name,
	.release = vpdm_fence_release,
};

static struct dma_fence *vpdm_fence_new(void)
{
	struct vpdm_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	/* The reservation object can keep the fence longer than we live. */
	__module_get(THIS_MODULE);
	dma_fence_init(&fence->base, &vpdm_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	return &fence->base;
}

/* Add a new fence to the resv, which is held, and remember it in @slot. */
static int vpdm_fence_add(struct vpdm_import *import, struct dma_fence **slot)
{
	struct dma_resv *resv = import->dmabuf->resv;
	struct dma_fence *fence;
	bool busy;
	int ret;

	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	fence = vpdm_fence_new();
	if (!fence)
		return -ENOMEM;

	spin_lock(&import->fence_lock);
	busy = *slot;
	if (!busy)
		*slot = dma_fence_get(fence);
	spin_unlock(&import->fence_lock);
	if (busy)
		dma_fence_signal(fence);
	else
		dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(fence);
	return busy ? -EBUSY : 0;
}

static int vpdm_fence_signal(struct vpdm_import *import,
			     struct dma_fence **slot)
{
	struct dma_fence *fence;

	spin_lock(&import->fence_lock);
	fence = *slot;
	*slot = NULL;
	spin_unlock(&import->fence_lock);
	if (!fence)
		return -ENXIO;
	dma_fence_signal(fence);
	dma_fence_put(fence);
	return 0;
}

static void vpdm_dma_wait(struct vpdm_import *import)
{
	struct dma_fence *fence;

	spin_lock(&import->fence_lock);
	fence = import->dma_fence ? dma_fence_get(import->dma_fence) : NULL;
	spin_unlock(&import->fence_lock);
	if (!fence)
		return;
	dma_fence_wait(fence, false);
	dma_fence_put(fence);
}

/* Imports */

static void vpdm_import_free(struct kref *kref)
{
	struct vpdm_import *import =
		container_of(kref, struct vpdm_import, kref);

	dma_buf_put(import->dmabuf);
	kfree(import);
}

static void vpdm_import_put(struct vpdm_import *import)
{
	kref_put(&import->kref, vpdm_import_free);
}

static struct vpdm_import *vpdm_import_get(struct vpdm_file *file, u32 handle)
{
	struct vpdm_import *import;

	xa_lock(&file->imports);
	import = xa_load(&file->imports, handle);
	if (import)
		kref_get(&import->kref);
	xa_unlock(&file->imports);
	return import;
}

static void vpdm_import_unmap_locked(struct vpdm_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);
	dma_buf_unmap_attachment(import->attach, import->sgt, import->dir);
	import->sgt = NULL;
	import->pending = false;
}

/* The resv of an import that is attached, or an error. */
static int vpdm_import_lock(struct vpdm_import *import)
{
	struct dma_resv *resv = import->dmabuf->resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	if (import->detached) {
		dma_resv_unlock(resv);
		return -ENOENT;
	}
	return 0;
}

static void vpdm_import_unlock(struct vpdm_import *import)
{
	dma_resv_unlock(import->dmabuf->resv);
}

static void vpdm_unmap_work(struct work_struct *work)
{
	struct vpdm_import *import =
		container_of(work, struct vpdm_import, unmap_work);

	vpdm_dma_wait(import);
	dma_resv_lock(import->dmabuf->resv, NULL);
	if (import->sgt && import->pending && !import->hold) {
		vpdm_import_unmap_locked(import);
		import->unmaps++;
	}
	dma_resv_unlock(import->dmabuf->resv);
}

static void vpdm_invalidate(struct dma_buf_attachment *attach)
{
	struct vpdm_import *import = attach->importer_priv;

	dma_resv_assert_held(import->dmabuf->resv);
	import->invalidations++;
	spin_lock(&import->fence_lock);
	import->met_dma += !!import->dma_fence;
	spin_unlock(&import->fence_lock);
	if (!import->sgt)
		return;
	import->pending = true;
	if (!import->hold)
		schedule_work(&import->unmap_work);
}

static const struct dma_buf_attach_ops vpdm_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpdm_invalidate,
};

static const struct dma_buf_attach_ops vpdm_attach_no_p2p_ops = {
	.invalidate_mappings = vpdm_invalidate,
};

static const struct dma_buf_attach_ops vpdm_attach_no_revoke_ops = {
	.allow_peer2peer = true,
};

static int vpdm_attach_ops_of(u32 flags, const struct dma_buf_attach_ops **ops)
{
	switch (flags) {
	case 0:
		*ops = &vpdm_attach_ops;
		return 0;
	case VPDM_EDU_ATTACH_NO_P2P:
		*ops = &vpdm_attach_no_p2p_ops;
		return 0;
	case VPDM_EDU_ATTACH_NO_REVOKE:
		*ops = &vpdm_attach_no_revoke_ops;
		return VPDM_INVALIDATE_OPTIONAL ? 0 : -EOPNOTSUPP;
	case VPDM_EDU_ATTACH_STATIC:
		*ops = NULL;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Called with vpdm_edu.lock held. */
static struct vpdm_import *vpdm_import_new(struct vpdm_edu *edu, int fd,
					   u32 flags)
{
	struct vpdm_import *import = kzalloc(sizeof(*import), GFP_KERNEL);
	const struct dma_buf_attach_ops *ops;
	int ret;

	if (!import)
		return ERR_PTR(-ENOMEM);
	ret = vpdm_attach_ops_of(flags, &ops);
	if (ret)
		goto err_free;
	kref_init(&import->kref);
	spin_lock_init(&import->fence_lock);
	INIT_WORK(&import->unmap_work, vpdm_unmap_work);

	import->dmabuf = dma_buf_get(fd);
	if (IS_ERR(import->dmabuf)) {
		ret = PTR_ERR(import->dmabuf);
		goto err_free;
	}
	import->attach = dma_buf_dynamic_attach(import->dmabuf, &edu->pdev->dev,
						ops, import);
	if (IS_ERR(import->attach)) {
		ret = PTR_ERR(import->attach);
		goto err_put;
	}
	return import;

err_put:
	dma_buf_put(import->dmabuf);
err_free:
	kfree(import);
	return ERR_PTR(ret);
}

/*
 * End an import that no one else can look up any more. Threads that did so before
 * find it detached. A DMA ends first, as the device must not lose its mapping
 * under way.
 */
static void vpdm_import_detach(struct vpdm_import *import)
{
	vpdm_fence_signal(import, &import->user_fence);

	dma_resv_lock(import->dmabuf->resv, NULL);
	import->detached = true;
	dma_resv_unlock(import->dmabuf->resv);

	vpdm_dma_wait(import);
	dma_resv_lock(import->dmabuf->resv, NULL);
	if (import->sgt)
		vpdm_import_unmap_locked(import);
	dma_resv_unlock(import->dmabuf->resv);

	dma_buf_detach(import->dmabuf, import->attach);
	cancel_work_sync(&import->unmap_work);
	vpdm_import_put(import);
}

/* The engine */

static int vpdm_engine_run(struct vpdm_edu *edu, u64 src, u64 dst, size_t len,
			   u64 cmd)
{
	u64 val;
	int ret;

	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(len, edu->regs + EDU_DMA_COUNT);
	writeq(cmd | EDU_DMA_RUN, edu->regs + EDU_DMA_CMD);
	ret = readq_poll_timeout(edu->regs + EDU_DMA_CMD, val,
				 !(val & EDU_DMA_RUN), 2000,
				 EDU_DMA_TIMEOUT_US);
	if (ret)
		dev_err(edu->misc.parent, "DMA does not end, command %#llx\n",
			val);
	return ret;
}

static int vpdm_engine_move(struct vpdm_edu *edu, dma_addr_t addr, void *data,
			    size_t len, bool write)
{
	dma_addr_t src = write ? edu->bounce_addr : addr;
	dma_addr_t dst = write ? addr : edu->bounce_addr;
	int ret;

	mutex_lock(&edu->engine);
	if (!edu->regs) {
		ret = -ENODEV;
		goto out;
	}
	if (write)
		memcpy(edu->bounce, data, len);
	ret = vpdm_engine_run(edu, src, EDU_BUFFER, len, 0);
	if (!ret)
		ret = vpdm_engine_run(edu, EDU_BUFFER, dst, len,
				      EDU_DMA_TO_RAM);
	if (!ret && !write)
		memcpy(data, edu->bounce, len);
out:
	mutex_unlock(&edu->engine);
	return ret;
}

/* ioctls with a handle */

static int vpdm_map(struct vpdm_import *import, u32 dir)
{
	struct sg_table *sgt;
	long ret;

	if (dir > DMA_FROM_DEVICE)
		return -EINVAL;
	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	ret = -EBUSY;
	if (import->sgt)
		goto out;
	ret = dma_resv_wait_timeout(import->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		goto out;
	sgt = dma_buf_map_attachment(import->attach, dir);
	ret = PTR_ERR_OR_ZERO(sgt);
	import->last_error = -ret;
	if (!ret) {
		import->sgt = sgt;
		import->dir = dir;
	}
out:
	vpdm_import_unlock(import);
	return ret;
}

static int vpdm_unmap(struct vpdm_import *import)
{
	int ret;

	vpdm_dma_wait(import);
	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	if (import->sgt)
		vpdm_import_unmap_locked(import);
	else
		ret = -ENXIO;
	vpdm_import_unlock(import);
	return ret;
}

static int vpdm_sg(struct vpdm_import *import, struct vpdm_edu_sg *arg)
{
	struct scatterlist *sg;
	int ret, i;

	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	ret = -ENXIO;
	if (!import->sgt)
		goto out;
	ret = -ERANGE;
	arg->nents = import->sgt->nents;
	for_each_sgtable_dma_sg(import->sgt, sg, i) {
		if (i != arg->index)
			continue;
		arg->addr = sg_dma_address(sg);
		arg->len = sg_dma_len(sg);
		ret = 0;
		break;
	}
out:
	vpdm_import_unlock(import);
	return ret;
}

static int vpdm_dma_addr(struct vpdm_import *import, u64 offset, u64 len,
			 dma_addr_t *addr)
{
	struct scatterlist *sg;
	int i;

	if (!import->sgt)
		return -ENXIO;
	for_each_sgtable_dma_sg(import->sgt, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*addr = sg_dma_address(sg) + offset;
			return len <= sg_dma_len(sg) - offset ? 0 : -ERANGE;
		}
		offset -= sg_dma_len(sg);
	}
	return -ERANGE;
}

static int vpdm_dma_mapped(struct vpdm_edu *edu, struct vpdm_import *import,
			   struct vpdm_edu_dma *arg, void *data)
{
	dma_addr_t addr;
	int ret;

	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	ret = vpdm_dma_addr(import, arg->offset, arg->len, &addr);
	if (!ret && import->pending)
		ret = -ENXIO;
	if (!ret)
		ret = vpdm_fence_add(import, &import->dma_fence);
	if (!ret)
		import->dmas++;
	vpdm_import_unlock(import);
	if (ret)
		return ret;

	ret = vpdm_engine_move(edu, addr, data, arg->len,
			       arg->flags & VPDM_EDU_DMA_WRITE);
	vpdm_fence_signal(import, &import->dma_fence);
	return ret;
}

static int vpdm_dma(struct vpdm_file *file, struct vpdm_edu_dma *arg)
{
	void __user *udata = u64_to_user_ptr(arg->data);
	bool write = arg->flags & VPDM_EDU_DMA_WRITE;
	struct vpdm_import *import;
	void *data;
	int ret;

	if (!arg->len || arg->len > VPDM_EDU_DMA_MAX ||
	    arg->flags & ~(VPDM_EDU_DMA_WRITE | VPDM_EDU_DMA_RAW))
		return -EINVAL;
	data = write ? memdup_user(udata, arg->len) :
		       kzalloc(arg->len, GFP_KERNEL);
	if (IS_ERR_OR_NULL(data))
		return data ? PTR_ERR(data) : -ENOMEM;

	if (arg->flags & VPDM_EDU_DMA_RAW) {
		ret = vpdm_engine_move(file->edu, arg->offset, data, arg->len,
				       write);
	} else {
		import = vpdm_import_get(file, arg->handle);
		if (import) {
			ret = vpdm_dma_mapped(file->edu, import, arg, data);
			vpdm_import_put(import);
		} else {
			ret = -ENOENT;
		}
	}
	if (!ret && !write && copy_to_user(udata, data, arg->len))
		ret = -EFAULT;
	kfree(data);
	return ret;
}

static int vpdm_hold(struct vpdm_import *import, bool on)
{
	int ret;

	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	import->hold = on;
	if (!on && import->pending)
		schedule_work(&import->unmap_work);
	vpdm_import_unlock(import);
	return 0;
}

static int vpdm_user_fence(struct vpdm_import *import, bool on)
{
	int ret;

	if (!on)
		return vpdm_fence_signal(import, &import->user_fence);
	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	ret = vpdm_fence_add(import, &import->user_fence);
	vpdm_import_unlock(import);
	return ret;
}

static int vpdm_stats(struct vpdm_import *import, struct vpdm_edu_stats *arg)
{
	int ret;

	ret = vpdm_import_lock(import);
	if (ret)
		return ret;
	arg->mapped = !!import->sgt;
	arg->pending = import->pending;
	arg->invalidations = import->invalidations;
	arg->unmaps = import->unmaps;
	arg->last_error = import->last_error;
	arg->dmas = import->dmas;
	arg->met_dma = import->met_dma;
	vpdm_import_unlock(import);
	return 0;
}

/* ioctls that make and end imports */

static int vpdm_attach(struct vpdm_file *file, struct vpdm_edu_attach *arg)
{
	struct vpdm_edu *edu = file->edu;
	struct vpdm_import *import;
	int ret;

	ret = mutex_lock_interruptible(&edu->lock);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (edu->gone)
		goto out;
	import = vpdm_import_new(edu, arg->fd, arg->flags);
	ret = PTR_ERR_OR_ZERO(import);
	if (ret)
		goto out;
	ret = xa_alloc(&file->imports, &arg->handle, import, xa_limit_31b,
		       GFP_KERNEL);
	if (ret)
		vpdm_import_detach(import);
out:
	mutex_unlock(&edu->lock);
	return ret;
}

static int vpdm_detach(struct vpdm_file *file, u32 handle)
{
	struct vpdm_edu *edu = file->edu;
	struct vpdm_import *import;
	int ret;

	ret = mutex_lock_interruptible(&edu->lock);
	if (ret)
		return ret;
	import = xa_erase(&file->imports, handle);
	if (import)
		vpdm_import_detach(import);
	else
		ret = -ENOENT;
	mutex_unlock(&edu->lock);
	return ret;
}

/* Called with vpdm_edu.lock held. */
static void vpdm_detach_all(struct vpdm_file *file)
{
	struct vpdm_import *import;
	unsigned long handle;

	/* All fences first: a detach can wait for someone who waits for them. */
	xa_for_each(&file->imports, handle, import)
		vpdm_fence_signal(import, &import->user_fence);
	xa_for_each(&file->imports, handle, import) {
		xa_erase(&file->imports, handle);
		vpdm_import_detach(import);
	}
}

static int vpdm_info(struct vpdm_edu *edu, struct vpdm_edu_info *arg)
{
	int ret = -ENODEV;

	mutex_lock(&edu->lock);
	if (!edu->gone)
		ret = strscpy(arg->bdf, pci_name(edu->pdev),
			      sizeof(arg->bdf)) < 0 ? -E2BIG : 0;
	mutex_unlock(&edu->lock);
	return ret;
}

/* The file */

union vpdm_arg {
	struct vpdm_edu_info info;
	struct vpdm_edu_attach attach;
	struct vpdm_edu_map map;
	struct vpdm_edu_sg sg;
	struct vpdm_edu_dma dma;
	struct vpdm_edu_set set;
	struct vpdm_edu_stats stats;
	/* First member of all structures of calls that take one. */
	__u32 handle;
};

static int vpdm_import_call(struct vpdm_file *file, unsigned int cmd,
			    union vpdm_arg *arg)
{
	struct vpdm_import *import = vpdm_import_get(file, arg->handle);
	int ret;

	if (!import)
		return -ENOENT;
	switch (cmd) {
	case VPDM_EDU_MAP:
		ret = vpdm_map(import, arg->map.dir);
		break;
	case VPDM_EDU_UNMAP:
		ret = vpdm_unmap(import);
		break;
	case VPDM_EDU_SG:
		ret = vpdm_sg(import, &arg->sg);
		break;
	case VPDM_EDU_HOLD:
		ret = vpdm_hold(import, arg->set.on);
		break;
	case VPDM_EDU_FENCE:
		ret = vpdm_user_fence(import, arg->set.on);
		break;
	case VPDM_EDU_STATS:
		ret = vpdm_stats(import, &arg->stats);
		break;
	default:
		ret = -ENOTTY;
		break;
	}
	vpdm_import_put(import);
	return ret;
}

static int vpdm_call(struct vpdm_file *file, unsigned int cmd,
		     union vpdm_arg *arg)
{
	switch (cmd) {
	case VPDM_EDU_INFO:
		return vpdm_info(file->edu, &arg->info);
	case VPDM_EDU_ATTACH:
		return vpdm_attach(file, &arg->attach);
	case VPDM_EDU_DETACH:
		return vpdm_detach(file, arg->handle);
	case VPDM_EDU_DMA:
		return vpdm_dma(file, &arg->dma);
	default:
		return vpdm_import_call(file, cmd, arg);
	}
}

static long vpdm_ioctl(struct file *filp, unsigned int cmd, unsigned long uarg)
{
	void __user *user = (void __user *)uarg;
	size_t size = _IOC_SIZE(cmd);
	union vpdm_arg arg = {};
	int ret;

	if (_IOC_TYPE(cmd) != 'v' || size > sizeof(arg))
		return -ENOTTY;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(&arg, user, size))
		return -EFAULT;
	ret = vpdm_call(filp->private_data, cmd, &arg);
	if (ret)
		return ret;
	if (_IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, &arg, size))
		return -EFAULT;
	return 0;
}

static void vpdm_edu_free(struct kref *kref)
{
	struct vpdm_edu *edu = container_of(kref, struct vpdm_edu, kref);

	ida_free(&vpdm_edu_ida, edu->id);
	kfree(edu);
}

static int vpdm_open(struct inode *inode, struct file *filp)
{
	/* misc_open() leaves the miscdevice here, and excludes deregistration. */
	struct vpdm_edu *edu = container_of(filp->private_data,
					    struct vpdm_edu, misc);
	struct vpdm_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	kref_get(&edu->kref);
	file->edu = edu;
	xa_init_flags(&file->imports, XA_FLAGS_ALLOC1);
	mutex_lock(&edu->lock);
	list_add(&file->node, &edu->files);
	mutex_unlock(&edu->lock);
	filp->private_data = file;
	return 0;
}

static int vpdm_release(struct inode *inode, struct file *filp)
{
	struct vpdm_file *file = filp->private_data;
	struct vpdm_edu *edu = file->edu;

	mutex_lock(&edu->lock);
	list_del(&file->node);
	vpdm_detach_all(file);
	mutex_unlock(&edu->lock);
	xa_destroy(&file->imports);
	kfree(file);
	kref_put(&edu->kref, vpdm_edu_free);
	return 0;
}

static const struct file_operations vpdm_fops = {
	.owner = THIS_MODULE,
	.open = vpdm_open,
	.release = vpdm_release,
	.unlocked_ioctl = vpdm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* The device */

static struct vpdm_edu *vpdm_edu_new(struct pci_dev *pdev)
{
	struct vpdm_edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);

	if (!edu)
		return ERR_PTR(-ENOMEM);
	edu->id = ida_alloc(&vpdm_edu_ida, GFP_KERNEL);
	if (edu->id < 0) {
		int ret = edu->id;

		kfree(edu);
		return ERR_PTR(ret);
	}
	kref_init(&edu->kref);
	mutex_init(&edu->lock);
	mutex_init(&edu->engine);
	INIT_LIST_HEAD(&edu->files);
	edu->pdev = pdev;
	snprintf(edu->name, sizeof(edu->name), "vpdm_test_edu%d", edu->id);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.fops = &vpdm_fops;
	edu->misc.parent = &pdev->dev;
	return edu;
}

static int vpdm_edu_setup(struct vpdm_edu *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	edu->regs = pcim_iomap(pdev, 0, 0);
	if (!edu->regs)
		return -ENOMEM;
	edu->bounce = dmam_alloc_coherent(&pdev->dev, VPDM_EDU_DMA_MAX,
					  &edu->bounce_addr, GFP_KERNEL);
	if (!edu->bounce)
		return -ENOMEM;
	pci_set_master(pdev);
	return 0;
}

static int vpdm_edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vpdm_edu *edu = vpdm_edu_new(pdev);
	int ret;

	if (IS_ERR(edu))
		return PTR_ERR(edu);
	pci_set_drvdata(pdev, edu);
	ret = vpdm_edu_setup(edu);
	if (!ret)
		ret = misc_register(&edu->misc);
	if (ret)
		kref_put(&edu->kref, vpdm_edu_free);
	return ret;
}

static void vpdm_edu_remove(struct pci_dev *pdev)
{
	struct vpdm_edu *edu = pci_get_drvdata(pdev);
	struct vpdm_file *file;

	misc_deregister(&edu->misc);
	mutex_lock(&edu->lock);
	edu->gone = true;
	list_for_each_entry(file, &edu->files, node)
		vpdm_detach_all(file);
	mutex_unlock(&edu->lock);
	/* Waits for a DMA without a mapping. */
	mutex_lock(&edu->engine);
	edu->regs = NULL;
	mutex_unlock(&edu->engine);
	pci_clear_master(pdev);
	kref_put(&edu->kref, vpdm_edu_free);
}

static const struct pci_device_id vpdm_edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{}
};
MODULE_DEVICE_TABLE(pci, vpdm_edu_ids);

/*
 * Errors of the link. Handlers are called one device after the other, so that one
 * that does not return keeps a recovery from ending.
 */
enum {
	VPDM_EDU_CANNOT_RECOVER,	/* as a driver without handlers */
	VPDM_EDU_CAN_RECOVER,
	VPDM_EDU_KEEP_RECOVERING,	/* until it is set to another */
};

static int recovery;
module_param(recovery, int, 0644);
MODULE_PARM_DESC(recovery, "What becomes of an error: 0 it cannot be handled, 1 it can, 2 wait for another value");

static pci_ers_result_t vpdm_edu_error_detected(struct pci_dev *pdev,
						pci_channel_state_t state)
{
	while (READ_ONCE(recovery) == VPDM_EDU_KEEP_RECOVERING)
		msleep(20);

	return READ_ONCE(recovery) == VPDM_EDU_CAN_RECOVER ?
	       PCI_ERS_RESULT_CAN_RECOVER : PCI_ERS_RESULT_NO_AER_DRIVER;
}

static const struct pci_error_handlers vpdm_edu_err_handlers = {
	.error_detected = vpdm_edu_error_detected,
};

static struct pci_driver vpdm_edu_driver = {
	.name = "vpdm_test_edu",
	.id_table = vpdm_edu_ids,
	.probe = vpdm_edu_probe,
	.remove = vpdm_edu_remove,
	.err_handler = &vpdm_edu_err_handlers,
};
module_pci_driver(vpdm_edu_driver);

MODULE_DESCRIPTION("Test-only: QEMU's edu device imports DMABUFs");
MODULE_LICENSE("GPL");
VPDM_IMPORT_DMA_BUF;
