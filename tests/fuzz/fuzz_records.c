/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_records.c - any bytes as the records of a savefile: however their headers are
 * fetched, the same packets come, and no byte is read behind the end.
 *
 * Behind a savefile's header, the bytes are repeated until they are enough for lanes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "source/lanes_int.h"
#include "support/packets.h"

enum {
	PAGE = 4096,
	BYTES = 48 * PAGE, /* behind which there is no page */
	FEW = 37,
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

static const unsigned char *walk(struct columns *columns, uint32_t capacity,
                                 const struct ceint_records *records,
                                 struct ceint_run run, enum ceint_reach reach)
{
	columns->batch = (struct ce_batch){.ts_ns = columns->ts_ns,
	                                   .caplen = columns->caplen,
	                                   .len = columns->len,
	                                   .data = columns->data,
	                                   .capacity = capacity};
	run.reach = reach;
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

/* A guess is a place in the run, whatever stands there. */
static void guess(const struct ceint_records *records, struct ceint_run run)
{
	const uint32_t sec =
		ceint_record_word(run.at, records->layout & CE_LAYOUT_SWAPPED);
	const unsigned char *at;

	run.at++;
	at = ceint_records_guess(records, &run, sec);
	if (at && (at < run.at || at >= run.last))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct columns near, other;
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
		const unsigned char *end =
			walk(&near, capacity, &records, run, CEINT_NEAR);

		for (enum ceint_reach reach = CEINT_DENSE; reach <= CEINT_SPARSE;
		     reach++) {
			if (walk(&other, capacity, &records, run, reach) != end)
				abort();
			expect_same(&near, &other);
		}
		run.at = end;
	}
	return 0;
}
