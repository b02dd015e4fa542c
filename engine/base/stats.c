/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.c - counters with one writer, which any thread may read.
 *
 * Memory order. A counter orders nothing but itself: every access is relaxed.
 * A reader may see one counter newer than another until the writer has ended.
 */
#include <stdatomic.h>

#include "stats_int.h"

void ceint_counters_add(struct ceint_counters *counters, enum ceint_counter which,
                        uint64_t n)
{
	_Atomic uint64_t *value = &counters->value[which];

	/* One writer: a load and a store, and no locked instruction. */
	atomic_store_explicit(value,
	                      atomic_load_explicit(value, memory_order_relaxed) + n,
	                      memory_order_relaxed);
}

uint64_t ceint_counters_get(const struct ceint_counters *counters,
                            enum ceint_counter which)
{
	return atomic_load_explicit(&counters->value[which], memory_order_relaxed);
}
