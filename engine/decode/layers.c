/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layers.c - see layers_int.h. Link types are those of pcap-linktype(7), numbers
 * of network and transport protocols IANA's.
 */
#include <string.h>

#include "layers_int.h"

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
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86dd,
	TYPE_TAG = 0x8100,     /* 802.1Q */
	TYPE_SERVICE = 0x88a8, /* 802.1ad */
	TYPE_OLD_QINQ = 0x9100,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_UPSTREAM = 0x8848,
	LEAST_TYPE = 1536, /* below, it is a length: IEEE 802.3 */
};

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	MORE_FRAGMENTS = 0x2000,
	FRAGMENT_OFFSET = 0x1fff,
	MOST_EXTENSIONS = 32, /* a chain that is longer is no chain */
};

/* A packet on the walk. */
struct walk {
	const unsigned char *data;
	uint32_t caplen;
	uint32_t len;
	uint32_t at; /* the header that is looked at */
	uint32_t i;
};

static inline uint32_t be16(const unsigned char *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* Are `bytes` bytes captured where the walk is? */
static inline bool has(const struct walk *walk, uint32_t bytes)
{
	return walk->at <= walk->caplen && walk->caplen - walk->at >= bytes;
}

static inline void transport(struct ceint_layers *layers, const struct walk *walk,
                             uint32_t proto)
{
	static const uint8_t kinds[256] = {
		[PROTO_ICMP] = CEINT_ICMP,     [PROTO_TCP] = CEINT_TCP,
		[PROTO_UDP] = CEINT_UDP,       [PROTO_SCTP] = CEINT_SCTP,
		[PROTO_ICMPV6] = CEINT_ICMPV6,
	};
	uint8_t kind = kinds[proto];

	if (kind == CEINT_TCP && has(walk, 13) && walk->data[walk->at + 12] < 5 << 4)
		kind = CEINT_TCP_BAD;
	layers->transport[walk->i] = kind;
	layers->transport_at[walk->i] = walk->at;
}

/* The payload ends where IP says, if the packet does not end before. */
static inline void end_at(struct ceint_layers *layers, const struct walk *walk,
                          uint64_t end)
{
	uint32_t on_wire = end < walk->len ? (uint32_t)end : walk->len;

	layers->end[walk->i] = on_wire;
	layers->captured[walk->i] = on_wire < walk->caplen ? on_wire : walk->caplen;
}

/* Step over an authentication header. */
static bool skip_authentication(struct walk *walk, uint32_t *proto)
{
	if (!has(walk, 2))
		return false;
	*proto = walk->data[walk->at];
	walk->at += (walk->data[walk->at + 1] + 2u) * 4;
	return walk->at <= walk->caplen;
}

/* Step over an extension header. False: what follows is not to be found. */
static bool skip_extension(struct ceint_layers *layers, struct walk *walk,
                           uint32_t *proto)
{
	const unsigned char *header = walk->data + walk->at;

	if (*proto == PROTO_AH)
		return skip_authentication(walk, proto);
	if (!has(walk, 8))
		return false;
	if (*proto == PROTO_FRAGMENT) {
		uint32_t fragment = be16(header + 2);

		layers->fragment[walk->i] = (fragment & 0xfff9) != 0;
		*proto = header[0];
		walk->at += 8;
		return (fragment & 0xfff8) == 0;
	}
	*proto = header[0];
	walk->at += (header[1] + 1u) * 8;
	return walk->at <= walk->caplen;
}

/* Behind an IPv4 header that is captured whole. */
static inline void ipv4_payload(struct ceint_layers *layers, struct walk *walk,
                                uint32_t header, uint32_t total)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t fragment = be16(ip + 6), proto = ip[9];

	layers->network[walk->i] = CEINT_IPV4 | CEINT_IP_WHOLE;
	layers->fragment[walk->i] = (fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) != 0;
	layers->proto[walk->i] = (uint8_t)proto;
	end_at(layers, walk, (uint64_t)walk->at + total);
	walk->at += header;
	if (fragment & FRAGMENT_OFFSET)
		return;
	if (proto == PROTO_AH && !skip_authentication(walk, &proto))
		return;
	layers->proto[walk->i] = (uint8_t)proto;
	transport(layers, walk, proto);
}

static inline void ipv4(struct ceint_layers *layers, struct walk *walk)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t header = (ip[0] & 15u) * 4, total = UINT32_MAX;

	layers->network_at[walk->i] = walk->at;
	layers->network[walk->i] = CEINT_IPV4_BAD;
	if (header < IPV4_HEADER)
		return;
	layers->network[walk->i] = CEINT_IPV4_SHORT;
	if (has(walk, 4))
		total = be16(ip + 2);
	if (total == 0) /* an interface that is to cut it into segments sets it later */
		total = walk->len - walk->at;
	if (total < header)
		return;
	layers->network[walk->i] = CEINT_IPV4;
	if (has(walk, header))
		ipv4_payload(layers, walk, header, total);
}

static bool is_extension(uint32_t proto)
{
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING ||
	       proto == PROTO_FRAGMENT || proto == PROTO_AH || proto == PROTO_DSTOPTS ||
	       proto == PROTO_MOBILITY || proto == PROTO_HIP || proto == PROTO_SHIM6;
}

static void ipv6(struct ceint_layers *layers, struct walk *walk)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t proto, payload;

	layers->network[walk->i] = CEINT_IPV6;
	layers->network_at[walk->i] = walk->at;
	if (!has(walk, IPV6_HEADER))
		return;
	layers->network[walk->i] |= CEINT_IP_WHOLE;
	payload = be16(ip + 4);
	end_at(layers, walk,
	       payload ? (uint64_t)walk->at + IPV6_HEADER + payload : UINT64_MAX);
	proto = ip[6];
	walk->at += IPV6_HEADER;
	for (int i = 0; is_extension(proto); i++) {
		layers->proto[walk->i] = (uint8_t)proto;
		if (i == MOST_EXTENSIONS || !skip_extension(layers, walk, &proto)) {
			layers->proto[walk->i] = (uint8_t)proto;
			return;
		}
	}
	layers->proto[walk->i] = (uint8_t)proto;
	transport(layers, walk, proto);
}

static void arp(struct ceint_layers *layers, const struct walk *walk)
{
	layers->network[walk->i] = CEINT_ARP;
	layers->network_at[walk->i] = walk->at;
}

/* The version is in IP's first four bits, whatever announces it. */
static inline void ip(struct ceint_layers *layers, struct walk *walk)
{
	uint32_t version;

	if (!has(walk, 1))
		return;
	version = walk->data[walk->at] >> 4;
	if (version == 4)
		ipv4(layers, walk);
	else if (version == 6)
		ipv6(layers, walk);
	else {
		layers->network[walk->i] = CEINT_IP_OTHER;
		layers->network_at[walk->i] = walk->at;
	}
}

/* Labels, the last of which has the bottom bit. */
static void mpls(struct ceint_layers *layers, struct walk *walk)
{
	bool bottom = false;

	while (!bottom) {
		if (!has(walk, 4))
			return;
		bottom = walk->data[walk->at + 2] & 1;
		walk->at += 4;
	}
	ip(layers, walk);
}

/* Step over tags; gives the type behind them. False: the packet ends there. */
static bool skip_tags(struct ceint_layers *layers, struct walk *walk, uint32_t *type)
{
	uint8_t bit = 1; /* none after the eighth */

	for (;; bit = (uint8_t)(bit << 1)) {
		if (*type == TYPE_TAG || *type == TYPE_OLD_QINQ)
			layers->tags[walk->i] |= bit;
		else if (*type == TYPE_SERVICE)
			layers->services[walk->i] |= bit;
		else
			return true;
		if (!has(walk, 4))
			return false;
		*type = be16(walk->data + walk->at + 2);
		walk->at += 4;
	}
}

static void other_type(struct ceint_layers *layers, struct walk *walk, uint32_t type)
{
	if (!skip_tags(layers, walk, &type))
		return;
	if (type == TYPE_IPV4 || type == TYPE_IPV6)
		ip(layers, walk);
	else if (type == TYPE_ARP)
		arp(layers, walk);
	else if (type == TYPE_MPLS || type == TYPE_MPLS_UPSTREAM)
		mpls(layers, walk);
}

/* What an EtherType announces, which stands where the walk is. */
static inline void by_type(struct ceint_layers *layers, struct walk *walk, uint32_t type)
{
	if (type == TYPE_IPV4)
		ip(layers, walk);
	else
		other_type(layers, walk, type);
}

static inline void ether(struct ceint_layers *layers, struct walk *walk)
{
	if (!has(walk, 14))
		return;
	walk->at = 14;
	by_type(layers, walk, be16(walk->data + 12));
}

static void cooked(struct ceint_layers *layers, struct walk *walk, uint32_t header,
                   uint32_t type_at)
{
	if (!has(walk, header))
		return;
	walk->at = header;
	by_type(layers, walk, be16(walk->data + type_at));
}

/* The families that mean IPv6 on one system or another. */
static bool is_inet6(uint32_t family)
{
	return family == 10 || family == 24 || family == 28 || family == 30;
}

static void loopback(struct ceint_layers *layers, struct walk *walk)
{
	uint32_t family;

	if (!has(walk, 4))
		return;
	memcpy(&family, walk->data, sizeof(family));
	if (family > UINT16_MAX) /* of the other byte order */
		family = __builtin_bswap32(family);
	walk->at = 4;
	if (family == 2 || is_inet6(family))
		ip(layers, walk);
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
	case DLT_OF_IPV4:
	case DLT_OF_IPV6:
		return CEINT_LINK_RAW;
	case DLT_OF_NULL:
		return CEINT_LINK_NULL;
	case DLT_OF_LOOP:
		return CEINT_LINK_LOOP;
	default:
		return CEINT_LINK_OTHER;
	}
}

static inline void walk_one(struct ceint_layers *layers, struct walk *walk)
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
		ip(layers, walk);
		break;
	case CEINT_LINK_NULL:
	case CEINT_LINK_LOOP:
		loopback(layers, walk);
		break;
	case CEINT_LINK_OTHER:
		break;
	}
}

void ceint_layers_walk(struct ceint_layers *layers, const struct ce_batch *batch,
                       const uint64_t wanted[CE_BATCH_WORDS])
{
	static const uint32_t tags_at[] = {
		[CEINT_LINK_ETHER] = 14, [CEINT_LINK_SLL] = 16, [CEINT_LINK_SLL2] = 20};

	layers->link = link_of(batch->origin.linktype);
	layers->tags_at = layers->link <= CEINT_LINK_SLL2 ? tags_at[layers->link] : 0;
	memset(layers->network, 0, batch->count);
	memset(layers->transport, 0, batch->count);
	memset(layers->tags, 0, batch->count);
	memset(layers->services, 0, batch->count);
	memset(layers->proto, 0, batch->count);
	memset(layers->fragment, 0, batch->count);
	for (uint32_t word = 0; word * 64 < batch->count; word++)
		for (uint64_t bits = wanted[word]; bits; bits &= bits - 1) {
			uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(bits);
			struct walk walk = {batch->data[i], batch->caplen[i],
			                    batch->len[i], 0, i};

			walk_one(layers, &walk);
		}
}
