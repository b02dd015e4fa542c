/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk_int.h - a packet on the walk over its headers: layers.c begins it for each link
 * type, walk_type.c goes on by EtherTypes, walk_ip.c ends it.
 *
 * Threads    one at a time
 * Ownership  nothing is kept
 * Blocking   nothing waits or allocates
 */
#ifndef CE_WALK_INT_H
#define CE_WALK_INT_H

#include "bytes_int.h"
#include "layers_int.h"

struct ceint_walk {
	const unsigned char *data;
	uint32_t caplen; /* of what is not padding, as soon as that is known */
	uint32_t len;    /* the same on the wire */
	uint32_t at;     /* the header that is looked at */
	uint32_t i;
};

/* Are `bytes` bytes captured where the walk is? */
static inline bool ceint_walk_has(const struct ceint_walk *walk, uint32_t bytes)
{
	return walk->at <= walk->caplen && walk->caplen - walk->at >= bytes;
}

enum {
	CEINT_TYPE_IPV4 = 0x0800,
	CEINT_MOST_LENGTH = 1500, /* to there, it is a length: IEEE 802.3 */
};

/* walk_ip.c */

/* What announces IPv4 may announce IPv6 too, and what is neither is IPv4 still. */
void ceint_walk_ip(struct ceint_layers *layers, struct ceint_walk *walk);

/* What announces IPv6 announces nothing else. */
void ceint_walk_ipv6(struct ceint_layers *layers, struct ceint_walk *walk);

/* Where nothing announces either, the version must be right. */
void ceint_walk_raw_ip(struct ceint_layers *layers, struct ceint_walk *walk);

void ceint_walk_arp(struct ceint_layers *layers, const struct ceint_walk *walk);

/* walk_plain.c */

/*
 * Find the plain packets among the 64 from `first` on whose bits are set, and all that
 * is to be known of them: Ethernet, IPv4 without options that is no fragment, and the
 * fixed part of a transport header, all captured. The commonest packet of all, without
 * a branch. Returns the bits of the others, for which every entry is zeroed.
 */
uint64_t ceint_walk_plain(struct ceint_layers *layers, const struct ce_batch *batch,
                          uint32_t first, uint64_t wanted);

/* walk_type.c */

/* What a type announces, or a length: tags, IEEE 802.2, IP ... */
void ceint_walk_type(struct ceint_layers *layers, struct ceint_walk *walk, uint32_t type);

/* IEEE 802.2: IP by its own number, or an EtherType behind SNAP's. */
void ceint_walk_llc(struct ceint_layers *layers, struct ceint_walk *walk);

/* A protocol's number in one octet or two: RFC 1661. */
void ceint_walk_ppp(struct ceint_layers *layers, struct ceint_walk *walk);

#endif
