/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layers_int.h - where the headers of a batch's packets begin.
 *
 * One walk over a batch fills an entry for each packet: which network and which
 * transport header it has, where they stand, and where IP says that the payload
 * ends. Only the outermost of each is found: what a tunnel carries is payload.
 * Every field is gathered from here.
 *
 * Threads    one at a time
 * Ownership  the caller owns the struct; it keeps nothing of the batch
 * Blocking   nothing waits or allocates
 */
#ifndef CE_LAYERS_INT_H
#define CE_LAYERS_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "capengine/batch.h"

enum ceint_link {
	CEINT_LINK_OTHER, /* nothing is known of its packets */
	CEINT_LINK_ETHER,
	CEINT_LINK_SLL,
	CEINT_LINK_SLL2,
	CEINT_LINK_RAW,
	CEINT_LINK_IPV4,
	CEINT_LINK_IPV6,
	CEINT_LINK_NULL,
	CEINT_LINK_LOOP,
	CEINT_LINKS, /* how many */
};

/* Bits, so that a field can be one of several. */
enum ceint_network {
	CEINT_IPV4 = 1,
	CEINT_IPV4_SHORT = 2, /* ends before its own header: nothing behind that counts */
	CEINT_IPV4_BAD = 4,   /* a header length below 20: nothing behind that counts */
	CEINT_IP_OTHER = 8,   /* announced as IPv4, but of another version */
	CEINT_IPV6 = 16,
	CEINT_ARP = 32,
	CEINT_IP_WHOLE = 64,    /* IP, all of whose header is captured */
	CEINT_IPV4_PLAIN = 128, /* IPv4 without options */
};

enum ceint_transport {
	CEINT_TCP = 1,
	CEINT_TCP_BAD = 2, /* a header length below 20 */
	CEINT_UDP = 4,
	CEINT_SCTP = 8,
	CEINT_ICMP = 16,
	CEINT_ICMPV6 = 32,
};

enum {
	CEINT_PLAIN_NETWORK = 14,
	CEINT_PLAIN_TRANSPORT = 34,
	CEINT_PLAIN_CAPLEN = 54,                                            /* at least */
	CEINT_PLAIN_KINDS = CEINT_IPV4 | CEINT_IPV4_PLAIN | CEINT_IP_WHOLE, /* network */
};

enum { CEINT_BACK = 12 }; /* in a transport's header */

/* One of them for every batch that is read at a time: it is large. */
struct ceint_layers {
	enum ceint_link link;
	uint32_t tags_at; /* of every packet: where its first tag is, if it has one */
	bool options;     /* there is IPv4 with options */

	/* Bit i: packet i is plain: see ceint_walk_plain. All that a fixed place of its
	   headers holds is captured, and its offsets are CEINT_PLAIN_... */
	uint64_t plain[CE_BATCH_WORDS];
	bool same[CE_BATCH_WORDS]; /* all 64 are, and what such packets have is there */

	/* Entry i is packet i. Without its header an offset means nothing. */
	uint8_t network[CE_BATCH_PACKETS];   /* enum ceint_network; 0: none */
	uint8_t transport[CE_BATCH_PACKETS]; /* enum ceint_transport; 0: none */
	uint8_t tags[CE_BATCH_PACKETS];      /* bit k: tag k is one of 802.1Q */
	uint8_t services[CE_BATCH_PACKETS];  /* bit k: tag k is one of 802.1ad */
	uint8_t proto[CE_BATCH_PACKETS];     /* IP's, behind its extension headers */
	uint8_t fragment[CE_BATCH_PACKETS];  /* more fragments follow, or went before */
	uint32_t network_at[CE_BATCH_PACKETS];
	uint32_t transport_at[CE_BATCH_PACKETS];
	uint32_t end[CE_BATCH_PACKETS];      /* of IP's payload on the wire */
	uint32_t captured[CE_BATCH_PACKETS]; /* the same, or where the bytes end */

	/* Of a plain packet, four octets of its transport's header each, as numbers: so
	   they are looked at once, while the packet is in the cache. */
	uint32_t front[CE_BATCH_PACKETS]; /* its first ones: ports, or what ICMP is */
	uint32_t back[CE_BATCH_PACKETS];  /* from CEINT_BACK on: TCP's flags and window */
};

/* Find the headers of the packets whose bits are set; others get none. */
void ceint_layers_walk(struct ceint_layers *layers, const struct ce_batch *batch,
                       const uint64_t wanted[CE_BATCH_WORDS]);

#endif
