// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"
#include "internal.h"

#ifndef DMA_BUF_MAGIC
#define DMA_BUF_MAGIC	0x444d4142
#endif

#define WIRE_MAGIC	0x31464256	/* "VBF1" */

/* Both ends are on one machine, so in its byte order. */
struct wire {
	uint32_t magic;
	uint32_t memattr;
	uint64_t size;
	uint32_t phase;
	uint32_t zero;
	char name[VFIO_DMABUF_NAME_LEN];
};

/* A sender that passes more fds than this has the rest dropped by the kernel. */
#define MAX_FDS	4

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

int vfio_dmabuf_send(struct vfio_dmabuf_ctx *ctx, int sock, int dmabuf_fd,
		     const struct vfio_dmabuf_info *info)
{
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.memattr = info->memattr,
		.size = info->size,
		.phase = info->phase,
	};
	struct iovec iov = { .iov_base = &wire, .iov_len = sizeof(wire) };
	union control control = { .bytes = "" };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	memcpy(wire.name, info->name, sizeof(wire.name));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &dmabuf_fd, sizeof(int));

	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return vd_last_error(ctx, "cannot send DMABUF fd %d",
				     dmabuf_fd);
	if (n != sizeof(wire))
		return vd_error(ctx, EIO, "sent %zd of %zu bytes with DMABUF fd %d",
				n, sizeof(wire), dmabuf_fd);
	return 0;
}

struct received {
	struct wire wire;
	size_t used;
	int fd;
	unsigned int fds;
	int msg_flags;
};

static void take_fds(struct received *r, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t i, nr;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < nr; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			       sizeof(int));
			if (r->fds++)
				close(fd);
			else
				r->fd = fd;
		}
	}
}

/* A stream may deliver in pieces; a message comes whole. */
static int receive(struct vfio_dmabuf_ctx *ctx, int sock, struct received *r)
{
	union control control;
	ssize_t n;

	while (r->used < sizeof(r->wire)) {
		struct iovec iov = {
			.iov_base = (char *)&r->wire + r->used,
			.iov_len = sizeof(r->wire) - r->used,
		};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
		};

		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vd_last_error(ctx, "cannot receive a DMABUF");
		take_fds(r, &msg);
		r->msg_flags |= msg.msg_flags;
		if (!n)
			break;
		r->used += n;
	}
	if (!r->used)
		return vd_error(ctx, ENOTCONN, "the peer closed the socket");
	return 0;
}

static bool is_dmabuf(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == DMA_BUF_MAGIC;
}

static const char *wrong(const struct received *r)
{
	if (r->used != sizeof(r->wire) || (r->msg_flags & MSG_TRUNC) ||
	    r->wire.magic != WIRE_MAGIC || r->wire.zero)
		return "not a message of vfio_dmabuf_send()";
	if (r->fds != 1 || (r->msg_flags & MSG_CTRUNC))
		return "not exactly one fd";
	if (!is_dmabuf(r->fd))
		return "an fd that is not a DMABUF";
	if ((uint64_t)lseek(r->fd, 0, SEEK_END) != r->wire.size)
		return "a DMABUF of another size than the message says";
	lseek(r->fd, 0, SEEK_SET);
	return NULL;
}

/* The name is the peer's word and may end up on a terminal. */
static void copy_name(char *dst, const char *src)
{
	size_t i;

	for (i = 0; i < VFIO_DMABUF_NAME_LEN - 1 && src[i]; i++)
		dst[i] = isprint((unsigned char)src[i]) ? src[i] : '?';
	dst[i] = '\0';
}

int vfio_dmabuf_recv(struct vfio_dmabuf_ctx *ctx, int sock,
		     struct vfio_dmabuf_info *info)
{
	struct received r = { .fd = -1 };
	const char *why;
	int fd, ret;

	ret = receive(ctx, sock, &r);
	why = ret ? NULL : wrong(&r);
	if (why)
		ret = vd_error(ctx, EPROTO, "received %s", why);
	if (ret) {
		if (r.fd >= 0)
			close(r.fd);
		return ret;
	}
	fd = vd_above_stdio(r.fd);
	if (fd < 0)
		return vd_last_error(ctx, "cannot receive a DMABUF");
	memset(info, 0, sizeof(*info));
	info->size = r.wire.size;
	info->phase = r.wire.phase;
	info->memattr = r.wire.memattr;
	copy_name(info->name, r.wire.name);
	return fd;
}
