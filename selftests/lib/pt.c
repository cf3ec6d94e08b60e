// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pt.h"
#include "vfio_test.h"

static int call(unsigned long cmd, const char *name, void *arg)
{
	int fd, ret = 0;

	fd = open(VPDM_PT_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		vt_log("open " VPDM_PT_PATH ": %s", strerror(-ret));
		return ret;
	}
	if (ioctl(fd, cmd, arg)) {
		ret = -errno;
		vt_log("%s: %s", name, strerror(-ret));
	}
	close(fd);
	return ret;
}

int vt_pt_lookup(const void *addr, struct vpdm_pt_lookup *lookup)
{
	*lookup = (struct vpdm_pt_lookup){ .addr = (__u64)addr };
	return call(VPDM_PT_LOOKUP, "VPDM_PT_LOOKUP", lookup);
}

int vt_pt_count(const void *addr, size_t len, struct vpdm_pt_count *count)
{
	*count = (struct vpdm_pt_count){ .addr = (__u64)addr, .len = len };
	return call(VPDM_PT_COUNT, "VPDM_PT_COUNT", count);
}

long vt_pt_leaves(const void *addr, size_t len)
{
	struct vpdm_pt_count count;
	unsigned int i;
	long sum = 0;
	int ret;

	ret = vt_pt_count(addr, len, &count);
	if (ret)
		return ret;
	for (i = 0; i < VPDM_PT_NR_LEVELS; i++)
		sum += count.leaves[i];
	return sum;
}
