/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_range.c - see recipe_int.h: a protocol as the octets of the packet from its
 * header to the end of what it belongs to, as far as they are captured.
 */
#include "recipe_int.h"

enum { ETHER_HEADER = 14, TAG = 4, UDP_HEADER = 8, TCP_OFFSET = 12 };

/* From `at` to `end`, if at least one octet is there. */
static inline bool range(struct ce_range *value, uint32_t at, uint32_t end)
{
	*value = (struct ce_range){at, end - at};
	return at < end;
}

static inline bool frame(const struct ceint_view *view, uint32_t i,
                         struct ce_range *value)
{
	range(value, 0, view->batch->caplen[i]);
	return true;
}

void ceint_frame_range(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, frame);
}

static inline bool ether(const struct ceint_view *view, uint32_t i,
                         struct ce_range *value)
{
	return view->layers->link == CEINT_LINK_ETHER &&
	       range(value, 0, view->batch->caplen[i]);
}

void ceint_ether_range(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, ether);
}

static inline bool vlan(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	uint8_t tags = view->layers->tags[i];

	return tags &&
	       range(value, view->layers->tags_at + TAG * (uint32_t)__builtin_ctz(tags),
	             view->batch->caplen[i]);
}

void ceint_vlan_range(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, vlan);
}

/* Where an IP packet ends is known once its header is captured. */
static inline bool network(const struct ceint_view *view, uint32_t i, uint8_t kinds,
                           struct ce_range *value)
{
	const struct ceint_layers *layers = view->layers;

	return layers->network[i] & kinds &&
	       range(value, layers->network_at[i],
	             layers->network[i] & CEINT_IP_WHOLE ? layers->captured[i]
	                                                 : view->batch->caplen[i]);
}

static inline bool arp(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return network(view, i, CEINT_ARP, value);
}

void ceint_arp_range(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, arp);
}

static inline bool ipv4(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return network(view, i,
	               CEINT_IPV4 | CEINT_IPV4_SHORT | CEINT_IPV4_BAD | CEINT_IP_OTHER,
	               value);
}

void ceint_ipv4_range(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, ipv4);
}

static inline bool ipv6(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return network(view, i, CEINT_IPV6, value);
}

void ceint_ipv6_range(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, ipv6);
}

static inline bool transport(const struct ceint_view *view, uint32_t i, uint8_t kinds,
                             struct ce_range *value)
{
	const struct ceint_layers *layers = view->layers;

	return layers->transport[i] & kinds &&
	       range(value, layers->transport_at[i], layers->captured[i]);
}

static inline bool tcp(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return transport(view, i, CEINT_TCP | CEINT_TCP_BAD, value);
}

void ceint_tcp_range(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, tcp);
}

static inline bool udp(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return transport(view, i, CEINT_UDP, value);
}

void ceint_udp_range(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, udp);
}

static inline bool sctp(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return transport(view, i, CEINT_SCTP, value);
}

void ceint_sctp_range(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, sctp);
}

static inline bool icmp(const struct ceint_view *view, uint32_t i, struct ce_range *value)
{
	return transport(view, i, CEINT_ICMP, value);
}

void ceint_icmp_range(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, icmp);
}

static inline bool icmpv6(const struct ceint_view *view, uint32_t i,
                          struct ce_range *value)
{
	return transport(view, i, CEINT_ICMPV6, value);
}

void ceint_icmpv6_range(const struct ceint_view *view, struct ce_column *column,
                        void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, icmpv6);
}

static inline bool tcp_payload(const struct ceint_view *view, uint32_t i,
                               struct ce_range *value)
{
	const struct ceint_layers *layers = view->layers;
	uint32_t at = layers->transport_at[i], header;

	if (layers->transport[i] != CEINT_TCP || layers->captured[i] <= at + TCP_OFFSET)
		return false;
	header = (view->batch->data[i][at + TCP_OFFSET] >> 4) * 4u;
	return range(value, at + header, layers->captured[i]);
}

void ceint_tcp_payload(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, tcp_payload);
}

static inline bool udp_payload(const struct ceint_view *view, uint32_t i,
                               struct ce_range *value)
{
	const struct ceint_layers *layers = view->layers;

	return layers->transport[i] == CEINT_UDP &&
	       range(value, layers->transport_at[i] + UDP_HEADER, layers->captured[i]);
}

void ceint_udp_payload(const struct ceint_view *view, struct ce_column *column,
                       void *values)
{
	CEINT_COMPUTE(view, column, values, struct ce_range, udp_payload);
}
