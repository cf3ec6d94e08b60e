/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the primary asks of the subordinate, over a SOCK_SEQPACKET socket. A
 * buffer is sent with vfio_dmabuf_send(); the subordinate answers each request,
 * and each buffer, with one reply.
 */
#ifndef VEND_H
#define VEND_H

#include <stdint.h>

#include "sample.h"

#define NR_BUFFERS	3
#define TEXT_LEN	32

enum op {
	OP_RECEIVE,	/* a buffer follows: receive and map it */
	OP_WRITE,	/* write @text at @offset of the mapping */
	OP_READ,	/* read TEXT_LEN bytes at @offset of the mapping */
	OP_MMAP,	/* mmap() @length bytes at @offset anew, and unmap */
	OP_MREMAP,	/* let the mapping grow to @length */
};

struct request {
	uint32_t op;
	uint32_t buffer;
	uint64_t offset;
	uint64_t length;
	char text[TEXT_LEN];
};

struct reply {
	int32_t result;		/* 0 or a negative errno */
	char text[TEXT_LEN];
};

/* subordinate.c */
int subordinate(int sock);
int spawn_subordinate(void);

#endif /* VEND_H */
