/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - see piece_int.h.
 *
 * Memory order. A piece's state says whose everything else of it is, and `taken` whose a
 * loan's memory is.
 *
 *   edge   store (release)       load (acquire)         so that
 *   OFFER  OFFERED, in offer     TAKEN, in take         the part that is read is the one
 *                                                       that was offered
 *   DONE   DONE, in              DONE, in is_done       columns are lent on after they
 *          read_any                                     were filled
 *   BACK   taken, in give_back   taken, in find_loan    columns are filled again after
 *                                                       all have read them
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
}

static void give_back(struct ceint_loan *loan)
{
	/* BACK */
	atomic_store_explicit(&loan->taken, false, memory_order_release);
}

static void take_back(struct ce_lender *lender, struct ce_batch *batch)
{
	struct ceint_loan *loan = (struct ceint_loan *)lender;

	exchange(loan, batch);
	if (batch->mapped)
		ceint_mapping_done(loan->mapping, loan->from);
	give_back(loan);
}

static int check(const struct ce_lender *lender, struct ce_err *err)
{
	const struct ceint_loan *loan = (const struct ceint_loan *)lender;

	return ceint_mapping_check(loan->mapping, loan->end, err);
}

/* The empty batch gets what was read of the part, until `end`. */
static void lend(struct ceint_loan *loan, const struct ceint_part *part, off_t end,
                 struct ce_batch *batch)
{
	exchange(loan, batch);
	batch->count = loan->batch.count;
	batch->layout = loan->batch.layout;
	batch->mapped = loan->batch.mapped;
	if (batch->mapped) {
		ceint_mapping_use(part->mapping);
		loan->mapping = part->mapping;
		loan->from = part->from;
		loan->end = end;
	}
	batch->arena_used = loan->batch.arena_used;
	batch->lender = &loan->lender;
}

/* Cut `bytes` from the front of *memory. */
static void *cut(unsigned char **memory, size_t bytes)
{
	void *front = *memory;

	*memory += bytes;
	return front;
}

static size_t round_up(size_t count, size_t unit)
{
	return (count + unit - 1) / unit * unit;
}

/* The room that one loan's columns take, and its arena. */
static size_t column_bytes(const struct ce_batch *like)
{
	return round_up(like->capacity, PACKETS) *
	       (sizeof(*like->ts_ns) + sizeof(*like->data) + sizeof(*like->caplen) +
	        sizeof(*like->len));
}

static size_t arena_bytes(const struct ce_batch *like)
{
	return round_up(like->arena_bytes, LINE);
}

/* Cut a loan's columns from the front of *columns, as large as the batch's, and its arena
   from that of *arenas. */
static void place(struct ceint_loan *loan, unsigned char **columns,
                  unsigned char **arenas, const struct ce_batch *like)
{
	const size_t packets = round_up(like->capacity, PACKETS);
	struct ce_batch *batch = &loan->batch;

	loan->lender = (struct ce_lender){take_back, check};
	batch->capacity = like->capacity;
	batch->arena_bytes = like->arena_bytes;
	batch->ts_ns = cut(columns, packets * sizeof(*batch->ts_ns));
	batch->data = cut(columns, packets * sizeof(*batch->data));
	batch->caplen = cut(columns, packets * sizeof(*batch->caplen));
	batch->len = cut(columns, packets * sizeof(*batch->len));
	batch->arena = cut(arenas, arena_bytes(like));
}

/* Have loans of as much as the batch has room for. Arenas, which are not used for what is
   mapped, stand behind all columns. False: no memory. */
static bool have_loans(struct ceint_pieces *pieces, const struct ce_batch *like)
{
	enum { COUNT = CEINT_READERS * CEINT_LOANS };
	unsigned char *columns, *arenas;

	if (pieces->memory)
		return true;
	pieces->memory_bytes = COUNT * (column_bytes(like) + arena_bytes(like));
	pieces->memory = columns = ceint_pages_open(pieces->memory_bytes);
	if (!columns)
		return false;
	arenas = columns + COUNT * column_bytes(like);
	for (int reader = 0; reader < CEINT_READERS; reader++)
		for (int i = 0; i < CEINT_LOANS; i++)
			place(&pieces->loans[reader][i], &columns, &arenas, like);
	return true;
}

/* The first of a reader's that nobody has; NULL: there is none. */
static struct ceint_loan *find_loan(struct ceint_pieces *pieces, enum ceint_reader reader)
{
	for (int i = 0; i < CEINT_LOANS; i++) {
		struct ceint_loan *loan = &pieces->loans[reader][i];

		if (!atomic_load_explicit(&loan->taken, memory_order_acquire)) /* BACK */
			return loan;
	}
	return NULL;
}

/* The source's own. Who helps only looks there first: orders nothing. */
static size_t oldest(const struct ceint_pieces *pieces)
{
	return atomic_load_explicit(&pieces->first, memory_order_relaxed);
}

/* The piece so many behind the oldest. */
static struct ceint_piece *piece_at(struct ceint_pieces *pieces, size_t behind)
{
	return &pieces->pieces[(oldest(pieces) + behind) % CEINT_PIECES];
}

struct ceint_part ceint_pieces_oldest(const struct ceint_pieces *pieces)
{
	return pieces->pieces[oldest(pieces)].part;
}

bool ceint_pieces_offer(struct ceint_pieces *pieces, const struct ceint_records *records,
                        const struct ceint_part *part, uint32_t sec,
                        const struct ce_batch *batch)
{
	struct ceint_piece *piece = piece_at(pieces, pieces->count);

	if (pieces->count == CEINT_PIECES)
		return false;
	piece->records = *records;
	piece->part = *part;
	piece->sec = sec;
	pieces->count++;
	if (have_loans(pieces, batch)) /* OFFER */
		atomic_store_explicit(&piece->state, OFFERED, memory_order_release);
	return true;
}

/* Have an offered piece for oneself. False: it is not offered, or no more. */
static bool take(struct ceint_piece *piece)
{
	int offered = OFFERED;

	return atomic_compare_exchange_strong_explicit(&piece->state, &offered, TAKEN,
	                                               memory_order_acquire, /* OFFER */
	                                               memory_order_relaxed);
}

/* Read into a loan that was found, as the only one who takes this reader's. */
static struct ceint_loan *use_loan(struct ceint_loan *loan)
{
	atomic_store_explicit(&loan->taken, true, memory_order_relaxed); /* own */
	loan->batch.count = 0;
	return loan;
}

/* Take the oldest piece that is offered; NULL: none is. */
static struct ceint_piece *take_any(struct ceint_pieces *pieces)
{
	for (size_t i = 0; i < CEINT_PIECES; i++) {
		struct ceint_piece *piece = piece_at(pieces, i);

		if (take(piece))
			return piece;
	}
	return NULL;
}

/* Read a piece without knowing where its first record is. False: none is offered, or
   there is no memory to read it into. */
static bool read_any(struct ceint_pieces *pieces, enum ceint_reader reader)
{
	struct ceint_loan *loan = find_loan(pieces, reader);
	struct ceint_piece *piece = loan ? take_any(pieces) : NULL;

	if (!piece)
		return false;
	piece->loan = use_loan(loan);
	piece->near = reader == CEINT_SOURCE;
	piece->ended = ceint_part_guess(&piece->part, &piece->records, piece->sec,
	                                &piece->begun, &loan->batch);
	/* DONE */
	atomic_store_explicit(&piece->state, DONE, memory_order_release);
	return true;
}

bool ceint_pieces_help(struct ceint_pieces *pieces)
{
	return read_any(pieces, CEINT_HELPER);
}

static bool is_done(struct ceint_piece *piece)
{
	/* DONE */
	return atomic_load_explicit(&piece->state, memory_order_acquire) == DONE;
}

/* Whoever helps needs microseconds, unless it does not run, or waits for the disk. */
static void await(struct ceint_piece *piece)
{
	enum { LOOKS = 64, YIELDS = 512, NAP_NS = 100000 };
	static const struct timespec nap = {.tv_nsec = NAP_NS};

	for (int i = 1; !is_done(piece); i++)
		if (i >= LOOKS * YIELDS)
			nanosleep(&nap, NULL);
		else if (i % LOOKS == 0)
			sched_yield();
}

/* Keep a piece from others. False: somebody has taken it. */
static bool keep(struct ceint_piece *piece)
{
	/* One that was never offered nobody else looks at: orders nothing. */
	return atomic_load_explicit(&piece->state, memory_order_relaxed) == IDLE ||
	       take(piece);
}

/* The oldest is over. */
static void forget(struct ceint_pieces *pieces, struct ceint_piece *piece)
{
	/* Nobody else does anything with one that is not offered, and the next offer
	   orders the rest. */
	atomic_store_explicit(&piece->state, IDLE, memory_order_relaxed);
	atomic_store_explicit(&pieces->first, (oldest(pieces) + 1) % CEINT_PIECES,
	                      memory_order_relaxed); /* as oldest says */
	pieces->count--;
}

/* Was the file truncated before the packets of a part end? Then what is left of it is to
   be read. */
static bool is_torn(const struct ceint_part *part, const struct ce_batch *batch,
                    off_t end)
{
	return batch->count && batch->mapped &&
	       ceint_mapping_check(part->mapping, end, NULL) < 0;
}

static off_t read_unmapped(const struct ceint_part *part,
                           const struct ceint_records *records, off_t at,
                           struct ce_batch *batch)
{
	struct ceint_part unmapped = *part;

	unmapped.mapping = NULL;
	batch->count = 0;
	return ceint_part_read(&unmapped, records, at, batch);
}

off_t ceint_pieces_read(struct ceint_pieces *pieces, const struct ceint_records *records,
                        const struct ceint_part *part, off_t at, struct ce_batch *batch)
{
	struct ceint_loan *loan = NULL;
	off_t end;

	batch->near = true;
	if (have_loans(pieces, batch))
		loan = find_loan(pieces, CEINT_SOURCE);
	if (!loan) /* nobody would keep a mapping */
		return read_unmapped(part, records, at, batch);
	end = ceint_part_read(part, records, at, &use_loan(loan)->batch);
	if (is_torn(part, &loan->batch, end))
		end = read_unmapped(part, records, at, &loan->batch);
	if (loan->batch.count)
		lend(loan, part, end, batch);
	else
		give_back(loan);
	return end;
}

off_t ceint_pieces_settle(struct ceint_pieces *pieces, off_t at, struct ce_batch *batch)
{
	struct ceint_piece *piece = piece_at(pieces, 0);
	struct ceint_loan *loan;

	if (keep(piece)) {
		forget(pieces, piece);
		return ceint_pieces_read(pieces, &piece->records, &piece->part, at,
		                         batch);
	}
	while (!is_done(piece) && read_any(pieces, CEINT_SOURCE)) /* others meanwhile */
		;
	await(piece);
	forget(pieces, piece);
	loan = piece->loan;
	/* Where nothing was found, `begun` is no place of a record. */
	if (piece->begun == at && loan->batch.count &&
	    !is_torn(&piece->part, &loan->batch, piece->ended)) {
		lend(loan, &piece->part, piece->ended, batch);
		batch->near = piece->near;
		return piece->ended;
	}
	give_back(loan);
	return ceint_pieces_read(pieces, &piece->records, &piece->part, at, batch);
}

void ceint_pieces_withdraw(struct ceint_pieces *pieces)
{
	while (pieces->count) {
		struct ceint_piece *piece = piece_at(pieces, 0);

		if (!keep(piece)) {
			await(piece);
			give_back(piece->loan);
		}
		forget(pieces, piece);
	}
}

void ceint_pieces_close(struct ceint_pieces *pieces)
{
	ceint_pages_close(pieces->memory, pieces->memory_bytes);
}
