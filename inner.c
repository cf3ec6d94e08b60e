// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMABUF of vfio-pci-core that stands inside each of ours.
 *
 * vfio-pci-core checks an export request, resolves it and makes a DMABUF, which
 * it revokes before the memory behind it goes away, on every path. We keep that
 * DMABUF, never show it to userspace, and hear of its revocation through an
 * attachment to it. Importers of ours are attached to it as well, so
 * scatter-gather tables, peer-to-peer checks and the wait for importers stay
 * vfio-pci-core's.
 */
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "vfio_pci_dmabuf_mmap.h"

/* Times that a request is faulted in and found missing again. */
#define VPDM_FAULT_IN_TRIES	8

/**
 * struct vpdm_inner_request - a call of VFIO_DEVICE_FEATURE_DMA_BUF
 * @work: runs it in a kernel thread
 * @done: it has run
 * @vdev: device
 * @mm: address space that @arg is in
 * @flags: as of the ioctl
 * @arg: as of the ioctl
 * @argsz: as of the ioctl
 * @source: the outcome
 * @ret: 0 or what vfio-pci-core answered
 */
struct vpdm_inner_request {
	struct work_struct work;
	struct completion done;
	struct vpdm_device *vdev;
	struct mm_struct *mm;
	u32 flags;
	struct vfio_device_feature_dma_buf __user *arg;
	size_t argsz;
	struct vpdm_source *source;
	int ret;
};

/**
 * struct vpdm_stray - a DMABUF of vfio-pci-core that somebody else has seen
 * @node: in vpdm_device.strays
 * @dmabuf: the DMABUF
 */
struct vpdm_stray {
	struct list_head node;
	struct dma_buf *dmabuf;
};

static struct workqueue_struct *vpdm_inner_wq;

static int vpdm_inner_store_ranges(struct vpdm_ranges *ranges,
				   const struct phys_vec *phys, size_t nr)
{
	size_t i;
	int ret;

	for (i = 0; i < nr; i++)
		vpdm_ranges_count(ranges, PHYS_PFN(phys[i].paddr),
				  phys[i].len >> PAGE_SHIFT);

	ret = vpdm_ranges_alloc(ranges);
	if (ret)
		return ret;

	for (i = 0; i < nr; i++)
		vpdm_ranges_add(ranges, PHYS_PFN(phys[i].paddr),
				phys[i].len >> PAGE_SHIFT);

	return 0;
}

/*
 * vfio-pci-core has read and checked the request and asks for its physical
 * ranges. What it gets is what we map.
 */
static int vpdm_inner_get_phys(struct vfio_pci_core_device *core,
			       struct p2pdma_provider **provider,
			       unsigned int region_index,
			       struct phys_vec *phys_vec,
			       struct vfio_region_dma_range *dma_ranges,
			       size_t nr_ranges)
{
	struct vpdm_device *vdev = container_of(core, struct vpdm_device, core);
	struct vpdm_source *source;
	int ret;

	ret = vfio_pci_core_get_dmabuf_phys(core, provider, region_index,
					    phys_vec, dma_ranges, nr_ranges);
	if (ret)
		return ret;

	/* A plain export: userspace gets vfio-pci-core's DMABUF itself. */
	if (READ_ONCE(vdev->exporter) != current)
		return 0;

	source = vdev->request->source;
	source->bar = region_index;

	return vpdm_inner_store_ranges(&source->ranges, phys_vec, nr_ranges);
}

static const struct vfio_pci_device_ops vpdm_inner_pci_ops = {
	.get_dmabuf_phys = vpdm_inner_get_phys,
};

static int vpdm_inner_call_core(struct vpdm_inner_request *req)
{
	struct vpdm_device *vdev = req->vdev;
	int ret;

	mutex_lock(&vdev->export_lock);
	vdev->request = req;
	WRITE_ONCE(vdev->exporter, current);

	/* Userspace could park us in a page fault for as long as it likes. */
	pagefault_disable();
	ret = vfio_pci_core_ioctl_feature(&vdev->core.vdev, req->flags,
					  req->arg, req->argsz);
	pagefault_enable();

	WRITE_ONCE(vdev->exporter, NULL);
	vdev->request = NULL;
	mutex_unlock(&vdev->export_lock);

	return ret;
}

/*
 * Takes the DMABUF out of the table of file descriptors that vfio-pci-core has
 * installed it in, which is current's.
 */
static int vpdm_inner_take(struct vpdm_inner_request *req)
{
	struct dma_buf *dmabuf;
	int fd;

	fd = vpdm_inner_call_core(req);
	if (fd < 0)
		goto err_free;

	dmabuf = dma_buf_get(fd);
	close_fd(fd);
	if (IS_ERR(dmabuf)) {
		fd = PTR_ERR(dmabuf);
		goto err_free;
	}
	req->source->dmabuf = dmabuf;
	req->source->flags = dmabuf->file->f_flags;

	return 0;

err_free:
	kvfree(req->source->ranges.array);
	return fd;
}

/*
 * A handle to the inner DMABUF would survive the revocation of the outer one. In
 * the table of the kernel threads no thread and no child of the user can take it.
 */
static void vpdm_inner_work(struct work_struct *work)
{
	struct vpdm_inner_request *req =
		container_of(work, struct vpdm_inner_request, work);
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(req->mm);
	struct mem_cgroup *old;

	kthread_use_mm(req->mm);
	/* Or nobody would be charged for the DMABUF. */
	old = set_active_memcg(memcg);
	req->ret = vpdm_inner_take(req);
	set_active_memcg(old);
	kthread_unuse_mm(req->mm);
	mem_cgroup_put(memcg);

	complete(&req->done);
}

static int vpdm_inner_take_in_worker(struct vpdm_inner_request *req)
{
	reinit_completion(&req->done);
	queue_work(vpdm_inner_wq, &req->work);
	wait_for_completion(&req->done);

	return req->ret;
}

/* Once true it stays true: there is no descriptor to get another reference by. */
static bool vpdm_inner_is_ours_alone(const struct dma_buf *dmabuf)
{
	if (file_count(dmabuf->file) != 1)
		return false;

	/* An O_PATH descriptor was opened before the other reference went. */
	smp_rmb();

	return d_count(dmabuf->file->f_path.dentry) == 1;
}

/*
 * The hop to a kernel thread doubles the time of an export. Where nobody shares
 * the caller's table it does as well, but for others that may look into it,
 * through pidfd_getfd() and /proc/PID/fd; so see that none of them has. A DMABUF
 * that one has got hold of is kept until the device is closed: released before,
 * it would leave vfio-pci-core with a pointer to its file, which an O_PATH
 * descriptor outlives.
 */
static int vpdm_inner_take_here(struct vpdm_inner_request *req)
{
	struct vpdm_stray *stray;
	int ret;

	stray = kmalloc_obj(*stray, GFP_KERNEL_ACCOUNT);
	if (!stray)
		return -ENOMEM;

	ret = vpdm_inner_take(req);
	if (ret || vpdm_inner_is_ours_alone(req->source->dmabuf)) {
		kfree(stray);
		return ret;
	}

	kvfree(req->source->ranges.array);
	stray->dmabuf = req->source->dmabuf;
	mutex_lock(&req->vdev->export_lock);
	list_add(&stray->node, &req->vdev->strays);
	mutex_unlock(&req->vdev->export_lock);

	return -EAGAIN;
}

static int vpdm_inner_run(struct vpdm_inner_request *req)
{
	int ret = -EAGAIN;

	memset(req->source, 0, sizeof(*req->source));
	if (atomic_read(&current->files->count) == 1)
		ret = vpdm_inner_take_here(req);
	if (ret != -EAGAIN)
		return ret;

	memset(req->source, 0, sizeof(*req->source));
	return vpdm_inner_take_in_worker(req);
}

static int
vpdm_inner_fault_in(struct vfio_device_feature_dma_buf __user *arg)
{
	size_t size;
	u32 nr;

	if (!get_user(nr, &arg->nr_ranges)) {
		/* vfio-pci-core has a buffer for it, so it is no larger. */
		size = min_t(size_t, KMALLOC_MAX_SIZE,
			     struct_size(arg, dma_ranges, nr));
		if (!fault_in_readable((const char __user *)arg, size))
			return 0;
	}

	return fatal_signal_pending(current) ? -EINTR : -EFAULT;
}

/**
 * vpdm_inner_create - let vfio-pci-core make a DMABUF
 * @vdev: device, open
 * @flags: as of VFIO_DEVICE_FEATURE, GET without PROBE
 * @arg: argument in user memory, read by vfio-pci-core alone
 * @argsz: its size in bytes
 * @source: the outcome: a reference to the DMABUF, and its ranges, both the
 *	caller's
 *
 * Context: sleeps; no locks held. Waits for user memory in the caller, who can
 * be killed meanwhile, never in the kernel thread.
 *
 * Return: 0, -EINTR if killed, or what vfio-pci-core answers.
 */
int vpdm_inner_create(struct vpdm_device *vdev, u32 flags,
		      struct vfio_device_feature_dma_buf __user *arg,
		      size_t argsz, struct vpdm_source *source)
{
	struct vpdm_inner_request req = {
		.vdev = vdev,
		.mm = current->mm,
		.flags = flags,
		.arg = arg,
		.argsz = argsz,
		.source = source,
	};
	int tries = VPDM_FAULT_IN_TRIES;
	int ret;

	INIT_WORK_ONSTACK(&req.work, vpdm_inner_work);
	init_completion(&req.done);

	do {
		ret = vpdm_inner_run(&req);
		if (ret != -EFAULT)
			break;
		ret = vpdm_inner_fault_in(arg);
	} while (!ret && --tries);

	destroy_work_on_stack(&req.work);

	return ret ? : (tries ? 0 : -EFAULT);
}

/*
 * vfio-pci-core revokes the inner DMABUF, or has just let it in again; both look
 * the same from here. It holds memory_lock for write and the dma_resv.
 */
static void vpdm_listener_invalidate(struct dma_buf_attachment *listener)
{
	struct vpdm_buf *buf = listener->importer_priv;

	WRITE_ONCE(buf->heard, false);
	vpdm_zap(buf);
	dma_buf_invalidate_mappings(buf->dmabuf);
}

static const struct dma_buf_attach_ops vpdm_listener_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpdm_listener_invalidate,
};

/* Fails with -ENODEV while the inner DMABUF is revoked. */
static int vpdm_listener_attach(struct vpdm_buf *buf)
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
 * vpdm_inner_listen - make sure that the next revocation will be heard
 * @buf: buffer
 *
 * vfio-pci-core does not say whether its DMABUF is revoked, but attaching tells.
 * Memory that is enabled proves nothing: a wakeup from
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP enables it and leaves the
 * DMABUFs revoked, and no second revocation would be announced.
 *
 * Context: memory_lock held for read, so the answer stays true under it.
 *
 * Return: 0 if pages may be mapped, -ENODEV if not, -ENOMEM.
 */
int vpdm_inner_listen(struct vpdm_buf *buf)
{
	int ret;

	if (!buf->inner || READ_ONCE(buf->heard))
		return 0;

	ret = vpdm_listener_attach(buf);
	if (!ret)
		WRITE_ONCE(buf->heard, true);

	return ret;
}

/**
 * vpdm_inner_invalidate - tell the importers of a buffer to unmap it
 * @buf: buffer, in its device's list
 * @mapped_only: only if one of them has it mapped
 *
 * Context: takes the dma_resv.
 *
 * Return: whether they were told.
 */
bool vpdm_inner_invalidate(struct vpdm_buf *buf, bool mapped_only)
{
	bool told;

	if (!buf->inner)
		return false;

	dma_resv_lock(buf->inner->resv, NULL);
	told = !mapped_only || atomic_read(&buf->sgts);
	if (told)
		dma_buf_invalidate_mappings(buf->dmabuf);
	dma_resv_unlock(buf->inner->resv);

	return told;
}

/**
 * vpdm_inner_release - stop listening
 * @buf: buffer whose DMABUF is going away
 *
 * Context: waits for a revocation that is under way.
 */
void vpdm_inner_release(struct vpdm_buf *buf)
{
	if (buf->listener)
		dma_buf_detach(buf->inner, buf->listener);
}

/* The listener tells the importer; this makes the attachment revocable. */
static void vpdm_importer_invalidate(struct dma_buf_attachment *attachment)
{
}

static const struct dma_buf_attach_ops vpdm_importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpdm_importer_invalidate,
};

/**
 * vpdm_inner_is_revoked - whether vfio-pci-core keeps importers out
 * @buf: buffer
 *
 * Only attaching tells, see vpdm_inner_listen().
 *
 * Context: takes the dma_resv.
 *
 * Return: true if so; it will tell importers when that ends.
 */
bool vpdm_inner_is_revoked(struct vpdm_buf *buf)
{
	struct dma_buf_attachment *probe;

	probe = dma_buf_dynamic_attach(buf->inner, buf->dev,
				       &vpdm_importer_ops, buf);
	if (IS_ERR(probe))
		return PTR_ERR(probe) == -ENODEV;

	dma_buf_detach(buf->inner, probe);

	return false;
}

int vpdm_inner_attach(struct dma_buf *dmabuf,
		      struct dma_buf_attachment *attachment)
{
	struct vpdm_buf *buf = dmabuf->priv;
	struct dma_buf_attachment *inner;
	int ret;

	if (!attachment->peer2peer)
		return -EOPNOTSUPP;
	if (!vpdm_buf_may_import(buf))
		return -ENODEV;

	inner = dma_buf_dynamic_attach(buf->inner, attachment->dev,
				       &vpdm_importer_ops, buf);
	if (IS_ERR(inner))
		return PTR_ERR(inner);

	ret = -EOPNOTSUPP;
	if (!dma_buf_attach_revocable(attachment))
		goto err_detach;

	ret = READ_ONCE(buf->listener) ? 0 : vpdm_listener_attach(buf);
	if (ret)
		goto err_detach;

	attachment->priv = inner;
	atomic_inc(&buf->attachments);

	return 0;

err_detach:
	dma_buf_detach(buf->inner, inner);
	return ret;
}

void vpdm_inner_detach(struct dma_buf *dmabuf,
		       struct dma_buf_attachment *attachment)
{
	struct vpdm_buf *buf = dmabuf->priv;

	dma_buf_detach(buf->inner, attachment->priv);
	atomic_dec(&buf->attachments);
}

struct sg_table *vpdm_inner_map(struct dma_buf_attachment *attachment,
				enum dma_data_direction dir)
{
	struct dma_buf_attachment *inner = attachment->priv;
	struct vpdm_buf *buf = attachment->dmabuf->priv;
	struct sg_table *sgt;

	if (!vpdm_buf_may_import(buf))
		return ERR_PTR(-ENODEV);

	/*
	 * The table itself, which vpdm_inner_unmap() needs. The caller is
	 * dma_buf_map_attachment(); once more, it would hand out a copy with
	 * CONFIG_DMABUF_DEBUG.
	 */
	sgt = inner->dmabuf->ops->map_dma_buf(inner, dir);
	if (!IS_ERR(sgt))
		atomic_inc(&buf->sgts);

	return sgt;
}

void vpdm_inner_unmap(struct dma_buf_attachment *attachment,
		      struct sg_table *sgt, enum dma_data_direction dir)
{
	struct dma_buf_attachment *inner = attachment->priv;
	struct vpdm_buf *buf = attachment->dmabuf->priv;

	/*
	 * dma_buf_phys_vec_to_sgt() sets it to 0, so that importers find no
	 * pages. sg_free_table() then frees no entry, as of 7.3.
	 */
	sgt->orig_nents = sgt->nents;
	inner->dmabuf->ops->unmap_dma_buf(inner, sgt, dir);
	if (atomic_dec_and_test(&buf->sgts))
		wake_up_var(&buf->sgts);
}

/**
 * vpdm_inner_close - drop what was kept until the device is closed
 * @vdev: device, closed by vfio-pci-core
 */
void vpdm_inner_close(struct vpdm_device *vdev)
{
	struct vpdm_stray *stray, *next;

	list_for_each_entry_safe(stray, next, &vdev->strays, node) {
		list_del(&stray->node);
		dma_buf_put(stray->dmabuf);
		kfree(stray);
	}
}

void vpdm_inner_init(struct vpdm_device *vdev)
{
	mutex_init(&vdev->export_lock);
	INIT_LIST_HEAD(&vdev->strays);
	vdev->core.pci_ops = &vpdm_inner_pci_ops;
}

int vpdm_inner_setup(void)
{
	vpdm_inner_wq = alloc_workqueue("vfio_pci_dmabuf", WQ_PERCPU, 0);

	return vpdm_inner_wq ? 0 : -ENOMEM;
}

void vpdm_inner_cleanup(void)
{
	destroy_workqueue(vpdm_inner_wq);
}
