// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export requests, on kernels whose vfio-pci-core makes no DMABUFs (inner.c serves the
 * others). Reads and checks them by the rules and with the errnos of Linux 7.2.
 */
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "vfio_pci_dmabuf_mmap.h"

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
	s64 size = 0;
	int ret;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!slices[i].length || !PAGE_ALIGNED(slices[i].offset) ||
		    !PAGE_ALIGNED(slices[i].length))
			return -EINVAL;
		if (check_add_overflow(size, slices[i].length, &size))
			return -EINVAL;
	}

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

/**
 * vpdm_source_get - read an export request
 * @vdev: device, open
 * @flags: as of VFIO_DEVICE_FEATURE, GET without PROBE
 * @arg: argument in user memory
 * @argsz: its size in bytes
 * @source: result: ranges, owned by the caller
 *
 * Context: sleeps, no locks held.
 *
 * Return: 0, or an errno as from vfio-pci-core of Linux 7.2.
 */
int vpdm_source_get(struct vpdm_device *vdev, u32 flags,
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

void vpdm_source_init(struct vpdm_device *vdev)
{
}

int vpdm_source_setup(void)
{
	return 0;
}

void vpdm_source_cleanup(void)
{
}
