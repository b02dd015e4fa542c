/* SPDX-License-Identifier: BSD-3-Clause */
/* layers.c - see layers_int.h: link types, which are those of pcap-linktype(7). */
#include <string.h>

#include "walk_int.h"

enum {
	DLT_OF_NULL = 0,
	DLT_OF_ETHER = 1,
	DLT_OF_RAW = 12,
	DLT_OF_LOOP = 108,
	DLT_OF_SLL = 113,
	DLT_OF_IPV4 = 228,
	DLT_OF_IPV6 = 229,
	DLT_OF_SLL2 = 276,
	RAW_LINKTYPE = 101, /* as files say it */
};

enum {
	SLL_LLC = 4,       /* as a type of Linux cooked: 802.2 follows */
	PPP_HDLC = 0xff03, /* address and control */
};

static inline void ether(struct ceint_layers *layers, struct ceint_walk *walk)
{
	uint32_t type;

	if (!ceint_walk_has(walk, 14))
		return;
	type = ceint_be16(walk->data + 12);
	walk->at = 14;
	if (type == CEINT_TYPE_IPV4)
		ceint_walk_ip(layers, walk);
	else
		ceint_walk_type(layers, walk, type);
}

static void cooked(struct ceint_layers *layers, struct ceint_walk *walk, uint32_t header,
                   uint32_t type_at)
{
	uint32_t type;

	if (!ceint_walk_has(walk, header))
		return;
	type = ceint_be16(walk->data + type_at);
	walk->at = header;
	if (type == SLL_LLC)
		ceint_walk_llc(layers, walk);
	else if (type > CEINT_MOST_LENGTH)
		ceint_walk_type(layers, walk, type);
}

/* Address families of BSD's; three of its descendants have their own for IPv6. */
static void by_family(struct ceint_layers *layers, struct ceint_walk *walk,
                      uint32_t family)
{
	if (family == 2)
		ceint_walk_ip(layers, walk);
	else if (family == 24 || family == 28 || family == 30)
		ceint_walk_ipv6(layers, walk);
}

static void loop(struct ceint_layers *layers, struct ceint_walk *walk)
{
	if (!ceint_walk_has(walk, 4))
		return;
	walk->at = 4;
	by_family(layers, walk, ceint_be32(walk->data));
}

/*
 * The family in either byte order; in two octets (IRIX); or, behind two octets of
 * anything, an EtherType (libpcap on Linux, once).
 */
static uint32_t null_family(const unsigned char *at)
{
	uint32_t big = ceint_be32(at), little = __builtin_bswap32(big);

	if (little >> 16 == 0)
		return little & 0xff || little >= 0x600 ? little : little >> 8;
	return little < 0x60000 ? little >> 16 : big;
}

static void null(struct ceint_layers *layers, struct ceint_walk *walk)
{
	uint32_t family;

	if (ceint_walk_has(walk, 2) && ceint_be16(walk->data) == PPP_HDLC) {
		walk->at = 2;
		ceint_walk_ppp(layers, walk);
		return;
	}
	if (!ceint_walk_has(walk, 4))
		return;
	family = null_family(walk->data);
	walk->at = 4;
	if (family > CEINT_MOST_LENGTH)
		ceint_walk_type(layers, walk, family & 0xffff);
	else
		by_family(layers, walk, family);
}

static enum ceint_link link_of(int linktype)
{
	switch (linktype) {
	case DLT_OF_ETHER:
		return CEINT_LINK_ETHER;
	case DLT_OF_SLL:
		return CEINT_LINK_SLL;
	case DLT_OF_SLL2:
		return CEINT_LINK_SLL2;
	case DLT_OF_RAW:
	case RAW_LINKTYPE:
		return CEINT_LINK_RAW;
	case DLT_OF_IPV4:
		return CEINT_LINK_IPV4;
	case DLT_OF_IPV6:
		return CEINT_LINK_IPV6;
	case DLT_OF_NULL:
		return CEINT_LINK_NULL;
	case DLT_OF_LOOP:
		return CEINT_LINK_LOOP;
	default:
		return CEINT_LINK_OTHER;
	}
}

static inline void walk_one(struct ceint_layers *layers, struct ceint_walk *walk)
{
	switch (layers->link) {
	case CEINT_LINK_ETHER:
		ether(layers, walk);
		break;
	case CEINT_LINK_SLL:
		cooked(layers, walk, 16, 14);
		break;
	case CEINT_LINK_SLL2:
		cooked(layers, walk, 20, 0);
		break;
	case CEINT_LINK_RAW:
		ceint_walk_raw_ip(layers, walk);
		break;
	case CEINT_LINK_IPV4:
		ceint_walk_ip(layers, walk);
		break;
	case CEINT_LINK_IPV6:
		ceint_walk_ipv6(layers, walk);
		break;
	case CEINT_LINK_NULL:
		null(layers, walk);
		break;
	case CEINT_LINK_LOOP:
		loop(layers, walk);
		break;
	case CEINT_LINK_OTHER:
	case CEINT_LINKS:
		break;
	}
}

/* The packets of a word, one after the other. */
static void walk_each(struct ceint_layers *layers, const struct ce_batch *batch,
                      uint32_t first, uint64_t wanted)
{
	for (uint64_t left = wanted; left; left &= left - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(left);
		uint32_t caplen = batch->caplen[i], len = batch->len[i];
		struct ceint_walk walk = {batch->data[i], caplen,
		                          len < caplen ? caplen : len, 0, i};

		walk_one(layers, &walk);
	}
}

/* A word of packets that have no header yet. */
static void clear(struct ceint_layers *layers, uint32_t first)
{
	memset(layers->network + first, 0, 64);
	memset(layers->transport + first, 0, 64);
	memset(layers->tags + first, 0, 64);
	memset(layers->services + first, 0, 64);
	memset(layers->proto + first, 0, 64);
	memset(layers->fragment + first, 0, 64);
	layers->plain[first / 64] = 0;
	layers->same[first / 64] = false;
}

void ceint_layers_walk(struct ceint_layers *layers, const struct ce_batch *batch,
                       const uint64_t wanted[CE_BATCH_WORDS])
{
	static const uint32_t tags_at[CEINT_LINKS] = {[CEINT_LINK_ETHER] = 14,
	                                              [CEINT_LINK_SLL] = 16,
	                                              [CEINT_LINK_SLL2] = 20,
	                                              [CEINT_LINK_NULL] = 4};

	layers->link = link_of(batch->origin.linktype);
	layers->tags_at = tags_at[layers->link];
	layers->options = false;
	for (uint32_t first = 0; first < batch->count; first += 64) {
		uint64_t left = wanted[first / 64];

		if (layers->link == CEINT_LINK_ETHER)
			left = ceint_walk_plain(layers, batch, first, left);
		else
			clear(layers, first);
		walk_each(layers, batch, first, left);
	}
}
