// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "internal.h"
#include "uapi.h"

int vd_read_bars(struct vfio_dmabuf_device *dev)
{
	struct vfio_region_info info;
	unsigned int i;

	for (i = 0; i < VD_NR_BARS; i++) {
		memset(&info, 0, sizeof(info));
		info.argsz = sizeof(info);
		info.index = VFIO_PCI_BAR0_REGION_INDEX + i;
		if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
			return vd_last_error(dev->ctx, "%s: VFIO_DEVICE_GET_REGION_INFO of BAR %u",
					     dev->bdf, i);
		dev->bar[i].offset = info.offset;
		dev->bar[i].size = info.size;
		dev->bar[i].flags = info.flags;
	}
	return 0;
}

static int check_bar(struct vfio_dmabuf_device *dev, unsigned int bar)
{
	if (bar < VD_NR_BARS)
		return 0;
	return vd_error(dev->ctx, EINVAL, "there is no BAR %u: a PCI device has 0 to 5",
			bar);
}

int vfio_dmabuf_bar_info(struct vfio_dmabuf_device *dev, unsigned int bar,
			 struct vfio_dmabuf_bar *info)
{
	static const struct {
		uint32_t kernel;
		uint32_t ours;
	} map[] = {
		{ VFIO_REGION_INFO_FLAG_READ, VFIO_DMABUF_BAR_READ },
		{ VFIO_REGION_INFO_FLAG_WRITE, VFIO_DMABUF_BAR_WRITE },
		{ VFIO_REGION_INFO_FLAG_MMAP, VFIO_DMABUF_BAR_MMAP },
	};
	size_t i;
	int ret;

	ret = check_bar(dev, bar);
	if (ret)
		return ret;
	info->size = dev->bar[bar].size;
	info->flags = 0;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (dev->bar[bar].flags & map[i].kernel)
			info->flags |= map[i].ours;
	return 0;
}

static int add_mapping(struct vfio_dmabuf_device *dev, uintptr_t addr,
		       size_t length, const struct vd_vma *vma,
		       unsigned int bar, bool ours)
{
	struct vd_mapping *m = calloc(1, sizeof(*m));

	if (!m)
		return vd_error(dev->ctx, ENOMEM, "out of memory");
	m->dev = dev;
	m->addr = addr;
	m->length = length;
	m->bar = bar;
	m->offset = vma->offset + (addr - vma->start) - dev->bar[bar].offset;
	m->st_dev = vma->st_dev;
	m->st_ino = vma->st_ino;
	m->ours = ours;
	m->next = dev->ctx->mappings;
	dev->ctx->mappings = m;
	return 0;
}

/*
 * The name of a DMABUF-backed BAR mapping says "vfio0:BDF/BAR", and that of an
 * export does too. Catch what contradicts the caller.
 */
static bool name_agrees(struct vfio_dmabuf_device *dev,
			const struct vd_vma *vma, unsigned int bar)
{
	unsigned int named_bar;
	char bdf[VD_BDF_LEN];

	if (sscanf(vma->name, "/dmabuf:vfio%*u:%16[0-9a-f:.]/%u", bdf,
		   &named_bar) != 2)
		return strncmp(vma->name, "/dmabuf:", 8);
	return !strcmp(bdf, dev->bdf) && named_bar == bar;
}

/* The page that a smaller BAR lies in can be mapped whole. */
static int find_bar(struct vfio_dmabuf_device *dev, uint64_t offset,
		    size_t length)
{
	uint64_t mask = vd_page_size() - 1, at, size;
	unsigned int i;

	for (i = 0; i < VD_NR_BARS; i++) {
		at = offset - dev->bar[i].offset;
		size = (dev->bar[i].size + mask) & ~mask;
		if (offset >= dev->bar[i].offset && at < size &&
		    length <= size - at)
			return i;
	}
	return -1;
}

static int recognise(struct vfio_dmabuf_device *dev, const struct vd_maps *maps,
		     uintptr_t addr, size_t length, bool ours)
{
	const struct vd_vma *vma = vd_maps_find(maps, addr);
	size_t page = vd_page_size();
	int bar;

	length = (length + page - 1) & ~(page - 1);
	if (!length || !vma || vma->end - addr < length ||
	    !vd_vma_is_vfio(vma))
		return vd_error(dev->ctx, EINVAL, "0x%zx bytes at 0x%lx are not one mapping of a VFIO device",
				length, (unsigned long)addr);
	bar = find_bar(dev, vma->offset + (addr - vma->start), length);
	if (bar < 0 || !name_agrees(dev, vma, bar))
		return vd_error(dev->ctx, EINVAL, "the mapping \"%s\" at 0x%lx is not of a BAR of %s",
				vma->name, (unsigned long)addr, dev->bdf);
	return add_mapping(dev, addr, length, vma, bar, ours);
}

static int record(struct vfio_dmabuf_device *dev, uintptr_t addr,
		  size_t length, bool ours)
{
	struct vd_maps maps;
	int ret;

	ret = vd_maps_read(&maps);
	if (ret)
		return vd_error(dev->ctx, -ret, "cannot read /proc/self/maps");
	ret = recognise(dev, &maps, addr, length, ours);
	vd_maps_free(&maps);
	return ret;
}

int vfio_dmabuf_add_mapping(struct vfio_dmabuf_device *dev, void *addr,
			    size_t length)
{
	return record(dev, (uintptr_t)addr, length, false);
}

static size_t drop_mapping(struct vfio_dmabuf_device *dev, void *addr,
			   bool ours)
{
	struct vd_mapping **pos, *m;
	size_t length;

	for (pos = &dev->ctx->mappings; (m = *pos); pos = &m->next) {
		if (m->dev != dev || m->addr != (uintptr_t)addr ||
		    m->ours != ours)
			continue;
		*pos = m->next;
		length = m->length;
		free(m);
		return length;
	}
	return 0;
}

int vfio_dmabuf_del_mapping(struct vfio_dmabuf_device *dev, void *addr)
{
	if (drop_mapping(dev, addr, false))
		return 0;
	return vd_error(dev->ctx, ENOENT, "no mapping at %p was added", addr);
}

void vd_forget_mappings(struct vfio_dmabuf_device *dev)
{
	struct vd_mapping **pos = &dev->ctx->mappings, *m;

	while ((m = *pos)) {
		if (m->dev != dev) {
			pos = &m->next;
			continue;
		}
		*pos = m->next;
		free(m);
	}
}

int vfio_dmabuf_bar_map(struct vfio_dmabuf_device *dev, unsigned int bar,
			uint64_t offset, size_t length, int prot, void **addr)
{
	uint64_t size;
	void *at;
	int ret;

	ret = check_bar(dev, bar);
	if (ret)
		return ret;
	size = dev->bar[bar].size;
	if (offset > size || length > size - offset)
		return vd_error(dev->ctx, EINVAL, "0x%zx bytes at 0x%llx reach past the end of BAR %u of %s, which has 0x%llx",
				length, (unsigned long long)offset, bar,
				dev->bdf, (unsigned long long)size);
	ret = vd_map_aligned(dev->fd, dev->bar[bar].offset + offset, offset,
			     length, prot, &at);
	if (ret) {
		errno = -ret;
		return vd_last_error(dev->ctx, "%s: cannot map BAR %u",
				     dev->bdf, bar);
	}
	ret = record(dev, (uintptr_t)at, length, true);
	if (ret) {
		munmap(at, length);
		return ret;
	}
	*addr = at;
	return 0;
}

int vfio_dmabuf_bar_unmap(struct vfio_dmabuf_device *dev, void *addr)
{
	size_t length = drop_mapping(dev, addr, true);

	if (!length)
		return vd_error(dev->ctx, ENOENT, "vfio_dmabuf_bar_map() made no mapping at %p",
				addr);
	munmap(addr, length);
	return 0;
}
