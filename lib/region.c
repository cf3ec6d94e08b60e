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
		     struct vd_mapping *m)
{
	const struct vd_vma *vma = vd_maps_find(maps, m->addr);
	int bar;

	if (!m->length || !vma || vma->end - m->addr < m->length ||
	    !vd_vma_is_vfio(vma))
		return vd_error(dev->ctx, EINVAL, "0x%zx bytes at 0x%lx are not one mapping of a VFIO device",
				m->length, (unsigned long)m->addr);
	m->shown = vma->offset + (m->addr - vma->start);
	m->st_dev = vma->st_dev;
	m->st_ino = vma->st_ino;
	if (m->ours)
		return 0;
	bar = find_bar(dev, m->shown, m->length);
	if (bar < 0 || !name_agrees(dev, vma, bar))
		return vd_error(dev->ctx, EINVAL, "the mapping \"%s\" at 0x%lx is not of a BAR of %s",
				vma->name, (unsigned long)m->addr, dev->bdf);
	m->bar = bar;
	m->offset = m->shown - dev->bar[bar].offset;
	return 0;
}

/* Where it is @ours, the caller has filled in BAR and offset. */
static int record(struct vfio_dmabuf_device *dev, const struct vd_mapping *known)
{
	size_t page = vd_page_size();
	struct vd_maps maps;
	struct vd_mapping *m;
	int ret;

	m = malloc(sizeof(*m));
	if (!m)
		return vd_error(dev->ctx, ENOMEM, "out of memory");
	*m = *known;
	m->dev = dev;
	m->length = (m->length + page - 1) & ~(page - 1);
	ret = vd_maps_read(&maps);
	if (ret) {
		free(m);
		return vd_error(dev->ctx, -ret, "cannot read /proc/self/maps");
	}
	ret = recognise(dev, &maps, m);
	vd_maps_free(&maps);
	if (ret) {
		free(m);
		return ret;
	}
	m->next = dev->ctx->mappings;
	dev->ctx->mappings = m;
	return 0;
}

static bool shown_at(const void *addr, uint64_t offset)
{
	const struct vd_vma *vma;
	struct vd_maps maps;
	bool same;

	if (vd_maps_read(&maps))
		return false;
	vma = vd_maps_find(&maps, (uintptr_t)addr);
	same = vma && vma->offset + ((uintptr_t)addr - vma->start) == offset;
	vd_maps_free(&maps);
	return same;
}

/*
 * vfio-pci before Linux 6.10 shows a physical address as the offset, which may
 * look like a place in another BAR. See what it does with a mapping of our own.
 */
static bool shows_offsets(struct vfio_dmabuf_device *dev)
{
	size_t page = vd_page_size();
	unsigned int i;
	void *addr;
	bool shows;

	for (i = 0; i < VD_NR_BARS; i++) {
		if (!(dev->bar[i].flags & VFIO_REGION_INFO_FLAG_MMAP))
			continue;
		addr = mmap(NULL, page, PROT_READ, MAP_SHARED, dev->fd,
			    dev->bar[i].offset);
		if (addr == MAP_FAILED)
			continue;
		shows = shown_at(addr, dev->bar[i].offset);
		munmap(addr, page);
		return shows;
	}
	return false;
}

int vfio_dmabuf_add_mapping(struct vfio_dmabuf_device *dev, void *addr,
			    size_t length)
{
	struct vd_mapping m = { .addr = (uintptr_t)addr, .length = length };

	if (!shows_offsets(dev))
		return vd_error(dev->ctx, EOPNOTSUPP, "%s: its driver does not show what part of which BAR is mapped, as vfio-pci before Linux 6.10; use vfio_dmabuf_bar_map()",
				dev->bdf);
	return record(dev, &m);
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
	struct vd_mapping m = {
		.length = length,
		.bar = bar,
		.offset = offset,
		.ours = true,
	};
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
	m.addr = (uintptr_t)at;
	ret = record(dev, &m);
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
