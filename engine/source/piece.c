/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - see piece_int.h.
 *
 * Memory order. One atomic, the state, says whose everything else is.
 *
 *   edge   store (release)       load (acquire)        so that
 *   OFFER  OFFERED, in offer     TAKEN, in help        the part that is read is the
 *                                                      one that was offered
 *   DONE   DONE, in help         state, in await       columns are lent on after they
 *                                                      were filled
 *
 * Every atomic access below names its edge.
 */
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "base/pages_int.h"
#include "piece_int.h"

enum {
	PACKETS = 64, /* columns are looked at so many at a time */
	LINE = 64,
};

enum state { IDLE, OFFERED, TAKEN, DONE };

#define EXCHANGE(type, a, b) \
	do {                 \
		type a_ = a; \
		a = b;       \
		b = a_;      \
	} while (0)

/* The batch has the loan's memory, and the loan the batch's; or the other way round. */
static void exchange(struct ceint_loan *loan, struct ce_batch *batch)
{
	EXCHANGE(int64_t *, batch->ts_ns, loan->batch.ts_ns);
	EXCHANGE(uint32_t *, batch->caplen, loan->batch.caplen);
	EXCHANGE(uint32_t *, batch->len, loan->batch.len);
	EXCHANGE(const unsigned char **, batch->data, loan->batch.data);
	EXCHANGE(unsigned char *, batch->arena, loan->batch.arena);
	loan->lent = !loan->lent;
}

static void take_back(struct ce_lender *lender, struct ce_batch *batch)
{
	exchange((struct ceint_loan *)lender, batch);
}

static void lend(struct ceint_loan *loan, struct ce_batch *batch)
{
	exchange(loan, batch);
	batch->count = loan->batch.count;
	batch->layout = loan->batch.layout;
	batch->arena_used = loan->batch.arena_used;
	batch->lender = &loan->lender;
}

/* Cut `bytes` from the front of *memory. */
static void *take(unsigned char **memory, size_t bytes)
{
	void *piece = *memory;

	*memory += bytes;
	return piece;
}

/* Have loans of as much as the batch has room for. False: no memory. */
static bool have_loans(struct ceint_piece *piece, const struct ce_batch *like)
{
	const size_t packets = (like->capacity + PACKETS - 1) / PACKETS * PACKETS;
	const size_t arena_bytes = (like->arena_bytes + LINE - 1) / LINE * LINE;
	unsigned char *memory;

	if (piece->memory)
		return true;
	piece->memory_bytes = ceint_pages_huge(
		CEINT_LOANS * (packets * (sizeof(*like->ts_ns) + sizeof(*like->data) +
	                                  sizeof(*like->caplen) + sizeof(*like->len)) +
	                       arena_bytes));
	memory = piece->memory = ceint_pages_open(piece->memory_bytes);
	for (int i = 0; memory && i < CEINT_LOANS; i++) {
		struct ce_batch *batch = &piece->loans[i].batch;

		piece->loans[i].lender.take_back = take_back;
		batch->capacity = like->capacity;
		batch->arena_bytes = like->arena_bytes;
		batch->ts_ns = take(&memory, packets * sizeof(*batch->ts_ns));
		batch->data = take(&memory, packets * sizeof(*batch->data));
		batch->caplen = take(&memory, packets * sizeof(*batch->caplen));
		batch->len = take(&memory, packets * sizeof(*batch->len));
		batch->arena = take(&memory, arena_bytes);
	}
	return memory;
}

/* One that no batch has; NULL: there is none. */
static struct ceint_loan *find_loan(struct ceint_piece *piece)
{
	for (int i = 0; i < CEINT_LOANS; i++)
		if (!piece->loans[i].lent)
			return &piece->loans[i];
	return NULL;
}

void ceint_piece_offer(struct ceint_piece *piece, const struct ceint_records *records,
                       const struct ceint_part *part, uint32_t sec,
                       const struct ce_batch *batch)
{
	piece->loan = have_loans(piece, batch) ? find_loan(piece) : NULL;
	if (!piece->loan)
		return;
	piece->records = *records;
	piece->part = *part;
	piece->sec = sec;
	piece->loan->batch.count = 0;
	/* OFFER */
	atomic_store_explicit(&piece->state, OFFERED, memory_order_release);
}

bool ceint_piece_help(struct ceint_piece *piece)
{
	int offered = OFFERED;

	if (!atomic_compare_exchange_strong_explicit(&piece->state, &offered, TAKEN,
	                                             memory_order_acquire, /* OFFER */
	                                             memory_order_relaxed))
		return false;
	piece->ended = ceint_part_guess(&piece->part, &piece->records, piece->sec,
	                                &piece->begun, &piece->loan->batch);
	/* DONE */
	atomic_store_explicit(&piece->state, DONE, memory_order_release);
	return true;
}

/* Whoever helps needs microseconds, unless it does not run, or waits for the disk. */
static void await(struct ceint_piece *piece)
{
	enum { LOOKS = 64, YIELDS = 512, NAP_NS = 100000 };
	static const struct timespec nap = {.tv_nsec = NAP_NS};

	for (int i = 1; /* DONE */
	     atomic_load_explicit(&piece->state, memory_order_acquire) != DONE; i++)
		if (i >= LOOKS * YIELDS)
			nanosleep(&nap, NULL);
		else if (i % LOOKS == 0)
			sched_yield();
}

/* Nobody has the offer any more. False: nobody took it. */
static bool withdraw(struct ceint_piece *piece)
{
	int state = OFFERED;

	/* What was not taken nobody has seen: orders nothing. */
	if (atomic_compare_exchange_strong_explicit(&piece->state, &state, IDLE,
	                                            memory_order_relaxed,
	                                            memory_order_relaxed))
		return false;
	await(piece);
	/* Nobody else looks at a state that is neither offered nor taken: the same. */
	atomic_store_explicit(&piece->state, IDLE, memory_order_relaxed);
	return true;
}

off_t ceint_piece_settle(struct ceint_piece *piece, off_t at, struct ce_batch *batch)
{
	bool taken = piece->loan && withdraw(piece);
	struct ceint_loan *loan = piece->loan;

	piece->loan = NULL;
	/* Where nothing was found, `begun` is what close says that `at` is. */
	if (!taken || piece->begun != at || !loan->batch.count)
		return -1;
	lend(loan, batch);
	return piece->ended;
}

void ceint_piece_close(struct ceint_piece *piece)
{
	ceint_pages_close(piece->memory, piece->memory_bytes);
}
