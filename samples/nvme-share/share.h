/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the primary and its subordinates say to each other, over a socket of type
 * SOCK_SEQPACKET. First the primary sends the slice (vfio_dmabuf_send()). Then the
 * subordinate sends requests, as many as it likes before it takes replies; each
 * one gets one reply. The data is in the slice, and in no message.
 */
#ifndef SHARE_H
#define SHARE_H

#include <stdint.h>

#include "nvme.h"

#define SLICE_UNITS	64u	/* of controller memory, for each subordinate */
#define SLICE_SIZE	((uint64_t)SLICE_UNITS * NVME_UNIT)
#define EXTENT_UNITS	64u	/* of the drive, likewise */

/**
 * struct share_request - a request to move one NVME_UNIT
 * @opcode: enum nvme_opcode
 * @tag: comes back in the reply
 * @unit: of the subordinate's extent of the drive
 * @offset: of the subordinate's slice, a multiple of NVME_UNIT
 */
struct share_request {
	uint32_t opcode;
	uint32_t tag;
	uint64_t unit;
	uint64_t offset;
};

/**
 * struct share_reply - what became of it
 * @tag: of the request; or SHARE_FINISH, which is no reply: the subordinate ends
 *	in its own time
 * @result: 0; -EACCES: outside of the slice or the extent; -EINVAL: no such
 *	request; -EIO: the drive says no
 */
struct share_reply {
	uint32_t tag;
	int32_t result;
};

#define SHARE_FINISH	UINT32_MAX

/* The generation of blocks that a subordinate has written last. */
#define LAST_GENERATION	0xffffu

/* What word @word has in unit @unit of a borrower's extent. */
static inline uint64_t share_pattern(unsigned int borrower, unsigned int unit,
				     unsigned int generation, unsigned int word)
{
	return (uint64_t)borrower << 48 | (uint64_t)unit << 32 |
	       (uint64_t)generation << 16 | word;
}

/* Subordinates by what they do. */
enum role {
	MEASURE,	/* prints how fast its slice is, and ends */
	WORK,		/* writes and reads until told to finish */
	MISBEHAVE,	/* asks for what it has no right to */
	NR_ROLES
};

int subordinate(enum role role, unsigned int borrower);

#endif /* SHARE_H */
