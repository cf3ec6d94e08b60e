// SPDX-License-Identifier: GPL-2.0-only
#include <stdatomic.h>

#include "words.h"

void access_drain(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

const struct access accesses[] = {
	{ "8 bytes", 8, always, load_words, store_words },
};

const size_t nr_accesses = ARRAY_SIZE(accesses);
