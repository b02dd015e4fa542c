/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_where.c - any text as a `where` expression, over packets cut everywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/decode.h"
#include "capengine/ring.h"
#include "capengine/where.h"
#include "support/packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ce_ring *ring;
static struct ce_decode *decode;

/* Packets of which each has one byte less than the one before, each 97 once. */
static void open_batch(void)
{
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = 1 << 16};
	struct ce_batch *batch;

	if (ce_ring_open(&ring, &options) < 0 || ce_decode_open(&decode, 1) < 0)
		abort();
	batch = ce_ring_reserve(ring);
	batch->origin.linktype = PACKETS_ETHERNET;
	for (uint32_t i = 0; i < 100; i++) {
		unsigned char bytes[PACKETS_MOST];
		uint32_t length = packets_format(bytes, i);
		struct ce_record record = {.caplen = i < length ? length - i : 0,
		                           .len = length};

		if (ce_batch_append(batch, &record, packets_ts_ns(i), bytes) < 0)
			abort();
	}
	ce_batch_select_all(batch);
	ce_decode_begin(decode, batch, batch->selected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t selected[CE_BATCH_WORDS];
	struct ce_where *where;
	struct ce_err err;
	char *text = malloc(size + 1);

	if (!ring)
		open_batch();
	memcpy(text, data, size);
	text[size] = '\0';
	memset(selected, 0xff, sizeof(selected));
	if (ce_where_open(&where, text, &err) == 0) {
		if (ce_where_select(where, decode, selected) < 0)
			abort();
		ce_where_close(where);
	}
	free(text);
	return 0;
}
