/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loan: a slice of controller memory, an extent of the drive and a pair of
 * queues, lent to one subordinate.
 */
#ifndef LOAN_H
#define LOAN_H

#include <sys/types.h>

#include "share.h"

#define REFUSALS_MAX	16u

/**
 * struct loan - what is lent to one subordinate
 * @borrower: number of the subordinate, which is that of its extent
 * @slot: number of the slice; the queue's is one more
 * @dmabuf: the slice; -1 when nothing is lent
 * @sock: to the subordinate
 * @pid: the subordinate
 * @tags: of requests that are under way, by command identifier
 * @done: requests that the drive has carried out
 * @refused: requests that it never saw
 * @revoked: it was refused too often, or does not take its replies
 */
struct loan {
	unsigned int borrower;
	unsigned int slot;
	int dmabuf;
	int sock;
	pid_t pid;
	uint32_t tags[NVME_DEPTH];
	uint64_t done;
	unsigned int refused;
	bool revoked;
};

/* Clears the slice, starts the subordinate. Returns 0 or a negative errno. */
int loan_make(struct nvme *nvme, struct loan *loan, unsigned int slot,
	      unsigned int borrower, enum role role, uint32_t memattr);
/*
 * Ends all access to the slice, that of processors and the drive's. If this fails
 * the slice must not be lent again.
 */
int loan_end(struct nvme *nvme, struct loan *loan);
/* One request from the socket; the loan wants to end if this returns false. */
bool loan_request(struct nvme *nvme, struct loan *loan);
/* Replies to what the drive has done; likewise. */
bool loan_complete(struct nvme *nvme, struct loan *loan);
/* Tells the subordinate to end; likewise. */
bool loan_finish(struct loan *loan);

#endif /* LOAN_H */
