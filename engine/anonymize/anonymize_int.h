/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anonymize_int.h - a packet while its addresses are changed: anonymize.c finds its
 * headers and begins, anonymize_ip.c and anonymize_icmp.c go on.
 *
 * A header is changed from the outside in, and its checksum when all within it has been
 * changed. Whoever finds no further header says where they end: once for each packet,
 * by payload or discard.
 *
 * Threads    one at a time
 * Ownership  the packet is lent until ce_anonymize_packet returns
 * Blocking   nothing waits or allocates
 */
#ifndef CE_ANONYMIZE_INT_H
#define CE_ANONYMIZE_INT_H

#include "anonymize/checksum_int.h"
#include "capengine/anonymize.h"
#include "decode/layers_int.h"

struct ceint_job {
	struct ce_anonymize *anonymize;
	unsigned char *data;
	uint32_t caplen;
	uint32_t headers; /* end here */
	unsigned depth;   /* of packets in packets */
};

/* Where the headers of a packet, or of one within it, stand in job->data. */
struct ceint_found {
	uint8_t network;   /* enum ceint_network */
	uint8_t transport; /* enum ceint_transport; 0: none that is known */
	uint32_t network_at;
	uint32_t transport_at;
	uint32_t end;      /* of what is captured of it */
	uint32_t captured; /* the same of IP's payload */
};

/* The sum of a pseudo header's addresses. */
struct ceint_pseudo {
	uint32_t before, after;
};

/* anonymize.c */

void ceint_anonymize_mac(struct ceint_job *job, uint32_t at);

/* Change the address of `bytes` octets there, if it ends before `end`. */
bool ceint_anonymize_at(struct ceint_job *job, uint32_t at, uint32_t bytes, uint32_t end);

/* Change a whole packet that stands there, as in a tunnel. */
void ceint_anonymize_inner(struct ceint_job *job, int linktype, uint32_t at,
                           uint32_t end);

void ceint_anonymize_ip_inner(struct ceint_job *job, uint32_t at, uint32_t end);

/* Behind the headers, which end here: do with it what the options say. */
void ceint_anonymize_payload(struct ceint_job *job, uint32_t at);

/* What is here is broken, and might be anything: none of it is shown. */
void ceint_anonymize_discard(struct ceint_job *job, uint32_t at);

/* Does a payload change, so that checksums over it do? */
bool ceint_anonymize_zeroes(const struct ceint_job *job);

/* anonymize_ip.c */
void ceint_anonymize_ipv4(struct ceint_job *job, const struct ceint_found *found);
void ceint_anonymize_ipv6(struct ceint_job *job, const struct ceint_found *found);

/* anonymize_transport.c */

/* TCP, UDP, ICMP ..., where found->transport says that there is one. */
void ceint_anonymize_transport(struct ceint_job *job, const struct ceint_found *found,
                               struct ceint_pseudo pseudo);

/* What else IP carries, by its protocol's number. */
void ceint_anonymize_other(struct ceint_job *job, uint32_t proto, uint32_t at,
                           uint32_t end);

/* anonymize_icmp.c: behind the checksum, which the caller sees to */
void ceint_anonymize_icmp(struct ceint_job *job, uint32_t at, uint32_t end);
void ceint_anonymize_icmpv6(struct ceint_job *job, uint32_t at, uint32_t end);

#endif
