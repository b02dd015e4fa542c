/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format_pcap_int.h - the records of classic savefiles, as bytes.
 *
 * Threads    any thread
 * Ownership  copies
 * Blocking   nothing waits or allocates
 */
#ifndef CE_FORMAT_PCAP_INT_H
#define CE_FORMAT_PCAP_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capengine/batch.h"

/* The bytes of a whole record. */
static inline size_t ceint_pcap_bytes(const struct ce_record *record)
{
	return sizeof(*record) + record->caplen;
}

/* What libpcap would write for a record's fraction in a file of micro- or (nano)
   nanoseconds. */
uint32_t ceint_pcap_fraction(const struct ce_origin *origin, bool nano, uint32_t frac);

/* Write the record to `to`, with its fraction in the file's unit. */
void ceint_pcap_format(unsigned char *to, const struct ce_origin *origin, bool nano,
                       const struct ce_record *record, const void *data);

/* As struct ceint_outfile_options wants it. */
size_t ceint_pcap_whole(const unsigned char *data, size_t size, uint64_t *packets);

#endif
