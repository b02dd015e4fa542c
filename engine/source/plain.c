/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain.c - see plain_int.h; the format is that of pcap-savefile(5).
 *
 * A file is divided into parts: a batch has the records that begin in one of them. Who
 * waits for packets may read some: see piece_int.h. Parts depend on nothing but the file,
 * and so do batches.
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
                      const unsigned char first[4], const char *name,
                      struct ceint_pieces *pieces, struct ceint_ways *ways)
{
	int snapshot = pcap_snapshot(pcap);

	*plain = (struct ceint_plain){.fd = -1, .pieces = pieces, .ways = ways};
	if (!recognize(plain, first) || snapshot <= 0 || pcap_major_version(pcap) != 2 ||
	    pcap_minor_version(pcap) != 4 ||
	    !is_handed_over(pcap_datalink(pcap),
	                    plain->records.layout & CE_LAYOUT_SWAPPED))
		return;
	plain->fd = fd;
	plain->at = plain->offered = start + FILE_HEADER;
	plain->records.most = snapshot < MOST_CAPLEN ? (uint32_t)snapshot : MOST_CAPLEN;
	plain->mapping =
		ceint_mapping_open(fd, ceint_records_longest(&plain->records), name);
	ceint_ways_begin(ways, plain->at);
}

void ceint_plain_close(struct ceint_plain *plain)
{
	if (plain->fd >= 0)
		ceint_pieces_withdraw(plain->pieces);
	ceint_mapping_release(plain->mapping);
	plain->mapping = NULL;
	plain->fd = -1;
}

/*
 * How large a part is. While nothing is known of the file it is nearly all that there is
 * room for, so that a small file is one batch.
 */
static size_t part_bytes(const struct ceint_plain *plain, const struct ce_batch *batch)
{
	size_t filling = batch->capacity * plain->average / 16 * 15;
	/* What is left of the arena is for what a last record lacks. */
	size_t bytes = batch->arena_bytes / 16 * 9;

	if (!plain->average)
		return batch->arena_bytes / 16 * 15;
	return filling < bytes ? filling : bytes;
}

/* The part behind the last one, or behind `at` where that is further. */
static struct ceint_part next_part(struct ceint_plain *plain, size_t bytes)
{
	enum { DENSE = 192 }; /* bytes: most lines of memory have a header */
	const off_t from = plain->offered > plain->at ? plain->offered : plain->at;
	const enum ceint_way way =
		plain->mapping
			? ceint_ways_choose(plain->ways, from,
	                                    !ceint_mapping_has_small(plain->mapping))
			: CEINT_READ;

	return (struct ceint_part){
		.fd = plain->fd,
		.mapping = way == CEINT_READ ? NULL : plain->mapping,
		.least = way == CEINT_MAP_ALL ? CEINT_SMALL : CEINT_LARGE,
		.sparse = plain->average >= DENSE,
		.from = from,
		.last = from + (off_t)bytes,
	};
}

/* Offer as many as there may be, at any time: so their sizes follow from what was read
   before. Not where records are so long that the first one cannot be guessed. */
static void offer_parts(struct ceint_plain *plain, const struct ce_batch *batch)
{
	enum { RECORDS = 8 };
	const size_t bytes = part_bytes(plain, batch);
	struct ceint_part part = next_part(plain, bytes);

	while (plain->average && plain->average * RECORDS <= bytes &&
	       bytes >= LEAST_PART &&
	       ceint_pieces_offer(plain->pieces, &plain->records, &part, plain->sec,
	                          batch)) {
		plain->offered = part.last;
		part = next_part(plain, bytes);
	}
}

/* Go on to the next part, and fill the batch with its first records. Gives where they
   end. */
static off_t read_next(struct ceint_plain *plain, struct ce_batch *batch)
{
	struct ceint_pieces *pieces = plain->pieces;

	offer_parts(plain, batch);
	if (pieces->count) {
		plain->part = ceint_pieces_oldest(pieces);
		return ceint_pieces_settle(pieces, plain->at, batch);
	}
	plain->part = next_part(plain, part_bytes(plain, batch));
	plain->offered = plain->part.last;
	return ceint_pieces_read(pieces, &plain->records, &plain->part, plain->at, batch);
}

/* Fill the batch with the records of a part, or of what is left of it. Gives where they
   end. */
static off_t read_part(struct ceint_plain *plain, struct ce_batch *batch)
{
	off_t end = plain->at;

	while (!batch->count && plain->at >= plain->part.last)
		end = read_next(plain, batch);
	if (batch->count)
		return end;
	plain->part.from = plain->at; /* what is left: a long one has the whole arena */
	return ceint_pieces_read(plain->pieces, &plain->records, &plain->part, plain->at,
	                         batch);
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
