/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead.h - columns that are decoded before anybody asks, by the thread that has just
 * read the packets: it has their bytes in its cache.
 *
 * Which ones is a guess: those that were asked for of the last batch. A decode that
 * follows an ahead tells it, and has a batch's columns from there; what is missing it
 * makes itself. So nothing but time tells whether the guess was right.
 *
 *     whoever fills batches      ce_ahead_decode -> hand the batch over
 *     whoever reads them         ce_decode_follow -> begin(batch) -> column, ...
 *
 * Threads    decode: one at a time; open and close: while nobody else uses it
 * Ownership  The caller owns the ahead, which owns the columns. A batch has them until
 *            it is cleared: so close it when its batches are used no more.
 * Blocking   decode allocates when a batch's slot or a field is new; 16 slots at most
 *            have columns of 4096 values each
 */
#ifndef CAPENGINE_AHEAD_H
#define CAPENGINE_AHEAD_H

#include <stdint.h>

#include <capengine/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_ahead;
struct ce_decode;

/* Returns 0 or -ENOMEM. The seed is that of flow.hash: the same as the decode's. */
int ce_ahead_open(struct ce_ahead **ahead, uint64_t seed);

/* NULL is fine. */
void ce_ahead_close(struct ce_ahead *ahead);

/* Decode what was asked for of the last batch, if it was asked for lately. */
void ce_ahead_decode(struct ce_ahead *ahead, struct ce_batch *batch);

/*
 * Tell the ahead, which may be NULL, what the decode is asked for. A batch of which it
 * wants less than half counts as asked for nothing: to decode these few is cheaper.
 */
void ce_decode_follow(struct ce_decode *decode, struct ce_ahead *ahead);

#ifdef __cplusplus
}
#endif

#endif
