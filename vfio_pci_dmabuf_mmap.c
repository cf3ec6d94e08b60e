// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci with DMABUFs that can be mapped, revoked one by one, and mapped
 * write-combining.
 *
 * The PCI driver and its vfio_device_ops: which devices are bound, and where each
 * call goes. vfio-pci-core handles all other calls, unchanged.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_pci_dmabuf_mmap.h"

/* Register of the configuration space. */
#define VPDM_IGD_OPREGION	0xfc

#define CREATE_TRACE_POINTS
#include "trace.h"

static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "As vfio-pci's: do not mask INTx by PCI 2.3 means");

static bool disable_vga;
module_param(disable_vga, bool, 0444);
MODULE_PARM_DESC(disable_vga, "As vfio-pci's: no access to legacy VGA resources");

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0644);
MODULE_PARM_DESC(disable_idle_d3, "As vfio-pci's: do not put unused devices into D3");

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "As vfio-pci's: allow SR-IOV to be configured through sysfs");

static bool disable_denylist;
module_param(disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist, "As vfio-pci's: bind devices with errata that an untrusted user can exploit");

/* The devices that vfio-pci denies. */
static const struct pci_device_id vpdm_denylist[] = {
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_DSA_SPR0) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_IAX_SPR0) },
	{}
};

static int vpdm_feature_revoke(struct vpdm_device *vdev, u32 flags,
			       void __user *arg, size_t argsz)
{
	struct vfio_device_feature_dma_buf_revoke revoke;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET,
				 sizeof(revoke));
	if (ret != 1)
		return ret;
	if (copy_from_user(&revoke, arg, sizeof(revoke)))
		return -EFAULT;

	return vpdm_revoke(vdev, revoke.dmabuf_fd);
}

static int vpdm_feature_memattr(struct vpdm_device *vdev, u32 flags,
				void __user *arg, size_t argsz)
{
	struct vfio_device_feature_dma_buf_memattr attr;
	int ret;

	ret = vfio_check_feature(flags, argsz,
				 VFIO_DEVICE_FEATURE_SET |
				 VFIO_DEVICE_FEATURE_GET, sizeof(attr));
	if (ret != 1)
		return ret;
	if (copy_from_user(&attr, arg, sizeof(attr)))
		return -EFAULT;

	if (flags & VFIO_DEVICE_FEATURE_SET)
		return vpdm_memattr_set(vdev, attr.dmabuf_fd, attr.memattr);

	ret = vpdm_memattr_get(vdev, attr.dmabuf_fd, &attr.memattr);
	if (ret)
		return ret;

	return copy_to_user(arg, &attr, sizeof(attr)) ? -EFAULT : 0;
}

static int vpdm_device_feature(struct vfio_device *core_vdev, u32 flags,
			       void __user *arg, size_t argsz)
{
	struct vpdm_device *vdev = vpdm_from_core(core_vdev);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_DMA_BUF:
		if (vpdm_plain_is_default(vdev))
			return vpdm_core_feature(core_vdev, flags, arg, argsz);
		return vpdm_export(vdev, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_DMA_BUF_MMAP:
		return vpdm_export(vdev, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE:
		return vpdm_feature_revoke(vdev, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR:
		return vpdm_feature_memattr(vdev, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN:
		return vpdm_export_plain(vdev, flags, arg, argsz);
	default:
		return vpdm_core_feature(core_vdev, flags, arg, argsz);
	}
}

static int vpdm_ioctl_revoke(struct vpdm_device *vdev,
			     struct vfio_pci_dmabuf_revoke __user *arg)
{
	struct vfio_pci_dmabuf_revoke revoke;

	if (copy_from_user(&revoke, arg, sizeof(revoke)))
		return -EFAULT;
	if (revoke.argsz < sizeof(revoke))
		return -EINVAL;

	return vpdm_revoke(vdev, revoke.dmabuf_fd);
}

static long vpdm_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_PCI_DMABUF_REVOKE:
		return vpdm_ioctl_revoke(vpdm_from_core(core_vdev),
					 (void __user *)arg);
	default:
		return vfio_pci_core_ioctl(core_vdev, cmd, arg);
	}
}

static int vpdm_open_device(struct vfio_device *core_vdev)
{
	struct vpdm_device *vdev = vpdm_from_core(core_vdev);
	int ret;

	ret = vfio_pci_core_enable(&vdev->core);
	if (ret)
		return ret;

	vpdm_claim_bars(&vdev->core);
	vfio_pci_core_finish_enable(&vdev->core);
	/* Enabling has reset the device, so a new user starts without old errors. */
	vpdm_link_up(vdev->bufs);

	return 0;
}

static void vpdm_close_device(struct vfio_device *core_vdev)
{
	struct vpdm_device *vdev = vpdm_from_core(core_vdev);

	vpdm_close(vdev->bufs);
	vfio_pci_core_close_device(core_vdev);
}

static int vpdm_init_dev(struct vfio_device *core_vdev)
{
	struct vpdm_device *vdev = vpdm_from_core(core_vdev);
	int ret;

	vpdm_set_params(&vdev->core, nointxmask, disable_idle_d3, disable_vga);
	vpdm_setting_init(vdev);

	vdev->bufs = vpdm_buf_list_create(&vdev->core);
	if (!vdev->bufs)
		return -ENOMEM;

	ret = vfio_pci_core_init_dev(core_vdev);
	if (ret) {
		vpdm_buf_list_put(vdev->bufs);
		return ret;
	}
	vpdm_source_init(vdev);

	return 0;
}

static void vpdm_release_dev(struct vfio_device *core_vdev)
{
	vpdm_buf_list_put(vpdm_from_core(core_vdev)->bufs);
	vfio_pci_core_release_dev(core_vdev);
}

static const struct vfio_device_ops vpdm_ops = {
	.name			= VPDM_NAME,
	.init			= vpdm_init_dev,
	.release		= vpdm_release_dev,
	.open_device		= vpdm_open_device,
	.close_device		= vpdm_close_device,
	.ioctl			= vpdm_ioctl,
	.device_feature		= vpdm_device_feature,
	.read			= vfio_pci_core_read,
	.write			= vpdm_write,
	.mmap			= vpdm_bar_mmap,
	.request		= vfio_pci_core_request,
	.match			= vfio_pci_core_match,
	VPDM_OPS_IOMMUFD
	VPDM_OP_REGION_INFO
	VPDM_OP_MATCH_TOKEN
	VPDM_OPS_PASID
};

static bool vpdm_is_denied(struct pci_dev *pdev)
{
	if (!pci_match_id(vpdm_denylist, pdev))
		return false;

	if (disable_denylist) {
		pci_warn(pdev, "%04x:%04x has errata that make it unsafe for untrusted users, allowed by disable_denylist\n",
			 pdev->vendor, pdev->device);
		return false;
	}

	pci_warn(pdev, "%04x:%04x has errata that make it unsafe for untrusted users, not bound (see disable_denylist)\n",
		 pdev->vendor, pdev->device);
	return true;
}

/*
 * Whether a device is processor graphics, for which vfio-pci adds regions. Like
 * vfio-pci, look for the address of the OpRegion: VFs do not have one.
 */
static bool vpdm_is_igd(struct pci_dev *pdev)
{
	u32 opregion;

	if (!IS_ENABLED(CONFIG_VFIO_PCI_IGD) ||
	    pdev->vendor != PCI_VENDOR_ID_INTEL ||
	    pdev->class >> 16 != PCI_BASE_CLASS_DISPLAY)
		return false;

	return !pci_read_config_dword(pdev, VPDM_IGD_OPREGION, &opregion) &&
	       opregion && opregion != U32_MAX;
}

static int vpdm_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vpdm_device *vdev;
	int ret;

	if (vpdm_is_denied(pdev))
		return -EINVAL;
	if (vpdm_is_igd(pdev)) {
		pci_notice(pdev, VPDM_IGD_NOTICE);
		if (vpdm_is_dropin())
			return -ENODEV;
	}

	vdev = vfio_alloc_device(vpdm_device, core.vdev, &pdev->dev, &vpdm_ops);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);

	pci_set_drvdata(pdev, &vdev->core);
	ret = vfio_pci_core_register_device(&vdev->core);
	vpdm_wakeup_init(pdev);
	if (ret)
		goto err_put;

	vpdm_debugfs_add(vdev);

	return 0;

err_put:
	vfio_put_device(&vdev->core.vdev);
	return ret;
}

static void vpdm_remove(struct pci_dev *pdev)
{
	struct vpdm_device *vdev = vpdm_from_pdev(pdev);

	/*
	 * The device was pulled out, and its user has not closed it yet. Do not use
	 * pci_channel_offline(): it is also true for a frozen link, which the user
	 * may have reset.
	 */
	if (pdev->error_state == pci_channel_io_perm_failure)
		vpdm_link_down(vdev->bufs, VPDM_LINK_GONE);

	vfio_pci_core_unregister_device(&vdev->core);
	vpdm_debugfs_remove(vdev);
	vfio_put_device(&vdev->core.vdev);
}

static int vpdm_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	if (!enable_sriov)
		return -ENOENT;

	return vfio_pci_core_sriov_configure(&vpdm_from_pdev(pdev)->core,
					     nr_virtfn);
}

/*
 * vfio-pci-core revokes nothing for a reset through sysfs or for the recovery from
 * an error. The resets that it starts itself also call these.
 */
static void vpdm_reset_prepare(struct pci_dev *pdev)
{
	vpdm_reset_begin(vpdm_from_pdev(pdev)->bufs);
}

static void vpdm_reset_done(struct pci_dev *pdev)
{
	vpdm_reset_end(vpdm_from_pdev(pdev)->bufs);
}

/* Tell the user first: it may have to act quickly, for the sake of other devices. */
static pci_ers_result_t vpdm_error_detected(struct pci_dev *pdev,
					    pci_channel_state_t state)
{
	pci_ers_result_t ret = vfio_pci_core_aer_err_detected(pdev, state);

	if (state == pci_channel_io_frozen)
		vpdm_link_down(vpdm_from_pdev(pdev)->bufs,
			       VPDM_LINK_RECOVERING);
	else if (state == pci_channel_io_perm_failure)
		vpdm_link_down(vpdm_from_pdev(pdev)->bufs, VPDM_LINK_LOST);

	return ret;
}

static void vpdm_error_resume(struct pci_dev *pdev)
{
	vpdm_link_up(vpdm_from_pdev(pdev)->bufs);
}

static const struct pci_error_handlers vpdm_err_handlers = {
	.error_detected	= vpdm_error_detected,
	.reset_prepare	= vpdm_reset_prepare,
	.reset_done	= vpdm_reset_done,
	.resume		= vpdm_error_resume,
};

/*
 * Match only by driver_override. Only a driver built as vfio-pci puts this table into
 * modules.alias: "vfio_pci:" aliases for every device would otherwise tie with
 * vfio-pci's, and a management tool would use whichever comes first for all devices.
 */
static const struct pci_device_id vpdm_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};

VPDM_DEVICE_TABLE(vpdm_table);

static const struct attribute_group *vpdm_groups[] = {
	&vpdm_setting_group,
	NULL,
};

static struct pci_driver vpdm_driver = {
	.name			= VPDM_NAME,
	.id_table		= vpdm_table,
	.probe			= vpdm_probe,
	.remove			= vpdm_remove,
	.sriov_configure	= vpdm_sriov_configure,
	.err_handler		= &vpdm_err_handlers,
	.driver_managed_dma	= true,
	.dev_groups		= vpdm_groups,
};

/*
 * Of its two names, see Kbuild, one can be loaded, as debugfs and tracefs have one name
 * for both: the kernel refuses the second module that exports a symbol.
 */
const char vfio_pci_dmabuf_mmap_is_loaded[] = VPDM_NAME;
EXPORT_SYMBOL_GPL(vfio_pci_dmabuf_mmap_is_loaded);

static int __init vpdm_module_init(void)
{
	int ret;

	ret = vpdm_source_setup();
	if (ret)
		return ret;

	vpdm_set_core_params(nointxmask, disable_vga, disable_idle_d3);
	vpdm_debugfs_init();
	ret = pci_register_driver(&vpdm_driver);
	if (ret)
		goto err_debugfs;

	vpdm_ids_add(&vpdm_driver);

	return 0;

err_debugfs:
	vpdm_debugfs_exit();
	vpdm_source_cleanup();
	return ret;
}
module_init(vpdm_module_init);

static void __exit vpdm_module_exit(void)
{
	pci_unregister_driver(&vpdm_driver);
	vpdm_debugfs_exit();
	vpdm_source_cleanup();
}
module_exit(vpdm_module_exit);

VPDM_OTHER_NAME("vfio-pci-dmabuf-mmap");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_LICENSE("GPL");
MODULE_VERSION(VPDM_VERSION);
MODULE_AUTHOR("The vfio_pci_dmabuf_mmap developers");
MODULE_DESCRIPTION("vfio-pci with DMABUFs that can be mapped and revoked");
