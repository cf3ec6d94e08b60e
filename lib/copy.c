// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * memcpy() may use accesses of any width and order, or touch a byte twice.
 */
#include <string.h>

#include "internal.h"

struct copy {
	volatile char *device;
	char *memory;
	size_t length;
	bool to_device;
};

/* The widest naturally aligned access that fits. */
static size_t width(const struct copy *c)
{
	size_t w = 8;

	while (w > c->length || ((uintptr_t)c->device & (w - 1)))
		w /= 2;
	return w;
}

#define COPY_AS(type)							\
do {									\
	volatile type *device = (volatile type *)c->device;		\
	type v;								\
									\
	if (c->to_device) {						\
		memcpy(&v, c->memory, sizeof(v));			\
		*device = v;						\
	} else {							\
		v = *device;						\
		memcpy(c->memory, &v, sizeof(v));			\
	}								\
} while (0)

static void copy(void *arg)
{
	struct copy *c = arg;

	while (c->length) {
		size_t w = width(c);

		switch (w) {
		case 8:
			COPY_AS(uint64_t);
			break;
		case 4:
			COPY_AS(uint32_t);
			break;
		case 2:
			COPY_AS(uint16_t);
			break;
		default:
			COPY_AS(uint8_t);
		}
		c->device += w;
		c->memory += w;
		c->length -= w;
	}
}

int vfio_dmabuf_read(void *dst, const volatile void *src, size_t length)
{
	struct copy c = {
		.device = (volatile char *)(uintptr_t)src,
		.memory = dst,
		.length = length,
	};

	return vfio_dmabuf_guard((const void *)(uintptr_t)src, length, copy, &c);
}

int vfio_dmabuf_write(volatile void *dst, const void *src, size_t length)
{
	struct copy c = {
		.device = dst,
		.memory = (char *)(uintptr_t)src,
		.length = length,
		.to_device = true,
	};

	return vfio_dmabuf_guard((const void *)(uintptr_t)dst, length, copy, &c);
}
