// SPDX-License-Identifier: GPL-2.0-only
/*
 * In place of inner.c, for kernels whose vfio-pci-core exports no DMABUFs.
 *
 * Export requests are checked here, by the rules and with the errnos of Linux
 * 7.2. There are no importers, and no listener: the VMAs of a buffer live in the
 * device's address_space, where vfio-pci-core zaps them.
 */
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "vfio_pci_dmabuf_mmap.h"

/* Of the device's address_space vfio-pci-core zaps no more than this. */
#define VPDM_MAX_SIZE	VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX)

static int vpdm_check_slice(const struct vfio_region_dma_range *slice,
			    u64 start, u64 end)
{
	u64 first, last;

	if (check_add_overflow(start, slice->offset, &first) ||
	    check_add_overflow(first, slice->length, &last))
		return -EOVERFLOW;

	return last > end ? -EINVAL : 0;
}

static int vpdm_check_slices(const struct vfio_region_dma_range *slices, u32 nr,
			     u64 start, u64 end)
{
	u64 size = 0;
	int ret;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!slices[i].length || !PAGE_ALIGNED(slices[i].offset) ||
		    !PAGE_ALIGNED(slices[i].length))
			return -EINVAL;
		if (check_add_overflow(size, slices[i].length, &size))
			return -EINVAL;
	}
	if (size > VPDM_MAX_SIZE)
		return -EINVAL;

	for (i = 0; i < nr; i++) {
		ret = vpdm_check_slice(&slices[i], start, end);
		if (ret)
			return ret;
	}

	return 0;
}

static int vpdm_store_slices(struct vpdm_ranges *ranges,
			     const struct vfio_region_dma_range *slices, u32 nr,
			     u64 start)
{
	int ret;
	u32 i;

	for (i = 0; i < nr; i++)
		vpdm_ranges_count(ranges, PHYS_PFN(start + slices[i].offset),
				  slices[i].length >> PAGE_SHIFT);

	ret = vpdm_ranges_alloc(ranges);
	if (ret)
		return ret;

	for (i = 0; i < nr; i++)
		vpdm_ranges_add(ranges, PHYS_PFN(start + slices[i].offset),
				slices[i].length >> PAGE_SHIFT);

	return 0;
}

int vpdm_inner_create(struct vpdm_device *vdev, u32 flags,
		      struct vfio_device_feature_dma_buf __user *arg,
		      size_t argsz, struct vpdm_source *source)
{
	struct pci_dev *pdev = vdev->core.pdev;
	struct vfio_device_feature_dma_buf hdr;
	struct vfio_region_dma_range *slices;
	u64 start;
	int ret;

	if (copy_from_user(&hdr, arg, sizeof(hdr)))
		return -EFAULT;
	if (!hdr.nr_ranges || hdr.flags)
		return -EINVAL;

	if (hdr.region_index >= VFIO_PCI_ROM_REGION_INDEX ||
	    IS_ERR(vfio_pci_core_get_iomap(&vdev->core, hdr.region_index)))
		return -ENODEV;

	slices = memdup_array_user(&arg->dma_ranges, hdr.nr_ranges,
				   sizeof(*slices));
	if (IS_ERR(slices))
		return PTR_ERR(slices);

	start = pci_resource_start(pdev, hdr.region_index);
	ret = vpdm_check_slices(slices, hdr.nr_ranges, start, start +
				pci_resource_len(pdev, hdr.region_index));
	if (!ret && !(pci_resource_flags(pdev, hdr.region_index) &
		      IORESOURCE_MEM))
		ret = -EINVAL;
	if (!ret)
		ret = vpdm_store_slices(&source->ranges, slices, hdr.nr_ranges,
					start);
	kfree(slices);

	source->bar = hdr.region_index;
	source->flags = hdr.open_flags;

	return ret;
}

int vpdm_inner_listen(struct vpdm_buf *buf)
{
	return 0;
}

bool vpdm_inner_invalidate(struct vpdm_buf *buf, bool mapped_only)
{
	return false;
}

bool vpdm_inner_is_revoked(struct vpdm_buf *buf)
{
	return false;
}

void vpdm_inner_release(struct vpdm_buf *buf)
{
}

int vpdm_inner_attach(struct dma_buf *dmabuf,
		      struct dma_buf_attachment *attachment)
{
	return -EOPNOTSUPP;
}

void vpdm_inner_detach(struct dma_buf *dmabuf,
		       struct dma_buf_attachment *attachment)
{
}

/* Nothing attaches, but dma_buf_export() wants to see these. */
struct sg_table *vpdm_inner_map(struct dma_buf_attachment *attachment,
				enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void vpdm_inner_unmap(struct dma_buf_attachment *attachment,
		      struct sg_table *sgt, enum dma_data_direction dir)
{
}

void vpdm_inner_close(struct vpdm_device *vdev)
{
}

void vpdm_inner_init(struct vpdm_device *vdev)
{
}

int vpdm_inner_setup(void)
{
	return 0;
}

void vpdm_inner_cleanup(void)
{
}
