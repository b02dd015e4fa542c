/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_pcap.c - a dump as a classic savefile, byte for byte as libpcap writes it.
 *
 * The length of a frame check sequence is in the upper bits of the header's link
 * type, where libpcap has it from the file that it read, and we from our caller.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/file_header_int.h"
#include "dump_int.h"
#include "file/format_pcap_int.h"

enum {
	LINKTYPE_AT = 20, /* in the header */
	DEFAULT_SNAPSHOT = 262144,
	BORROW = 64 << 10, /* bytes from which a run is written where it stands */
};

/* The header for this link type. 0 or a negative errno. */
static int format_header(struct ce_dump *dump, unsigned char header[CEINT_FILE_HEADER],
                         int wanted, struct ce_err *err)
{
	int snapshot = dump->snapshot ? dump->snapshot : DEFAULT_SNAPSHOT;
	int rc = ceint_file_header(header, wanted, snapshot, dump->nano);
	uint32_t linktype;

	if (rc == -EINVAL)
		return ceint_dump_unknown(dump, wanted, err);
	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", dump->path, strerror(-rc));
	memcpy(&linktype, header + LINKTYPE_AT, sizeof(linktype));
	linktype |= (uint32_t)dump->linktype_ext;
	memcpy(header + LINKTYPE_AT, &linktype, sizeof(linktype));
	return 0;
}

static int begin(struct ce_dump *dump, const struct ce_origin *origin, struct ce_err *err)
{
	unsigned char header[CEINT_FILE_HEADER], *room;
	size_t size;
	int rc = format_header(dump, header, origin->linktype, err);

	if (rc < 0 || !dump->file) /* no file: a question whether it would work */
		return rc;
	rc = ceint_dump_room(dump, sizeof(header), &room, &size);
	if (rc < 0)
		return ceint_dump_fail(dump, rc, err);
	memcpy(room, header, sizeof(header));
	ceint_dump_add(dump, sizeof(header), 0);
	dump->linktype = origin->linktype;
	return 0;
}

static int packet(struct ce_dump *dump, const struct ce_origin *origin,
                  const struct ce_record *record, const void *data)
{
	unsigned char *room;
	size_t size;
	int rc = ceint_dump_room(dump, ceint_pcap_bytes(record), &room, &size);

	if (rc < 0)
		return rc;
	ceint_pcap_format(room, origin, dump->nano, record, data);
	ceint_dump_add(dump, ceint_pcap_bytes(record), 1);
	return 0;
}

/* The packet before which the run from packet i ends, of at most `size` bytes. */
static uint32_t end_of_run(const struct ce_batch *batch,
                           const uint64_t wanted[CE_BATCH_WORDS], uint32_t i,
                           uint32_t end, size_t size)
{
	const unsigned char *from = batch->data[i] - sizeof(struct ce_record);
	const unsigned char *to = batch->data[i] + batch->caplen[i];

	while (++i < end && ceint_is_wanted(wanted, i) &&
	       batch->data[i] - sizeof(struct ce_record) == to &&
	       (size_t)(batch->data[i] + batch->caplen[i] - from) <= size)
		to = batch->data[i] + batch->caplen[i];
	return i;
}

/* Turn the fractions of a second of packets [i, end) into the file's unit. */
static void put_fractions(const struct ce_dump *dump, const struct ce_batch *batch,
                          uint32_t i, uint32_t end, unsigned char *copy)
{
	for (; i < end; i++) {
		uint32_t frac;

		memcpy(&frac, copy + offsetof(struct ce_record, frac), sizeof(frac));
		frac = ceint_pcap_fraction(&batch->origin, dump->nano, frac);
		memcpy(copy + offsetof(struct ce_record, frac), &frac, sizeof(frac));
		copy += sizeof(struct ce_record) + batch->caplen[i];
	}
}

/*
 * Put the lengths of packets [i, end) into the headers of their copies: they were
 * checked, and the file that they are mapped from may have changed since.
 */
static void put_lengths(const struct ce_batch *batch, uint32_t i, uint32_t end,
                        unsigned char *copy)
{
	for (; i < end; i++) {
		const uint32_t lengths[] = {batch->caplen[i], batch->len[i]};

		memcpy(copy + offsetof(struct ce_record, caplen), lengths,
		       sizeof(lengths));
		copy += sizeof(struct ce_record) + batch->caplen[i];
	}
}

/* The bytes of packets [i, end), which stand behind each other from *from on. */
static size_t run_bytes(const struct ce_batch *batch, uint32_t i, uint32_t end,
                        const unsigned char **from)
{
	*from = batch->data[i] - sizeof(struct ce_record);
	return (size_t)(batch->data[end - 1] + batch->caplen[end - 1] - *from);
}

/* Copy packets [i, stop), which stand behind each other; gives their bytes. */
static size_t copy_run(const struct ce_dump *dump, const struct ce_batch *batch,
                       uint32_t i, uint32_t stop, unsigned char *to)
{
	const unsigned char *from;
	size_t bytes = run_bytes(batch, i, stop, &from);

	memcpy(to, from, bytes);
	if (batch->mapped)
		put_lengths(batch, i, stop, to);
	if (batch->origin.nano != dump->nano)
		put_fractions(dump, batch, i, stop, to);
	return bytes;
}

/* Is every packet in [i, end) to be written as it stands, and is that worth a write? */
static bool is_long_run(const struct ce_dump *dump, const struct ce_batch *batch,
                        const uint64_t wanted[CE_BATCH_WORDS], uint32_t i, uint32_t end)
{
	return !dump->packer && batch->origin.nano == dump->nano && !batch->mapped &&
	       ceint_outfile_borrows(dump->file) &&
	       batch->data[end - 1] - batch->data[i] >= BORROW &&
	       end_of_run(batch, wanted, i, end, SIZE_MAX) == end;
}

/* Copy packets from *i on into the room that there is. As ceint_dump_gather. */
static int copy_runs(struct ce_dump *dump, const struct ce_batch *batch,
                     const uint64_t wanted[CE_BATCH_WORDS], uint32_t *i, uint32_t end,
                     struct ce_err *err)
{
	size_t size, used = 0;
	unsigned char *room;
	uint32_t next = *i, stop, packets = 0;
	int rc;

	if (ceint_dump_room(dump, sizeof(struct ce_record) + batch->caplen[next], &room,
	                    &size) < 0)
		return 0;
	while (next < end &&
	       sizeof(struct ce_record) + batch->caplen[next] <= size - used) {
		stop = end_of_run(batch, wanted, next, end, size - used);
		used += copy_run(dump, batch, next, stop, room + used);
		packets += stop - next;
		next = ceint_next_wanted(wanted, stop, end);
	}
	rc = ce_batch_check(batch, err); /* before anything goes on to the disk */
	if (rc < 0)
		return rc;
	ceint_dump_add(dump, used, packets);
	dump->packets += packets;
	*i = next;
	return 1;
}

/* Write packets [*i, end) from where they are. As ceint_dump_gather. */
static int borrow_run(struct ce_dump *dump, const struct ce_batch *batch, uint32_t *i,
                      uint32_t end, struct ce_err *err)
{
	const unsigned char *from;
	size_t bytes = run_bytes(batch, *i, end, &from);
	int rc = ceint_outfile_borrow(dump->file, from, bytes, end - *i);

	if (rc < 0)
		return ceint_dump_fail(dump, rc, err);
	dump->packets += end - *i;
	*i = end;
	return 1;
}

int ceint_dump_gather(struct ce_dump *dump, const struct ce_batch *batch,
                      const uint64_t wanted[CE_BATCH_WORDS], uint32_t *i, uint32_t end,
                      struct ce_err *err)
{
	if (dump->format != &ceint_dump_pcap || !dump->begun ||
	    batch->origin.linktype != dump->linktype || batch->layout != CE_LAYOUT_RECORD)
		return 0;
	if (is_long_run(dump, batch, wanted, *i, end))
		return borrow_run(dump, batch, i, end, err);
	return copy_runs(dump, batch, wanted, i, end, err);
}

const struct ceint_format ceint_dump_pcap = {
	.begin = begin,
	.packet = packet,
	.whole = ceint_pcap_whole,
};
