// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waking up from low power.
 *
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP revokes all DMABUFs. When the device
 * wakes up, vfio-pci-core ends low power, but leaves them revoked until userspace asks
 * to leave low power. Userspace has no reason to ask then. BAR mappings work again at
 * once, so DMABUFs should too.
 */
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm.h>

#include "vfio_pci_dmabuf_mmap.h"

static DEFINE_MUTEX(vpdm_wakeup_mutex);
static const struct dev_pm_ops *vpdm_core_pm_ops;
static struct dev_pm_ops vpdm_pm_ops;

/*
 * A live buffer means that the device is open. Closing the device resumes it first, and
 * so waits for the resume that calls this.
 */
static bool vpdm_has_inner(struct vpdm_buf_list *bufs)
{
	struct vpdm_buf *buf;
	bool live = false;

	down_read(&bufs->lock);
	list_for_each_entry(buf, &bufs->list, node)
		live |= buf->state == VPDM_LIVE && buf->inner;
	up_read(&bufs->lock);

	return live;
}

static int vpdm_runtime_resume(struct device *dev)
{
	struct vpdm_device *vdev = container_of(dev_get_drvdata(dev),
						struct vpdm_device, core);
	int ret;

	ret = vpdm_core_pm_ops->runtime_resume(dev);
	if (ret || vdev->core.pm_runtime_engaged || !vpdm_has_inner(vdev->bufs))
		return ret;

	return vfio_pci_core_ioctl_feature(&vdev->core.vdev,
					   VFIO_DEVICE_FEATURE_SET |
					   VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
					   NULL, 0);
}

/**
 * vpdm_wakeup_init - intercept wakeups of devices
 * @pdev: device of this driver, after vfio_pci_core_register_device()
 *
 * vfio-pci-core sets its own dev_pm_ops in the driver, for all its devices, whenever
 * this driver registers one, even if that fails. If a device wakes up between that and
 * this call, its DMABUFs stay revoked until userspace asks to leave low power, as with
 * vfio-pci-core alone.
 */
void vpdm_wakeup_init(struct pci_dev *pdev)
{
	struct device_driver *driver = pdev->dev.driver;

	mutex_lock(&vpdm_wakeup_mutex);
	if (driver->pm && !vpdm_core_pm_ops) {
		vpdm_core_pm_ops = driver->pm;
		vpdm_pm_ops = *driver->pm;
		if (vpdm_pm_ops.runtime_resume)
			vpdm_pm_ops.runtime_resume = vpdm_runtime_resume;
	}
	if (driver->pm)
		driver->pm = &vpdm_pm_ops;
	mutex_unlock(&vpdm_wakeup_mutex);
}
