// SPDX-License-Identifier: GPL-2.0-only
/* Linux 7.1: what an importer is told has another name. */
#include <linux/dma-buf.h>

struct dma_buf_attach_ops probe = {
	.invalidate_mappings = NULL,
};
