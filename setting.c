// SPDX-License-Identifier: GPL-2.0-only
/*
 * A setting of each device: whether VFIO_DEVICE_FEATURE_DMA_BUF returns this driver's
 * DMABUF or vfio-pci-core's own. iommufd accepts only the latter: it compares a
 * DMABUF's operations with vfio-pci-core's (vfio_pci_dma_buf_iommufd_map()).
 */
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vfio_pci_dmabuf_mmap.h"

static bool plain_export;
module_param(plain_export, bool, 0644);
MODULE_PARM_DESC(plain_export, "Offer VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN, vfio-pci-core's own DMABUFs, which cannot be revoked one by one");

static const char * const vpdm_modes[] = {
	[VPDM_MODE_MMAP] = "mmap",
	[VPDM_MODE_PLAIN] = "plain",
};

static unsigned int vpdm_default_mode = VPDM_MODE_MMAP;

static int vpdm_default_set(const char *val, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(vpdm_modes, val);

	if (mode < 0)
		return mode;

	WRITE_ONCE(vpdm_default_mode, mode);
	return 0;
}

static int vpdm_default_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", vpdm_modes[READ_ONCE(vpdm_default_mode)]);
}

static const struct kernel_param_ops vpdm_default_ops = {
	.set = vpdm_default_set,
	.get = vpdm_default_get,
};

module_param_cb(dmabuf_mode, &vpdm_default_ops, NULL, 0644);
MODULE_PARM_DESC(dmabuf_mode, "What VFIO_DEVICE_FEATURE_DMA_BUF returns for devices bound from now on: mmap, a DMABUF that can be mapped and revoked; plain, vfio-pci-core's own, for iommufd. The attribute of the same name changes it for one device");

static ssize_t dmabuf_mode_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct vpdm_device *vdev = vpdm_from_pdev(to_pci_dev(dev));

	return sysfs_emit(buf, "%s\n", vpdm_modes[READ_ONCE(vdev->mode)]);
}

static ssize_t dmabuf_mode_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t count)
{
	struct vpdm_device *vdev = vpdm_from_pdev(to_pci_dev(dev));
	int mode = sysfs_match_string(vpdm_modes, buf);

	if (mode < 0)
		return mode;

	WRITE_ONCE(vdev->mode, mode);
	return count;
}
static DEVICE_ATTR_RW(dmabuf_mode);

static struct attribute *vpdm_attrs[] = {
	&dev_attr_dmabuf_mode.attr,
	NULL,
};

const struct attribute_group vpdm_setting_group = {
	.attrs = vpdm_attrs,
};

/**
 * vpdm_setting_init - set the default mode
 * @vdev: device that is being bound
 */
void vpdm_setting_init(struct vpdm_device *vdev)
{
	vdev->mode = READ_ONCE(vpdm_default_mode);
}

/**
 * vpdm_plain_is_default - whether VFIO_DEVICE_FEATURE_DMA_BUF is vfio-pci-core's
 * @vdev: device
 *
 * Return: true if so, as on vfio-pci; false if it is this driver's.
 */
bool vpdm_plain_is_default(const struct vpdm_device *vdev)
{
	return READ_ONCE(vdev->mode) == VPDM_MODE_PLAIN;
}

/**
 * vpdm_plain_is_allowed - whether root allows exports of vfio-pci-core's DMABUFs
 * @vdev: device
 *
 * Return: true if so.
 */
bool vpdm_plain_is_allowed(const struct vpdm_device *vdev)
{
	return plain_export || vpdm_plain_is_default(vdev);
}
