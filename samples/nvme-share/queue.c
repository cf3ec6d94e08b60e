// SPDX-License-Identifier: GPL-2.0-only
/* Entries go in, a doorbell is rung, completions come out. */
#include <assert.h>
#include <string.h>

#include "regs.h"

static_assert(sizeof(struct nvme_command) == 64, "a submission entry");
static_assert(sizeof(struct nvme_completion) == 16, "a completion entry");
static_assert(NVME_DEPTH <= 32, "a bit of nvme_queue.busy for each command");

/* All doorbells are in one page or a few: lending a page would lend them all. */
static void ring(struct nvme *nvme, unsigned int doorbell, uint32_t value)
{
	/* What the entry says is in memory before the controller is told. */
	__sync_synchronize();
	set_reg32(nvme, REG_DOORBELL + doorbell * nvme->stride, value);
}

void nvme_queue_init(struct nvme *nvme, unsigned int id)
{
	struct nvme_queue *queue = &nvme->queues[id];

	memset(nvme->dma + DMA_SQ(id), 0, 2 * NVME_UNIT);
	*queue = (struct nvme_queue) {
		.id = id,
		.sq = (void *)(nvme->dma + DMA_SQ(id)),
		.cq = (void *)(nvme->dma + DMA_CQ(id)),
		.phase = 1,
	};
}

bool nvme_queue_full(const struct nvme_queue *queue)
{
	return queue->inflight == NVME_DEPTH - 1;
}

int nvme_queue_put(struct nvme *nvme, unsigned int id,
		   struct nvme_command *command)
{
	struct nvme_queue *queue = &nvme->queues[id];
	unsigned int cid = __builtin_ctz(~queue->busy);

	command->cid = cid;
	queue->sq[queue->tail] = *command;
	queue->busy |= 1u << cid;
	queue->inflight++;
	queue->tail = (queue->tail + 1) % NVME_DEPTH;
	ring(nvme, 2 * id, queue->tail);
	return cid;
}

int nvme_transfer(struct nvme *nvme, unsigned int id, enum nvme_opcode opcode,
		  uint64_t unit, uint64_t iova)
{
	uint64_t block = unit * nvme->blocks;
	struct nvme_command command = {
		.opcode = opcode,
		.nsid = 1,
		.prp1 = iova,
		.cdw10 = block,
		.cdw11 = block >> 32,
		.cdw12 = nvme->blocks - 1,
	};

	return nvme_queue_put(nvme, id, &command);
}

int nvme_submit(struct nvme *nvme, unsigned int id, enum nvme_opcode opcode,
		uint64_t unit, uint64_t offset)
{
	return nvme_transfer(nvme, id, opcode, unit, NVME_CMB_IOVA + offset);
}

bool nvme_reap(struct nvme *nvme, unsigned int id, unsigned int *cid,
	       unsigned int *status)
{
	struct nvme_queue *queue = &nvme->queues[id];
	volatile struct nvme_completion *entry = &queue->cq[queue->head];

	*status = entry->status;
	if ((*status & 1) != queue->phase)
		return false;
	/* The rest of the entry, and the data, are read after the phase tag. */
	__sync_synchronize();
	*status >>= 1;
	*cid = entry->cid;
	queue->busy &= ~(1u << *cid);
	queue->inflight--;
	queue->head = (queue->head + 1) % NVME_DEPTH;
	if (!queue->head)
		queue->phase = !queue->phase;
	ring(nvme, 2 * id + 1, queue->head);
	return true;
}
