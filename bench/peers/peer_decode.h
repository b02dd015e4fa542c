/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_decode.h - finds the outermost IP packet and its ports, for the peers in C.
 *
 * Ethernet, any number of VLAN tags, IPv4, IPv6 with its extension headers.
 * Nothing is read past the bytes that were captured.
 *
 * Threads    any
 * Ownership  what is found is lent as long as the packet is
 * Blocking   nothing
 */
#ifndef PEER_DECODE_H
#define PEER_DECODE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct ip {
	const uint8_t *src, *dst;       /* 4 bytes or 16 */
	const uint8_t *transport, *end; /* equal in a later fragment */
	uint8_t version, proto;
};

static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Step over the extension headers of IPv6; ends at the first other one. */
static inline void skip_extensions(struct ip *ip)
{
	while (ip->end - ip->transport >= 8) {
		const uint8_t *at = ip->transport;

		if (ip->proto == IPPROTO_FRAGMENT) {
			ip->transport = get16(at + 2) & ~7 ? ip->end : at + 8;
		} else if (ip->proto == IPPROTO_AH) {
			ip->transport += at[1] * 4 + 8;
		} else if (ip->proto == IPPROTO_HOPOPTS || ip->proto == IPPROTO_ROUTING ||
		           ip->proto == IPPROTO_DSTOPTS) {
			ip->transport += at[1] * 8 + 8;
		} else {
			return;
		}
		ip->proto = at[0];
	}
}

static inline bool decode_ipv4(const uint8_t *at, const uint8_t *end, struct ip *ip)
{
	const int header = (at[0] & 15) * 4;

	if (end - at < 20 || at[0] >> 4 != 4 || header < 20 || end - at < header)
		return false;
	*ip = (struct ip){at + 12, at + 16, at + header, end, 4, at[9]};
	if (get16(at + 6) & 0x1fff)
		ip->transport = end;
	return true;
}

static inline bool decode_ipv6(const uint8_t *at, const uint8_t *end, struct ip *ip)
{
	if (end - at < 40 || at[0] >> 4 != 6)
		return false;
	*ip = (struct ip){at + 8, at + 24, at + 40, end, 6, at[6]};
	skip_extensions(ip);
	return true;
}

/* Find the outermost IP packet of a frame; false if it has none. */
static inline bool decode(const uint8_t *frame, uint32_t caplen, struct ip *ip)
{
	const uint8_t *end = frame + caplen, *at = frame + 14;
	uint16_t type;

	if (caplen < 34)
		return false;
	type = get16(frame + 12);
	while ((type == 0x8100 || type == 0x88a8) && end - at >= 4) {
		type = get16(at + 2);
		at += 4;
	}
	if (type == 0x0800 && at < end)
		return decode_ipv4(at, end, ip);
	return type == 0x86dd && at < end && decode_ipv6(at, end, ip);
}

/* Is it TCP to port 443, or with SYN set? Without branches, which no CPU guesses. */
static inline bool matches(const struct ip *ip)
{
	enum { HTTPS = 443, SYN = 2 };

	if (ip->end - ip->transport < 14)
		return false;
	return (ip->proto == IPPROTO_TCP) &
	       ((get16(ip->transport + 2) == HTTPS) | ((ip->transport[13] & SYN) != 0));
}

/* Does it have ports that make it part of a flow? */
static inline bool has_ports(const struct ip *ip)
{
	return (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) &&
	       ip->end - ip->transport >= 4;
}

#endif
