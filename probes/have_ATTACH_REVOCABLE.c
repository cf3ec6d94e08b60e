// SPDX-License-Identifier: GPL-2.0-only
/* Linux 7.1: whether an importer lets go of a mapping when it is told to. */
#include <linux/dma-buf.h>

static bool probe(struct dma_buf_attachment *attachment)
{
	return dma_buf_attach_revocable(attachment);
}
