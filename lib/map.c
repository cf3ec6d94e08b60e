// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

uint64_t vd_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/*
 * Reserve @length bytes at an address that agrees with @phase modulo @align,
 * then map over them.
 */
static int map_at_phase(int fd, uint64_t file_offset, uint64_t phase,
			size_t length, int prot, uint64_t align, void **addr)
{
	uint64_t page = vd_page_size();
	size_t total = length + align;
	char *base, *start;
	size_t head, tail;
	int err;

	if (total < length)
		return -ENOMEM;
	base = mmap(NULL, total, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	head = (phase - (uintptr_t)base) & (align - 1);
	start = base + head;
	if (mmap(start, length, prot, MAP_SHARED | MAP_FIXED, fd,
		 file_offset) == MAP_FAILED) {
		err = errno;
		munmap(base, total);
		return -err;
	}
	tail = (length + page - 1) & ~(page - 1);
	if (head)
		munmap(base, head);
	if (total > head + tail)
		munmap(start + tail, total - head - tail);
	*addr = start;
	return 0;
}

int vd_map_aligned(int fd, uint64_t file_offset, uint64_t phase, size_t length,
		   int prot, void **addr)
{
	/* With 8-byte entries, on every 64-bit architecture. */
	uint64_t page = vd_page_size();
	uint64_t pmd = page * (page / 8);
	uint64_t pud = pmd * (page / 8);
	int ret;

	if ((off_t)file_offset < 0 || !length)
		return -EINVAL;
	/* Address space for a PUD's reservation may be lacking. */
	if (length >= pud && (size_t)pud == pud) {
		ret = map_at_phase(fd, file_offset, phase, length, prot, pud,
				   addr);
		if (ret != -ENOMEM)
			return ret;
	}
	if (length >= pmd && (size_t)pmd == pmd) {
		ret = map_at_phase(fd, file_offset, phase, length, prot, pmd,
				   addr);
		if (ret != -ENOMEM)
			return ret;
	}
	*addr = mmap(NULL, length, prot, MAP_SHARED, fd, file_offset);
	return *addr == MAP_FAILED ? -errno : 0;
}

int vfio_dmabuf_map(struct vfio_dmabuf_ctx *ctx, int dmabuf_fd, uint64_t offset,
		    size_t length, int prot, uint32_t phase, void **addr)
{
	const char *why = "";
	int ret;

	ret = vd_map_aligned(dmabuf_fd, offset, phase + offset, length, prot,
			     addr);
	if (!ret)
		return 0;
	if (ret == -ENODEV)
		why = " (revoked, its device closed, or an exporter without mmap)";
	errno = -ret;
	return vd_last_error(ctx, "cannot map 0x%zx bytes at 0x%llx of DMABUF fd %d%s",
			     length, (unsigned long long)offset, dmabuf_fd, why);
}
