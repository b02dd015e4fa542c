/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - see piece_int.h.
 *
 * Memory order. One atomic, the state, says whose everything else is.
 *
 *   edge   store (release)       load (acquire)        so that
 *   OFFER  OFFERED, in offer     TAKEN, in help        the run that is walked is the
 *                                                      one that was offered
 *   DONE   DONE, in help         state, in await       columns are lent on after they
 *                                                      were filled
 *
 * Every atomic access below names its edge.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "piece_int.h"
#include "window_int.h"

enum { WORD = 64 }; /* columns are looked at so many entries at a time */

enum state { IDLE, OFFERED, TAKEN, DONE };

/* Have columns for as many packets as the batch has room for. False: no memory. */
static bool have_columns(struct ceint_piece *piece, const struct ce_batch *like)
{
	struct ce_batch *walked = &piece->walked;
	size_t packets = (like->capacity + WORD - 1) / WORD * WORD;

	if (piece->memory)
		return true;
	piece->memory =
		malloc(packets * (sizeof(*walked->ts_ns) + sizeof(*walked->data) +
	                          sizeof(*walked->caplen) + sizeof(*walked->len)));
	if (!piece->memory)
		return false;
	walked->capacity = like->capacity;
	walked->ts_ns = piece->memory;
	walked->data = (const unsigned char **)(walked->ts_ns + packets);
	walked->caplen = (uint32_t *)(walked->data + packets);
	walked->len = walked->caplen + packets;
	return true;
}

void ceint_piece_offer(struct ceint_piece *piece, const struct ceint_records *records,
                       const struct ceint_run *run, uint32_t sec,
                       const struct ce_batch *batch)
{
	piece->records = *records;
	piece->run = *run;
	piece->sec = sec;
	piece->offered = true;
	if (have_columns(piece, batch)) /* OFFER */
		atomic_store_explicit(&piece->state, OFFERED, memory_order_release);
}

bool ceint_piece_help(struct ceint_piece *piece)
{
	int offered = OFFERED;
	struct ceint_run run;

	if (!atomic_compare_exchange_strong_explicit(&piece->state, &offered, TAKEN,
	                                             memory_order_acquire, /* OFFER */
	                                             memory_order_relaxed))
		return false;
	run = piece->run;
	piece->walked.count = 0;
	ceint_window_touch(run.at, run.last);
	piece->begun = run.at = ceint_records_guess(&piece->records, &run, piece->sec);
	if (run.at)
		piece->ended = ceint_records_walk(&piece->records, &piece->walked, &run);
	/* DONE */
	atomic_store_explicit(&piece->state, DONE, memory_order_release);
	return true;
}

/* Whoever helps needs microseconds, unless it does not run, or waits for the disk. */
static void await(struct ceint_piece *piece)
{
	enum { LOOKS = 1024, YIELDS = 32, NAP_NS = 100000 };
	static const struct timespec nap = {.tv_nsec = NAP_NS};

	for (int i = 1; /* DONE */
	     atomic_load_explicit(&piece->state, memory_order_acquire) != DONE; i++)
		if (i >= LOOKS * YIELDS)
			nanosleep(&nap, NULL);
		else if (i % LOOKS == 0)
			sched_yield();
}

#define EXCHANGE(type, a, b) \
	do {                 \
		type a_ = a; \
		a = b;       \
		b = a_;      \
	} while (0)

/* The batch gets the packets, and the piece the batch's columns. */
static void exchange(struct ceint_piece *piece, struct ce_batch *batch)
{
	struct ce_batch *walked = &piece->walked;

	EXCHANGE(int64_t *, batch->ts_ns, walked->ts_ns);
	EXCHANGE(uint32_t *, batch->caplen, walked->caplen);
	EXCHANGE(uint32_t *, batch->len, walked->len);
	EXCHANGE(const unsigned char **, batch->data, walked->data);
	batch->count = walked->count;
	batch->layout = walked->layout;
}

const unsigned char *ceint_piece_settle(struct ceint_piece *piece,
                                        const unsigned char *at, struct ce_batch *batch)
{
	int state = OFFERED;

	piece->offered = false;
	/* What was not taken nobody has seen, and what was not offered there is none of:
	   orders nothing. */
	if (atomic_compare_exchange_strong_explicit(&piece->state, &state, IDLE,
	                                            memory_order_relaxed,
	                                            memory_order_relaxed) ||
	    state == IDLE)
		return NULL;
	await(piece);
	/* Nobody else looks at a state that is neither offered nor taken: the same. */
	atomic_store_explicit(&piece->state, IDLE, memory_order_relaxed);
	if (!piece->begun || piece->begun != at || piece->walked.count > batch->capacity)
		return NULL;
	exchange(piece, batch);
	return piece->ended;
}

void ceint_piece_close(struct ceint_piece *piece)
{
	free(piece->memory);
}
