/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk_plain.c - see walk_int.h: the plain packets of a word of 64.
 *
 * A packet that is too short to look at is replaced by zeros, which are not plain; and
 * whatever is wrong with one leaves a bit in a number that is 0 for plain ones. So
 * nothing branches on what packets are. What is the same for all plain packets is filled
 * in for 64 at once; the others' entries are zeroed then.
 */
#include <string.h>

#include "walk_int.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_SCTP = 132, WORD = 64 };

enum { LINE = 64, AHEAD = 32 }; /* bytes of a cache line; packets to prefetch ahead */

enum {
	FRAGMENTED = 0x3fff, /* more follow, or an offset */
	TCP_LENGTH = CEINT_PLAIN_TRANSPORT + 12,
};

static const unsigned char zeros[CEINT_PLAIN_CAPLEN];

/* What a plain packet of an IP protocol has at least; of others no packet is plain. */
static const struct least {
	uint16_t total; /* of IP's length */
	uint8_t tcp;    /* of the octet that has TCP's header length in its upper half */
	uint8_t kind;   /* enum ceint_transport; 0: never plain */
} least_of[256] = {
	[PROTO_ICMP] = {28, 0, CEINT_ICMP},
	[PROTO_TCP] = {40, 5 << 4, CEINT_TCP},
	[PROTO_UDP] = {28, 0, CEINT_UDP},
	[PROTO_SCTP] = {32, 0, CEINT_SCTP},
};

/* All ones if a < b, else 0. */
static inline uint32_t below(uint32_t a, uint32_t b)
{
	return (uint32_t)(((uint64_t)a - b) >> 32);
}

/* 0 if packet i is plain; notes what it would be then. */
static inline uint32_t look(struct ceint_layers *layers, const struct ce_batch *batch,
                            uint32_t i)
{
	const uint32_t type_and_version = CEINT_TYPE_IPV4 << 8 | 0x45;
	uint32_t caplen = batch->caplen[i];
	const unsigned char *from = caplen < CEINT_PLAIN_CAPLEN ? zeros : batch->data[i];
	uint32_t total = ceint_be16(from + 16);
	uint8_t proto = from[23];
	const struct least *least = &least_of[proto];

	layers->transport[i] = least->kind;
	layers->proto[i] = proto;
	layers->end[i] = CEINT_PLAIN_NETWORK + total;
	return (ceint_be32(from + 12) >> 8 ^ type_and_version) |
	       (ceint_be16(from + 20) & FRAGMENTED) | below(total, least->total) |
	       below(from[TCP_LENGTH], least->tcp) | below(least->kind, 1) |
	       below(batch->len[i], caplen);
}

/*
 * Bring packet i's headers into the cache: another core has read the packet, and may
 * have been far ahead.
 */
static inline void fetch(const struct ce_batch *batch, uint32_t i)
{
	if (i >= batch->count)
		return;
	__builtin_prefetch(batch->data[i]);
	__builtin_prefetch(batch->data[i] + LINE - 16);
}

static inline uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What depends on nothing but that they are plain. */
static void fill(struct ceint_layers *layers, const struct ce_batch *batch,
                 uint32_t first, uint32_t end)
{
	memset(layers->network + first, CEINT_PLAIN_KINDS, WORD);
	memset(layers->tags + first, 0, WORD);
	memset(layers->services + first, 0, WORD);
	memset(layers->fragment + first, 0, WORD);
	for (uint32_t i = first; i < end; i++) {
		layers->network_at[i] = CEINT_PLAIN_NETWORK;
		layers->transport_at[i] = CEINT_PLAIN_TRANSPORT;
		layers->end[i] = smaller(layers->end[i], batch->len[i]);
		layers->captured[i] = smaller(layers->end[i], batch->caplen[i]);
	}
}

uint64_t ceint_walk_plain(struct ceint_layers *layers, const struct ce_batch *batch,
                          uint32_t first, uint64_t wanted)
{
	uint32_t end = batch->count - first < WORD ? batch->count : first + WORD;
	uint64_t plain = 0;

	for (uint32_t i = first; i < end; i++) {
		fetch(batch, i + AHEAD);
		plain |= (uint64_t)(look(layers, batch, i) == 0) << (i - first);
	}
	plain &= wanted;
	fill(layers, batch, first, end);
	for (uint64_t left = ~plain; left; left &= left - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(left);

		layers->network[i] = layers->transport[i] = layers->proto[i] = 0;
	}
	layers->plain[first / WORD] = plain;
	return wanted & ~plain;
}
