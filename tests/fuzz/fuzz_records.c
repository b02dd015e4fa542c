/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_records.c - any bytes as the records of a savefile: in however many runs, and in
 * lanes or not, they are walked, the same packets come; no byte is read behind the end,
 * and what a record lacks there is told.
 *
 * Behind a savefile's header, the bytes are repeated until they are some pages.
 */
#include <stdint.h>
#include <stdlib.h>

#include "source/lanes_int.h"
#include "support/packets.h"

enum {
	PAGE = 4096,
	BYTES = 48 * PAGE, /* behind which there is no page */
	FEW = 37,
	SOME = 5000, /* bytes of a short run */
	ENOUGH = 4,  /* records, for a guess */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct columns {
	struct ce_batch batch;
	int64_t ts_ns[CE_BATCH_PACKETS];
	uint32_t caplen[CE_BATCH_PACKETS], len[CE_BATCH_PACKETS];
	const unsigned char *data[CE_BATCH_PACKETS];
};

static unsigned char *bytes;

static void open_bytes(void)
{
	bytes = mmap(NULL, BYTES + PAGE, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED || mprotect(bytes + BYTES, PAGE, PROT_NONE) < 0)
		abort();
}

static void clear(struct columns *columns, uint32_t capacity)
{
	columns->batch = (struct ce_batch){.ts_ns = columns->ts_ns,
	                                   .caplen = columns->caplen,
	                                   .len = columns->len,
	                                   .data = columns->data,
	                                   .capacity = capacity};
}

/* In runs of at most so many bytes. */
static const unsigned char *walk(struct columns *columns, uint32_t capacity,
                                 const struct ceint_records *records,
                                 struct ceint_run run, ptrdiff_t most)
{
	const unsigned char *last = run.last, *before;

	clear(columns, capacity);
	do {
		before = run.at;
		run.last = last - run.at < most ? last : run.at + most;
		run.at = ceint_records_walk(records, &columns->batch, &run);
	} while (run.at > before && run.at < last);
	return run.at;
}

/* In lanes, as far as these find them. */
static const unsigned char *walk_lanes(struct columns *columns, uint32_t capacity,
                                       const struct ceint_records *records,
                                       struct ceint_run run)
{
	clear(columns, capacity);
	run.at = ceint_lanes_walk(records, &columns->batch, &run);
	return ceint_records_walk(records, &columns->batch, &run);
}

static void expect_same(const struct columns *a, const struct columns *b)
{
	uint32_t count = a->batch.count;

	if (b->batch.count != count ||
	    memcmp(a->ts_ns, b->ts_ns, count * sizeof(*a->ts_ns)) ||
	    memcmp(a->caplen, b->caplen, count * sizeof(*a->caplen)) ||
	    memcmp(a->len, b->len, count * sizeof(*a->len)) ||
	    memcmp(a->data, b->data, count * sizeof(*a->data)))
		abort();
}

static uint32_t word_at(const struct ceint_records *records, const unsigned char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return records->layout & CE_LAYOUT_SWAPPED ? __builtin_bswap32(word) : word;
}

/* A guess is a place in the run, whatever stands there. */
static void guess(const struct ceint_records *records, struct ceint_run run)
{
	const uint32_t sec = word_at(records, run.at);
	const unsigned char *at;

	run.at++;
	at = ceint_records_guess(records, &run, sec, ENOUGH);
	if (at && (at < run.at || at >= run.last))
		abort();
}

/* How many bytes the record at `at` needs, as far as it is there; 0: it is not plain. */
static size_t needed(const struct ceint_records *records, const unsigned char *at,
                     size_t there)
{
	const size_t header = records->layout >= CE_LAYOUT_MODIFIED ? 24 : 16;

	if (there < header)
		return header;
	return word_at(records, at + 8) <= records->most
	               ? header + word_at(records, at + 8)
	               : 0;
}

/* A walk that ends before the last place, with room left, lacks bytes or is at a record
   that is not plain. */
static void check_end(const struct ceint_records *records, const struct ce_batch *batch,
                      const struct ceint_run *run, const unsigned char *at)
{
	const size_t there = (size_t)(run->end - at), all = needed(records, at, there);

	if (ceint_records_missing(records, at, run->end) !=
	    (all > there ? all - there : 0))
		abort();
	if (at < run->last && batch->count < batch->capacity && all && all <= there)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct columns whole, runs;
	const struct ceint_records records = {.most = 65535,
	                                      .unit_ns = size & 8 ? 1 : 1000,
	                                      .layout = (enum ce_layout)(size % 4)};
	const uint32_t capacity = size & 4 ? FEW : CE_BATCH_PACKETS;
	struct ceint_run run;

	if (!bytes)
		open_bytes();
	if (size <= PACKETS_FILE_HEADER || size > BYTES)
		return 0;
	data += PACKETS_FILE_HEADER;
	size -= PACKETS_FILE_HEADER;
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = data[i % size];
	run = (struct ceint_run){.at = bytes, .end = bytes + BYTES};
	run.last = run.end - size % PAGE;
	guess(&records, run);
	for (int round = 0; round < 4 && run.at < run.last; round++) {
		const unsigned char *end = walk(&whole, capacity, &records, run, BYTES);

		if (walk(&runs, capacity, &records, run, 1) != end)
			abort();
		expect_same(&whole, &runs);
		if (walk(&runs, capacity, &records, run, SOME) != end)
			abort();
		expect_same(&whole, &runs);
		if (walk_lanes(&runs, capacity, &records, run) != end)
			abort();
		expect_same(&whole, &runs);
		check_end(&records, &whole.batch, &run, end);
		run.at = end;
	}
	return 0;
}
