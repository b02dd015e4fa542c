/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_flow.c - see recipe_int.h: what IPv4 and IPv6 have in common, so that one
 * script reads both. An address of IPv4 stands as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bytes_int.h"
#include "recipe_int.h"

enum { IPV4_SRC = 12, IPV4_DST = 16, IPV6_SRC = 8, IPV6_DST = 24, PORTS = 4 };

/* The address at one of two places of the IP header. */
static inline bool address(const struct ceint_view *view, uint32_t i, uint32_t ipv4_at,
                           uint32_t ipv6_at, unsigned char to[16])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t network = view->layers->network[i];
	const unsigned char *ip = view->batch->data[i] + view->layers->network_at[i];

	if (!(network & CEINT_IP_WHOLE))
		return false;
	if (network & CEINT_IPV4) {
		memcpy(to, mapped, sizeof(mapped));
		memcpy(to + sizeof(mapped), ip + ipv4_at, 4);
	} else {
		memcpy(to, ip + ipv6_at, 16);
	}
	return true;
}

struct octets {
	unsigned char octet[16];
};

/* Addresses of 64 plain packets. */
static inline void plain_addresses(const struct ceint_view *view, uint32_t first,
                                   uint32_t ipv4_at, struct octets *values)
{
	static const unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff};

	for (uint32_t i = first; i < first + 64; i++) {
		memcpy(values[i].octet, mapped, sizeof(mapped));
		memcpy(values[i].octet + 12,
		       view->batch->data[i] + CEINT_PLAIN_NETWORK + ipv4_at, 4);
	}
}

static inline void addresses(const struct ceint_view *view, struct ce_column *column,
                             struct octets *values, uint32_t ipv4_at, uint32_t ipv6_at)
{
	for (uint32_t word = 0; word * 64 < view->batch->count; word++) {
		uint64_t bits = 0;

		ceint_claim(values, word + CEINT_CLAIM_AHEAD, sizeof(*values));
		if (view->layers->plain[word] == UINT64_MAX) {
			plain_addresses(view, word * 64, ipv4_at, values);
			column->present[word] = UINT64_MAX;
			continue;
		}
		for (uint64_t left = view->wanted[word]; left; left &= left - 1) {
			uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);

			if (address(view, i, ipv4_at, ipv6_at, values[i].octet))
				bits |= left & -left;
		}
		column->present[word] = bits;
	}
}

/* A packet of IPv6 is none of IPv4 even if its addresses are ::ffff:a.b.c.d. */
static void mark_ipv4(const struct ceint_view *view, struct ce_column *column)
{
	const struct ceint_layers *layers = view->layers;

	for (uint32_t word = 0; word * 64 < view->batch->count; word++)
		column->ipv4[word] =
			layers->plain[word] == UINT64_MAX
				? UINT64_MAX
				: ceint_bits_of(layers->network + word * 64, CEINT_IPV4);
}

void ceint_flow_src(const struct ceint_view *view, struct ce_column *column, void *values)
{
	addresses(view, column, values, IPV4_SRC, IPV6_SRC);
	mark_ipv4(view, column);
}

void ceint_flow_dst(const struct ceint_view *view, struct ce_column *column, void *values)
{
	addresses(view, column, values, IPV4_DST, IPV6_DST);
	mark_ipv4(view, column);
}

void ceint_flow_proto(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	const struct ceint_layers *layers = view->layers;

	memcpy(values, layers->proto, view->batch->count);
	for (uint32_t word = 0; word * 64 < view->batch->count; word++)
		column->present[word] =
			ceint_bits_of(layers->network + word * 64, CEINT_IP_WHOLE) &
			view->wanted[word];
}

/* Both ports, where the packet has and shows them. */
static inline void ports(const struct ceint_view *view, uint32_t i, uint16_t port[2])
{
	const struct ceint_layers *layers = view->layers;
	uint32_t at = layers->transport_at[i];

	port[0] = port[1] = 0;
	if (!(layers->transport[i] &
	      (CEINT_TCP | CEINT_TCP_BAD | CEINT_UDP | CEINT_SCTP)) ||
	    layers->captured[i] < at + PORTS)
		return;
	port[0] = ceint_be16(view->batch->data[i] + at);
	port[1] = ceint_be16(view->batch->data[i] + at + 2);
}

static inline bool flow_key(const struct ceint_view *view, uint32_t i,
                            struct ce_flow_key *value)
{
	unsigned char src[16], dst[16];
	uint16_t port[2];
	int order, lower;

	if (!address(view, i, IPV4_SRC, IPV6_SRC, src))
		return false;
	address(view, i, IPV4_DST, IPV6_DST, dst);
	ports(view, i, port);
	order = memcmp(src, dst, sizeof(src));
	lower = order > 0 || (order == 0 && port[0] > port[1]);
	memcpy(value->address[lower], src, sizeof(src));
	memcpy(value->address[!lower], dst, sizeof(dst));
	value->port[lower] = port[0];
	value->port[!lower] = port[1];
	value->proto = view->layers->proto[i];
	memset(value->zero, 0, sizeof(value->zero));
	return true;
}

void ceint_flow_key(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_flow_key, flow_key);
	mark_ipv4(view, column);
}

static inline bool flow_hash(const struct ceint_view *view, uint32_t i, uint64_t *value)
{
	struct ce_flow_key key;

	if (!flow_key(view, i, &key))
		return false;
	*value = XXH3_64bits_withSeed(&key, sizeof(key), view->seed);
	return true;
}

void ceint_flow_hash(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, uint64_t, flow_hash);
}
