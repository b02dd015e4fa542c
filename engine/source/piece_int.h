/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_int.h - the parts of a savefile that come next, which two threads read.
 *
 * Where a script does little with its packets it waits for the thread that reads the
 * file, and can read itself meanwhile. So the next parts are offered, some ahead, and
 * each is read by whoever has time first. Where the first record of a part begins is not
 * known before the part in front of it was read: it is guessed; and the guess was right
 * if and only if the walk before ends there. If it does not, what was read is forgotten,
 * and the part is read again. So who has read it, and when, is never seen in the packets.
 *
 *     the source's thread    read, ... -> offer, offer, ... -> settle -> offer -> ...
 *     another                help: when it has nothing else to do
 *
 * Each of both reads into memory of its own that is lent to a batch, the same again as
 * soon as it is free: so it stays in a cache of the processor that has read it.
 *
 * Threads    help: one other; all else: the source's
 * Ownership  The caller keeps the descriptor open until all is settled or withdrawn. A
 *            batch has the pieces' memory until it is cleared: so close is for when
 *            nobody uses these batches any more
 * Blocking   help and read wait for the disk, settle and withdraw also for who helps; the
 *            first read or offer allocates
 */
#ifndef CE_PIECE_INT_H
#define CE_PIECE_INT_H

#include "part_int.h"

enum {
	CEINT_PIECES = 4, /* most that are offered, or read ahead */
	CEINT_LOANS = 3,  /* of each thread */
};

/* Columns and an arena; or, while they are lent, those that the batch had itself. */
struct ceint_loan {
	struct ce_lender lender;
	struct ce_batch batch;
	_Atomic bool taken; /* by whoever reads into it, until it is back */

	/* Where the packets are mapped, while they are lent. */
	struct ceint_mapping *mapping;
	off_t from; /* of the part */
	off_t end;  /* of the packets */
};

enum ceint_reader { CEINT_SOURCE, CEINT_HELPER, CEINT_READERS };

struct ceint_piece {
	_Atomic int state;

	/* The source's: not changed while it is offered. */
	struct ceint_records records;
	struct ceint_part part;
	uint32_t sec; /* when packets some parts before it came */

	/* Whoever has taken it has them, until it is done. */
	struct ceint_loan *loan;
	bool near;   /* it is the source's thread */
	off_t begun; /* where the walk began; -1: it did not */
	off_t ended;
};

struct ceint_pieces {
	struct ceint_piece pieces[CEINT_PIECES]; /* in turns */

	_Atomic size_t first; /* the oldest: the source's, and a hint for who helps */

	/* The source's. */
	size_t count;          /* of pieces that are not settled */
	unsigned char *memory; /* of all loans; NULL: none yet */
	size_t memory_bytes;

	struct ceint_loan loans[CEINT_READERS][CEINT_LOANS];
};

/*
 * Offer the part behind the last one, whose `from` need not be where a record begins.
 * batch: one that has as much room as all that are to be filled. Without memory nobody
 * can help with it. False: CEINT_PIECES are there already.
 */
bool ceint_pieces_offer(struct ceint_pieces *pieces, const struct ceint_records *records,
                        const struct ceint_part *part, uint32_t sec,
                        const struct ce_batch *batch);

/* The part of the one that is settled next, if any is. */
struct ceint_part ceint_pieces_oldest(const struct ceint_pieces *pieces);

/* Read one that is offered. False: none is, or there is no memory for it now. */
bool ceint_pieces_help(struct ceint_pieces *pieces);

/*
 * Fill the empty batch with the records of the oldest piece, from the one at `at` on,
 * which no part before it had. Gives where they end, as ceint_part_read. The batch is
 * near where this thread has read them.
 */
off_t ceint_pieces_settle(struct ceint_pieces *pieces, off_t at, struct ce_batch *batch);

/* The same for a part that is not offered. */
off_t ceint_pieces_read(struct ceint_pieces *pieces, const struct ceint_records *records,
                        const struct ceint_part *part, off_t at, struct ce_batch *batch);

/* Forget all that is offered; nobody reads for it any more. */
void ceint_pieces_withdraw(struct ceint_pieces *pieces);

void ceint_pieces_close(struct ceint_pieces *pieces);

#endif
