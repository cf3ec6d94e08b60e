// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: the buffers of each device.
 */
#include <linux/debugfs.h>
#include <linux/pci.h>
#include <linux/seq_file.h>

#include "vfio_pci_dmabuf_mmap.h"

static struct dentry *vpdm_debugfs_root;

static const char *vpdm_state_name(enum vpdm_state state)
{
	switch (state) {
	case VPDM_LIVE:
		return "live";
	case VPDM_REVOKED:
		return "revoked";
	case VPDM_DEAD:
		return "dead";
	}

	return "?";
}

static void vpdm_buffer_show(struct seq_file *m, struct vpdm_buf *buf)
{
	struct dma_buf *dmabuf = buf->dmabuf;

	seq_printf(m, "%lu %s %u %llu %zu %s %s %d %d %d ",
		   (unsigned long)buf->inode->i_ino,
		   vpdm_buf_is_bar(buf) ? "bar" : "export", buf->bar,
		   buf->ranges.pages << PAGE_SHIFT, buf->ranges.nr,
		   buf->memattr == VFIO_DMA_BUF_MEMATTR_WC ? "WC" : "NC",
		   vpdm_state_name(buf->state), atomic_read(&buf->vmas),
		   atomic_read(&buf->attachments), atomic_read(&buf->sgts));

	/* Without escapes, DMA_BUF_SET_NAME could forge lines. */
	spin_lock(&dmabuf->name_lock);
	seq_escape(m, dmabuf->name, "\n\\");
	spin_unlock(&dmabuf->name_lock);
	seq_putc(m, '\n');
}

static int buffers_show(struct seq_file *m, void *unused)
{
	struct vpdm_buf_list *bufs = m->private;
	struct vpdm_buf *buf;

	seq_puts(m, "inode kind bar size ranges memattr state vmas attachments mappings name\n");

	down_read(&bufs->lock);
	list_for_each_entry(buf, &bufs->list, node)
		vpdm_buffer_show(m, buf);
	up_read(&bufs->lock);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(buffers);

void vpdm_debugfs_add(struct vpdm_device *vdev)
{
	vdev->debugfs = debugfs_create_dir(pci_name(vdev->core.pdev),
					   vpdm_debugfs_root);
	debugfs_create_file("buffers", 0400, vdev->debugfs, vdev->bufs,
			    &buffers_fops);
}

void vpdm_debugfs_remove(struct vpdm_device *vdev)
{
	debugfs_remove_recursive(vdev->debugfs);
}

void vpdm_debugfs_init(void)
{
	vpdm_debugfs_root = debugfs_create_dir("vfio_pci_dmabuf_mmap", NULL);
}

void vpdm_debugfs_exit(void)
{
	debugfs_remove_recursive(vpdm_debugfs_root);
}
