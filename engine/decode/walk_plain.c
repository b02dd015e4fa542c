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
	TCP_LENGTH_AT = CEINT_PLAIN_TRANSPORT + 12,
};

static const unsigned char zeros[CEINT_PLAIN_CAPLEN];

/*
 * What a plain packet of an IP protocol has at least: of IP's length, in 17 bits; of the
 * octet that has TCP's header length in its upper half; and which transport it is. Of
 * others, whose rule is 0, no packet is plain.
 */
#define RULE(least, tcp, kind) ((least) | (uint32_t)(tcp) << 17 | (uint32_t)(kind) << 25)
#define LEAST(rule)            ((rule)&0x1ffff)
#define LEAST_TCP(rule)        ((rule) >> 17 & 0xff)
#define KIND(rule)             ((rule) >> 25)

/* The rule for a protocol, without a branch. */
static inline __attribute__((always_inline)) uint32_t rule_of(uint32_t proto)
{
	return (proto == PROTO_TCP ? RULE(40, 5 << 4, CEINT_TCP) : 0) |
	       (proto == PROTO_UDP ? RULE(28, 0, CEINT_UDP) : 0) |
	       (proto == PROTO_ICMP ? RULE(28, 0, CEINT_ICMP) : 0) |
	       (proto == PROTO_SCTP ? RULE(32, 0, CEINT_SCTP) : 0);
}

/* What decides, of 64 packets. */
struct word {
	uint32_t octets[WORD][4]; /* of a packet, from its type on */
	uint8_t tcp_length[WORD]; /* the octet that has it, if it is TCP */
	uint32_t total[WORD];     /* IP's length */
	uint8_t is_plain[WORD];
};

static inline __attribute__((always_inline)) void load(struct word *word,
                                                       const unsigned char *const *data,
                                                       const uint32_t *caplen)
{
	for (uint32_t i = 0; i < WORD; i++) {
		const unsigned char *from = caplen[i] < CEINT_PLAIN_CAPLEN ? zeros
		                                                           : data[i];

		memcpy(word->octets[i], from + TYPE_AT, sizeof(word->octets[i]));
		word->tcp_length[i] = from[TCP_LENGTH_AT];
	}
}

/* Which packets are plain, and their protocols and transports. */
static inline __attribute__((always_inline)) void judge(struct word *word,
                                                        const uint32_t *len,
                                                        const uint32_t *caplen,
                                                        uint8_t proto[WORD],
                                                        uint8_t transport[WORD])
{
	for (int i = 0; i < WORD; i++) {
		const uint32_t type = be32toh(word->octets[i][0]);
		const uint32_t total = be32toh(word->octets[i][1]) >> 16;
		const uint32_t fragment = be32toh(word->octets[i][2]);
		const uint32_t rule = rule_of(fragment & 0xff);
		const uint32_t wrong = ((type ^ TYPE_AND_VERSION) & 0xffffff00) |
		                       (fragment & FRAGMENTED) | (total < LEAST(rule)) |
		                       (word->tcp_length[i] < LEAST_TCP(rule)) |
		                       (len[i] < caplen[i]) | !rule;

		word->total[i] = total;
		word->is_plain[i] = wrong == 0;
		proto[i] = (uint8_t)fragment;
		transport[i] = (uint8_t)KIND(rule);
	}
}

/* What a packet has if it is plain. */
static inline __attribute__((always_inline)) void fill(struct ceint_layers *layers,
                                                       const struct word *word,
                                                       uint32_t first,
                                                       const uint32_t *len,
                                                       const uint32_t *caplen)
{
	uint32_t *network_at = layers->network_at + first;
	uint32_t *transport_at = layers->transport_at + first;
	uint32_t *end = layers->end + first, *captured = layers->captured + first;

	memset(layers->network + first, CEINT_PLAIN_KINDS, WORD);
	memset(layers->tags + first, 0, WORD);
	memset(layers->services + first, 0, WORD);
	memset(layers->fragment + first, 0, WORD);
	for (int i = 0; i < WORD; i++) {
		const uint32_t total = CEINT_PLAIN_NETWORK + word->total[i];
		const uint32_t least = total < len[i] ? total : len[i];

		network_at[i] = CEINT_PLAIN_NETWORK;
		transport_at[i] = CEINT_PLAIN_TRANSPORT;
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
	judge(&word, len, caplen, layers->proto + first, layers->transport + first);
	fill(layers, &word, first, len, caplen);
	plain = ceint_pack(word.is_plain) & wanted;
	for (uint64_t others = ~plain; others; others &= others - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(others);

		layers->network[i] = layers->transport[i] = layers->proto[i] = 0;
	}
	layers->plain[first / WORD] = plain;
	return wanted & ~plain;
}
