// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vfio_test.h"

/* Over-reserves, then gives back what lies around the wanted address. */
static void *reserve(size_t size, size_t align, size_t skew)
{
	size_t total = size + align + skew;
	char *base, *addr;

	base = mmap(NULL, total, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	addr = (char *)(((size_t)base + align - 1) & ~(align - 1)) + skew;
	if (addr > base)
		munmap(base, addr - base);
	if (addr + size < base + total)
		munmap(addr + size, base + total - (addr + size));
	return addr;
}

void *vt_map(int fd, size_t size, int prot, off_t offset, size_t align,
	     size_t skew)
{
	int flags = MAP_SHARED;
	void *at = NULL, *map;
	int err;

	if (align) {
		at = reserve(size, align, skew);
		if (!at)
			return NULL;
		flags |= MAP_FIXED;
	}
	map = mmap(at, size, prot, flags, fd, offset);
	if (map != MAP_FAILED)
		return map;

	err = errno;
	if (at)
		munmap(at, size);
	errno = err;
	return NULL;
}

void *vt_map_rw(int fd, size_t size)
{
	return vt_map(fd, size, PROT_READ | PROT_WRITE, 0, 0, 0);
}

void *vt_map_bar(const struct vt_device *d, unsigned int bar, size_t offset,
		 size_t size)
{
	struct vfio_region_info info;
	void *map;
	int ret;

	ret = vt_region(d, bar, &info);
	if (ret) {
		vt_log("%s: region info of BAR %u: %s", d->bdf, bar,
		       strerror(-ret));
		return NULL;
	}
	map = vt_map(d->fd, size, PROT_READ | PROT_WRITE, info.offset + offset,
		     0, 0);
	if (!map)
		vt_log("%s: mmap of BAR %u, %zu bytes at %zu: %s", d->bdf, bar,
		       size, offset, strerror(errno));
	return map;
}

int vt_map_errno(int fd, size_t size, int prot, int flags, off_t offset)
{
	void *map = mmap(NULL, size, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, size);
	return 0;
}

void vt_stamp(void *map, size_t size, __u64 base)
{
	size_t off;

	for (off = 0; off < size; off += VT_PAGE)
		*(volatile __u64 *)((char *)map + off) = base + off / VT_PAGE;
}

void vt_touch(const void *map, size_t size)
{
	size_t off;

	for (off = 0; off < size; off += VT_PAGE)
		(void)*((const volatile char *)map + off);
}
