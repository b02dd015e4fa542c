/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gaps_int.h - losses that were noticed before their place was reached.
 *
 * The kernel counts a lost packet while those that came before it still wait to be
 * read. So a loss stands here, with the number of packets that come before it,
 * until they have been read. Where many stand here, the newest are taken together.
 *
 *     add -> next, take -> ...
 *
 * Threads    capture thread
 * Ownership  whoever has the struct
 * Blocking   nothing waits or allocates
 */
#ifndef CE_GAPS_INT_H
#define CE_GAPS_INT_H

#include <stdint.h>

#include "capengine/batch.h"

enum { CEINT_GAPS = 64 };

/* All zeros: none. */
struct ceint_gaps {
	struct {
		uint64_t place; /* packets before it */
		struct ce_gap gap;
	} list[CEINT_GAPS]; /* in the order of their places */
	uint32_t count;
};

/* A loss behind so many packets, no fewer than that of the one before. */
void ceint_gaps_add(struct ceint_gaps *gaps, uint64_t place, struct ce_gap gap);

/* The place of the first; UINT64_MAX when there is none. */
uint64_t ceint_gaps_next(const struct ceint_gaps *gaps);

/* Add to *sum, and forget, those that stand behind at most `packets` packets. */
void ceint_gaps_take(struct ceint_gaps *gaps, uint64_t packets, struct ce_gap *sum);

#endif
