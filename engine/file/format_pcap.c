/* SPDX-License-Identifier: BSD-3-Clause */
/* format_pcap.c - see format_pcap_int.h. */
#include <string.h>

#include "format_pcap_int.h"

/*
 * libpcap takes the fraction of a savefile in this host's byte order as signed, which
 * shows where it is 2^31 or more.
 */
uint32_t ceint_pcap_fraction(const struct ce_origin *origin, bool nano, uint32_t frac)
{
	int64_t from = origin->savefile && !origin->swapped ? (int32_t)frac
	                                                    : (int64_t)frac;

	if (origin->nano == nano)
		return frac;
	return (uint32_t)(origin->nano ? from / 1000 : from * 1000);
}

void ceint_pcap_format(unsigned char *to, const struct ce_origin *origin, bool nano,
                       const struct ce_record *record, const void *data)
{
	struct ce_record out = *record;

	out.frac = ceint_pcap_fraction(origin, nano, record->frac);
	memcpy(to, &out, sizeof(out));
	if (record->caplen) /* else data may be NULL */
		memcpy(to + sizeof(out), data, record->caplen);
}

size_t ceint_pcap_whole(const unsigned char *data, size_t size, uint64_t *packets)
{
	struct ce_record record;
	size_t at = 0;

	for (*packets = 0; size - at >= sizeof(record); ++*packets) {
		memcpy(&record, data + at, sizeof(record));
		if (size - at < ceint_pcap_bytes(&record))
			break;
		at += ceint_pcap_bytes(&record);
	}
	return at;
}
