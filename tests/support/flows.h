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

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/packets.h"

enum flows_version {
	FLOWS_IPV4,
	FLOWS_IPV6, /* fd00::ffff:10.0.0.0/104: the end of an address is that of IPv4's */
	FLOWS_MAPPED, /* of IPv6, but as IPv4's stand in columns: ::ffff:10.0.0.0/104 */
};

struct flows_packet {
	enum flows_version version;
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
	unsigned char bytes[CE_BATCH_PACKETS]
			   [PACKETS_HEADERS + 20]; /* IPv6's is longer */
};

/* What random packets are made from: the environment's SEED, or another each time. */
static inline unsigned flows_seed(void)
{
	const char *given = getenv("SEED");
	const unsigned seed = given ? (unsigned)atoi(given) : (unsigned)time(NULL);

	printf("seed %u\n", seed);
	return seed;
}

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

/* Write an IP header with these addresses; gives its length. */
static inline uint32_t flows_put_ip(unsigned char *to, const struct flows_packet *packet)
{
	const uint32_t src = 10u << 24 | packet->src, dst = 10u << 24 | packet->dst;

	if (packet->version == FLOWS_IPV4) {
		memcpy(to, "\x45\0\0\x1c\0\0\0\0\x40\x11\0\0", 12);
		packets_put32(to + 12, src);
		packets_put32(to + 16, dst);
		return 20;
	}
	memset(to, 0, 40);
	memcpy(to, "\x60\0\0\0\0\x08\x11\x40", 8);
	to[8] = to[24] = packet->version == FLOWS_IPV6 ? 0xfd : 0;
	memset(to + 18, 0xff, 2);
	memset(to + 34, 0xff, 2);
	packets_put32(to + 20, src);
	packets_put32(to + 36, dst);
	return 40;
}

static inline void flows_add(struct flows *flows, const struct flows_packet *packet)
{
	uint32_t i = flows->batch.count++, at = 14;
	unsigned char *bytes = flows->bytes[i];

	memcpy(bytes, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	packets_put16(bytes + 12, packet->arp                     ? 0x0806
	                          : packet->version == FLOWS_IPV4 ? 0x0800
	                                                          : 0x86dd);
	at += flows_put_ip(bytes + at, packet);
	packets_put16(bytes + at, packet->sport);
	packets_put16(bytes + at + 2, packet->dport);
	packets_put32(bytes + at + 4, 8u << 16);
	flows->data[i] = bytes;
	flows->caplen[i] = at + 8;
	flows->len[i] = packet->len;
	flows->ts_ns[i] = packet->ts_ns;
}

#endif
