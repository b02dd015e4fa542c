/* SPDX-License-Identifier: BSD-3-Clause */
/* plain.c - see plain_int.h; the format is that of pcap-savefile(5). */
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

#include "capengine/batch.h"
#include "plain_int.h"

enum {
	FILE_HEADER = 24,
	MOST_CAPLEN = 262144, /* libpcap's limit for all but a few link types */
};

/* libpcap corrects the lengths of these packets. */
static bool is_corrected(int linktype)
{
	return linktype == DLT_USB_LINUX_MMAPPED;
}

void ceint_plain_open(struct ceint_plain *plain, struct pcap *pcap, int fd, off_t start,
                      const unsigned char first[4])
{
	int snapshot = pcap_snapshot(pcap);
	uint32_t magic;

	memcpy(&magic, first, sizeof(magic));
	*plain = (struct ceint_plain){.fd = -1};
	if ((magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) || snapshot <= 0 ||
	    pcap_major_version(pcap) != 2 || pcap_minor_version(pcap) != 4 ||
	    is_corrected(pcap_datalink(pcap)))
		return;
	plain->fd = fd;
	plain->at = start + FILE_HEADER;
	plain->most = snapshot < MOST_CAPLEN ? (uint32_t)snapshot : MOST_CAPLEN;
	plain->unit_ns = magic == 0xa1b23c4d ? 1 : 1000;
}

/* Make packets of the plain records among the arena's first `bytes`. */
static void walk(const struct ceint_plain *plain, struct ce_batch *batch, size_t bytes)
{
	const unsigned char *at = batch->arena, *end = at + bytes;
	uint32_t i = 0;

	while (i < batch->capacity && (size_t)(end - at) >= sizeof(struct ce_record)) {
		struct ce_record record;

		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if (record.caplen > plain->most || record.caplen > (size_t)(end - at))
			break;
		batch->ts_ns[i] = record.sec * INT64_C(1000000000) +
		                  record.frac * plain->unit_ns;
		batch->caplen[i] = record.caplen;
		batch->len[i] = record.len;
		batch->data[i++] = at;
		at += record.caplen;
		batch->arena_used = (size_t)(at - batch->arena);
	}
	batch->count = i;
}

uint32_t ceint_plain_read(struct ceint_plain *plain, struct ce_batch *batch)
{
	ssize_t got;

	do
		got = pread(plain->fd, batch->arena, batch->arena_bytes, plain->at);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		walk(plain, batch, (size_t)got);
	plain->at += (off_t)batch->arena_used;
	return batch->count;
}
