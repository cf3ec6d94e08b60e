// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate, for kernels whose vfio-pci-core tells nobody that memory goes away.
 *
 * vfio-pci-core zaps through the device's address_space (from 6.10) or a list of its
 * VMAs (before). This driver's VMAs are in neither. Everything that takes memory away
 * passes through this driver instead:
 *
 *   - config writes to PCI_COMMAND and to PM's control register: vpdm_write();
 *   - VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY*: vpdm_core_feature();
 *   - resets, whoever starts them: the PCI core calls reset_prepare();
 *   - errors and removal: error_detected(), remove();
 *   - the last close: vpdm_close().
 *
 * Closing the gate in vain only costs faults: these kernels have no importers.
 */
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "vfio_pci_dmabuf_mmap.h"

static void vpdm_gate_close(struct vpdm_buf_list *bufs)
{
	down_write(&bufs->gate);
	down_read(&bufs->lock);
	vpdm_zap_all(bufs);
	up_read(&bufs->lock);
}

static void vpdm_gate_open(struct vpdm_buf_list *bufs)
{
	up_write(&bufs->gate);
}

static bool vpdm_covers(loff_t pos, size_t count, unsigned int reg)
{
	return pos <= reg && reg < pos + count;
}

/*
 * Whether a write covers the memory enable bit or the power state. Ignore the value:
 * user memory can hold another one when vfio-pci-core reads it.
 */
static bool vpdm_may_end_memory(struct pci_dev *pdev, loff_t pos, size_t count)
{
	return vpdm_covers(pos, count, PCI_COMMAND) ||
	       (pdev->pm_cap &&
		vpdm_covers(pos, count, pdev->pm_cap + PCI_PM_CTRL));
}

/*
 * One step of vfio-pci-core, which either takes effect as a whole or fails with -EFAULT
 * and has no effect. Do not wait for user memory with the gate closed: its owner decides
 * how long that takes.
 */
static ssize_t vpdm_write_gated(struct vfio_device *core_vdev,
				const char __user *buf, size_t count,
				loff_t *ppos)
{
	struct vpdm_buf_list *bufs = vpdm_from_core(core_vdev)->bufs;
	int tries = VPDM_FAULT_IN_TRIES;
	ssize_t ret;

	do {
		if (fault_in_readable(buf, count))
			return fatal_signal_pending(current) ? -EINTR : -EFAULT;

		vpdm_gate_close(bufs);
		pagefault_disable();
		ret = vfio_pci_core_write(core_vdev, buf, count, ppos);
		pagefault_enable();
		vpdm_gate_open(bufs);
	} while (ret == -EFAULT && --tries);

	return ret;
}

/* The steps into which vfio-pci-core divides a config access, within one capability. */
static size_t vpdm_step(loff_t pos, size_t count)
{
	if (count >= 4 && !(pos % 4))
		return 4;
	if (count >= 2 && !(pos % 2))
		return 2;
	return 1;
}

/* Bytes before the next step that may end memory, or bytes of that step itself. */
static size_t vpdm_next_part(struct pci_dev *pdev, loff_t pos, size_t count)
{
	size_t part = vpdm_step(pos, count);

	if (vpdm_may_end_memory(pdev, pos, part))
		return part;

	while (part < count) {
		size_t step = vpdm_step(pos + part, count - part);

		if (vpdm_may_end_memory(pdev, pos + part, step))
			break;
		part += step;
	}

	return part;
}

static ssize_t vpdm_config_write(struct vfio_device *core_vdev,
				 const char __user *buf, size_t count,
				 loff_t *ppos)
{
	struct pci_dev *pdev = vpdm_from_core(core_vdev)->core.pdev;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	loff_t next = *ppos;
	size_t done, part;
	ssize_t ret;

	for (done = 0; done < count; done += part) {
		part = vpdm_next_part(pdev, pos + done, count - done);
		if (vpdm_may_end_memory(pdev, pos + done, part))
			ret = vpdm_write_gated(core_vdev, buf + done, part,
					       &next);
		else
			ret = vfio_pci_core_write(core_vdev, buf + done, part,
						  &next);
		if (ret < 0)
			return ret;
	}
	*ppos = next;

	return done;
}

/**
 * vpdm_write - write() to the device fd
 * @core_vdev: device, open
 * @buf: user memory
 * @count: size in bytes
 * @ppos: region and offset
 *
 * Context: sleeps, no locks held.
 *
 * Return: as vfio_pci_core_write(), with -EFAULT also if @buf lies in a mapping of
 * this device and the write may end memory; -EINTR if killed.
 */
ssize_t vpdm_write(struct vfio_device *core_vdev, const char __user *buf,
		   size_t count, loff_t *ppos)
{
	struct pci_dev *pdev = vpdm_from_core(core_vdev)->core.pdev;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;

	/* vfio-pci-core refuses a write past the end as a whole. */
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) != VFIO_PCI_CONFIG_REGION_INDEX ||
	    count > pdev->cfg_size || pos > pdev->cfg_size - count ||
	    !vpdm_may_end_memory(pdev, pos, count))
		return vfio_pci_core_write(core_vdev, buf, count, ppos);

	return vpdm_config_write(core_vdev, buf, count, ppos);
}

/**
 * vpdm_core_feature - VFIO_DEVICE_FEATURE, for vfio-pci-core
 * @core_vdev: device, open
 * @flags: as of the ioctl
 * @arg: argument in user memory
 * @argsz: its size in bytes
 *
 * Once vfio-pci-core has accepted low power, faults see it. The device stays awake until
 * the ioctl returns, so it suffices to zap before that.
 *
 * Context: sleeps, no locks held.
 *
 * Return: as vfio_pci_core_ioctl_feature().
 */
int vpdm_core_feature(struct vfio_device *core_vdev, u32 flags,
		      void __user *arg, size_t argsz)
{
	struct vpdm_buf_list *bufs = vpdm_from_core(core_vdev)->bufs;
	int ret = vfio_pci_core_ioctl_feature(core_vdev, flags, arg, argsz);

	if (ret)
		return ret;

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		vpdm_gate_close(bufs);
		vpdm_gate_open(bufs);
	}

	return ret;
}

/* The calling fault holds the gate for read, so memory stays as it is. */
int vpdm_memory_hold(struct vpdm_buf *buf)
{
	return 0;
}

/**
 * vpdm_memory_check - whether memory is on
 * @buf: buffer, live
 *
 * Context: vpdm_buf_list.gate held for read, under which the answer stays true.
 *
 * Return: 0 if it is, VM_FAULT_SIGBUS if not.
 */
vm_fault_t vpdm_memory_check(struct vpdm_buf *buf)
{
	return vpdm_memory_is_on(buf->bufs->core) ? 0 : VM_FAULT_SIGBUS;
}

void vpdm_memory_release(struct vpdm_buf *buf)
{
}

/* These kernels have no inner DMABUF that a wakeup leaves revoked. */
void vpdm_wakeup_init(struct pci_dev *pdev)
{
}
