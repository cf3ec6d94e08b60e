/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_DMABUF_ACCESS_H
#define VFIO_DMABUF_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

/* All sizes are multiples of it, and all addresses. */
#define ACCESS_BLOCK	64

/**
 * struct access - a way to copy to and from a device
 * @name: of the instructions
 * @width: bytes that one access moves
 * @is_there: whether this processor has the instructions
 * @load: copy from the device; no access goes elsewhere than to @size bytes
 * @store: copy to the device; has left the processor's buffers on return
 */
struct access {
	const char *name;
	unsigned int width;
	bool (*is_there)(void);
	void (*load)(void *to, const volatile void *from, size_t size);
	void (*store)(volatile void *to, const void *from, size_t size);
};

/* arch/: those of the architecture, narrowest first */
extern const struct access accesses[];
extern const size_t nr_accesses;

/* Until it returns no earlier store of this processor waits in it. */
void access_drain(void);

#endif /* VFIO_DMABUF_ACCESS_H */
