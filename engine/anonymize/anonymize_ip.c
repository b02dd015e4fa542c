/* SPDX-License-Identifier: BSD-3-Clause */
/* anonymize_ip.c - see anonymize_int.h: the headers of IPv4 and IPv6. Numbers are IANA's. */
#include <string.h>

#include "anonymize/anonymize_int.h"

enum {
	IPV4_HEADER = 20,
	IPV4_CHECKSUM = 10,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV4_OFFSET = 0x1fff,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_RECORD_ROUTE = 7,
	OPTION_TIMESTAMP = 68,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

enum {
	IPV6_HEADER = 40,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
	IPV6_OFFSET = 0xfff8,
	NEXT_HOPOPTS = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AH = 51,
	NEXT_DSTOPTS = 60,
	NEXT_SHIM6 = 140,
	ROUTING_SOURCE = 0,
	ROUTING_MOBILE = 2,
	ROUTING_SEGMENTS = 4,
};

/* What IP says of its payload. */
struct behind {
	uint32_t at;
	uint32_t proto;
	uint32_t destination; /* where the last destination stands: the pseudo header's */
	bool later;           /* a fragment that is not the first */
};

static void payload(struct ceint_job *job, const struct ceint_found *found,
                    const struct behind *behind, struct ceint_pseudo pseudo)
{
	if (found->transport)
		ceint_anonymize_transport(job, found, pseudo);
	else if (behind->later)
		ceint_anonymize_payload(job, behind->at);
	else
		ceint_anonymize_other(job, behind->proto, behind->at, found->captured);
}

/* Every `step` octets an address, in [at, end). */
static void map_list(struct ceint_job *job, uint32_t at, uint32_t step, uint32_t bytes,
                     uint32_t end)
{
	while (ceint_anonymize_at(job, at, bytes, end))
		at += step;
}

static void map_option(struct ceint_job *job, uint32_t at, uint32_t end)
{
	const unsigned char *option = job->data + at;

	switch (option[0]) {
	case OPTION_RECORD_ROUTE:
	case OPTION_LOOSE_ROUTE:
	case OPTION_STRICT_ROUTE:
		map_list(job, at + 3, 4, 4, end);
		break;
	case OPTION_TIMESTAMP:
		if (end - at > 4 && option[3] & 3) /* with addresses */
			map_list(job, at + 4, 8, 4, end);
		break;
	}
}

/* Octets of the option there; 0: it is broken. */
static uint32_t option_bytes(const unsigned char *option, uint32_t left)
{
	if (option[0] == OPTION_NOP)
		return 1;
	return left < 2 || option[1] < 2 || option[1] > left ? 0 : option[1];
}

/* IPv4's options in [at, end), and where the last destination stands. */
static void map_options(struct ceint_job *job, uint32_t at, uint32_t end)
{
	while (at < end && job->data[at] != OPTION_END) {
		uint32_t bytes = option_bytes(job->data + at, end - at);

		if (bytes == 0) {
			memset(job->data + at, OPTION_END, end - at);
			return;
		}
		map_option(job, at, at + bytes);
		at += bytes;
	}
}

/* The last address of a source route that has not been followed to its end. */
static void find_destination(const struct ceint_job *job, struct behind *behind,
                             uint32_t at)
{
	while (at < behind->at && job->data[at] != OPTION_END) {
		const unsigned char *option = job->data + at;
		uint32_t bytes = option_bytes(option, behind->at - at);

		if (bytes == 0)
			return;
		if ((option[0] == OPTION_LOOSE_ROUTE ||
		     option[0] == OPTION_STRICT_ROUTE) &&
		    bytes >= 7 && option[2] <= bytes - 3)
			behind->destination = at + 3 + (bytes - 3) / 4 * 4 - 4;
		at += bytes;
	}
}

static uint32_t sum_addresses(const struct ceint_job *job, uint32_t source,
                              uint32_t destination, uint32_t bytes)
{
	return ceint_sum_add(ceint_sum(job->data + source, bytes),
	                     ceint_sum(job->data + destination, bytes));
}

/* An IPv4 header that is captured whole. */
static void ipv4(struct ceint_job *job, const struct ceint_found *found)
{
	uint32_t at = found->network_at, source = at + IPV4_SOURCE;
	unsigned char *ip = job->data + at;
	uint32_t bytes = (ip[0] & 15u) * 4, before = ceint_sum(ip, bytes);
	struct behind behind = {
		.at = at + bytes,
		.proto = ip[9],
		.destination = at + IPV4_DESTINATION,
		.later = ceint_be16(ip + 6) & IPV4_OFFSET,
	};
	struct ceint_pseudo pseudo;
	uint16_t checksum;

	find_destination(job, &behind, at + IPV4_HEADER);
	pseudo.before = sum_addresses(job, source, behind.destination, 4);
	ceint_anonymize_at(job, source, 4, behind.at);
	ceint_anonymize_at(job, at + IPV4_DESTINATION, 4, behind.at);
	map_options(job, at + IPV4_HEADER, behind.at);
	pseudo.after = sum_addresses(job, source, behind.destination, 4);
	checksum = ceint_checksum_follow(ceint_be16(ip + IPV4_CHECKSUM), before,
	                                 ceint_sum(ip, bytes));
	ceint_put16(ip + IPV4_CHECKSUM, checksum);
	payload(job, found, &behind, pseudo);
}

void ceint_anonymize_ipv4(struct ceint_job *job, const struct ceint_found *found)
{
	if (found->network & CEINT_IP_WHOLE)
		ipv4(job, found);
	else
		ceint_anonymize_discard(job, found->network_at + IPV4_CHECKSUM);
}

static bool is_extension(uint32_t proto)
{
	return proto == NEXT_HOPOPTS || proto == NEXT_ROUTING || proto == NEXT_FRAGMENT ||
	       proto == NEXT_AH || proto == NEXT_DSTOPTS || proto == NEXT_SHIM6;
}

static uint32_t extension_bytes(uint32_t proto, const unsigned char *header)
{
	if (proto == NEXT_FRAGMENT)
		return 8;
	return proto == NEXT_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
}

/* Where the addresses of a routing header end that is `bytes` long; 0: it has none. */
static uint32_t routing_end(const unsigned char *header, uint32_t bytes)
{
	uint32_t all = 8 + (bytes - 8) / 16 * 16, segments = 8 + (header[4] + 1u) * 16;

	if (header[2] == ROUTING_SOURCE || header[2] == ROUTING_MOBILE)
		return all;
	if (header[2] == ROUTING_SEGMENTS)
		return segments < all ? segments : all;
	return 0;
}

/* The last destination of a routing header that has not been followed to its end. */
static void follow_routing(const struct ceint_job *job, struct behind *behind,
                           uint32_t bytes)
{
	const unsigned char *header = job->data + behind->at;
	uint32_t end = routing_end(header, bytes);

	if (end >= 8 + 16 && header[3])
		behind->destination = behind->at +
		                      (header[2] == ROUTING_SEGMENTS ? 8 : end - 16);
}

/*
 * Step over an extension header. False: it is not whole. Options for the destination
 * may tell a mobile host's address: all become padding.
 */
static bool skip_extension(struct ceint_job *job, struct behind *behind, uint32_t end,
                           bool change)
{
	unsigned char *header = job->data + behind->at;
	uint32_t bytes;

	if (behind->at > end || end - behind->at < 8)
		return false;
	bytes = extension_bytes(behind->proto, header);
	if (end - behind->at < bytes)
		return false;
	if (behind->proto == NEXT_ROUTING && change)
		map_list(job, behind->at + 8, 16, 16,
		         behind->at + routing_end(header, bytes));
	else if (behind->proto == NEXT_ROUTING)
		follow_routing(job, behind, bytes);
	else if (behind->proto == NEXT_DSTOPTS && change)
		memset(header + 2, 0, bytes - 2);
	else if (behind->proto == NEXT_FRAGMENT)
		behind->later = ceint_be16(header + 2) & IPV6_OFFSET;
	behind->proto = header[0];
	behind->at += bytes;
	return true;
}

/* Go through the extension headers, and change their addresses or only look at them. */
static bool skip_extensions(struct ceint_job *job, struct behind *behind, uint32_t end,
                            bool change)
{
	while (is_extension(behind->proto) && !behind->later)
		if (!skip_extension(job, behind, end, change))
			return false;
	return true;
}

/* An IPv6 header that is captured whole. */
static void ipv6(struct ceint_job *job, const struct ceint_found *found)
{
	uint32_t at = found->network_at, source = at + IPV6_SOURCE;
	const struct behind start = {.at = at + IPV6_HEADER,
	                             .proto = job->data[at + 6],
	                             .destination = at + IPV6_DESTINATION};
	struct behind behind = start, last = start;
	struct ceint_pseudo pseudo;
	bool whole;

	skip_extensions(job, &last, found->captured, false);
	pseudo.before = sum_addresses(job, source, last.destination, 16);
	ceint_anonymize_at(job, source, 16, start.at);
	ceint_anonymize_at(job, start.destination, 16, start.at);
	whole = skip_extensions(job, &behind, found->captured, true);
	pseudo.after = sum_addresses(job, source, last.destination, 16);
	if (whole)
		payload(job, found, &behind, pseudo);
	else
		ceint_anonymize_discard(job, behind.at);
}

void ceint_anonymize_ipv6(struct ceint_job *job, const struct ceint_found *found)
{
	if (found->network & CEINT_IP_WHOLE)
		ipv6(job, found);
	else
		ceint_anonymize_discard(job, found->network_at + IPV6_SOURCE);
}
