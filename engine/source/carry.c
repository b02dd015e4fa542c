/* SPDX-License-Identifier: BSD-3-Clause */
/* carry.c - see carry_int.h. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/source.h"
#include "carry_int.h"

int64_t ceint_stamp_ns(int64_t sec, int64_t frac_ns)
{
	static const int64_t most = INT64_C(4500000000) * 1000000000;
	int64_t ns;

	if (__builtin_mul_overflow(sec, 1000000000, &ns) ||
	    __builtin_add_overflow(ns, frac_ns, &ns))
		return sec < 0 ? -most : most;
	return ns < -most ? -most : ns > most ? most : ns;
}

static int hold(struct ceint_carry *carry, const struct ce_record *record, int64_t ts_ns,
                const unsigned char *data)
{
	if (record->caplen > carry->size) {
		unsigned char *bytes = realloc(carry->bytes, record->caplen);

		if (!bytes)
			return -ENOMEM;
		carry->bytes = bytes;
		carry->size = record->caplen;
	}
	if (record->caplen)
		memcpy(carry->bytes, data, record->caplen);
	carry->record = *record;
	carry->ts_ns = ts_ns;
	carry->held = true;
	return 0;
}

void ceint_carry_packet(unsigned char *user, const struct pcap_pkthdr *header,
                        const unsigned char *data)
{
	struct ceint_carry *carry = (struct ceint_carry *)(void *)user;
	struct ce_record record;
	int64_t ts_ns = carry->stamp(header, &record);
	int rc = -ENOSPC;

	record.caplen = header->caplen;
	record.len = header->len;
	if (carry->source->batch)
		rc = ce_batch_append(carry->source->batch, &record, ts_ns, data);
	if (rc == 0)
		return;
	if (rc == -ENOSPC)
		rc = hold(carry, &record, ts_ns, data);
	carry->failed = rc < 0;
	pcap_breakloop(carry->pcap);
}

int ceint_carry_into_batch(struct ceint_carry *carry)
{
	if (!carry->held)
		return 0;
	carry->held = false;
	return ce_batch_append(carry->source->batch, &carry->record, carry->ts_ns,
	                       carry->bytes);
}

void ceint_carry_close(struct ceint_carry *carry)
{
	free(carry->bytes);
	carry->bytes = NULL;
}
