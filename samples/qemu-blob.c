// SPDX-License-Identifier: GPL-2.0-only
/*
 * qemu-blob BDF: what a VMM does for a virtio-gpu blob resource.
 *
 * The guest names memory by address, page by page, in any order. If it is guest
 * RAM, which is a memfd, /dev/udmabuf makes a DMABUF of it; if it is a BAR of a
 * device assigned to the guest, VFIO does; if it is neither, the guest gets an
 * error; and if the host fails, that is not the guest's fault. Then the VMM
 * needs to read the resource itself: it maps the DMABUF, or, where the exporter
 * cannot mmap(), stitches a view from the device's own mapping.
 *
 * BDF is bound to vfio-pci-dmabuf-mmap or to vfio-pci; BAR 2 is plain memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sample.h"
#include "vfio_dmabuf.h"

#define BAR	2
#define PAGES	64

static struct vfio_dmabuf_ctx *ctx;
static struct vfio_dmabuf_device *dev;
static size_t page;

/* As the guest's physical memory would be: RAM, and a BAR behind it. */
static char *ram, *bar;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "qemu-blob: %s: %s\n", what, why);
	exit(1);
}

static void make_ram(void)
{
	int fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, PAGES * page) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		die("cannot make the guest's RAM", strerror(errno));
	ram = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (ram == MAP_FAILED)
		die("cannot map the guest's RAM", strerror(errno));
	if (vfio_dmabuf_add_memfd(ctx, fd))
		die("RAM", vfio_dmabuf_error(ctx));
}

static void assign_device(const char *bdf)
{
	void *addr;

	if (vfio_dmabuf_open(ctx, bdf, 0, &dev) ||
	    vfio_dmabuf_bar_map(dev, BAR, 0, PAGES * page,
				PROT_READ | PROT_WRITE, &addr))
		die("cannot assign the device", vfio_dmabuf_error(ctx));
	bar = addr;
}

/* The guest fills its resource: page @i of @memory says so. */
static void guest_fills(char *memory, uint64_t kind)
{
	size_t i;

	for (i = 0; i < PAGES; i++)
		*(volatile uint64_t *)(memory + i * page) = kind + i;
}

/* Pages 12, 7, 8, 40: out of order, two of them neighbours. */
static const size_t order[] = { 12, 7, 8, 40 };

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NR_ORDER	ARRAY_SIZE(order)

static void guest_lists(char *memory, struct iovec *iov)
{
	size_t i;

	for (i = 0; i < NR_ORDER; i++) {
		iov[i].iov_base = memory + order[i] * page;
		iov[i].iov_len = page;
	}
}

static bool shows(const char *view, uint64_t kind)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < NR_ORDER; i++)
		if (vfio_dmabuf_read(&value, view + i * page,
				     sizeof(value)) ||
		    value != kind + order[i])
			return false;
	return true;
}

static const char *verdict(int ret)
{
	if (!ret)
		return "a DMABUF";
	return ret > 0 ? "an error for the guest" : "a failure of the host";
}

/* mmap() of the DMABUF first; what else, if its exporter has none. */
static void vmm_reads(int fd, const struct iovec *iov, uint64_t kind)
{
	size_t length = NR_ORDER * page;
	void *view;

	view = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
	if (view != MAP_FAILED) {
		check(shows(view, kind), "mapped it: the pages are there");
		munmap(view, length);
		return;
	}
	say("", "mmap() of it: %s", strerror(errno));
	if (vfio_dmabuf_mmap_iov(ctx, iov, NR_ORDER, &view, &length)) {
		check(false, "stitched view: %s", vfio_dmabuf_error(ctx));
		return;
	}
	check(length == NR_ORDER * page && shows(view, kind),
	      "stitched a view from the device: the pages are there");
	munmap(view, length);
}

static void blob(const char *what, char *memory, uint64_t kind)
{
	struct iovec iov[NR_ORDER];
	int fd = -1, ret;

	say("\nblob", "in %s", what);
	guest_fills(memory, kind);
	guest_lists(memory, iov);
	ret = vfio_dmabuf_create_fd(ctx, iov, NR_ORDER, &fd);
	check(!ret, "%s%s%s", verdict(ret), ret ? ": " : "",
	      ret ? vfio_dmabuf_error(ctx) : "");
	if (ret)
		return;
	vmm_reads(fd, iov, kind);
	close(fd);
}

static void wrong_blob(void)
{
	struct iovec iov[2] = { { ram, page }, { bar, page } };
	int fd, ret;

	say("\nblob", "half in RAM, half in the BAR");
	ret = vfio_dmabuf_create_fd(ctx, iov, 2, &fd);
	check(ret == VFIO_DMABUF_WRONG_MEMORY, "%s: %s", verdict(ret),
	      vfio_dmabuf_error(ctx));
}

int main(int argc, char **argv)
{
	keep_stdio();
	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: qemu-blob BDF\n");
		return 2;
	}
	page = sysconf(_SC_PAGESIZE);
	ctx = vfio_dmabuf_new();
	if (!ctx)
		die(argv[1], "out of memory");
	make_ram();
	assign_device(argv[1]);
	blob("guest RAM", ram, 0x1000);
	blob("BAR 2", bar, 0x2000);
	wrong_blob();
	vfio_dmabuf_free(ctx);
	return report();
}
