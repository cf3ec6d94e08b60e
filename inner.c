// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inner DMABUF: vfio-pci-core's DMABUF inside each export.
 *
 * vfio-pci-core checks an export request, resolves it and makes a DMABUF. The driver
 * keeps that and never shows it to userspace. Its revocation calls listen.c, and
 * import.c attaches importers to it.
 */
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

/**
 * struct vpdm_inner_request - a call of VFIO_DEVICE_FEATURE_DMA_BUF
 * @work: runs the call in a kernel thread
 * @done: completed after the call
 * @vdev: device
 * @mm: address space of @arg
 * @flags: as of the ioctl
 * @arg: as of the ioctl
 * @argsz: as of the ioctl
 * @source: result
 * @ret: 0, or the error of vfio-pci-core
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
 * vfio-pci-core has read and checked the request and asks for its physical ranges.
 * Store them: faults map exactly these.
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

	/* Userspace could make a page fault last forever. */
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
 * vfio-pci-core installs the DMABUF in the fd table of current. Takes it out of
 * there.
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
 * A handle to the inner DMABUF would survive the revocation of the outer one. No thread
 * or child of the user can take it from the fd table of the kernel threads.
 */
static void vpdm_inner_work(struct work_struct *work)
{
	struct vpdm_inner_request *req =
		container_of(work, struct vpdm_inner_request, work);
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(req->mm);
	struct mem_cgroup *old;

	kthread_use_mm(req->mm);
	/* Charge the user for the DMABUF. */
	old = set_active_memcg(memcg);
	req->ret = vpdm_inner_take(req);
	set_active_memcg(old);
	kthread_unuse_mm(req->mm);
	mem_cgroup_put(memcg);

	complete(&req->done);
}

static int vpdm_inner_run(struct vpdm_inner_request *req)
{
	memset(req->source, 0, sizeof(*req->source));
	reinit_completion(&req->done);
	queue_work(vpdm_inner_wq, &req->work);
	wait_for_completion(&req->done);

	return req->ret;
}

static int
vpdm_inner_fault_in(struct vfio_device_feature_dma_buf __user *arg)
{
	size_t size;
	u32 nr;

	if (!get_user(nr, &arg->nr_ranges)) {
		/* vfio-pci-core copies the request, so it cannot be larger. */
		size = min_t(size_t, KMALLOC_MAX_SIZE,
			     struct_size(arg, dma_ranges, nr));
		if (!fault_in_readable((const char __user *)arg, size))
			return 0;
	}

	return fatal_signal_pending(current) ? -EINTR : -EFAULT;
}

/**
 * vpdm_source_get - let vfio-pci-core make a DMABUF
 * @vdev: device, open
 * @flags: as of VFIO_DEVICE_FEATURE, GET without PROBE
 * @arg: argument in user memory; only vfio-pci-core uses its contents
 * @argsz: its size in bytes
 * @source: result: a reference to the DMABUF, and its ranges, both owned by the caller
 *
 * Context: sleeps; no locks held. Waits for user memory only in the caller, who can be
 * killed meanwhile, never in the kernel thread.
 *
 * Return: 0, -EINTR if killed, or the error of vfio-pci-core.
 */
int vpdm_source_get(struct vpdm_device *vdev, u32 flags,
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

void vpdm_source_init(struct vpdm_device *vdev)
{
	mutex_init(&vdev->export_lock);
	vdev->core.pci_ops = &vpdm_inner_pci_ops;
}

int vpdm_source_setup(void)
{
	vpdm_inner_wq = alloc_workqueue("vfio_pci_dmabuf", WQ_PERCPU, 0);

	return vpdm_inner_wq ? 0 : -ENOMEM;
}

void vpdm_source_cleanup(void)
{
	destroy_workqueue(vpdm_inner_wq);
}
