/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batch.c - see <capengine/batch.h>.
 *
 * A packet stands in the arena as its record header and its bytes, and the next
 * directly behind it: a run of packets is written to a savefile in one piece.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/batch.h"

enum {
	RECORD = sizeof(struct ce_record),
	MODIFIED = RECORD + 8,
};

static size_t record_bytes(uint32_t caplen)
{
	return sizeof(struct ce_record) + caplen;
}

void ce_batch_clear(struct ce_batch *batch)
{
	free(batch->oversize);
	batch->oversize = NULL;
	if (batch->lender)
		batch->lender->take_back(batch->lender, batch);
	batch->lender = NULL;
	batch->layout = CE_LAYOUT_RECORD;
	batch->mapped = batch->near = batch->decoded = false;
	batch->count = 0;
	batch->at = 0;
	batch->taken = 0;
	batch->arena_used = 0;
	batch->gap = (struct ce_gap){0};
	memset(batch->selected, 0, sizeof(batch->selected));
}

/* Where `bytes` more bytes may stand; NULL with *rc when nowhere. */
static unsigned char *room_for(struct ce_batch *batch, size_t bytes, int *rc)
{
	unsigned char *room = batch->arena + batch->arena_used;

	*rc = -ENOSPC;
	if (batch->count == batch->capacity || batch->oversize)
		return NULL;
	if (bytes <= batch->arena_bytes - batch->arena_used) {
		batch->arena_used += bytes;
		return room;
	}
	if (batch->count)
		return NULL;
	*rc = -ENOMEM;
	batch->oversize = malloc(bytes);
	return batch->oversize;
}

int ce_batch_append(struct ce_batch *batch, const struct ce_record *record, int64_t ts_ns,
                    const void *data)
{
	uint32_t i = batch->count;
	int rc;
	unsigned char *room = room_for(batch, record_bytes(record->caplen), &rc);

	if (!room)
		return rc;
	memcpy(room, record, sizeof(*record));
	if (record->caplen) /* else data may be NULL */
		memcpy(room + sizeof(*record), data, record->caplen);
	batch->ts_ns[i] = ts_ns;
	batch->caplen[i] = record->caplen;
	batch->len[i] = record->len;
	batch->data[i] = room + sizeof(*record);
	batch->count = i + 1;
	return 0;
}

bool ce_batch_full(const struct ce_batch *batch)
{
	return batch->count == batch->capacity || batch->oversize ||
	       batch->arena_bytes - batch->arena_used < sizeof(struct ce_record);
}

struct ce_record ce_batch_record(const struct ce_batch *batch, uint32_t i)
{
	const bool modified = batch->layout >= CE_LAYOUT_MODIFIED;
	const bool swapped = batch->layout & CE_LAYOUT_SWAPPED;
	const unsigned char *at = batch->data[i] - (modified ? MODIFIED : RECORD);
	struct ce_record record;

	memcpy(&record, at, sizeof(record));
	if (swapped) {
		record.sec = __builtin_bswap32(record.sec);
		record.frac = __builtin_bswap32(record.frac);
	}
	record.caplen = batch->caplen[i];
	record.len = batch->len[i];
	return record;
}

/* Bits [0, n) of a word; n < 64. */
static uint64_t low_bits(uint32_t n)
{
	return ((uint64_t)1 << n) - 1;
}

void ce_batch_select_all(struct ce_batch *batch)
{
	uint32_t first = batch->at / 64, last = batch->count / 64;

	if (batch->at >= batch->count)
		return;
	for (uint32_t word = first; word < CE_BATCH_WORDS; word++) {
		uint64_t bits = word < last    ? UINT64_MAX
		                : word == last ? low_bits(batch->count % 64)
		                               : 0;

		if (word == first) {
			uint64_t before = low_bits(batch->at % 64);

			bits = (bits & ~before) | (batch->selected[word] & before);
		}
		batch->selected[word] = bits;
	}
}

uint32_t ce_batch_count_selected(const struct ce_batch *batch, uint32_t from, uint32_t to)
{
	uint32_t first = from / 64, last, count = 0;

	if (to > batch->count)
		to = batch->count;
	if (from >= to)
		return 0;
	last = (to - 1) / 64;
	for (uint32_t word = first; word <= last; word++) {
		uint64_t bits = batch->selected[word];

		if (word == first)
			bits &= ~low_bits(from % 64);
		if (word == last && to % 64)
			bits &= low_bits(to % 64);
		count += (uint32_t)__builtin_popcountll(bits);
	}
	return count;
}
