/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk_plain.c - see walk_int.h: the plain packets of a word of 64.
 *
 * The octets that decide are copied packet by packet, and then looked at in loops that
 * compilers make vectors of. Nothing branches on what packets are: one that is too short
 * to look at is replaced by zeros, which are not plain, and whatever is wrong with one
 * leaves a bit in a number that is 0 for plain ones. Processors that have vectors of 32
 * or 64 octets use these.
 */
#include <endian.h>
#include <string.h>

#include "walk_int.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_SCTP = 132, WORD = 64 };

enum {
	TYPE_AT = 12, /* then IP's version and header length, and dsfield */
	TYPE_AND_VERSION = CEINT_TYPE_IPV4 << 16 | 0x4500,
	FRAGMENTED = 0x3fff << 16, /* more follow, or an offset; then TTL and protocol */
	LEAST_TCP = 5 << 4, /* TCP's header length, in the upper half of its octet */
};

static const unsigned char zeros[CEINT_PLAIN_CAPLEN];

/* What decides, of 64 packets. */
struct word {
	/* As they stand in the packets; all but type and fragment then in host order. */
	uint32_t type[WORD];     /* and IP's version */
	uint32_t total[WORD];    /* IP's length, and its id, which goes then */
	uint32_t fragment[WORD]; /* and the protocol */
	uint32_t front[WORD];    /* of the transport's header */
	uint32_t back[WORD];

	uint8_t proto[WORD];
	uint8_t tcp_length[WORD]; /* the octet that has it, if it is TCP */
	uint8_t transport[WORD];
	uint32_t not_plain[WORD]; /* 0: the packet is plain */
};

typedef uint32_t four __attribute__((vector_size(16)));

/* Sixteen octets of four packets, as four columns of numbers, as they stand there. */
static inline __attribute__((always_inline)) void turn(four columns[4],
                                                       const unsigned char *const from[4],
                                                       uint32_t at)
{
	four rows[4], front_ab, front_cd, back_ab, back_cd;

	for (int k = 0; k < 4; k++)
		memcpy(&rows[k], from[k] + at, sizeof(rows[k]));
	front_ab = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
	front_cd = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
	back_ab = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
	back_cd = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
	columns[0] = __builtin_shufflevector(front_ab, front_cd, 0, 1, 4, 5);
	columns[1] = __builtin_shufflevector(front_ab, front_cd, 2, 3, 6, 7);
	columns[2] = __builtin_shufflevector(back_ab, back_cd, 0, 1, 4, 5);
	columns[3] = __builtin_shufflevector(back_ab, back_cd, 2, 3, 6, 7);
}

/* What decides of four packets, from packet i on. */
static inline __attribute__((always_inline)) void load_four(
	struct word *word, uint32_t i, const unsigned char *const from[4])
{
	four network[4], transport[4];

	turn(network, from, TYPE_AT);
	memcpy(word->type + i, &network[0], sizeof(four));
	memcpy(word->total + i, &network[1], sizeof(four));
	memcpy(word->fragment + i, &network[2], sizeof(four));
	turn(transport, from, CEINT_PLAIN_TRANSPORT);
	memcpy(word->front + i, &transport[0], sizeof(four));
	memcpy(word->back + i, &transport[CEINT_BACK / 4], sizeof(four));
}

static inline __attribute__((always_inline)) bool any_short(const uint32_t *caplen)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < WORD; i++)
		any |= caplen[i] < CEINT_PLAIN_CAPLEN;
	return any;
}

static inline __attribute__((always_inline)) void load(struct word *word,
                                                       const unsigned char *const *data,
                                                       const uint32_t *caplen)
{
	if (any_short(caplen)) {
		for (uint32_t i = 0; i < WORD; i += 4) {
			const unsigned char *from[4];

			for (uint32_t k = 0; k < 4; k++)
				from[k] = caplen[i + k] < CEINT_PLAIN_CAPLEN
				                  ? zeros
				                  : data[i + k];
			load_four(word, i, from);
		}
		return;
	}
#pragma GCC unroll 2
	for (uint32_t i = 0; i < WORD; i += 4)
		load_four(word, i, data + i);
}

/* What Ethernet's and IPv4's headers say. */
static inline __attribute__((always_inline)) void judge_network(struct word *word,
                                                                const uint32_t *len,
                                                                const uint32_t *caplen)
{
	for (int i = 0; i < WORD; i++) {
		const uint32_t other = (word->type[i] ^ htobe32(TYPE_AND_VERSION)) &
		                       htobe32(0xffffff00);
		const uint32_t fragmented = word->fragment[i] & htobe32(FRAGMENTED);
		const uint32_t longer = len[i] < caplen[i];

		word->not_plain[i] = other | fragmented | longer;
		word->total[i] = be32toh(word->total[i]) >> 16;
		word->proto[i] = (uint8_t)be32toh(word->fragment[i]);
		word->front[i] = be32toh(word->front[i]);
		word->back[i] = be32toh(word->back[i]);
		word->tcp_length[i] = (uint8_t)(word->back[i] >> 24);
	}
}

/* Which transport it is, as octets, of which a vector has more. */
static inline __attribute__((always_inline)) void judge_transport(struct word *word)
{
	uint8_t wrong[WORD];

	for (int i = 0; i < WORD; i++) {
		const uint8_t tcp = word->proto[i] == PROTO_TCP ? 0xff : 0;
		const uint8_t udp = word->proto[i] == PROTO_UDP ? 0xff : 0;
		const uint8_t icmp = word->proto[i] == PROTO_ICMP ? 0xff : 0;
		const uint8_t sctp = word->proto[i] == PROTO_SCTP ? 0xff : 0;
		const uint8_t brief = word->tcp_length[i] < LEAST_TCP ? 0xff : 0;

		word->transport[i] = (uint8_t)((tcp & CEINT_TCP) | (udp & CEINT_UDP) |
		                               (icmp & CEINT_ICMP) | (sctp & CEINT_SCTP));
		wrong[i] = (uint8_t)(~(tcp | udp | icmp | sctp) | (tcp & brief));
	}
	for (int i = 0; i < WORD; i++)
		word->not_plain[i] |= wrong[i];
}

/* Whether IP's length has room for its own 20 octets and the fixed part of the transport's
   header: 8 of UDP's and ICMP's, 20 of TCP's, 12 of SCTP's. */
static inline __attribute__((always_inline)) void judge_length(struct word *word)
{
	for (int i = 0; i < WORD; i++) {
		const uint32_t proto = word->proto[i];
		const uint32_t least = 28u + (proto == PROTO_TCP ? 12u : 0u) +
		                       (proto == PROTO_SCTP ? 4u : 0u);

		word->not_plain[i] |= word->total[i] < least;
	}
}

static inline __attribute__((always_inline)) uint64_t plain_bits(const struct word *word)
{
	uint8_t is_plain[WORD];

	for (int i = 0; i < WORD; i++)
		is_plain[i] = word->not_plain[i] == 0;
	return ceint_pack(is_plain);
}

/* What every packet has that is plain. */
static inline __attribute__((always_inline)) void fill_same(struct ceint_layers *layers,
                                                            uint32_t first)
{
	memset(layers->network + first, CEINT_PLAIN_KINDS, WORD);
	memset(layers->tags + first, 0, WORD);
	memset(layers->services + first, 0, WORD);
	memset(layers->fragment + first, 0, WORD);
	for (uint32_t i = first; i < first + WORD; i++) {
		layers->network_at[i] = CEINT_PLAIN_NETWORK;
		layers->transport_at[i] = CEINT_PLAIN_TRANSPORT;
	}
}

/* What a packet has if it is plain. */
static inline __attribute__((always_inline)) void fill(struct ceint_layers *layers,
                                                       const struct word *word,
                                                       uint32_t first,
                                                       const uint32_t *len,
                                                       const uint32_t *caplen)
{
	uint32_t *end = layers->end + first, *captured = layers->captured + first;

	memcpy(layers->proto + first, word->proto, WORD);
	memcpy(layers->transport + first, word->transport, WORD);
	memcpy(layers->front + first, word->front, sizeof(word->front));
	memcpy(layers->back + first, word->back, sizeof(word->back));
	for (int i = 0; i < WORD; i++) {
		const uint32_t total = CEINT_PLAIN_NETWORK + word->total[i];
		const uint32_t least = total < len[i] ? total : len[i];

		end[i] = least;
		captured[i] = least < caplen[i] ? least : caplen[i];
	}
}

/* The lengths of 64 packets, of which there are fewer: in `room`, with zeros. */
static const uint32_t *pad(uint32_t room[WORD], const uint32_t *lengths, uint32_t count)
{
	memset(room, 0, WORD * sizeof(*room));
	memcpy(room, lengths, count * sizeof(*room));
	return room;
}

/* The loader chooses. */
#ifdef CE_VECTOR_WIDTHS
#define FOR_EACH_WIDTH \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_WIDTH
#endif

FOR_EACH_WIDTH uint64_t ceint_walk_plain(struct ceint_layers *layers,
                                         const struct ce_batch *batch, uint32_t first,
                                         uint64_t wanted)
{
	const unsigned char *const *data = batch->data + first;
	const uint32_t *len = batch->len + first, *caplen = batch->caplen + first;
	const uint32_t left = batch->count - first;
	uint32_t lens[WORD], caplens[WORD];
	struct word word;
	uint64_t plain;

	if (left < WORD) {
		len = pad(lens, len, left);
		caplen = pad(caplens, caplen, left);
	}
	load(&word, data, caplen);
	judge_network(&word, len, caplen);
	judge_transport(&word);
	judge_length(&word);
	if (!layers->same[first / WORD])
		fill_same(layers, first);
	fill(layers, &word, first, len, caplen);
	plain = plain_bits(&word) & wanted;
	layers->same[first / WORD] = plain == UINT64_MAX;
	for (uint64_t others = ~plain; others; others &= others - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(others);

		layers->network[i] = layers->transport[i] = layers->proto[i] = 0;
	}
	layers->plain[first / WORD] = plain;
	return wanted & ~plain;
}
