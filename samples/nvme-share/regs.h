/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers and entries of the NVM Express base specification that are used. */
#ifndef REGS_H
#define REGS_H

#include <stdint.h>

#include "nvme.h"

#define REG_CAP		0x00	/* capabilities, 64 bits */
#define REG_CC		0x14	/* configuration */
#define REG_CSTS	0x1c	/* status */
#define REG_AQA		0x24	/* sizes of the admin queues */
#define REG_ASQ		0x28	/* admin submission queue, 64 bits */
#define REG_ACQ		0x30	/* admin completion queue, 64 bits */
#define REG_CMBLOC	0x38	/* where the controller memory buffer is */
#define REG_CMBSZ	0x3c	/* and how large */
#define REG_CMBMSC	0x50	/* switches it on, 64 bits */
#define REG_CMBSTS	0x58	/* and says whether that worked */
#define REG_DOORBELL	0x1000

#define CAP_DSTRD(cap)	((unsigned int)((cap) >> 32) & 0xf)
#define CAP_CMBS	(1ULL << 57)

#define CC_ENABLE	1u
#define CC_SQES(log2)	((log2) << 16)
#define CC_CQES(log2)	((log2) << 20)

#define CSTS_READY	1u
#define CSTS_FATAL	2u

#define CMBMSC_CRE	1ULL	/* CMBLOC and CMBSZ are valid */
#define CMBMSC_CMSE	2ULL	/* commands may name addresses in the buffer */
#define CMBSTS_CBAI	1u	/* the address was not accepted */
#define CMBSZ_RDS	(1u << 3)	/* the drive may be read into it */
#define CMBSZ_WDS	(1u << 4)	/* and written from it */
#define CMBLOC_BIR(loc)	((loc) & 7)
#define CMBLOC_OFST(loc) ((uint64_t)(loc) >> 12)
#define CMBSZ_SZU(sz)	((sz) >> 8 & 0xf)	/* unit: 4 KiB << 4 * SZU */
#define CMBSZ_SZ(sz)	((uint64_t)(sz) >> 12)

/*
 * Where the controller sees what: memory of the primary's, by way of the IOMMU,
 * and its own buffer. The latter is where no BAR can be: QEMU's controller takes an
 * address in its registers' BAR for that, and firmware may put one right after memory.
 */
#define NVME_DMA_IOVA	0x100000ULL
#define NVME_CMB_IOVA	(1ULL << 62)

/* Memory of the primary's: two pages for each pair of queues, one for data. */
#define DMA_SQ(id)	(2 * (id) * NVME_UNIT)
#define DMA_CQ(id)	(DMA_SQ(id) + NVME_UNIT)
#define DMA_DATA	(2 * NVME_QUEUES * NVME_UNIT)
#define DMA_SIZE	(DMA_DATA + NVME_UNIT)

struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t cid;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t mptr;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
};

struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t cid;
	uint16_t status;	/* bit 0: phase tag */
};

static inline uint32_t reg32(const struct nvme *nvme, unsigned int reg)
{
	return *(volatile uint32_t *)(nvme->regs + reg);
}

static inline uint64_t reg64(const struct nvme *nvme, unsigned int reg)
{
	return *(volatile uint64_t *)(nvme->regs + reg);
}

static inline void set_reg32(struct nvme *nvme, unsigned int reg, uint32_t v)
{
	*(volatile uint32_t *)(nvme->regs + reg) = v;
}

static inline void set_reg64(struct nvme *nvme, unsigned int reg, uint64_t v)
{
	*(volatile uint64_t *)(nvme->regs + reg) = v;
}

/* queue.c: any command; its identifier is filled in and returned. */
int nvme_queue_put(struct nvme *nvme, unsigned int id,
		   struct nvme_command *command);
/* Between @unit of the drive and what the controller finds at @iova. */
int nvme_transfer(struct nvme *nvme, unsigned int id, enum nvme_opcode opcode,
		  uint64_t unit, uint64_t iova);

#endif /* REGS_H */
