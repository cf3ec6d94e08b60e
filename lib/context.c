// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct vfio_dmabuf_ctx *vfio_dmabuf_new(void)
{
	struct vfio_dmabuf_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx)
		ctx->iommufd = -1;
	return ctx;
}

void vfio_dmabuf_free(struct vfio_dmabuf_ctx *ctx)
{
	if (!ctx)
		return;

	while (ctx->devices)
		vfio_dmabuf_close(ctx->devices);
	while (ctx->memfds)
		vfio_dmabuf_del_memfd(ctx, ctx->memfds->fd);
	if (ctx->iommufd >= 0)
		close(ctx->iommufd);
	free(ctx);
}

const char *vfio_dmabuf_error(const struct vfio_dmabuf_ctx *ctx)
{
	return ctx->error[0] ? ctx->error : "no error";
}

static int error_va(struct vfio_dmabuf_ctx *ctx, int err, bool strerr,
		    const char *fmt, va_list ap)
{
	size_t used;

	vsnprintf(ctx->error, sizeof(ctx->error), fmt, ap);
	used = strlen(ctx->error);
	if (strerr)
		snprintf(ctx->error + used, sizeof(ctx->error) - used, ": %s",
			 strerror(err));
	return -err;
}

int vd_error(struct vfio_dmabuf_ctx *ctx, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err = error_va(ctx, err, false, fmt, ap);
	va_end(ap);
	return err;
}

/* For a system call that has just failed. */
int vd_last_error(struct vfio_dmabuf_ctx *ctx, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	err = error_va(ctx, err, true, fmt, ap);
	va_end(ap);
	return err;
}
