/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slices of BARs, for the commands that make buffers of them.
 */
#ifndef VFIO_DMABUF_SLICE_H
#define VFIO_DMABUF_SLICE_H

#include "tool.h"
#include "vfio_dmabuf.h"

/* DONE; or these have said what is wrong. */
int parse_bar(const char *text, unsigned int *bar);
int parse_range(const char *text, struct vfio_dmabuf_range *range);
int open_device(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		const char *vf_token, struct vfio_dmabuf_device **dev);
int check_bar_maps(struct vfio_dmabuf_device *dev, const char *bdf,
		   unsigned int bar, uint64_t *size);
int check_range(const char *bdf, unsigned int bar, uint64_t bar_size,
		const struct vfio_dmabuf_range *range);

#endif /* VFIO_DMABUF_SLICE_H */
