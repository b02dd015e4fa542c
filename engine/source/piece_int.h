/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_int.h - a part of a savefile, which somebody who waits may read.
 *
 * Where a script does little with its packets it waits for the thread that reads the
 * file, and could read itself meanwhile: the part behind the one that is being read. It
 * is not known yet where the first record of that begins. So it is guessed; and the
 * guess was right if and only if the walk before ends there. If it does not, what was
 * read is forgotten, and the part is read as if nobody had helped. So who helps, and
 * when, is never seen in the packets.
 *
 *     the source's thread    offer -> (read what is before) -> settle
 *     another                help: when it has nothing else to do
 *
 * Whoever helps reads into memory that stays with the piece and is lent to a batch, so
 * that it is still in a cache of the processor that read it, for who looks at it next.
 *
 * Threads    help: any one; all else: the source's
 * Ownership  The descriptor is the caller's, until settle has returned. A batch has the
 *            piece's memory until it is cleared: so close is for when nobody uses these
 *            batches any more
 * Blocking   help waits for the disk; settle waits until whoever helps is done; the
 *            first offer allocates
 */
#ifndef CE_PIECE_INT_H
#define CE_PIECE_INT_H

#include "part_int.h"

enum { CEINT_LOANS = 3 }; /* one that is read, one that waits, one that is looked at */

/* Columns and an arena; or, while they are lent, those that the batch had itself. */
struct ceint_loan {
	struct ce_lender lender;
	struct ce_batch batch;
	bool lent;
};

struct ceint_piece {
	_Atomic int state;

	/* The source's: not changed while it is offered. */
	struct ceint_records records;
	struct ceint_part part;
	uint32_t sec;            /* when the packets before it came */
	struct ceint_loan *loan; /* what to read into; NULL: nothing is offered */
	struct ceint_loan loans[CEINT_LOANS];
	unsigned char *memory; /* of all loans; NULL: none yet */
	size_t memory_bytes;

	/* Whoever helps has them, until it is done. */
	off_t begun; /* where the walk began; -1: it did not */
	off_t ended;
};

/*
 * Offer the part, whose `from` is no place of a record. batch: one that has as much room
 * as all that settle will be given. Without memory it is settled as if nobody had come
 * to help.
 */
void ceint_piece_offer(struct ceint_piece *piece, const struct ceint_records *records,
                       const struct ceint_part *part, uint32_t sec,
                       const struct ce_batch *batch);

/* Read what is offered. False: nothing is. */
bool ceint_piece_help(struct ceint_piece *piece);

/*
 * Withdraw what is offered, if anything is. Where it has been read, from `at` on, the
 * empty batch gets the packets: returns where they end; else -1.
 */
off_t ceint_piece_settle(struct ceint_piece *piece, off_t at, struct ce_batch *batch);

void ceint_piece_close(struct ceint_piece *piece);

#endif
