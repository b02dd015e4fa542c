/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_transport.c - see recipe_int.h: the length of TCP's payload, UDP's checksum,
 * and the two numbers that only some ICMP messages have.
 */
#include "bytes_int.h"
#include "recipe_int.h"

enum { TCP_FIELDS = 16, UDP_HEADER = 8 };

/* What the IP header says is there, captured or not. */
static inline bool tcp_len(const struct ceint_view *view, uint32_t i, uint32_t *value)
{
	const struct ceint_layers *layers = view->layers;
	uint32_t at = layers->transport_at[i], header;

	if (!(layers->transport[i] & (CEINT_TCP | CEINT_TCP_BAD)) ||
	    layers->fragment[i] || layers->captured[i] < at + TCP_FIELDS)
		return false;
	header = (view->batch->data[i][at + 12] >> 4) * 4u;
	if (layers->end[i] - at < header)
		return false;
	*value = layers->end[i] - at - header;
	return true;
}

void ceint_tcp_len(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, uint32_t, tcp_len);
}

/* None where the length cannot be; zero is a jumbogram's, in IPv6 (RFC 2675). */
static inline bool udp_checksum(const struct ceint_view *view, uint32_t i,
                                uint16_t *value)
{
	const struct ceint_layers *layers = view->layers;
	uint32_t at = layers->transport_at[i], bytes;

	if (layers->transport[i] != CEINT_UDP || at > layers->captured[i] ||
	    layers->captured[i] - at < UDP_HEADER)
		return false;
	bytes = ceint_be16(view->batch->data[i] + at + 4);
	*value = ceint_be16(view->batch->data[i] + at + 6);
	return bytes >= UDP_HEADER || (bytes == 0 && layers->network[i] & CEINT_IPV6);
}

void ceint_udp_checksum(const struct ceint_view *view, struct ce_column *column,
                        void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, udp_checksum);
}

/* Messages that ask and answer: echo, time stamp, information, mask. */
static bool is_numbered(uint8_t type)
{
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

/* Extended echo (RFC 8335), whose sequence number has another place. */
static bool is_extended(uint8_t type)
{
	return type == 42 || type == 43;
}

static inline bool icmp_number(const struct ceint_view *view, uint32_t i, uint32_t offset,
                               uint16_t *value)
{
	const struct ceint_layers *layers = view->layers;
	uint32_t at = layers->transport_at[i];

	if (layers->transport[i] != CEINT_ICMP || at > layers->captured[i] ||
	    layers->captured[i] - at < offset + 2)
		return false;
	*value = ceint_be16(view->batch->data[i] + at + offset);
	return true;
}

static inline bool icmp_ident(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	uint8_t type;

	if (!icmp_number(view, i, 4, value))
		return false;
	type = view->batch->data[i][view->layers->transport_at[i]];
	return is_numbered(type) || is_extended(type);
}

void ceint_icmp_ident(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, icmp_ident);
}

static inline bool icmp_seq(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	return icmp_number(view, i, 6, value) &&
	       is_numbered(view->batch->data[i][view->layers->transport_at[i]]);
}

void ceint_icmp_seq(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, icmp_seq);
}
