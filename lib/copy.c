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
};

/* The widest naturally aligned access that fits. */
static size_t width(const struct copy *c)
{
	size_t w = 8;

	while (w > c->length || ((uintptr_t)c->device & (w - 1)))
		w /= 2;
	return w;
}

static void advance(struct copy *c, size_t n)
{
	c->device += n;
	c->memory += n;
	c->length -= n;
}

#define READ_AS(type) do {						\
	type v = *(volatile type *)c->device;				\
	memcpy(c->memory, &v, sizeof(v));				\
} while (0)

static void copy_in(void *arg)
{
	struct copy *c = arg;
	size_t w;

	for (; c->length; advance(c, w)) {
		w = width(c);
		switch (w) {
		case 8:
			READ_AS(uint64_t);
			break;
		case 4:
			READ_AS(uint32_t);
			break;
		case 2:
			READ_AS(uint16_t);
			break;
		default:
			READ_AS(uint8_t);
		}
	}
}

#define WRITE_AS(type)							\
do {									\
	type v;								\
									\
	memcpy(&v, c->memory, sizeof(v));				\
	*(volatile type *)c->device = v;				\
} while (0)

static void copy_out(void *arg)
{
	struct copy *c = arg;
	size_t w;

	for (; c->length; advance(c, w)) {
		w = width(c);
		switch (w) {
		case 8:
			WRITE_AS(uint64_t);
			break;
		case 4:
			WRITE_AS(uint32_t);
			break;
		case 2:
			WRITE_AS(uint16_t);
			break;
		default:
			WRITE_AS(uint8_t);
		}
	}
}

int vfio_dmabuf_read(void *dst, const volatile void *src, size_t length)
{
	struct copy c = {
		.device = (volatile char *)(uintptr_t)src,
		.memory = dst,
		.length = length,
	};

	return vfio_dmabuf_guard((const void *)(uintptr_t)src, length, copy_in,
				 &c);
}

int vfio_dmabuf_write(volatile void *dst, const void *src, size_t length)
{
	struct copy c = {
		.device = dst,
		.memory = (char *)(uintptr_t)src,
		.length = length,
	};

	return vfio_dmabuf_guard((const void *)(uintptr_t)dst, length, copy_out,
				 &c);
}
