// SPDX-License-Identifier: GPL-2.0-only
/* What VFIO gives besides BARs: memory that the device reaches, interrupts. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "regs.h"

static int failed(const char *what)
{
	int ret = -errno;

	fprintf(stderr, "nvme-share: %s: %s\n", what, strerror(errno));
	return ret;
}

static size_t dma_size(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (DMA_SIZE + page - 1) / page * page;
}

static int bus_master(struct nvme *nvme)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int fd = vfio_dmabuf_device_fd(nvme->dev);
	uint16_t command;

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pread(fd, &command, 2, config.offset + PCI_COMMAND) != 2)
		return failed("cannot read PCI_COMMAND");
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	if (pwrite(fd, &command, 2, config.offset + PCI_COMMAND) != 2)
		return failed("cannot write PCI_COMMAND");
	return 0;
}

/* The memory ends with the process, its mapping in the IOMMU with the device. */
int nvme_dma_init(struct nvme *nvme)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = NVME_DMA_IOVA,
		.size = dma_size(),
	};
	void *memory = mmap(NULL, map.size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return failed("cannot have memory for queues");
	nvme->dma = memory;
	map.vaddr = (uintptr_t)memory;
	if (ioctl(vfio_dmabuf_iommu_fd(nvme->dev), VFIO_IOMMU_MAP_DMA, &map))
		return failed("VFIO_IOMMU_MAP_DMA");
	return bus_master(nvme);
}

int nvme_interrupt_init(struct nvme *nvme)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.count = 1,
		},
	};

	nvme->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nvme->interrupt < 0)
		return failed("eventfd");
	irq.fd = nvme->interrupt;
	if (ioctl(vfio_dmabuf_device_fd(nvme->dev), VFIO_DEVICE_SET_IRQS, &irq))
		return failed("VFIO_DEVICE_SET_IRQS");
	return 0;
}
