/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lanes.c - see lanes_int.h.
 *
 * First all lanes look for a record to begin with, then they find where the others are:
 * a step of each at a time, since each step waits for memory. That brings headers into
 * the cache; then columns are made of them, lane by lane. A packet's length is how far it
 * is to the next header: it is not loaded again, since the file may change.
 */
#include "lanes_int.h"

enum {
	LANES = 24, /* as many lines as a core waits for at once, and some more */
	MOST = 2 * CE_BATCH_PACKETS / LANES,
	NARROW = 4096, /* bytes: lanes of less are not worth their guess */
	LINE = 64,
	STRETCH = 512, /* bytes in which to look for where a lane begins, at a time */
	ENOUGH = 1,    /* for a guess that the lane before proves */
};

struct lanes {
	const unsigned char *begun[LANES];
	const unsigned char *at[LANES];
	const unsigned char *bound[LANES]; /* no record that begins here or later */
	uint32_t count[LANES];             /* of records that were found */
	uint32_t places[LANES][MOST + 1]; /* of them, from the run's begin; and the end */
};

/* Fetch so many bytes from there on, or a few more. */
static inline void fetch(const unsigned char *from, size_t bytes)
{
	for (size_t line = 0; line < bytes; line += LINE)
		__builtin_prefetch(from + line);
}

/* Look on for where a lane begins, a stretch further. True: that is over. */
static bool look_on(const struct ceint_records *records, struct ceint_run *lane,
                    uint32_t sec, const unsigned char **begin)
{
	struct ceint_run stretch = *lane;

	if ((size_t)(lane->last - lane->at) > STRETCH)
		stretch.last = lane->at + STRETCH;
	fetch(stretch.last, STRETCH);
	*begin = ceint_records_guess(records, &stretch, sec, ENOUGH);
	lane->at = stretch.last;
	return *begin || lane->at == lane->last;
}

/* Where lanes seem to begin, each in its part of the run; NULL: nowhere. */
static void look(const unsigned char **begins, struct ceint_run *parts,
                 const struct ceint_records *records, uint32_t sec)
{
	size_t looking[LANES], n = 0;

	begins[0] = parts[0].at;
	for (size_t i = 1; i < LANES; i++) {
		looking[n++] = i;
		fetch(parts[i].at, STRETCH);
	}
	while (n)
		for (size_t k = 0; k < n; k++) {
			const size_t i = looking[k];

			if (look_on(records, &parts[i], sec, &begins[i]))
				looking[k--] = looking[--n];
		}
}

/*
 * Divide the run where records seem to begin. Gives the number of lanes. No lane has a
 * record that might end behind the run, however long it is.
 */
static uint32_t divide(struct lanes *lanes, const struct ceint_records *records,
                       const struct ceint_run *run)
{
	const size_t width = (size_t)(run->last - run->at) / LANES;
	const size_t longest = ceint_records_longest(records);
	const unsigned char *safe = run->last, *begins[LANES];
	struct ceint_run parts[LANES];
	uint32_t count = 0;

	if (width < NARROW || (size_t)(run->end - run->at) < longest)
		return 0;
	if (safe > run->end - longest)
		safe = run->end - longest;
	for (size_t i = 0; i < LANES; i++) {
		parts[i] = *run;
		parts[i].at += i * width;
		if (i + 1 < LANES)
			parts[i].last = parts[i].at + width;
	}
	look(begins, parts, records,
	     ceint_record_word(run->at, records->layout & CE_LAYOUT_SWAPPED));
	for (size_t i = 0; i < LANES; i++) {
		if (begins[i])
			lanes->at[count] = lanes->begun[count] = begins[i], count++;
		lanes->bound[count - 1] = parts[i].last < safe ? parts[i].last : safe;
	}
	return count;
}

/* Find the records of all lanes, a step of each at a time. */
static inline __attribute__((always_inline)) void find(struct lanes *lanes,
                                                       uint32_t count,
                                                       const struct ceint_run *run,
                                                       uint32_t most, bool swapped,
                                                       size_t header)
{
	uint32_t going[LANES], n = count;

	for (uint32_t i = 0; i < count; i++) {
		going[i] = i;
		lanes->count[i] = MOST;
	}
	for (uint32_t round = 0; round < MOST && n; round++)
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t lane = going[i];
			const unsigned char *at = lanes->at[lane];
			uint32_t caplen;

			if (at >= lanes->bound[lane] ||
			    (caplen = ceint_record_word(at + 8, swapped)) > most) {
				lanes->count[lane] = round;
				going[i--] = going[--n];
				continue;
			}
			lanes->places[lane][round] = (uint32_t)(at - run->at);
			at += header + caplen;
			/* Whoever looks at the packet needs what is behind the header. */
			__builtin_prefetch(at);
			__builtin_prefetch(at + LINE - 1);
			lanes->at[lane] = at;
		}
}

/* Append the records of a lane, as far as there is room. Gives where they end. */
static inline __attribute__((always_inline)) const unsigned char *append(
	struct ce_batch *batch, const uint32_t *places, uint32_t found,
	const unsigned char *base, int64_t unit_ns, bool swapped, size_t header)
{
	const uint32_t first = batch->count, room = batch->capacity - first;
	const uint32_t count = found < room ? found : room;
	int64_t *ts_ns = batch->ts_ns + first;
	uint32_t *caplens = batch->caplen + first, *lens = batch->len + first;
	const unsigned char **data = batch->data + first;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t place = places[i];
		const unsigned char *at = base + place;

		ts_ns[i] = ceint_record_time(at, swapped, unit_ns);
		caplens[i] = places[i + 1] - place - (uint32_t)header;
		lens[i] = ceint_record_word(at + 12, swapped);
		data[i] = at + header;
	}
	batch->count = first + count;
	return base + places[count];
}

static inline __attribute__((always_inline)) const unsigned char *walk(
	const struct ceint_records *records, struct ce_batch *batch,
	const struct ceint_run *run, bool swapped, size_t header)
{
	struct lanes lanes;
	const uint32_t count = divide(&lanes, records, run);
	const unsigned char *at = run->at;

	find(&lanes, count, run, records->most, swapped, header);
	for (uint32_t i = 0; i < count && lanes.begun[i] == at; i++) {
		uint32_t *places = lanes.places[i], found = lanes.count[i];

		places[found] = (uint32_t)(lanes.at[i] - run->at);
		at = append(batch, places, found, run->at, records->unit_ns, swapped,
		            header);
	}
	return at;
}

const unsigned char *ceint_lanes_walk(const struct ceint_records *records,
                                      struct ce_batch *batch, const struct ceint_run *run)
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
