/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flows.h - batches of packets with the addresses, ports and lengths that a test wants.
 *
 *     flows_begin -> flows_add, flows_add, ... -> decode.begin(&flows.batch, flows.all)
 *
 * Threads    any thread
 * Ownership  the caller owns the struct, which is large: keep it static
 * Blocking   nothing waits
 */
#ifndef CE_TESTS_FLOWS_H
#define CE_TESTS_FLOWS_H

#include "support/packets.h"

struct flows_packet {
	uint32_t src, dst;     /* of 10.0.0.0/8 */
	uint16_t sport, dport; /* of UDP */
	uint32_t len;          /* on the wire */
	int64_t ts_ns;
	bool arp; /* it has none of these */
};

struct flows {
	struct ce_batch batch;
	uint64_t all[CE_BATCH_WORDS]; /* selects every packet */
	int64_t ts_ns[CE_BATCH_PACKETS];
	uint32_t caplen[CE_BATCH_PACKETS];
	uint32_t len[CE_BATCH_PACKETS];
	const unsigned char *data[CE_BATCH_PACKETS];
	unsigned char bytes[CE_BATCH_PACKETS][PACKETS_HEADERS];
};

static inline void flows_begin(struct flows *flows)
{
	memset(flows->all, 0xff, sizeof(flows->all));
	flows->batch = (struct ce_batch){
		.ts_ns = flows->ts_ns,
		.caplen = flows->caplen,
		.len = flows->len,
		.data = flows->data,
		.origin = {.linktype = PACKETS_ETHERNET, .snaplen = 262144},
		.capacity = CE_BATCH_PACKETS,
	};
}

static inline void flows_add(struct flows *flows, const struct flows_packet *packet)
{
	uint32_t i = flows->batch.count++;
	unsigned char *bytes = flows->bytes[i];

	memcpy(bytes, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
	memcpy(bytes + 14, "\x45\0\0\x1c\0\0\0\0\x40\x11\0\0", 12);
	if (packet->arp)
		bytes[13] = 6;
	packets_put32(bytes + 26, 10u << 24 | packet->src);
	packets_put32(bytes + 30, 10u << 24 | packet->dst);
	packets_put16(bytes + 34, packet->sport);
	packets_put16(bytes + 36, packet->dport);
	packets_put32(bytes + 38, 8u << 16);
	flows->data[i] = bytes;
	flows->caplen[i] = PACKETS_HEADERS;
	flows->len[i] = packet->len;
	flows->ts_ns[i] = packet->ts_ns;
}

#endif
