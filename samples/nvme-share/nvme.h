/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver of NVMe controllers: one admin queue, pairs of I/O queues, one
 * interrupt for all of them, and the controller memory buffer (CMB). Functions
 * return 0 or a negative errno, and say on standard error what has failed.
 */
#ifndef NVME_H
#define NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_dmabuf.h"

/* What a command transfers: a page of the controller's, so that it takes one PRP. */
#define NVME_UNIT	4096u
#define NVME_QUEUES	4	/* the admin queue is number 0 */
#define NVME_DEPTH	16	/* entries of a queue; one is always free */

enum nvme_opcode {
	NVME_WRITE = 1,
	NVME_READ = 2,
};

struct nvme_command;
struct nvme_completion;

/**
 * struct nvme_queue - a submission queue and its completion queue
 * @id: number, 0 for the admin queue
 * @sq: submission entries, in memory of the primary's
 * @cq: completion entries, likewise
 * @tail: next submission entry
 * @head: next completion entry
 * @phase: phase tag of completions that are new
 * @inflight: commands that have no completion yet
 * @busy: command identifiers that are in flight, a bit each
 */
struct nvme_queue {
	unsigned int id;
	volatile struct nvme_command *sq;
	volatile struct nvme_completion *cq;
	unsigned int tail;
	unsigned int head;
	unsigned int phase;
	unsigned int inflight;
	uint32_t busy;
};

/**
 * struct nvme - a controller
 * @ctx: for errors of the library
 * @dev: the device
 * @regs: BAR 0, up to the last doorbell
 * @stride: bytes from one doorbell to the next
 * @interrupt: eventfd; readable when a queue may have completions
 * @dma: memory of the primary's that the controller reaches, at NVME_DMA_IOVA
 * @queues: by number
 * @units: size of namespace 1 in NVME_UNIT
 * @blocks: logical blocks in NVME_UNIT
 * @cmb_bar: BAR that the controller memory buffer is in
 * @cmb_offset: where in the BAR, in bytes
 * @cmb_size: in bytes
 */
struct nvme {
	struct vfio_dmabuf_ctx *ctx;
	struct vfio_dmabuf_device *dev;
	volatile char *regs;
	unsigned int stride;
	int interrupt;
	char *dma;
	struct nvme_queue queues[NVME_QUEUES];
	uint64_t units;
	uint32_t blocks;
	unsigned int cmb_bar;
	uint64_t cmb_offset;
	uint64_t cmb_size;
};

/* controller.c */
int nvme_open(struct nvme *nvme, struct vfio_dmabuf_ctx *ctx, const char *bdf);
void nvme_close(struct nvme *nvme);
int nvme_queue_create(struct nvme *nvme, unsigned int id);
/* On return the controller does nothing more for commands of the queue. */
int nvme_queue_delete(struct nvme *nvme, unsigned int id);
/* Passes on what the library has returned, and says why it is an error, if so. */
int nvme_library(const struct nvme *nvme, int ret);
/* Reads @unit into memory of the primary's, which the next call overwrites. */
const void *nvme_read_unit(struct nvme *nvme, unsigned int id, uint64_t unit);

/* queue.c */
void nvme_queue_init(struct nvme *nvme, unsigned int id);
bool nvme_queue_full(const struct nvme_queue *queue);
/*
 * Transfers between @unit of the drive and @offset of the controller memory
 * buffer. Returns the identifier of the command. The queue must not be full.
 */
int nvme_submit(struct nvme *nvme, unsigned int id, enum nvme_opcode opcode,
		uint64_t unit, uint64_t offset);
/*
 * Takes the next completion: true if there was one, of command @cid; @status is
 * 0 for success.
 */
bool nvme_reap(struct nvme *nvme, unsigned int id, unsigned int *cid,
	       unsigned int *status);

/* dma.c */
int nvme_dma_init(struct nvme *nvme);
int nvme_interrupt_init(struct nvme *nvme);

#endif /* NVME_H */
