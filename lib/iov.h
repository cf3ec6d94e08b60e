/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIO_DMABUF_IOV_H
#define VFIO_DMABUF_IOV_H

#include "internal.h"

/* udmabuf.c */
int vd_create_udmabuf(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
		      const struct iovec *iov, unsigned int iov_cnt, int *fd);

#endif /* VFIO_DMABUF_IOV_H */
