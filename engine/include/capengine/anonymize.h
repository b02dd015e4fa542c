/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anonymize.h - other addresses in packets: those with a common prefix keep one, and
 * with the same key the same address becomes the same other one (Crypto-PAn).
 *
 *     open(key) -> packet, packet, ... -> close
 *
 * Changed are the addresses of IPv4, IPv6 and ARP, in their options, routing headers,
 * neighbor discovery, and in what ICMP quotes and IP or GRE carry. Checksums of IPv4,
 * TCP, UDP, ICMP, ICMPv6 and GRE are changed by as much as what they cover: one that
 * was wrong stays wrong. Of fragments, each is seen for itself.
 *
 * Everything else is payload, which is kept, cut off or zeroed: also the addresses that
 * DNS, DHCP, IGMP, routing protocols and other tunnels tell of, and those in options
 * of TCP. A header that is broken or captured in part is zeroed from there on, and so
 * is a packet of a link type that decode.h does not have.
 *
 * Threads    one at a time
 * Ownership  the caller owns the anonymizer and the packets
 * Blocking   open allocates, nothing after it does; nothing waits
 */
#ifndef CAPENGINE_ANONYMIZE_H
#define CAPENGINE_ANONYMIZE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_anonymize;

enum { CE_ANONYMIZE_KEY = 32 }; /* AES-128's key, and as many octets of padding */

enum ce_anonymize_payload {
	CE_ANONYMIZE_KEEP,
	CE_ANONYMIZE_CUT,  /* checksums stay those of what was there */
	CE_ANONYMIZE_ZERO, /* checksums follow, but SCTP's */
};

struct ce_anonymize_options {
	unsigned char key[CE_ANONYMIZE_KEY];
	enum ce_anonymize_payload payload; /* what becomes of what is no header */
	bool mac; /* also MAC addresses: a group stays one, the others become local; no
	             prefix is kept, but zeros and the broadcast address are */
};

/* Returns 0 or -ENOMEM. */
int ce_anonymize_open(struct ce_anonymize **anonymize,
                      const struct ce_anonymize_options *options);

/* NULL is fine. */
void ce_anonymize_close(struct ce_anonymize *anonymize);

/*
 * Change a packet of `caplen` bytes in place, of which `len` were on the wire. Returns
 * how many of its bytes are to be kept: all, but with CE_ANONYMIZE_CUT.
 */
uint32_t ce_anonymize_packet(struct ce_anonymize *anonymize, int linktype,
                             unsigned char *data, uint32_t caplen, uint32_t len);

/* Change an address of 4 or 16 bytes, in network byte order. */
void ce_anonymize_address(struct ce_anonymize *anonymize, unsigned char *address,
                          uint32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
