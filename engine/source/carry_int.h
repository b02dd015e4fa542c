/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * carry_int.h - from libpcap's callback into a batch.
 *
 * libpcap hands a packet over before anybody knows that it does not fit; such
 * a packet is carried over in a buffer of its own, and goes first into the
 * next batch. Nothing is lost and nothing waits inside the callback.
 *
 * Threads    the source's
 * Ownership  the source owns the struct; close frees the buffer
 * Blocking   allocates for a carried packet that is larger than all before it
 */
#ifndef CE_CARRY_INT_H
#define CE_CARRY_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capengine/batch.h"

struct ce_source;
struct pcap;
struct pcap_pkthdr;

struct ceint_carry {
	struct ce_source *source; /* whose batch is filled */
	struct pcap *pcap;
	/* How this source's libpcap stamps are to be read. */
	int64_t (*stamp)(const struct pcap_pkthdr *header, struct ce_record *record);
	/* The packet that waits for the next batch. */
	struct ce_record record;
	int64_t ts_ns;
	uint64_t filters; /* set by who calls back: which filter has chosen it */
	unsigned char *bytes;
	size_t size;
	bool held;
	bool failed; /* no memory to carry a packet */
};

/* pcap_dispatch's callback; user is the struct ceint_carry. */
void ceint_carry_packet(unsigned char *user, const struct pcap_pkthdr *header,
                        const unsigned char *data);

/*
 * Put the held packet, if there is one, first into the source's batch, which
 * is then empty. 0 or -ENOMEM.
 */
int ceint_carry_into_batch(struct ceint_carry *carry);

void ceint_carry_close(struct ceint_carry *carry);

/* Seconds and nanoseconds as one stamp, kept within 4.5e9 seconds of 1970: so
   that the difference of two fits too. */
int64_t ceint_stamp_ns(int64_t sec, int64_t frac_ns);

#endif
