// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_dmabuf_send() and vfio_dmabuf_recv() over socketpairs, and what a peer
 * may send instead. A memfd stands for the DMABUF: fstatfs() is told so. And how
 * fds are kept off standard input, output and error.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define fstatfs test_fstatfs
static int test_fstatfs(int fd, struct statfs *fs);
#include "lib/context.c"
#include "lib/fd.c"
#include "lib/fdpass.c"
#undef fstatfs
#include "tap.h"

/* context.c frees these too. */
void vfio_dmabuf_close(struct vfio_dmabuf_device *dev)
{
	(void)dev;
}

int vfio_dmabuf_del_memfd(struct vfio_dmabuf_ctx *ctx, int memfd)
{
	(void)ctx;
	(void)memfd;
	return 0;
}

static bool memfds_are_dmabufs = true;

static int test_fstatfs(int fd, struct statfs *fs)
{
	if (fstatfs(fd, fs))
		return -1;
	if (memfds_are_dmabufs)
		fs->f_type = DMA_BUF_MAGIC;
	return 0;
}

static struct vfio_dmabuf_ctx *ctx;

static const struct vfio_dmabuf_info sent = {
	.size = 8192,
	.phase = 0x123000,
	.memattr = VFIO_DMABUF_WC,
	.name = "a buffer",
};

static int buffer(void)
{
	int fd = memfd_create("unit", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, sent.size))
		bail_out("memfd");
	return fd;
}

static void make_pair(int type, int sock[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sock))
		bail_out("socketpair");
}

static unsigned int open_fds(void)
{
	unsigned int nr = 0;
	DIR *d = opendir("/proc/self/fd");

	if (!d)
		bail_out("/proc/self/fd");
	while (readdir(d))
		nr++;
	closedir(d);
	return nr;
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_ino == sb.st_ino &&
	       sa.st_dev == sb.st_dev;
}

static void round_trip(int type, const char *name)
{
	struct vfio_dmabuf_info got;
	int sock[2], fd = buffer(), new;
	bool good;

	make_pair(type, sock);
	good = !vfio_dmabuf_send(ctx, sock[0], fd, &sent);
	new = good ? vfio_dmabuf_recv(ctx, sock[1], &got) : -1;
	good = new >= 0 && new != fd && same_file(new, fd) &&
	       (fcntl(new, F_GETFD) & FD_CLOEXEC) &&
	       !lseek(new, 0, SEEK_CUR) && got.size == sent.size &&
	       got.phase == sent.phase && got.memattr == sent.memattr &&
	       !strcmp(got.name, sent.name);
	ok(good, name);
	if (new >= 0)
		close(new);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

static struct wire good_wire(void)
{
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.memattr = sent.memattr,
		.size = sent.size,
		.phase = sent.phase,
	};

	memcpy(wire.name, sent.name, sizeof(wire.name));
	return wire;
}

/* What a peer that does not use the library may send. */
static void send_raw(int sock, const void *data, size_t len, int fd,
		     unsigned int nr)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
			     .iov_len = len };
	char control[CMSG_SPACE(16 * sizeof(int))] = "";
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	unsigned int i;

	if (nr) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
		for (i = 0; i < nr; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd,
			       sizeof(fd));
	}
	if (sendmsg(sock, &msg, 0) != (ssize_t)len)
		bail_out("sendmsg");
}

/* Refused with @want, a message, and no fd left behind. */
static void refused(int type, const struct wire *wire, size_t len,
		    unsigned int nr, int want, const char *name)
{
	struct vfio_dmabuf_info got = { .size = 1 };
	unsigned int before = open_fds();
	int sock[2], fd = buffer(), ret;

	make_pair(type, sock);
	if (len)
		send_raw(sock[0], wire, len, fd, nr);
	shutdown(sock[0], SHUT_WR);
	ret = vfio_dmabuf_recv(ctx, sock[1], &got);
	close(fd);
	close(sock[0]);
	close(sock[1]);
	ok(ret == want && open_fds() == before && got.size == 1 &&
	   ctx->error[0], name);
	ctx->error[0] = '\0';
}

static void bad_messages(void)
{
	char longer[sizeof(struct wire) + 8] = "";
	struct wire wire = good_wire();
	size_t len = sizeof(wire);

	refused(SOCK_STREAM, &wire, 0, 0, -ENOTCONN, "closed by the peer");
	refused(SOCK_STREAM, &wire, len, 0, -EPROTO, "no fd");
	refused(SOCK_STREAM, &wire, len, 2, -EPROTO, "two fds");
	refused(SOCK_STREAM, &wire, len, 16, -EPROTO, "16 fds");
	refused(SOCK_STREAM, &wire, len - 1, 1, -EPROTO, "a byte short");
	refused(SOCK_SEQPACKET, &wire, len - 1, 1, -EPROTO,
		"a byte short, as a message");
	memcpy(longer, &wire, len);
	refused(SOCK_SEQPACKET, (void *)longer, sizeof(longer), 1, -EPROTO,
		"a message that is longer");
	wire.magic++;
	refused(SOCK_STREAM, &wire, len, 1, -EPROTO, "another magic");
	wire = good_wire();
	wire.zero = 1;
	refused(SOCK_STREAM, &wire, len, 1, -EPROTO,
		"a bit of a later version");
	wire = good_wire();
	wire.size++;
	refused(SOCK_STREAM, &wire, len, 1, -EPROTO, "another size");
	wire = good_wire();
	memfds_are_dmabufs = false;
	refused(SOCK_STREAM, &wire, len, 1, -EPROTO, "not a DMABUF");
	memfds_are_dmabufs = true;
}

static void names(void)
{
	struct vfio_dmabuf_info got;
	struct wire wire = good_wire();
	int sock[2], fd = buffer(), new;

	make_pair(SOCK_STREAM, sock);
	memset(wire.name, 'x', sizeof(wire.name));
	wire.name[0] = '\033';
	send_raw(sock[0], &wire, sizeof(wire), fd, 1);
	new = vfio_dmabuf_recv(ctx, sock[1], &got);
	ok(new >= 0 && strlen(got.name) == VFIO_DMABUF_NAME_LEN - 1 &&
	   got.name[0] == '?' && got.name[1] == 'x',
	   "a name is cut off and made printable");
	close(new);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

/* Of two fds the second finds no room: one arrives, and word of the loss. */
static void table_full(void)
{
	struct vfio_dmabuf_info got;
	struct wire wire = good_wire();
	int sock[2], fd = buffer(), next, ret;
	struct rlimit old, full;

	make_pair(SOCK_STREAM, sock);
	send_raw(sock[0], &wire, sizeof(wire), fd, 2);
	next = dup(fd);
	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	full = old;
	full.rlim_cur = next + 1;
	setrlimit(RLIMIT_NOFILE, &full);
	ret = vfio_dmabuf_recv(ctx, sock[1], &got);
	setrlimit(RLIMIT_NOFILE, &old);
	ok(ret == -EPROTO && fcntl(next, F_GETFD) < 0,
	   "two fds where one has room");
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

struct pieces {
	int sock;
	int fd;
};

static void *send_pieces(void *arg)
{
	struct wire wire = good_wire();
	struct pieces *p = arg;

	send_raw(p->sock, &wire, 5, p->fd, 1);
	usleep(20000);
	send_raw(p->sock, (char *)&wire + 5, sizeof(wire) - 5, -1, 0);
	return NULL;
}

static void in_pieces(void)
{
	struct vfio_dmabuf_info got;
	pthread_t thread;
	struct pieces p;
	int sock[2], new;

	make_pair(SOCK_STREAM, sock);
	p.sock = sock[0];
	p.fd = buffer();
	if (pthread_create(&thread, NULL, send_pieces, &p))
		bail_out("pthread_create");
	new = vfio_dmabuf_recv(ctx, sock[1], &got);
	pthread_join(thread, NULL);
	ok(new >= 0 && got.size == sent.size && same_file(new, p.fd),
	   "a stream that delivers in pieces");
	close(new);
	close(p.fd);
	close(sock[0]);
	close(sock[1]);
}

static void two_in_a_row(void)
{
	struct vfio_dmabuf_info got;
	int sock[2], a = buffer(), b = buffer(), new_a, new_b;

	make_pair(SOCK_STREAM, sock);
	vfio_dmabuf_send(ctx, sock[0], a, &sent);
	vfio_dmabuf_send(ctx, sock[0], b, &sent);
	new_a = vfio_dmabuf_recv(ctx, sock[1], &got);
	new_b = vfio_dmabuf_recv(ctx, sock[1], &got);
	ok(new_a >= 0 && new_b >= 0 && same_file(a, new_a) &&
	   same_file(b, new_b), "two on one stream stay apart");
	close(new_a);
	close(new_b);
	close(a);
	close(b);
	close(sock[0]);
	close(sock[1]);
}

static int saved[3];

static void close_stdio(void)
{
	int fd;

	fflush(stdout);
	for (fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
}

static void restore_stdio(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
}

static bool stdio_is_closed(void)
{
	return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 &&
	       fcntl(2, F_GETFD) < 0;
}

static void received_above_stdio(void)
{
	struct vfio_dmabuf_info got;
	int sock[2], fd = buffer(), new;
	bool good;

	make_pair(SOCK_STREAM, sock);
	vfio_dmabuf_send(ctx, sock[0], fd, &sent);
	close_stdio();
	new = vfio_dmabuf_recv(ctx, sock[1], &got);
	good = new > 2 && stdio_is_closed() &&
	       (fcntl(new, F_GETFD) & FD_CLOEXEC) && same_file(new, fd);
	restore_stdio();
	ok(good, "with fds 0 to 2 closed, one above 2 is received");
	close(new);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

static void stdio_full_table(void)
{
	struct vfio_dmabuf_info got;
	int sock[2], fd = buffer(), ret;
	struct rlimit old, full;
	bool good;

	make_pair(SOCK_STREAM, sock);
	vfio_dmabuf_send(ctx, sock[0], fd, &sent);
	getrlimit(RLIMIT_NOFILE, &old);
	close_stdio();
	full = old;
	full.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &full);
	ret = vfio_dmabuf_recv(ctx, sock[1], &got);
	setrlimit(RLIMIT_NOFILE, &old);
	good = ret < 0 && stdio_is_closed();
	restore_stdio();
	ok(good, "or none, if there is no room above");
	close(fd);
	close(sock[0]);
	close(sock[1]);
}

static void moved_as_it_was(void)
{
	int plain, cloexec, high[2];
	bool good;

	close_stdio();
	plain = open("/dev/null", O_RDWR);
	cloexec = open("/dev/null", O_RDWR | O_CLOEXEC);
	high[0] = vd_above_stdio(plain);
	high[1] = vd_above_stdio(cloexec);
	good = !plain && cloexec == 1 && stdio_is_closed() &&
	       high[0] > 2 && !(fcntl(high[0], F_GETFD) & FD_CLOEXEC) &&
	       high[1] > 2 && (fcntl(high[1], F_GETFD) & FD_CLOEXEC) &&
	       vd_above_stdio(high[0]) == high[0] && vd_above_stdio(-1) == -1;
	restore_stdio();
	ok(good, "an fd is moved with its close-on-exec");
	close(high[0]);
	close(high[1]);
}

static void filled(void)
{
	char c = 'x';
	bool good;

	close_stdio();
	good = !vd_fill_stdio() && read(0, &c, 1) < 0 && write(1, &c, 1) < 0 &&
	       write(2, &c, 1) < 0 && open("/dev/null", O_RDONLY) > 2;
	restore_stdio();
	ok(good, "a program fills fds 0 to 2, and their use fails as before");
}

static void send_errors(void)
{
	int sock[2], fd = buffer();

	make_pair(SOCK_STREAM, sock);
	ok(vfio_dmabuf_send(ctx, sock[0], -1, &sent) == -EBADF,
	   "sending no fd: EBADF");
	close(sock[1]);
	ok(vfio_dmabuf_send(ctx, sock[0], fd, &sent) == -EPIPE,
	   "sending to nobody: EPIPE, and no SIGPIPE");
	ok(vfio_dmabuf_send(ctx, fd, fd, &sent) == -ENOTSOCK,
	   "sending on a file: ENOTSOCK");
	close(sock[0]);
	close(fd);
}

int main(void)
{
	ctx = vfio_dmabuf_new();
	plan(25);
	round_trip(SOCK_STREAM, "stream");
	round_trip(SOCK_SEQPACKET, "seqpacket");
	round_trip(SOCK_DGRAM, "datagram");
	bad_messages();
	names();
	table_full();
	in_pieces();
	two_in_a_row();
	send_errors();
	received_above_stdio();
	stdio_full_table();
	moved_as_it_was();
	filled();
	vfio_dmabuf_free(ctx);
	return finish();
}
