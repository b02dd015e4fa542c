/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_int.h - a piece of a mapped savefile, which somebody who waits may walk.
 *
 * Where a script does little with its packets it waits for the thread that walks the
 * file, and could walk itself meanwhile: the piece behind the one that is being walked.
 * It is not known yet where the first record of that begins. So it is guessed; and the
 * guess was right if and only if the walk before ends there. If it does not, what was
 * made from it is forgotten, and the piece is walked as if nobody had helped. So who
 * helps, and when, is never seen in the packets.
 *
 *     the source's thread    offer -> (walk what is before) -> settle
 *     another                help: when it has nothing else to do
 *
 * Threads    help: any one; all else: the source's
 * Ownership  the bytes are the window's that is mapped until settle has returned. The
 *            piece has columns, which settle exchanges for a batch's: so close is
 *            for when nobody uses these batches any more
 * Blocking   help waits for the disk where the file is not in memory; settle waits
 *            until whoever helps is done; the first offer allocates
 */
#ifndef CE_PIECE_INT_H
#define CE_PIECE_INT_H

#include "records_int.h"

struct ceint_piece {
	_Atomic int state;

	/* The source's: not changed while it is offered. */
	struct ceint_records records;
	struct ceint_run run; /* between two bounds: records that begin there */
	uint32_t sec;         /* when the packets before it came */
	bool offered;         /* and not settled */
	void *memory;         /* of the columns that it had first */

	/* Whoever helps has them, until it is done. */
	struct ce_batch walked;
	const unsigned char *begun; /* where the walk began; NULL: it did not */
	const unsigned char *ended;
};

/*
 * Offer the run, whose `at` is no place of a record, but a bound. batch: one that has
 * as much room as all that settle will be given. Without memory for columns it is
 * settled as if nobody had come to help.
 */
void ceint_piece_offer(struct ceint_piece *piece, const struct ceint_records *records,
                       const struct ceint_run *run, uint32_t sec,
                       const struct ce_batch *batch);

/* Walk what is offered. False: nothing is. */
bool ceint_piece_help(struct ceint_piece *piece);

/*
 * Withdraw what is offered. Where it has been walked, from `at` on, the empty batch gets
 * the packets: returns where the walk ended; else NULL.
 */
const unsigned char *ceint_piece_settle(struct ceint_piece *piece,
                                        const unsigned char *at, struct ce_batch *batch);

void ceint_piece_close(struct ceint_piece *piece);

#endif
