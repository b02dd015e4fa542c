/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.c - see records_int.h.
 *
 * The walk is the whole cost of a mapped file: so it is compiled for each layout, once
 * for records that surely fit and once for the last ones, with every choice made before
 * the loop. Of short records every line of memory is needed, and so lines are prefetched
 * in a stream that runs ahead of the walk; lanes.c is for longer ones.
 */
#include "lanes_int.h"
#include "records_int.h"

enum {
	LINE = 64,
	AHEAD = 4096, /* of the walk, in bytes, are the prefetches */
};

/*
 * From record to record: append them to the batch. Gives where it ended. `fits`: what
 * begins in the run ends in it too.
 */
static inline __attribute__((always_inline)) const unsigned char *walk(
	const struct ceint_records *records, struct ce_batch *batch,
	const struct ceint_run *run, bool fits, bool swapped, size_t header)
{
	const unsigned char *at = run->at, *end = run->end, *last = run->last;
	uintptr_t fetched = run->reach == CEINT_NEAR ? UINTPTR_MAX : (uintptr_t)at;
	/* What a store into a column might change, for all the compiler knows. */
	const uint32_t capacity = batch->capacity, most = records->most;
	const int64_t unit_ns = records->unit_ns;
	int64_t *ts_ns = batch->ts_ns;
	uint32_t *caplens = batch->caplen, *lens = batch->len;
	const unsigned char **data = batch->data;
	size_t i = batch->count;

	while (i < capacity && at < last && (fits || (size_t)(end - at) >= header)) {
		const uint32_t caplen = ceint_record_word(at + 8, swapped);

		if (caplen > most || (!fits && caplen > (size_t)(end - at) - header))
			break;
		for (; fetched < (uintptr_t)at + AHEAD; fetched += LINE)
			__builtin_prefetch((const void *)fetched);
		ts_ns[i] = ceint_record_time(at, swapped, unit_ns);
		caplens[i] = caplen;
		lens[i] = ceint_record_word(at + 12, swapped);
		at += header;
		data[i++] = at;
		at += caplen;
	}
	batch->count = (uint32_t)i;
	return at;
}

static inline __attribute__((always_inline)) const unsigned char *walk_layout(
	const struct ceint_records *records, struct ce_batch *batch,
	const struct ceint_run *run, bool fits)
{
	switch (records->layout) {
	case CE_LAYOUT_RECORD:
		return walk(records, batch, run, fits, false, CEINT_RECORD);
	case CE_LAYOUT_SWAPPED:
		return walk(records, batch, run, fits, true, CEINT_RECORD);
	case CE_LAYOUT_MODIFIED:
		return walk(records, batch, run, fits, false, CEINT_MODIFIED);
	default:
		return walk(records, batch, run, fits, true, CEINT_MODIFIED);
	}
}

const unsigned char *ceint_records_walk(const struct ceint_records *records,
                                        struct ce_batch *batch,
                                        const struct ceint_run *run)
{
	const size_t longest = ceint_record_header(records) + records->most;
	struct ceint_run rest = *run, fitting;

	if (run->reach == CEINT_SPARSE)
		rest.at = ceint_lanes_walk(records, batch, run);
	fitting = rest;
	if ((size_t)(rest.end - rest.at) < longest)
		fitting.last = rest.at;
	else if ((size_t)(rest.end - rest.last) < longest)
		fitting.last = rest.end - longest + 1;
	rest.at = walk_layout(records, batch, &fitting, true);
	rest.at = walk_layout(records, batch, &rest, false);
	batch->layout = batch->count ? records->layout : CE_LAYOUT_RECORD;
	return rest.at;
}

/* Behind the record that may stand at `at`; NULL: none does. */
static const unsigned char *behind(const struct ceint_records *records,
                                   const struct ceint_run *run, const unsigned char *at,
                                   uint32_t sec)
{
	enum { NEAR_S = 3600, LONGEST = 1 << 20 };
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
                                         const struct ceint_run *run, uint32_t sec)
{
	enum { ENOUGH = 4 };
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
		while (found < ENOUGH && (at = behind(records, run, at, sec)))
			found++;
		if (found == ENOUGH)
			return from;
	}
	return NULL;
}
