/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accesses of 8 bytes, which every architecture has in C.
 */
#include <stdint.h>
#include <string.h>

#include "../access.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static bool always(void)
{
	return true;
}

static void load_words(void *to, const volatile void *from, size_t size)
{
	const volatile uint64_t *word = from;
	char *memory = to;
	uint64_t value;

	for (; size; size -= sizeof(value), memory += sizeof(value)) {
		value = *word++;
		memcpy(memory, &value, sizeof(value));
	}
}

static void store_words(volatile void *to, const void *from, size_t size)
{
	volatile uint64_t *word = to;
	const char *memory = from;
	uint64_t value;

	for (; size; size -= sizeof(value), memory += sizeof(value)) {
		memcpy(&value, memory, sizeof(value));
		*word++ = value;
	}
	access_drain();
}
