// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that gets a slice: another user, a socket, and nothing else.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vend.h"
#include "vfio_dmabuf.h"

#define NOBODY	65534
#define ME	"subordinate"

struct buffer {
	int fd;
	char *addr;
	struct vfio_dmabuf_info info;
};

static struct buffer buffers[NR_BUFFERS];

static void show_fds(void)
{
	char path[300], target[128];
	struct dirent *entry;
	ssize_t len;
	DIR *d;

	d = opendir("/proc/self/fd");
	if (!d) {
		say(ME, "cannot list my fds: %s", strerror(errno));
		return;
	}
	while ((entry = readdir(d))) {
		/* dirfd() is the one that lists them. */
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(d))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%s",
			 entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = '\0';
		say(ME, "  fd %s is %s", entry->d_name, target);
	}
	closedir(d);
}

static void show_map(const void *addr)
{
	char line[512], start[32];
	FILE *f;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)addr);
	f = fopen("/proc/self/maps", "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, start, strlen(start)))
			continue;
		line[strcspn(line, "\n")] = '\0';
		say(ME, "  %s", line);
	}
	fclose(f);
}

static int receive(struct vfio_dmabuf_ctx *ctx, struct buffer *b)
{
	void *addr;
	int ret;

	b->fd = vfio_dmabuf_recv(ctx, SPAWN_SOCK, &b->info);
	if (b->fd < 0) {
		say(ME, "%s", vfio_dmabuf_error(ctx));
		return b->fd;
	}
	ret = vfio_dmabuf_map(ctx, b->fd, 0, b->info.size,
			      PROT_READ | PROT_WRITE, b->info.phase, &addr);
	if (ret) {
		say(ME, "%s", vfio_dmabuf_error(ctx));
		return ret;
	}
	b->addr = addr;
	say(ME, "got \"%s\", %llu bytes, and mapped it:", b->info.name,
	    (unsigned long long)b->info.size);
	show_map(addr);
	return 0;
}

static int mmap_anew(const struct buffer *b, const struct request *req)
{
	void *addr = mmap(NULL, req->length, PROT_READ, MAP_SHARED, b->fd,
			  req->offset);

	if (addr == MAP_FAILED)
		return -errno;
	munmap(addr, req->length);
	return 0;
}

static int grow(struct buffer *b, const struct request *req)
{
	void *addr = mremap(b->addr, b->info.size, req->length,
			    MREMAP_MAYMOVE);

	if (addr == MAP_FAILED)
		return -errno;
	b->addr = addr;
	return 0;
}

static void serve(struct vfio_dmabuf_ctx *ctx, const struct request *req,
		  struct reply *reply)
{
	struct buffer *b = &buffers[req->buffer % NR_BUFFERS];

	switch (req->op) {
	case OP_RECEIVE:
		reply->result = receive(ctx, b);
		break;
	case OP_WRITE:
		reply->result = vfio_dmabuf_write(b->addr + req->offset,
						  req->text, TEXT_LEN);
		break;
	case OP_READ:
		reply->result = vfio_dmabuf_read(reply->text,
						 b->addr + req->offset,
						 TEXT_LEN);
		break;
	case OP_MMAP:
		reply->result = mmap_anew(b, req);
		break;
	case OP_MREMAP:
		reply->result = grow(b, req);
		break;
	default:
		reply->result = -EINVAL;
	}
}

int subordinate(int sock)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct request req;
	ssize_t n;

	if (!ctx)
		return 1;
	say(ME, "I am pid %d, uid %d, and these are all my files:", getpid(),
	    getuid());
	show_fds();
	while ((n = recv(sock, &req, sizeof(req), 0)) == sizeof(req)) {
		struct reply reply = { .result = 0 };

		serve(ctx, &req, &reply);
		if (send(sock, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
	}
	vfio_dmabuf_free(ctx);
	return n ? 1 : 0;
}

/* Returns the primary's end of the socket. */
int spawn_subordinate(void)
{
	char * const argv[] = { "vend", "--subordinate", NULL };
	pid_t pid;

	return spawn(argv, NOBODY, &pid);
}
