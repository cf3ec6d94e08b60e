// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86: streaming loads, which read whole lines of write-combining memory, and
 * non-temporal stores. A fence keeps streaming loads from taking what the
 * processor has read before.
 */
#include <immintrin.h>

#include "words.h"

void access_drain(void)
{
	_mm_sfence();
}

static bool has_sse(void)
{
	return __builtin_cpu_supports("sse4.1");
}

static bool has_avx(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}

#define DEFINE_ACCESS(isa, set, type, stream_load, unaligned_store,	\
		      unaligned_load, stream)				\
__attribute__((target(set)))						\
static void load_##isa(void *to, const volatile void *from, size_t size) \
{									\
	type *device = (type *)from;					\
	type *memory = to;						\
									\
	_mm_mfence();							\
	for (; size; size -= sizeof(type))				\
		unaligned_store(memory++, stream_load(device++));	\
}									\
									\
__attribute__((target(set)))						\
static void store_##isa(volatile void *to, const void *from, size_t size) \
{									\
	type *device = (type *)to;					\
	const type *memory = from;					\
									\
	for (; size; size -= sizeof(type))				\
		stream(device++, unaligned_load(memory++));		\
	_mm_sfence();							\
}

DEFINE_ACCESS(sse, "sse4.1", __m128i, _mm_stream_load_si128, _mm_storeu_si128,
	      _mm_loadu_si128, _mm_stream_si128)
DEFINE_ACCESS(avx, "avx2", __m256i, _mm256_stream_load_si256,
	      _mm256_storeu_si256, _mm256_loadu_si256, _mm256_stream_si256)
DEFINE_ACCESS(avx512, "avx512f", __m512i, _mm512_stream_load_si512,
	      _mm512_storeu_si512, _mm512_loadu_si512, _mm512_stream_si512)

const struct access accesses[] = {
	{ "mov", 8, always, load_words, store_words },
	{ "SSE nt", 16, has_sse, load_sse, store_sse },
	{ "AVX nt", 32, has_avx, load_avx, store_avx },
	{ "AVX-512 nt", 64, has_avx512, load_avx512, store_avx512 },
};

const size_t nr_accesses = ARRAY_SIZE(accesses);
