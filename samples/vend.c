// SPDX-License-Identifier: GPL-2.0-only
/*
 * vend BDF: lend slices of a BAR to a less trusted process, and take them back.
 *
 * The device must be bound to vfio-pci-dmabuf-mmap, and BAR 2 be plain memory of
 * 4 MiB or more, such as that of QEMU's ivshmem-plain. Lines that begin with
 * HOST-CHECK name bytes that must now be in the file behind the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vend.h"
#include "vfio_dmabuf.h"

#define BAR	2
#define ME	"primary"
#define SLICE	0x10000
#define VIEW	0x400000

/* In the order in which the DMABUF shows them: the higher one first. */
static const struct vfio_dmabuf_range lent[] = {
	{ 0x200000, SLICE },
	{ 0x100000, SLICE },
};

static const struct vfio_dmabuf_range other[] = {
	{ 0x300000, SLICE },
};

static struct vfio_dmabuf_ctx *ctx;
static struct vfio_dmabuf_device *dev;
static volatile char *view;
static int sock, lent_fd, other_fd;
static bool lent_again;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "vend: %s: %s\n", what, why);
	exit(1);
}

static struct reply ask(const struct request *req)
{
	struct reply reply;

	if (send(sock, req, sizeof(*req), MSG_NOSIGNAL) < 0)
		die("the subordinate is gone", strerror(errno));
	if (req->op == OP_RECEIVE)
		return (struct reply){ .result = 0 };
	if (recv(sock, &reply, sizeof(reply), 0) != sizeof(reply))
		die("the subordinate", "gave no answer");
	return reply;
}

static int lend(unsigned int buffer, int fd, uint64_t bar_offset)
{
	struct request req = { .op = OP_RECEIVE, .buffer = buffer };
	struct vfio_dmabuf_info info;
	struct reply reply;

	if (vfio_dmabuf_describe(dev, fd, bar_offset, &info))
		die("cannot describe the buffer", vfio_dmabuf_error(ctx));
	ask(&req);
	if (vfio_dmabuf_send(ctx, sock, fd, &info))
		die("cannot send the buffer", vfio_dmabuf_error(ctx));
	if (recv(sock, &reply, sizeof(reply), 0) != sizeof(reply))
		die("the subordinate", "gave no answer");
	return reply.result;
}

static int sub_write(unsigned int buffer, uint64_t offset, const char *text)
{
	struct request req = {
		.op = OP_WRITE,
		.buffer = buffer,
		.offset = offset,
	};

	snprintf(req.text, sizeof(req.text), "%s", text);
	return ask(&req).result;
}

static int sub_read(unsigned int buffer, uint64_t offset, const char *want)
{
	struct request req = {
		.op = OP_READ,
		.buffer = buffer,
		.offset = offset,
	};
	struct reply reply = ask(&req);
	char text[TEXT_LEN] = "";

	snprintf(text, sizeof(text), "%s", want);
	if (reply.result)
		return reply.result;
	return memcmp(reply.text, text, TEXT_LEN) ? -EBADMSG : 0;
}

static int sub_map(enum op op, unsigned int buffer, uint64_t offset,
		   uint64_t length)
{
	struct request req = {
		.op = op,
		.buffer = buffer,
		.offset = offset,
		.length = length,
	};

	return ask(&req).result;
}

static bool bar_has(uint64_t offset, const char *bytes, size_t length)
{
	char got[TEXT_LEN];

	return !vfio_dmabuf_read(got, view + offset, length) &&
	       !memcmp(got, bytes, length);
}

static bool seen_in_bar(uint64_t offset, const char *text)
{
	char want[TEXT_LEN] = "";

	snprintf(want, sizeof(want), "%s", text);
	return bar_has(offset, want, TEXT_LEN);
}

static void host_check(uint64_t offset, const char *text)
{
	size_t i;

	printf("HOST-CHECK offset=0x%llx bytes=", (unsigned long long)offset);
	for (i = 0; i < strlen(text); i++)
		printf("%02x", (unsigned char)text[i]);
	putchar('\n');
	fflush(stdout);
}

static void require_driver(const char *bdf)
{
	static const char want[] = "vfio-pci-dmabuf-mmap";
	char path[128], target[256] = "";
	const char *name;

	/* Its name can be vfio-pci's, too. */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 bdf);
	if (!access(path, F_OK))
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	name = strrchr(target, '/');
	fprintf(stderr, "vend: %s is bound to %s. Bind it first:\n"
		"  modprobe %s\n"
		"  echo %s > /sys/bus/pci/devices/%s/driver_override\n"
		"  echo %s > /sys/bus/pci/devices/%s/driver/unbind  # if bound\n"
		"  echo %s > /sys/bus/pci/drivers_probe\n",
		bdf, name ? name + 1 : "no driver", want, want, bdf, bdf, bdf,
		bdf);
	exit(1);
}

static void open_device(const char *bdf)
{
	struct vfio_dmabuf_bar bar;
	void *addr;

	require_driver(bdf);
	ctx = vfio_dmabuf_new();
	if (!ctx)
		die(bdf, "out of memory");
	if (vfio_dmabuf_open(ctx, bdf, 0, &dev) ||
	    vfio_dmabuf_bar_info(dev, BAR, &bar))
		die("cannot open the device", vfio_dmabuf_error(ctx));
	if (bar.size < VIEW)
		die(bdf, "BAR 2 is smaller than 4 MiB");
	if (vfio_dmabuf_bar_map(dev, BAR, 0, VIEW, PROT_READ | PROT_WRITE,
				&addr))
		die("cannot map BAR 2", vfio_dmabuf_error(ctx));
	view = addr;
	say(ME, "I hold %s: BAR 2 has %llu MiB", bdf,
	    (unsigned long long)bar.size >> 20);
}

static int export(const struct vfio_dmabuf_range *ranges, unsigned int nr)
{
	int fd = vfio_dmabuf_export(dev, BAR, ranges, nr, O_RDWR | O_CLOEXEC);

	check(fd >= 0, "exported %u range%s of BAR 2 from 0x%llx%s%s%s",
	      nr, nr == 1 ? "" : "s", (unsigned long long)ranges[0].offset,
	      nr == 1 ? "" : ", the higher one first", fd < 0 ? ": " : "",
	      fd < 0 ? vfio_dmabuf_error(ctx) : "");
	if (fd < 0)
		exit(report());
	return fd;
}

static void share(void)
{
	bool mapped;

	say("\n1.", "Lend two slices of BAR 2 as one buffer, and a third slice as another");
	lent_fd = export(lent, 2);
	other_fd = export(other, 1);
	sock = spawn_subordinate();
	if (sock < 0)
		die("cannot start the subordinate", strerror(-sock));
	mapped = !lend(0, lent_fd, lent[0].offset) &&
		 !lend(1, other_fd, other[0].offset);
	check(mapped, "sent both fds; the subordinate mapped them");
	if (!mapped)
		exit(report());
}

static void exchange(void)
{
	static const char from_primary[TEXT_LEN] = "from the primary";
	/* 32 bytes of the DMABUF, half on each side of where the slices meet */
	static const char seam[] = "0123456789abcdefFEDCBA987654321";

	say("\n2.", "The subordinate writes; it is in the BAR");
	check(!sub_write(0, 0, "first byte of the buffer") &&
	      seen_in_bar(lent[0].offset, "first byte of the buffer"),
	      "byte 0 of the buffer is byte 0x200000 of the BAR");
	check(!sub_write(0, SLICE + 0x40, "second slice") &&
	      seen_in_bar(lent[1].offset + 0x40, "second slice"),
	      "byte 0x10040 of the buffer is byte 0x100040 of the BAR");
	check(!sub_write(0, SLICE - 16, seam) &&
	      bar_has(lent[0].offset + SLICE - 16, seam, 16) &&
	      bar_has(lent[1].offset, seam + 16, 16),
	      "a write across the seam goes to both slices");
	check(!sub_write(1, 0, "the other buffer") &&
	      seen_in_bar(other[0].offset, "the other buffer"),
	      "so does the other buffer");
	check(!vfio_dmabuf_write(view + lent[0].offset + 0x100, from_primary,
				 TEXT_LEN) &&
	      !sub_read(0, 0x100, from_primary),
	      "what the primary writes, the subordinate reads");

	host_check(lent[0].offset, "first byte of the buffer");
	host_check(lent[1].offset + 0x40, "second slice");
	host_check(other[0].offset, "the other buffer");
	host_check(lent[0].offset + 0x100, from_primary);
}

static void past_the_end(void)
{
	long page = sysconf(_SC_PAGESIZE);
	uint64_t size = 2 * SLICE;

	say("\n3.", "Nothing but these slices can be reached");
	check(!sub_map(OP_MMAP, 0, size - page, page),
	      "mmap() of the last page works");
	check(sub_map(OP_MMAP, 0, size, page) == -EINVAL,
	      "mmap() of the page after it: EINVAL");
	check(sub_map(OP_MMAP, 0, size - page, 2 * page) == -EINVAL,
	      "mmap() of both: EINVAL");
	check(sub_map(OP_MREMAP, 0, 0, size + page) == -EFAULT,
	      "mremap() to a larger size: EFAULT");
}

static void set_memory(bool on)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int fd = vfio_dmabuf_device_fd(dev);
	uint16_t command;

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) ||
	    pread(fd, &command, 2, info.offset + PCI_COMMAND) != 2)
		die("cannot read PCI_COMMAND", strerror(errno));
	if (on)
		command |= PCI_COMMAND_MEMORY;
	else
		command &= ~PCI_COMMAND_MEMORY;
	if (pwrite(fd, &command, 2, info.offset + PCI_COMMAND) != 2)
		die("cannot write PCI_COMMAND", strerror(errno));
	say(ME, "memory decoding is %s", on ? "on" : "off");
}

static void revoke_for_a_time(void)
{
	say("\n4.", "Memory decoding goes off and comes back");
	set_memory(false);
	check(sub_read(0, 0, "") == -EFAULT &&
	      sub_write(0, SLICE, "") == -EFAULT,
	      "the subordinate's access: SIGBUS");
	check(sub_read(1, 0, "") == -EFAULT, "in the other buffer: SIGBUS");
	set_memory(true);
	check(!sub_read(0, 0, "first byte of the buffer") &&
	      !sub_read(0, SLICE + 0x40, "second slice") &&
	      !sub_read(1, 0, "the other buffer"),
	      "the same mappings work again, and the bytes are there");
}

static void revoke_for_good(void)
{
	int fd;

	say("\n5.", "One buffer is revoked for good");
	if (!(vfio_dmabuf_features(dev) & VFIO_DMABUF_CAN_REVOKE)) {
		say(ME, "this driver cannot revoke one buffer: step left out");
		return;
	}
	check(!vfio_dmabuf_revoke(dev, lent_fd), "revoked the first buffer");
	check(sub_read(0, 0, "") == -EFAULT &&
	      sub_read(0, SLICE, "") == -EFAULT,
	      "the subordinate's access: SIGBUS");
	check(sub_map(OP_MMAP, 0, 0, SLICE) == -ENODEV,
	      "mmap() of it again: ENODEV");
	check(!sub_read(1, 0, "the other buffer"),
	      "the other buffer works as before");
	check(vfio_dmabuf_revoke(dev, lent_fd) == -EBADFD,
	      "revoking it again: EBADFD");
	fd = export(lent, 2);
	lent_again = !lend(2, fd, lent[0].offset);
	check(lent_again && !sub_read(2, 0, "first byte of the buffer"),
	      "the same slices as a new buffer: the subordinate reads them");
	close(fd);
}

static void close_device(void)
{
	say("\n6.", "The primary closes the device");
	if (vfio_dmabuf_bar_unmap(dev, (void *)(uintptr_t)view))
		die("cannot unmap BAR 2", vfio_dmabuf_error(ctx));
	vfio_dmabuf_close(dev);
	check(sub_read(0, 0, "") == -EFAULT && sub_read(1, 0, "") == -EFAULT &&
	      (!lent_again || sub_read(2, 0, "") == -EFAULT),
	      "the subordinate's access, in every buffer: SIGBUS");
	check(sub_map(OP_MMAP, 1, 0, SLICE) == -ENODEV,
	      "mmap() of a buffer: ENODEV");
}

static void part(void)
{
	int status = -1;

	close(sock);
	wait(&status);
	check(WIFEXITED(status) && !WEXITSTATUS(status),
	      "the subordinate survived all of it");
	close(lent_fd);
	close(other_fd);
	vfio_dmabuf_free(ctx);
}

int main(int argc, char **argv)
{
	keep_stdio();
	if (argc == 2 && !strcmp(argv[1], "--subordinate"))
		return subordinate(SPAWN_SOCK);
	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: vend BDF\n");
		return 2;
	}
	open_device(argv[1]);
	share();
	exchange();
	past_the_end();
	revoke_for_a_time();
	revoke_for_good();
	close_device();
	part();
	return report();
}
