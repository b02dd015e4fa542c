/* SPDX-License-Identifier: BSD-3-Clause */
/* walk_ip.c - see walk_int.h: IPv4, IPv6 and what is behind them; ARP. Numbers are IANA's. */
#include "walk_int.h"

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
	PROTO_SHIM6 = 140,
};

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	MORE_FRAGMENTS = 0x2000,
	FRAGMENT_OFFSET = 0x1fff,
	ARP_ATM = 19, /* hardware whose ARP has another form: RFC 2225 */
};

static const uint8_t transports[256] = {
	[PROTO_ICMP] = CEINT_ICMP, [PROTO_TCP] = CEINT_TCP,       [PROTO_UDP] = CEINT_UDP,
	[PROTO_SCTP] = CEINT_SCTP, [PROTO_ICMPV6] = CEINT_ICMPV6,
};

static inline void transport(struct ceint_layers *layers, const struct ceint_walk *walk,
                             uint32_t proto)
{
	uint8_t kind = transports[proto];

	if (kind == CEINT_TCP && ceint_walk_has(walk, 13) &&
	    walk->data[walk->at + 12] < 5 << 4)
		kind = CEINT_TCP_BAD;
	layers->transport[walk->i] = kind;
	layers->transport_at[walk->i] = walk->at;
}

/* The payload ends where IP says, if the packet does not end before. */
static inline void end_at(struct ceint_layers *layers, const struct ceint_walk *walk,
                          uint64_t end)
{
	uint32_t on_wire = end < walk->len ? (uint32_t)end : walk->len;

	layers->end[walk->i] = on_wire;
	layers->captured[walk->i] = on_wire < walk->caplen ? on_wire : walk->caplen;
}

/* Step over an authentication header. */
static bool skip_authentication(struct ceint_walk *walk, uint32_t *proto)
{
	if (!ceint_walk_has(walk, 2))
		return false;
	*proto = walk->data[walk->at];
	walk->at += (walk->data[walk->at + 1] + 2u) * 4;
	return walk->at <= walk->caplen;
}

/* Step over an extension header. False: what follows is not to be found. */
static bool skip_extension(struct ceint_layers *layers, struct ceint_walk *walk,
                           uint32_t *proto)
{
	const unsigned char *header = walk->data + walk->at;

	if (*proto == PROTO_AH)
		return skip_authentication(walk, proto);
	if (!ceint_walk_has(walk, 8))
		return false;
	if (*proto == PROTO_FRAGMENT) {
		uint32_t fragment = ceint_be16(header + 2);

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
static inline void ipv4_payload(struct ceint_layers *layers, struct ceint_walk *walk,
                                uint32_t header, uint32_t total)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t fragment = ceint_be16(ip + 6), proto = ip[9];

	layers->network[walk->i] |= CEINT_IP_WHOLE;
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

static inline void ipv4(struct ceint_layers *layers, struct ceint_walk *walk)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t header = (ip[0] & 15u) * 4, total = UINT32_MAX;

	layers->network_at[walk->i] = walk->at;
	layers->network[walk->i] = CEINT_IPV4_BAD;
	if (header < IPV4_HEADER)
		return;
	layers->network[walk->i] = CEINT_IPV4_SHORT;
	if (ceint_walk_has(walk, 4))
		total = ceint_be16(ip + 2);
	if (total == 0) /* an interface that is to cut it into segments sets it later */
		total = walk->len - walk->at;
	else if (total < header)
		return;
	layers->network[walk->i] = CEINT_IPV4;
	if (header == IPV4_HEADER)
		layers->network[walk->i] |= CEINT_IPV4_PLAIN;
	else
		layers->options = true;
	if (ceint_walk_has(walk, header))
		ipv4_payload(layers, walk, header, total);
}

static bool is_extension(uint32_t proto)
{
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING ||
	       proto == PROTO_FRAGMENT || proto == PROTO_AH || proto == PROTO_DSTOPTS ||
	       proto == PROTO_SHIM6;
}

static void ipv6(struct ceint_layers *layers, struct ceint_walk *walk)
{
	const unsigned char *ip = walk->data + walk->at;
	uint32_t proto, payload;
	bool found = true;

	layers->network[walk->i] = CEINT_IPV6;
	layers->network_at[walk->i] = walk->at;
	if (!ceint_walk_has(walk, IPV6_HEADER))
		return;
	layers->network[walk->i] |= CEINT_IP_WHOLE;
	payload = ceint_be16(ip + 4);
	end_at(layers, walk,
	       payload ? (uint64_t)walk->at + IPV6_HEADER + payload : UINT64_MAX);
	proto = ip[6];
	walk->at += IPV6_HEADER;
	while (found && is_extension(proto))
		found = skip_extension(layers, walk, &proto);
	layers->proto[walk->i] = (uint8_t)proto;
	if (found)
		transport(layers, walk, proto);
}

void ceint_walk_arp(struct ceint_layers *layers, const struct ceint_walk *walk)
{
	if (ceint_walk_has(walk, 2) && ceint_be16(walk->data + walk->at) == ARP_ATM)
		return;
	layers->network[walk->i] = CEINT_ARP;
	layers->network_at[walk->i] = walk->at;
}

/* IP's version: its first four bits; 0: none is captured. */
static inline uint32_t version(const struct ceint_walk *walk)
{
	return ceint_walk_has(walk, 1) ? walk->data[walk->at] >> 4 : 0;
}

void ceint_walk_ip(struct ceint_layers *layers, struct ceint_walk *walk)
{
	if (version(walk) == 4)
		ipv4(layers, walk);
	else if (version(walk) == 6)
		ipv6(layers, walk);
	else if (ceint_walk_has(walk, 1)) {
		layers->network[walk->i] = CEINT_IP_OTHER;
		layers->network_at[walk->i] = walk->at;
	}
}

void ceint_walk_ipv6(struct ceint_layers *layers, struct ceint_walk *walk)
{
	if (version(walk) == 6)
		ipv6(layers, walk);
}

void ceint_walk_raw_ip(struct ceint_layers *layers, struct ceint_walk *walk)
{
	if (version(walk) == 4)
		ipv4(layers, walk);
	else
		ceint_walk_ipv6(layers, walk);
}
