// SPDX-License-Identifier: GPL-2.0-only
/* Bring-up, the controller memory buffer, and admin commands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "regs.h"

/* Far longer than any controller takes: it is for one that is broken. */
#define PATIENCE_MS	120000

enum admin_opcode {
	DELETE_SQ = 0,
	CREATE_SQ = 1,
	DELETE_CQ = 4,
	CREATE_CQ = 5,
	IDENTIFY = 6,
	SET_FEATURES = 9,
};

#define FEATURE_QUEUES	7
#define CONTIGUOUS	1u	/* of a queue: it is one piece of memory */
#define INTERRUPTS	2u	/* of a completion queue, by vector 0 */

static int failed(int ret, const char *what)
{
	fprintf(stderr, "nvme-share: %s: %s\n", what, strerror(-ret));
	return ret;
}

int nvme_library(const struct nvme *nvme, int ret)
{
	if (ret < 0)
		fprintf(stderr, "nvme-share: %s\n",
			vfio_dmabuf_error(nvme->ctx));
	return ret;
}

static int wait_ready(struct nvme *nvme, uint32_t want)
{
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		uint32_t status = reg32(nvme, REG_CSTS);

		if (status & CSTS_FATAL)
			return failed(-EIO, "the controller has failed");
		if ((status & CSTS_READY) == want)
			return 0;
		usleep(1000);
	}
	return failed(-ETIMEDOUT, "the controller");
}

/* Admin commands are rare, and made one at a time. */
static int admin(struct nvme *nvme, const char *what,
		 struct nvme_command *command)
{
	unsigned int ms, cid, status;

	nvme_queue_put(nvme, 0, command);
	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (nvme_reap(nvme, 0, &cid, &status))
			return status ? failed(-EIO, what) : 0;
		usleep(1000);
	}
	return failed(-ETIMEDOUT, what);
}

static int enable(struct nvme *nvme)
{
	int ret;

	set_reg32(nvme, REG_CC, 0);
	ret = wait_ready(nvme, 0);
	if (ret)
		return ret;
	nvme_queue_init(nvme, 0);
	set_reg32(nvme, REG_AQA, (NVME_DEPTH - 1) << 16 | (NVME_DEPTH - 1));
	set_reg64(nvme, REG_ASQ, NVME_DMA_IOVA + DMA_SQ(0));
	set_reg64(nvme, REG_ACQ, NVME_DMA_IOVA + DMA_CQ(0));
	/* Entries of 2^6 and 2^4 bytes, pages of 4 KiB. */
	set_reg32(nvme, REG_CC, CC_ENABLE | CC_SQES(6) | CC_CQES(4));
	return wait_ready(nvme, CSTS_READY);
}

/*
 * The buffer gets an address of the controller's own. What a command transfers
 * to or from there never leaves the controller, so the IOMMU has no say in it:
 * the primary has, since it alone writes commands.
 */
static int enable_cmb(struct nvme *nvme)
{
	uint32_t loc, size;
	uint64_t unit;

	if (!(reg64(nvme, REG_CAP) & CAP_CMBS))
		return failed(-EOPNOTSUPP, "no controller memory buffer");
	set_reg64(nvme, REG_CMBMSC, CMBMSC_CRE);
	loc = reg32(nvme, REG_CMBLOC);
	size = reg32(nvme, REG_CMBSZ);
	if (!(size & CMBSZ_RDS) || !(size & CMBSZ_WDS))
		return failed(-EOPNOTSUPP, "data in controller memory");
	unit = 4096ULL << 4 * CMBSZ_SZU(size);
	nvme->cmb_bar = CMBLOC_BIR(loc);
	nvme->cmb_offset = CMBLOC_OFST(loc) * unit;
	nvme->cmb_size = CMBSZ_SZ(size) * unit;
	set_reg64(nvme, REG_CMBMSC, CMBMSC_CRE | CMBMSC_CMSE | NVME_CMB_IOVA);
	if (reg32(nvme, REG_CMBSTS) & CMBSTS_CBAI)
		return failed(-EINVAL, "the address of controller memory");
	return 0;
}

/* Size of namespace 1 and of its logical blocks. */
static int identify(struct nvme *nvme)
{
	const unsigned char *data = (void *)(nvme->dma + DMA_DATA);
	struct nvme_command command = {
		.opcode = IDENTIFY,
		.nsid = 1,
		.prp1 = NVME_DMA_IOVA + DMA_DATA,
	};
	int ret = admin(nvme, "identify namespace 1", &command);
	unsigned int format, shift;
	uint64_t size;

	if (ret)
		return ret;
	memcpy(&size, data, sizeof(size));
	format = data[26] & 0xf;
	shift = data[128 + 4 * format + 2];
	if (!size)
		return failed(-ENODEV, "namespace 1");
	if (shift < 9 || NVME_UNIT >> shift == 0)
		return failed(-EOPNOTSUPP, "blocks of more than 4 KiB");
	nvme->blocks = NVME_UNIT >> shift;
	nvme->units = size / nvme->blocks;
	return 0;
}

static int ask_for_queues(struct nvme *nvme)
{
	struct nvme_command command = {
		.opcode = SET_FEATURES,
		.cdw10 = FEATURE_QUEUES,
		.cdw11 = (NVME_QUEUES - 2) << 16 | (NVME_QUEUES - 2),
	};

	return admin(nvme, "set the number of queues", &command);
}

static int map_registers(struct nvme *nvme)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = REG_DOORBELL;
	void *addr;

	/* The stride is not known before; the largest one is 128 KiB. */
	if (vfio_dmabuf_bar_map(nvme->dev, 0, 0, page, PROT_READ, &addr))
		return -EIO;
	nvme->regs = addr;
	nvme->stride = 4u << CAP_DSTRD(reg64(nvme, REG_CAP));
	vfio_dmabuf_bar_unmap(nvme->dev, addr);
	size += 2 * NVME_QUEUES * nvme->stride;
	if (vfio_dmabuf_bar_map(nvme->dev, 0, 0,
				(size + page - 1) / page * page,
				PROT_READ | PROT_WRITE, &addr))
		return -EIO;
	nvme->regs = addr;
	return 0;
}

int nvme_open(struct nvme *nvme, struct vfio_dmabuf_ctx *ctx, const char *bdf)
{
	int ret;

	*nvme = (struct nvme) { .ctx = ctx, .interrupt = -1 };
	/* By its group: a container maps memory for DMA in one call. */
	ret = vfio_dmabuf_open(ctx, bdf, VFIO_DMABUF_OPEN_GROUP, &nvme->dev);
	if (ret)
		return nvme_library(nvme, ret);
	ret = nvme_dma_init(nvme);
	if (ret)
		return ret;
	ret = map_registers(nvme);
	if (ret)
		return nvme_library(nvme, ret);
	ret = nvme_interrupt_init(nvme);
	if (!ret)
		ret = enable(nvme);
	if (!ret)
		ret = enable_cmb(nvme);
	if (!ret)
		ret = ask_for_queues(nvme);
	return ret ? ret : identify(nvme);
}

void nvme_close(struct nvme *nvme)
{
	set_reg32(nvme, REG_CC, 0);
	wait_ready(nvme, 0);
	vfio_dmabuf_bar_unmap(nvme->dev, (void *)(uintptr_t)nvme->regs);
	vfio_dmabuf_close(nvme->dev);
	close(nvme->interrupt);
}

int nvme_queue_create(struct nvme *nvme, unsigned int id)
{
	struct nvme_command cq = {
		.opcode = CREATE_CQ,
		.prp1 = NVME_DMA_IOVA + DMA_CQ(id),
		.cdw10 = (NVME_DEPTH - 1) << 16 | id,
		.cdw11 = CONTIGUOUS | INTERRUPTS,
	};
	struct nvme_command sq = {
		.opcode = CREATE_SQ,
		.prp1 = NVME_DMA_IOVA + DMA_SQ(id),
		.cdw10 = (NVME_DEPTH - 1) << 16 | id,
		.cdw11 = id << 16 | CONTIGUOUS,
	};
	int ret;

	nvme_queue_init(nvme, id);
	ret = admin(nvme, "create a completion queue", &cq);
	return ret ? ret : admin(nvme, "create a submission queue", &sq);
}

int nvme_queue_delete(struct nvme *nvme, unsigned int id)
{
	struct nvme_command sq = { .opcode = DELETE_SQ, .cdw10 = id };
	struct nvme_command cq = { .opcode = DELETE_CQ, .cdw10 = id };
	int ret = admin(nvme, "delete a submission queue", &sq);

	return ret ? ret : admin(nvme, "delete a completion queue", &cq);
}

const void *nvme_read_unit(struct nvme *nvme, unsigned int id, uint64_t unit)
{
	unsigned int ms, cid, status;

	nvme_transfer(nvme, id, NVME_READ, unit, NVME_DMA_IOVA + DMA_DATA);
	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (nvme_reap(nvme, id, &cid, &status))
			return status ? NULL : nvme->dma + DMA_DATA;
		usleep(1000);
	}
	return NULL;
}
