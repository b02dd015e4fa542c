/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_network.c - see recipe_int.h: ip.len, ip.dst, and ARP's addresses, whose
 * places depend on the lengths that it gives itself (RFC 826).
 */
#include "bytes_int.h"
#include "recipe_int.h"

enum { ARP_HEADER = 8, MAC = 6, IPV4 = 4 };
enum { HARDWARE_ETHER = 1, HARDWARE_802 = 6, TYPE_IPV4 = 0x0800, AX25_IPV4 = 0xcc };

enum { IPV4_HEADER = 20, IPV4_DST = 16 };
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_LSRR = 131, OPTION_SSRR = 137 };

/* Where the route in the option at `at` ends; 0: not captured, or no address there. */
static uint32_t route_end(const unsigned char *ip, uint32_t at, uint32_t bytes,
                          uint32_t captured)
{
	uint32_t pointer;

	if (at + 3 > captured)
		return 0;
	pointer = ip[at + 2];
	if (pointer < 4 || pointer % 4 || pointer > bytes) /* it has no more to go */
		return IPV4_DST;
	if (bytes < 7 || (bytes - 3) % 4 || at + bytes > captured ||
	    (ip[0] & 15u) * 4 > captured)
		return 0;
	return at + bytes - 4;
}

/*
 * Where IPv4's destination stands: in its header or, for a source route that is not yet
 * at its end, last in that option (RFC 791). 0: not captured.
 */
static uint32_t destination_at(const unsigned char *ip, uint32_t captured)
{
	uint32_t bytes = (ip[0] & 15u) * 4, at = IPV4_HEADER;

	while (at < bytes) {
		uint32_t left = bytes - at, length;

		if (at >= captured)
			return 0;
		if (ip[at] == OPTION_END)
			break;
		if (ip[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (left < 2)
			break;
		if (at + 2 > captured)
			return 0;
		length = ip[at + 1];
		if (length < 2 || length > left)
			break;
		if (ip[at] == OPTION_LSRR || ip[at] == OPTION_SSRR)
			return route_end(ip, at, length, captured);
		at += length;
	}
	return IPV4_DST;
}

/* The destination of packet i, which has an IPv4 header with options. */
static bool routed_dst(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	uint32_t from = view->layers->network_at[i];
	uint32_t captured = view->batch->caplen[i] - from, at = 0;

	if (captured >= IPV4_HEADER)
		at = destination_at(view->batch->data[i] + from, captured);
	if (at)
		*value = ceint_be32(view->batch->data[i] + from + at);
	return at;
}

/* Those with options are few. */
void ceint_ipv4_dst(const struct ceint_view *view, struct ce_column *column, void *values)
{
	static const struct ceint_recipe plain = {.header = CEINT_AT_NETWORK,
	                                          .kinds = CEINT_IPV4_PLAIN,
	                                          .at = IPV4_DST,
	                                          .bytes = 4};

	const uint8_t *network = view->layers->network;
	uint32_t *entries = values;

	ceint_gather(view, &plain, column, values);
	for (uint32_t i = 0; view->layers->options && i < view->batch->count; i++)
		if ((network[i] & (CEINT_IPV4 | CEINT_IPV4_PLAIN)) == CEINT_IPV4 &&
		    routed_dst(view, i, &entries[i]))
			column->present[i / 64] |= UINT64_C(1) << i % 64;
}

/* Octets from `at` on, to where an IP header that is captured whole says, or to the end. */
static inline uint32_t octets_from(const struct ceint_view *view, uint32_t i, uint32_t at)
{
	uint32_t len = view->batch->len[i], caplen = view->batch->caplen[i];

	if (view->layers->network[i] & CEINT_IP_WHOLE)
		return view->layers->end[i] - at;
	return (len < caplen ? caplen : len) - at;
}

/* Zero, which segments to come have, stands for all that follows. */
static inline bool ipv4_len(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	uint32_t at = view->layers->network_at[i];

	if (!(view->layers->network[i] & (CEINT_IPV4 | CEINT_IPV4_SHORT)) ||
	    view->batch->caplen[i] - at < 4)
		return false;
	*value = ceint_be16(view->batch->data[i] + at + 2);
	if (*value == 0)
		*value = octets_from(view, i, at);
	return true;
}

void ceint_ipv4_len(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, uint32_t, ipv4_len);
}

/* ARP's header; NULL: none. */
static inline const unsigned char *arp_header(const struct ceint_view *view, uint32_t i)
{
	uint32_t at = view->layers->network_at[i], caplen = view->batch->caplen[i];

	if (view->layers->network[i] != CEINT_ARP || at > caplen ||
	    caplen - at < ARP_HEADER)
		return NULL;
	return view->batch->data[i] + at;
}

static bool is_mac(uint32_t hardware)
{
	return hardware == HARDWARE_ETHER || hardware == HARDWARE_802;
}

static bool is_ipv4(uint32_t protocol)
{
	return protocol == TYPE_IPV4 || protocol == AX25_IPV4;
}

/* Operations of which Wireshark tells who asks whom, for which it needs all addresses. */
static bool is_told(uint32_t operation)
{
	return operation >= 1 && operation <= 4;
}

/*
 * An address, the target's or the sender's, a hardware address or one of the protocol;
 * NULL where it is another kind, or not captured.
 */
static inline const unsigned char *arp_address(const struct ceint_view *view, uint32_t i,
                                               bool target, bool hardware)
{
	const unsigned char *arp = arp_header(view, i);
	uint32_t hardware_bytes, protocol_bytes, at, needs;

	if (!arp)
		return NULL;
	hardware_bytes = arp[4];
	protocol_bytes = arp[5];
	if (hardware ? !is_mac(ceint_be16(arp)) || hardware_bytes != MAC
	             : !is_ipv4(ceint_be16(arp + 2)) || protocol_bytes != IPV4)
		return NULL;
	at = ARP_HEADER + (target ? hardware_bytes + protocol_bytes : 0) +
	     (hardware ? 0 : hardware_bytes);
	needs = is_told(ceint_be16(arp + 6))
	                ? ARP_HEADER + 2 * (hardware_bytes + protocol_bytes)
	                : at + (hardware ? MAC : IPV4);
	if (view->batch->caplen[i] - view->layers->network_at[i] < needs)
		return NULL;
	return arp + at;
}

static inline bool arp_mac(const struct ceint_view *view, uint32_t i, bool target,
                           uint64_t *value)
{
	const unsigned char *mac = arp_address(view, i, target, true);

	if (mac)
		*value = (uint64_t)ceint_be16(mac) << 32 | ceint_be32(mac + 2);
	return mac;
}

static inline bool arp_ipv4(const struct ceint_view *view, uint32_t i, bool target,
                            uint32_t *value)
{
	const unsigned char *address = arp_address(view, i, target, false);

	if (address)
		*value = ceint_be32(address);
	return address;
}

static inline bool src_mac(const struct ceint_view *view, uint32_t i, uint64_t *value)
{
	return arp_mac(view, i, false, value);
}

void ceint_arp_src_mac(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, uint64_t, src_mac);
}

static inline bool dst_mac(const struct ceint_view *view, uint32_t i, uint64_t *value)
{
	return arp_mac(view, i, true, value);
}

void ceint_arp_dst_mac(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, uint64_t, dst_mac);
}

static inline bool src_ipv4(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	return arp_ipv4(view, i, false, value);
}

void ceint_arp_src_ipv4(const struct ceint_view *view, struct ce_column *column,
                        void *values)
{
	CEINT_COMPUTE(view, column, values, uint32_t, src_ipv4);
}

static inline bool dst_ipv4(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	return arp_ipv4(view, i, true, value);
}

void ceint_arp_dst_ipv4(const struct ceint_view *view, struct ce_column *column,
                        void *values)
{
	CEINT_COMPUTE(view, column, values, uint32_t, dst_ipv4);
}
