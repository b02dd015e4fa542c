/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_where.c - what a `where` expression costs for a packet, once the columns that
 * it looks at are made.
 *
 *     bench_where [EXPRESSION...]
 *
 * Prints nanoseconds a packet, the least of some rounds, and the expression.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capengine/decode.h"
#include "capengine/ring.h"
#include "capengine/where.h"

enum { ROUNDS = 20, TIMES = 200, PACKET = 60 };

static const char *const usual[] = {
	"",
	"tcp",
	"tcp.dstport == 443",
	"ip.ttl == 64",
	"ip.src == 10.0.0.0/8",
	"eth.src == 02:00:00:00:00:07",
	"flow.src == 10.0.0.0/8",
	"frame.time_epoch > 1700000000",
	"tcp.flags & 2",
	"tcp.dstport in {80, 443, 8080}",
	"tcp.dstport in {22, 25, 53, 80, 110, 143, 443, 993, 8080}",
	"tcp.seq_raw in {1, 10, 20, 30, 40, 50, 60, 70, 80, 90}",
	"tcp.srcport < tcp.dstport",
	"tcp.port == 443",
	"tcp.dstport == 443 or tcp.flags.syn == 1",
	"tcp[13] == 02",
	"tcp contains \"GET\"",
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_where: %s\n", what);
	exit(1);
}

/* TCP segments over IPv4 whose addresses and ports differ. */
static void fill(struct ce_batch *batch)
{
	unsigned char bytes[PACKET] =
		"\2\0\0\0\0\1\2\0\0\0\0\7\x08\0"
		"\x45\0\0\x2e\0\0\0\0\x40\6\0\0\x0a\0\0\7\x0a\0\0\1";
	const struct ce_record record = {.caplen = PACKET, .len = PACKET};

	bytes[46] = 0x50;
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
		uint32_t mixed = i * 2654435761u;

		bytes[26] = mixed & 1 ? 10 : 192;
		memcpy(bytes + 34, &mixed, 4);
		memcpy(bytes + 38, &i, 4);
		bytes[47] = mixed & 0x100 ? 2 : 0x10;
		if (mixed & 0x200)
			memcpy(bytes + 36, "\1\xbb", 2);
		if (ce_batch_append(batch, &record, INT64_C(1700000000000000000) + i,
		                    bytes) < 0)
			fail("the batch is full");
	}
	batch->origin.linktype = 1;
	batch->first_number = 1;
	ce_batch_select_all(batch);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *expression, struct ce_decode *decode)
{
	struct ce_where *where;
	struct ce_err err;
	double least = 1e18;

	if (ce_where_open(&where, expression, &err) < 0)
		fail(err.text);
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(), took;

		for (int i = 0; i < TIMES; i++) {
			uint64_t selected[CE_BATCH_WORDS];

			memset(selected, 0xff, sizeof(selected));
			if (ce_where_select(where, decode, selected) < 0)
				fail("out of memory");
		}
		took = (now_ns() - start) / (TIMES * CE_BATCH_PACKETS);
		least = took < least ? took : least;
	}
	printf("%8.3f  %s\n", least, expression);
	ce_where_close(where);
}

int main(int argc, char **argv)
{
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = 1 << 20};
	struct ce_ring *ring;
	struct ce_decode *decode = NULL;
	struct ce_batch *batch;

	if (ce_ring_open(&ring, &options) < 0 || ce_decode_open(&decode, 1) < 0)
		fail("out of memory");
	batch = ce_ring_reserve(ring);
	fill(batch);
	ce_decode_begin(decode, batch, batch->selected);
	for (int i = 1; i < argc; i++)
		measure(argv[i], decode);
	for (size_t i = 0; argc == 1 && i < sizeof(usual) / sizeof(*usual); i++)
		measure(usual[i], decode);
	ce_decode_close(decode);
	ce_ring_close(ring);
	return 0;
}
