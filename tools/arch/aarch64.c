// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64: registers, pairs of them, and pairs with the hint that the data will not
 * be used again. All processors have these.
 */
#include "words.h"

void access_drain(void)
{
	asm volatile("dsb st" : : : "memory");
}

#define DEFINE_ACCESS(isa, bytes, load, store, ...)			\
static void load_##isa(void *to, const volatile void *from, size_t size) \
{									\
	for (; size; size -= (bytes)) {					\
		asm volatile(load : : "r"(from), "r"(to)		\
			     : "memory", __VA_ARGS__);			\
		from = (const volatile char *)from + (bytes);		\
		to = (char *)to + (bytes);				\
	}								\
}									\
									\
static void store_##isa(volatile void *to, const void *from, size_t size) \
{									\
	for (; size; size -= (bytes)) {					\
		asm volatile(store : : "r"(to), "r"(from)		\
			     : "memory", __VA_ARGS__);			\
		from = (const char *)from + (bytes);			\
		to = (volatile char *)to + (bytes);			\
	}								\
	access_drain();							\
}

DEFINE_ACCESS(pair, 16,
	      "ldp x9, x10, [%0]\n stp x9, x10, [%1]",
	      "ldp x9, x10, [%1]\n stp x9, x10, [%0]", "x9", "x10")
DEFINE_ACCESS(ldnp, 32,
	      "ldnp q0, q1, [%0]\n stp q0, q1, [%1]",
	      "ldp q0, q1, [%1]\n stnp q0, q1, [%0]", "v0", "v1")
DEFINE_ACCESS(ldnp2, 64,
	      "ldnp q0, q1, [%0]\n ldnp q2, q3, [%0, #32]\n"
	      "stp q0, q1, [%1]\n stp q2, q3, [%1, #32]",
	      "ldp q0, q1, [%1]\n ldp q2, q3, [%1, #32]\n"
	      "stnp q0, q1, [%0]\n stnp q2, q3, [%0, #32]",
	      "v0", "v1", "v2", "v3")

const struct access accesses[] = {
	{ "ldr", 8, always, load_words, store_words },
	{ "ldp", 16, always, load_pair, store_pair },
	{ "ldnp", 32, always, load_ldnp, store_ldnp },
	{ "ldnp x 2", 64, always, load_ldnp2, store_ldnp2 },
};

const size_t nr_accesses = ARRAY_SIZE(accesses);
