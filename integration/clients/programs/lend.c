// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes between a device's bind and its unbind: a page of BAR 0 is mapped, and
 * where the driver lends memory, a child has the same page until it is revoked.
 *
 * usage: lend BDF	of a device that is bound
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfio_test.h"

#define BAR	0

/* The child of a buffer: reads until it is told that this is over. */
static int borrow(int fd, __u64 value)
{
	volatile void *map = vt_map(fd, VT_PAGE, PROT_READ, 0, 0, 0);
	__u64 found;

	if (!map || vt_peek(map, &found) || found != value)
		return 1;
	kill(getppid(), SIGUSR1);
	while (!vt_peek(map, &found))
		;
	return 0;
}

static int lend(const struct vt_device *d, __u64 value)
{
	int fd = vt_export_one(d->fd, BAR, 0, VT_PAGE);
	int status, sig;
	sigset_t set;
	pid_t child;

	if (fd < 0)
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	child = fork();
	if (!child)
		_exit(borrow(fd, value));
	if (child < 0 || sigwait(&set, &sig) || sig != SIGUSR1)
		return 1;
	if (vt_revoke(d->fd, fd))
		return 1;
	return waitpid(child, &status, 0) != child || status;
}

/* Reads of the device fd need no mapping. */
static bool is_in_bar(const struct vt_device *d, __u64 value)
{
	struct vfio_region_info region;
	__u64 found;

	return !vt_region(d, BAR, &region) &&
	       pread(d->fd, &found, sizeof(found), region.offset) ==
		       sizeof(found) &&
	       found == value;
}

int main(int argc, char **argv)
{
	struct vt_device d;
	volatile void *map;
	__u64 value;
	int ret = 0;

	if (argc != 2 || vt_open(&d, argv[1], NULL))
		return 1;
	map = vt_map_bar(&d, BAR, 0, VT_PAGE);
	if (!map || vt_peek(map, &value) || !is_in_bar(&d, value))
		return 1;
	if (vt_probe(d.fd, VFIO_DEVICE_FEATURE_DMA_BUF_MMAP,
		     VFIO_DEVICE_FEATURE_GET)) {
		ret = lend(&d, value);
		puts(ret ? "a buffer was not lent and revoked" :
			   "lent and revoked");
	}
	vt_close(&d);
	return ret;
}
