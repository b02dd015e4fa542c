/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_network.c - see recipe_int.h: ip.len, and ARP's addresses, whose places
 * depend on the lengths that it gives itself (RFC 826).
 */
#include "bytes_int.h"
#include "recipe_int.h"

enum { HARDWARE_ETHER = 1, TYPE_IPV4 = 0x0800, ARP_HEADER = 8, MAC = 6, IPV4 = 4 };

/* Zero, which segments to come have, stands for all that follows. */
static inline bool ipv4_len(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	uint32_t at = view->layers->network_at[i];

	if (!(view->layers->network[i] & (CEINT_IPV4 | CEINT_IPV4_SHORT)) ||
	    view->batch->caplen[i] - at < 4)
		return false;
	*value = ceint_be16(view->batch->data[i] + at + 2);
	if (*value == 0)
		*value = view->batch->len[i] - at;
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

/*
 * An address of `bytes` bytes, the target's or the sender's, a hardware address or
 * one of the protocol; NULL where it is another kind, or not captured.
 */
static inline const unsigned char *arp_address(const struct ceint_view *view, uint32_t i,
                                               bool target, bool hardware)
{
	const unsigned char *arp = arp_header(view, i);
	uint32_t hardware_bytes, protocol_bytes, at;

	if (!arp)
		return NULL;
	hardware_bytes = arp[4];
	protocol_bytes = arp[5];
	if (hardware ? ceint_be16(arp) != HARDWARE_ETHER || hardware_bytes != MAC
	             : ceint_be16(arp + 2) != TYPE_IPV4 || protocol_bytes != IPV4)
		return NULL;
	at = ARP_HEADER + (target ? hardware_bytes + protocol_bytes : 0) +
	     (hardware ? 0 : hardware_bytes);
	if (view->batch->caplen[i] - view->layers->network_at[i] <
	    at + (hardware ? MAC : IPV4))
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
