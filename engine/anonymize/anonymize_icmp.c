/* SPDX-License-Identifier: BSD-3-Clause */
/* anonymize_icmp.c - see anonymize_int.h: addresses in ICMP and ICMPv6. Numbers are IANA's. */
#include "anonymize/anonymize_int.h"

enum {
	BODY = 8, /* behind type, code, checksum and four octets */
	GATEWAY = 4,

	ICMP_UNREACHABLE = 3,
	ICMP_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_BAD_PARAMETER = 12,

	ICMPV6_ERRORS_END = 5, /* 1 to 4 are errors, and quote */
	ICMPV6_MLD_QUERY = 130,
	ICMPV6_MLD_DONE = 132,
	ICMPV6_ROUTER_SOLICIT = 133,
	ICMPV6_ROUTER_ADVERT = 134,
	ICMPV6_NEIGHBOR_SOLICIT = 135,
	ICMPV6_NEIGHBOR_ADVERT = 136,
	ICMPV6_REDIRECT = 137,

	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	OPTION_PREFIX = 3,
	OPTION_REDIRECTED = 4,
	OPTION_MTU = 5,
};

void ceint_anonymize_icmp(struct ceint_job *job, uint32_t at, uint32_t end)
{
	switch (job->data[at]) {
	case ICMP_REDIRECT:
		ceint_anonymize_at(job, at + GATEWAY, 4, end);
		ceint_anonymize_ip_inner(job, at + BODY, end);
		break;
	case ICMP_UNREACHABLE:
	case ICMP_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_BAD_PARAMETER:
		ceint_anonymize_ip_inner(job, at + BODY, end);
		break;
	default:
		ceint_anonymize_payload(job, at + BODY);
	}
}

/* An option of neighbor discovery in [at, end). False: it is none that is known. */
static bool map_option(struct ceint_job *job, uint32_t at, uint32_t end)
{
	switch (job->data[at]) {
	case OPTION_SOURCE_MAC:
	case OPTION_TARGET_MAC:
		if (end - at == 8)
			ceint_anonymize_mac(job, at + 2);
		return true;
	case OPTION_PREFIX:
		return ceint_anonymize_at(job, at + 16, 16, end);
	case OPTION_MTU:
		return true;
	default:
		return false;
	}
}

/* Options of neighbor discovery: what is unknown is payload, with all behind it. */
static void options(struct ceint_job *job, uint32_t at, uint32_t end)
{
	while (at < end && end - at >= 8) {
		uint32_t bytes = job->data[at + 1] * 8u;

		if (bytes > end - at)
			break;
		if (bytes > 8 && job->data[at] == OPTION_REDIRECTED) {
			ceint_anonymize_ip_inner(job, at + 8, at + bytes);
			return;
		}
		if (bytes == 0 || !map_option(job, at, at + bytes))
			break;
		at += bytes;
	}
	ceint_anonymize_payload(job, at);
}

/* So many addresses, and the options behind them. */
static void discovery(struct ceint_job *job, uint32_t at, int addresses, uint32_t end)
{
	for (; addresses > 0; addresses--, at += 16) {
		if (!ceint_anonymize_at(job, at, 16, end)) {
			ceint_anonymize_discard(job, at);
			return;
		}
	}
	options(job, at, end);
}

void ceint_anonymize_icmpv6(struct ceint_job *job, uint32_t at, uint32_t end)
{
	uint8_t type = job->data[at];

	at += BODY;
	if (type > 0 && type < ICMPV6_ERRORS_END)
		ceint_anonymize_ip_inner(job, at, end);
	else if (type == ICMPV6_ROUTER_SOLICIT)
		discovery(job, at, 0, end);
	else if (type == ICMPV6_ROUTER_ADVERT)
		discovery(job, at + 8, 0, end);
	else if (type == ICMPV6_NEIGHBOR_SOLICIT || type == ICMPV6_NEIGHBOR_ADVERT)
		discovery(job, at, 1, end);
	else if (type == ICMPV6_REDIRECT)
		discovery(job, at, 2, end);
	else if (type >= ICMPV6_MLD_QUERY && type <= ICMPV6_MLD_DONE)
		discovery(job, at, 1, end);
	else
		ceint_anonymize_payload(job, at);
}
