/* SPDX-License-Identifier: BSD-3-Clause */
/* anonymize_transport.c - see anonymize_int.h: what IP carries. Numbers are IANA's. */
#include "anonymize/anonymize_int.h"

enum {
	PROTO_IPV4 = 4,
	PROTO_IPV6 = 41,
	PROTO_GRE = 47,
	TCP_HEADER = 20,
	TCP_CHECKSUM = 16,
	UDP_HEADER = 8,
	UDP_CHECKSUM = 6,
	SCTP_HEADER = 12,
	ICMP_HEADER = 8,
	ICMP_CHECKSUM = 2,
	GRE_CHECKSUM = 4,
	GRE_HAS_CHECKSUM = 0x8000, /* of its first two octets */
	GRE_HAS_ROUTING = 0x4000,
	GRE_HAS_KEY = 0x2000,
	GRE_HAS_SEQUENCE = 0x1000,
	GRE_VERSION = 7,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_ETHERNET = 0x6558,
	ETHERNET = 1, /* DLT_EN10MB */
};

static uint32_t sum(const struct ceint_job *job, uint32_t at, uint32_t end)
{
	return ceint_sum(job->data + at, end - at);
}

/* The checksum there covers octets whose sum changed, and perhaps a pseudo header. */
static void follow(struct ceint_job *job, uint32_t at, uint32_t end,
                   struct ceint_pseudo sums, uint16_t instead_of_0)
{
	uint16_t checksum;

	if (at + 2 > end)
		return;
	checksum = ceint_checksum_follow(ceint_be16(job->data + at), sums.before,
	                                 sums.after);
	ceint_put16(job->data + at, checksum ? checksum : instead_of_0);
}

/*
 * A header in [at, header_end) with nothing to change, and a payload to `end`, which
 * the checksum covers together with the pseudo header.
 */
static void over_payload(struct ceint_job *job, uint32_t at, uint32_t header_end,
                         uint32_t end, struct ceint_pseudo *pseudo)
{
	if (ceint_anonymize_zeroes(job))
		pseudo->before = ceint_sum_add(pseudo->before, sum(job, at, end));
	ceint_anonymize_payload(job, header_end);
	if (ceint_anonymize_zeroes(job))
		pseudo->after = ceint_sum_add(pseudo->after, sum(job, at, end));
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void tcp(struct ceint_job *job, uint32_t at, uint32_t end,
                struct ceint_pseudo pseudo)
{
	uint32_t bytes = end - at > 12 ? (job->data[at + 12] >> 4) * 4u : TCP_HEADER;

	over_payload(job, at, smaller(at + bytes, end), end, &pseudo);
	follow(job, at + TCP_CHECKSUM, end, pseudo, 0);
}

static void udp(struct ceint_job *job, uint32_t at, uint32_t end,
                struct ceint_pseudo pseudo)
{
	uint32_t length = end - at >= 6 ? ceint_be16(job->data + at + 4) : 0;

	if (length >= UDP_HEADER)
		end = smaller(end, at + length);
	over_payload(job, at, smaller(at + UDP_HEADER, end), end, &pseudo);
	if (end - at >= UDP_HEADER && ceint_be16(job->data + at + UDP_CHECKSUM) != 0)
		follow(job, at + UDP_CHECKSUM, end, pseudo, 0xffff);
}

static void icmp(struct ceint_job *job, uint32_t at, uint32_t end,
                 struct ceint_pseudo pseudo,
                 void (*body)(struct ceint_job *, uint32_t, uint32_t))
{
	if (end - at < ICMP_HEADER) {
		ceint_anonymize_discard(job, at);
		return;
	}
	pseudo.before = ceint_sum_add(pseudo.before, sum(job, at, end));
	body(job, at, end);
	pseudo.after = ceint_sum_add(pseudo.after, sum(job, at, end));
	follow(job, at + ICMP_CHECKSUM, end, pseudo, 0);
}

void ceint_anonymize_transport(struct ceint_job *job, const struct ceint_found *found,
                               struct ceint_pseudo pseudo)
{
	uint32_t at = found->transport_at, end = found->captured;

	if (at >= end) {
		ceint_anonymize_payload(job, end);
		return;
	}
	switch (found->transport) {
	case CEINT_TCP:
		tcp(job, at, end, pseudo);
		break;
	case CEINT_UDP:
		udp(job, at, end, pseudo);
		break;
	case CEINT_SCTP:
		ceint_anonymize_payload(job, smaller(at + SCTP_HEADER, end));
		break;
	case CEINT_ICMP:
		icmp(job, at, end, (struct ceint_pseudo){0}, ceint_anonymize_icmp);
		break;
	case CEINT_ICMPV6:
		icmp(job, at, end, pseudo, ceint_anonymize_icmpv6);
		break;
	default:
		ceint_anonymize_discard(job, at);
	}
}

/* What GRE carries: version 0, RFC 2784 and 2890. */
static void gre_payload(struct ceint_job *job, uint32_t at, uint32_t end)
{
	uint32_t flags = ceint_be16(job->data + at),
		 type = ceint_be16(job->data + at + 2);

	at += 4;
	if (flags & (GRE_HAS_ROUTING | GRE_VERSION)) {
		ceint_anonymize_discard(job, at);
		return;
	}
	for (uint32_t flag = GRE_HAS_CHECKSUM; flag >= GRE_HAS_SEQUENCE; flag >>= 1)
		at += flags & flag ? 4 : 0;
	if (type == TYPE_IPV4 || type == TYPE_IPV6)
		ceint_anonymize_ip_inner(job, at, end);
	else if (type == TYPE_ETHERNET)
		ceint_anonymize_inner(job, ETHERNET, at, end);
	else
		ceint_anonymize_payload(job, at);
}

static void gre(struct ceint_job *job, uint32_t at, uint32_t end)
{
	struct ceint_pseudo sums = {.before = sum(job, at, end)};

	gre_payload(job, at, end);
	sums.after = sum(job, at, end);
	if (ceint_be16(job->data + at) & GRE_HAS_CHECKSUM)
		follow(job, at + GRE_CHECKSUM, end, sums, 0);
}

void ceint_anonymize_other(struct ceint_job *job, uint32_t proto, uint32_t at,
                           uint32_t end)
{
	if (proto == PROTO_IPV4 || proto == PROTO_IPV6)
		ceint_anonymize_ip_inner(job, at, end);
	else if (proto == PROTO_GRE && at < end && end - at >= 4)
		gre(job, at, end);
	else
		ceint_anonymize_payload(job, at);
}
