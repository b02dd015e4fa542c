/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats_int.h - the counters that the capture thread writes.
 *
 * Threads    add: the one writer. get: any thread
 * Ownership  the caller owns the struct, zeroed before the threads share it
 * Blocking   nothing waits or allocates
 */
#ifndef CE_STATS_INT_H
#define CE_STATS_INT_H

#include <stdint.h>

enum ceint_counter {
	CEINT_CAPTURED,
	CEINT_KERNEL_DROPS,
	CEINT_INTERFACE_DROPS,
	CEINT_UNDELIVERED,
	CEINT_COUNTERS, /* how many there are */
};

struct ceint_counters {
	_Atomic uint64_t value[CEINT_COUNTERS];
};

void ceint_counters_add(struct ceint_counters *counters, enum ceint_counter which,
                        uint64_t n);
uint64_t ceint_counters_get(const struct ceint_counters *counters,
                            enum ceint_counter which);

#endif
