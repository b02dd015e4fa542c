/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain.c - see plain_int.h; the format is that of pcap-savefile(5).
 *
 * A file is divided into parts: a batch has the records that begin in one of them. Every
 * second part is offered to who waits for packets: see piece_int.h. Parts depend on
 * nothing but the file, and so do batches.
 */
#include <pcap/pcap.h>
#include <string.h>

#include "plain_int.h"

enum {
	FILE_HEADER = 24,
	MOST_CAPLEN = 262144,  /* libpcap's limit for all but a few link types */
	LEAST_PART = 64 << 10, /* bytes: to read less is not worth a helper */
};

/* Does libpcap hand the packets over as they stand in the file? */
static bool is_handed_over(int linktype, bool swapped)
{
	switch (linktype) {
	case DLT_USB_LINUX_MMAPPED: /* lengths corrected */
		return false;
	case DLT_LINUX_SLL: /* headers put into host order */
	case DLT_PFLOG:
	case DLT_USB_LINUX:
	case DLT_NFLOG:
		return !swapped;
	default:
		return true;
	}
}

/* What the file's magic number says. False: nothing plain. */
static bool recognize(struct ceint_plain *plain, const unsigned char first[4])
{
	static const struct {
		uint32_t magic;
		int64_t unit_ns;
		enum ce_layout layout;
	} kinds[] = {
		{0xa1b2c3d4, 1000, CE_LAYOUT_RECORD},
		{0xa1b23c4d, 1, CE_LAYOUT_RECORD},
		{0xa1b2cd34, 1000, CE_LAYOUT_MODIFIED},
	};
	uint32_t magic;

	memcpy(&magic, first, sizeof(magic));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		bool swapped = magic == __builtin_bswap32(kinds[i].magic);

		if (!swapped && magic != kinds[i].magic)
			continue;
		plain->records.unit_ns = kinds[i].unit_ns;
		plain->records.layout = kinds[i].layout |
		                        (swapped ? CE_LAYOUT_SWAPPED : 0);
		return true;
	}
	return false;
}

void ceint_plain_open(struct ceint_plain *plain, struct pcap *pcap, int fd, off_t start,
                      const unsigned char first[4], struct ceint_piece *piece)
{
	int snapshot = pcap_snapshot(pcap);

	*plain = (struct ceint_plain){.fd = -1, .piece = piece};
	if (!recognize(plain, first) || snapshot <= 0 || pcap_major_version(pcap) != 2 ||
	    pcap_minor_version(pcap) != 4 ||
	    !is_handed_over(pcap_datalink(pcap),
	                    plain->records.layout & CE_LAYOUT_SWAPPED))
		return;
	plain->fd = fd;
	plain->at = start + FILE_HEADER;
	plain->records.most = snapshot < MOST_CAPLEN ? (uint32_t)snapshot : MOST_CAPLEN;
}

void ceint_plain_close(struct ceint_plain *plain)
{
	if (plain->fd >= 0) /* nobody reads for it any more */
		ceint_piece_settle(plain->piece, -1, NULL);
	plain->fd = -1;
}

/*
 * Divide what comes into a pair of parts, as large as a batch has room for, and offer
 * the second. It is the smaller one: whoever reads it has also to look at the packets of
 * both. Gives where the first ends. While nothing is known of the file it is nearly all
 * that there is room for, so that a small file is one batch.
 */
static off_t divide(struct ceint_plain *plain, const struct ce_batch *batch)
{
	enum { FIRST = 6, SECOND = 5 };
	size_t filling = batch->capacity * plain->average / 16 * 15;
	size_t bytes = batch->arena_bytes / 16 * 15;

	if (plain->average) {
		bytes = batch->arena_bytes / 2; /* the rest is for what a record lacks */
		bytes = filling < bytes ? filling : bytes;
	}
	plain->second.fd = plain->fd;
	plain->second.from = plain->second.last = plain->at + (off_t)bytes;
	if (plain->average && bytes >= LEAST_PART) {
		plain->second.last += (off_t)(bytes / FIRST * SECOND);
		ceint_piece_offer(plain->piece, &plain->records, &plain->second,
		                  plain->sec, batch);
	}
	return plain->second.from;
}

/* Fill the batch with the records of a part, or of what is left of it. Gives where they
   end. */
static off_t read_part(struct ceint_plain *plain, struct ce_batch *batch)
{
	struct ceint_part part = {plain->fd, plain->at, plain->second.from};
	off_t end;

	if (plain->at >= plain->second.from) {
		end = ceint_piece_settle(plain->piece, plain->at, batch);
		if (end >= 0)
			return end;
		if (plain->at < plain->second.last)
			part = plain->second;
		else
			part.last = divide(plain, batch);
	}
	batch->near = true;
	end = ceint_part_read(&part, &plain->records, plain->at, batch);
	if (batch->count || part.from == plain->at)
		return end;
	part.from = plain->at; /* for a long one there is room at the arena's begin */
	return ceint_part_read(&part, &plain->records, plain->at, batch);
}

uint32_t ceint_plain_read(struct ceint_plain *plain, struct ce_batch *batch)
{
	const off_t begin = plain->at;

	plain->at = read_part(plain, batch);
	if (!batch->count)
		return 0;
	plain->average = (size_t)(plain->at - begin) / batch->count;
	plain->sec = (uint32_t)(batch->ts_ns[batch->count - 1] / 1000000000);
	return batch->count;
}
