/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.c - see records_int.h.
 *
 * The walk is compiled for each layout, with every choice made before the loop. Where a
 * record begins only the one before tells; but one that is as long as the one before, as
 * in captures that were cut to a snap length, is probably followed by others: then some
 * are looked at together, and none waits for another.
 *
 * The columns that it fills were read by another thread before: it asks for their lines
 * some time ahead, to write there, since each store would wait for one otherwise.
 */
#include "records_int.h"

enum {
	CLAIM = 8,         /* packets at a time: their times are one line */
	CLAIM_AHEAD = 128, /* packets */
	LINE = 64,
	FETCH_AHEAD = 8192, /* bytes: what comes in the time that memory takes */
};

/* Ask for the lines of CLAIM packets, from packet i on. */
static inline __attribute__((always_inline)) void claim(const struct ce_batch *batch,
                                                        size_t i)
{
	__builtin_prefetch(batch->ts_ns + i, 1);
	__builtin_prefetch(batch->caplen + i, 1);
	__builtin_prefetch(batch->len + i, 1);
	__builtin_prefetch(batch->data + i, 1);
}

/* The columns of the packet i whose record is at `at`. Gives where the record ends. */
static inline __attribute__((always_inline)) const unsigned char *fill(
	const struct ce_batch *batch, size_t i, const unsigned char *at, uint32_t caplen,
	int64_t unit_ns, bool swapped, size_t header)
{
	batch->ts_ns[i] = ceint_record_time(at, swapped, unit_ns);
	batch->caplen[i] = caplen;
	batch->len[i] = ceint_record_word(at + 12, swapped);
	batch->data[i] = at + header;
	return at + header + caplen;
}

/* Are the next CLAIM records each of this caplen? */
static inline __attribute__((always_inline)) bool are_alike(const struct ceint_run *run,
                                                            uint32_t caplen, bool swapped,
                                                            size_t header)
{
	const size_t bytes = header + caplen;
	uint32_t others = 0;

	if ((size_t)(run->end - run->at) < CLAIM * bytes ||
	    run->at + (CLAIM - 1) * bytes >= run->last)
		return false;
	if (ceint_record_word(run->at + 8, swapped) != caplen)
		return false;
	for (size_t k = 1; k < CLAIM; k++)
		others |= ceint_record_word(run->at + k * bytes + 8, swapped) ^ caplen;
	return !others;
}

/* Append one after the other, until packet `stop`. */
static inline __attribute__((always_inline)) size_t walk_each(
	const struct ceint_records *records, const struct ce_batch *batch, size_t i,
	size_t stop, struct ceint_run *run, bool swapped, size_t header)
{
	const unsigned char *at = run->at;

	for (; i < stop && at < run->last; i++) {
		const uint32_t caplen = ceint_record_word(at + 8, swapped);

		if (caplen > records->most || caplen > (size_t)(run->end - at) - header)
			break;
		at = fill(batch, i, at, caplen, records->unit_ns, swapped, header);
	}
	run->at = at;
	return i;
}

/* Ask for the lines of the run that come next, from the first that was not asked for.
   Gives where they end. */
static inline __attribute__((always_inline)) const unsigned char *fetch(
	const struct ceint_run *run, const unsigned char *from)
{
	const unsigned char *to =
		run->last - run->at > FETCH_AHEAD ? run->at + FETCH_AHEAD : run->last;

	for (; from < to; from += LINE)
		__builtin_prefetch(from);
	return from;
}

static inline __attribute__((always_inline)) const unsigned char *walk(
	const struct ceint_records *records, struct ce_batch *out,
	const struct ceint_run *whole, bool swapped, size_t header)
{
	/* What a store into a column might change, for all the compiler knows. */
	const struct ceint_records rules = *records;
	const struct ce_batch batch = *out;
	struct ceint_run run = *whole;
	const unsigned char *fetched = run.at;
	size_t i = batch.count, stop = i;

	if ((size_t)(run.end - run.at) < header)
		return run.at;
	if (run.last > run.end - header + 1) /* no header that is not whole */
		run.last = run.end - header + 1;
	for (size_t ahead = 0; ahead < CLAIM_AHEAD; ahead += CLAIM)
		claim(&batch, i + ahead);
	while (i == stop && i < batch.capacity) {
		claim(&batch, i + CLAIM_AHEAD);
		if (batch.mapped)
			fetched = fetch(&run, fetched);
		stop = i + CLAIM;
		if (i && stop <= batch.capacity &&
		    are_alike(&run, batch.caplen[i - 1], swapped, header)) {
			const uint32_t caplen = batch.caplen[i - 1];

			for (; i < stop; i++)
				run.at = fill(&batch, i, run.at, caplen, rules.unit_ns,
				              swapped, header);
			continue;
		}
		stop = stop < batch.capacity ? stop : batch.capacity;
		i = walk_each(&rules, &batch, i, stop, &run, swapped, header);
	}
	out->count = (uint32_t)i;
	return run.at;
}

const unsigned char *ceint_records_walk(const struct ceint_records *records,
                                        struct ce_batch *batch,
                                        const struct ceint_run *run)
{
	batch->layout = records->layout;
	switch (records->layout) {
	case CE_LAYOUT_RECORD:
		return walk(records, batch, run, false, CEINT_RECORD);
	case CE_LAYOUT_SWAPPED:
		return walk(records, batch, run, true, CEINT_RECORD);
	case CE_LAYOUT_MODIFIED:
		return walk(records, batch, run, false, CEINT_MODIFIED);
	default:
		return walk(records, batch, run, true, CEINT_MODIFIED);
	}
}

size_t ceint_records_missing(const struct ceint_records *records, const unsigned char *at,
                             const unsigned char *end)
{
	const size_t there = (size_t)(end - at);
	size_t needed = ceint_record_header(records);
	uint32_t caplen;

	if (there < needed)
		return needed - there;
	caplen = ceint_record_word(at + 8, records->layout & CE_LAYOUT_SWAPPED);
	if (caplen > records->most)
		return 0;
	needed += caplen;
	return there < needed ? needed - there : 0;
}

/* Behind the record that may stand at `at`; NULL: none does. */
static const unsigned char *behind(const struct ceint_records *records,
                                   const struct ceint_run *run, const unsigned char *at,
                                   uint32_t sec)
{
	enum { NEAR_S = 43200, LONGEST = 1 << 20 };
	const bool swapped = records->layout & CE_LAYOUT_SWAPPED;
	const size_t header = ceint_record_header(records);
	uint32_t caplen, len;

	if ((size_t)(run->end - at) < header ||
	    ceint_record_word(at, swapped) - (sec - NEAR_S) > 2 * NEAR_S ||
	    ceint_record_word(at + 4, swapped) * records->unit_ns >= 1000000000)
		return NULL;
	caplen = ceint_record_word(at + 8, swapped);
	len = ceint_record_word(at + 12, swapped);
	if (!caplen || caplen > records->most || caplen > len || len > LONGEST ||
	    caplen > (size_t)(run->end - at) - header)
		return NULL;
	return at + header + caplen;
}

const unsigned char *ceint_records_guess(const struct ceint_records *records,
                                         const struct ceint_run *run, uint32_t sec,
                                         int enough)
{
	const bool big_endian = (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) !=
	                        ((records->layout & CE_LAYOUT_SWAPPED) != 0);
	/* The first octet of a time is the same for half a year. */
	const ptrdiff_t octet = big_endian ? 0 : 3;
	const unsigned char *from = run->at;
	const unsigned char *last = run->end - octet;

	if (last > run->last)
		last = run->last;
	for (; from < last; from++) {
		const unsigned char *at;
		int found = 0;

		from = memchr(from + octet, (int)(sec >> 24), (size_t)(last - from));
		if (!from)
			break;
		from -= octet;
		at = from;
		while (found < enough && (at = behind(records, run, at, sec)))
			found++;
		if (found == enough)
			return from;
	}
	return NULL;
}
