// SPDX-License-Identifier: GPL-2.0-only
/*
 * Revoke a buffer of another process. That takes the device's fd and the
 * buffer's, and both are borrowed from processes that have them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tool.h"
#include "vfio_dmabuf.h"

static int borrow(const struct file_use *use)
{
	int pidfd, fd, err;

	pidfd = syscall(SYS_pidfd_open, use->pid, 0);
	if (pidfd < 0)
		return -errno;
	fd = syscall(SYS_pidfd_getfd, pidfd, use->fd, 0);
	err = errno;
	close(pidfd);
	return fd < 0 ? -err : fd;
}

static int borrow_buffer(const struct uses *uses, ino_t ino)
{
	int fd, ret = -ENOENT;
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		if (uses->use[i].kind != FILE_DMABUF ||
		    uses->use[i].ino != ino)
			continue;
		fd = borrow(&uses->use[i]);
		if (fd >= 0)
			return fd;
		ret = fd;
	}
	return ret;
}

/* An older kernel does not say which device it is; the driver knows its own. */
static bool may_be(const struct file_use *use, const char *bdf)
{
	return use->kind == FILE_DEVICE &&
	       (!use->bdf[0] || !strcmp(use->bdf, bdf));
}

static int revoke_with(struct vfio_dmabuf_ctx *ctx, const struct file_use *use,
		       const char *bdf, int dmabuf_fd)
{
	struct vfio_dmabuf_device *dev;
	int fd, ret;

	fd = borrow(use);
	if (fd < 0)
		return fd;
	ret = vfio_dmabuf_adopt(ctx, bdf, fd, &dev);
	if (!ret) {
		ret = vfio_dmabuf_revoke(dev, dmabuf_fd);
		vfio_dmabuf_close(dev);
	}
	close(fd);
	return ret;
}

static int revoke_buffer(struct vfio_dmabuf_ctx *ctx, const struct uses *uses,
			 const char *bdf, int dmabuf_fd)
{
	int ret = -ENOENT, one;
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		if (!may_be(&uses->use[i], bdf))
			continue;
		one = revoke_with(ctx, &uses->use[i], bdf, dmabuf_fd);
		if (!one || one == -EBADFD)
			return one;
		/* Of another device: no news. */
		if (one != -ENODEV && one != -ENOTTY)
			ret = one;
	}
	return ret;
}

static int revoke_inode(unsigned long ino, const char *bdf,
			const struct uses *uses)
{
	struct vfio_dmabuf_ctx *ctx;
	int fd, ret;

	fd = borrow_buffer(uses, ino);
	if (fd == -ENOENT)
		return fail("no process has buffer %lu open any more, so nothing can name it to the driver; those that still map it keep it until they unmap it or %s is closed",
			    ino, bdf);
	if (fd < 0)
		return fail("cannot borrow buffer %lu from its holder: %s", ino,
			    strerror(-fd));
	ctx = vfio_dmabuf_new();
	if (!ctx)
		return fail("out of memory");
	ret = revoke_buffer(ctx, uses, bdf, fd);
	close(fd);
	if (ret == -ENOENT)
		fail("no process has the device fd of %s open", bdf);
	else if (ret == -EBADFD)
		fail("buffer %lu was revoked already", ino);
	else if (ret)
		fail("cannot revoke buffer %lu: %s", ino, strerror(-ret));
	vfio_dmabuf_free(ctx);
	return ret ? FAILED : DONE;
}

struct wanted {
	unsigned long ino;
	char bdf[BDF_LEN];
	bool is_export;
};

static int find(const char *bdf, const struct buffer *b, void *arg)
{
	struct wanted *wanted = arg;

	if (b->ino != wanted->ino)
		return 0;
	snprintf(wanted->bdf, BDF_LEN, "%s", bdf);
	wanted->is_export = !strcmp(b->kind, "export");
	return 1;
}

static int find_and_revoke(unsigned long ino)
{
	struct wanted wanted = { .ino = ino };
	struct uses uses;
	int ret;

	ret = buffers_each(find, &wanted);
	if (ret == -ENXIO)
		return fail(OUR_DEBUGFS " is not there: mount debugfs at /sys/kernel/debug, or load the driver");
	if (ret < 0)
		return fail("cannot read " OUR_DEBUGFS ": %s", strerror(-ret));
	if (!ret)
		return fail("there is no buffer %lu; vfio-dmabuf list shows them",
			    ino);
	if (!wanted.is_export)
		return fail("buffer %lu is a mapping of the device itself; only exports can be revoked",
			    ino);
	ret = uses_read(&uses);
	if (ret)
		return fail("cannot read /proc: %s", strerror(-ret));
	ret = revoke_inode(ino, wanted.bdf, &uses);
	uses_free(&uses);
	if (ret)
		return ret;
	if (json)
		return json_print(json_pack("{s:I, s:s, s:b}",
					    "inode", (json_int_t)ino,
					    "bdf", wanted.bdf, "revoked", 1));
	print("%s: buffer %lu is revoked\n", wanted.bdf, ino);
	return DONE;
}

int cmd_revoke(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	unsigned long ino;
	char *end;

	if (next_option(argc, argv, "h", options) != -1)
		return USAGE;
	if (argc - optind != 1)
		return usage_error("revoke which buffer? vfio-dmabuf list shows their numbers");
	ino = strtoul(argv[optind], &end, 10);
	if (*end || !isdigit((unsigned char)*argv[optind]))
		return usage_error("\"%s\" is not a buffer's number",
				   argv[optind]);
	if (!is_root("revoke"))
		return FAILED;
	return find_and_revoke(ino);
}
