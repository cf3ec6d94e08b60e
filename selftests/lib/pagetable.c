// SPDX-License-Identifier: GPL-2.0-only
/* Page-table truth, from /dev/vpdm_test_pt */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio_test.h"

size_t vt_page_size;

/* Before the constructors of the test programs' own, such as the harness's. */
__attribute__((constructor(101))) static void ask_page_size(void)
{
	vt_page_size = sysconf(_SC_PAGESIZE);
}

static int pt_fd(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = open(VPDM_PT_PATH, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			vt_log("open %s: %s: is vpdm_test_pt loaded?",
			       VPDM_PT_PATH, strerror(errno));
			abort();
		}
	}
	return fd;
}

struct vpdm_pt_lookup vt_pte(const volatile void *addr)
{
	struct vpdm_pt_lookup l = { .addr = (size_t)addr };

	if (ioctl(pt_fd(), VPDM_PT_LOOKUP, &l)) {
		vt_log("VPDM_PT_LOOKUP of %p: %s", addr, strerror(errno));
		abort();
	}
	return l;
}

struct vpdm_pt_count vt_ptes(const volatile void *addr, size_t len)
{
	struct vpdm_pt_count c = { .addr = (size_t)addr, .len = len };

	if (ioctl(pt_fd(), VPDM_PT_COUNT, &c)) {
		vt_log("VPDM_PT_COUNT of %p, %zu bytes: %s", addr, len,
		       strerror(errno));
		abort();
	}
	return c;
}

size_t vt_present(const volatile void *addr, size_t len)
{
	struct vpdm_pt_count c = vt_ptes(addr, len);

	return c.leaves[VPDM_PT_PTE] * VT_PAGE + c.leaves[VPDM_PT_PMD] * VT_PMD +
	       c.leaves[VPDM_PT_PUD] * VT_PUD;
}

__u64 vt_bar_pfn(const char *bdf, unsigned int bar)
{
	unsigned long long start = 0;
	char path[PATH_MAX];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	f = fopen(path, "r");
	if (!f) {
		vt_log("open %s: %s", path, strerror(errno));
		abort();
	}
	for (i = 0; i <= bar; i++) {
		if (fscanf(f, "%llx %*x %*x", &start) != 1)
			start = 0;
	}
	fclose(f);
	return start / VT_PAGE;
}

int vt_mmap_importer(int dmabuf)
{
	int fd, ret;

	fd = open(VPDM_PT_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0 || !ioctl(fd, VPDM_PT_DMABUF, &dmabuf))
		return fd < 0 ? -errno : fd;
	ret = -errno;
	close(fd);
	return ret;
}
