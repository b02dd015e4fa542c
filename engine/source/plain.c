/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain.c - see plain_int.h; the format is that of pcap-savefile(5).
 *
 * A window is divided by bounds: a batch has the records that begin between two of
 * them. Every second part is offered to who waits for packets: see piece_int.h. Bounds
 * depend on nothing but the file, and so do batches.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "piece_int.h"
#include "plain_int.h"
#include "window_int.h"

enum {
	FILE_HEADER = 24,
	MOST_CAPLEN = 262144, /* libpcap's limit for all but a few link types */
	PAGE = 4096,
	WINDOW = 4 * CEINT_WINDOW_UNIT,
	BATCH = 2 << 20, /* most bytes of a batch: so few windows are mapped at once */
	LEAST_PART = 64 << 10, /* bytes between two bounds: less is not worth a helper */
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
                      struct ceint_piece *piece)
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
	plain->name = name;
	plain->window_bytes = WINDOW;
}

/* Nobody looks into the window for it any more. */
static void forget_piece(struct ceint_plain *plain)
{
	if (plain->piece && plain->piece->offered)
		ceint_piece_settle(plain->piece, NULL, NULL);
}

void ceint_plain_close(struct ceint_plain *plain)
{
	forget_piece(plain);
	ceint_window_release(plain->window);
	plain->window = NULL;
	plain->fd = -1;
}

static void read_arena(struct ceint_plain *plain, struct ce_batch *batch)
{
	struct ceint_run run = {.at = batch->arena};
	ssize_t got;

	do
		got = pread(plain->fd, batch->arena, batch->arena_bytes, plain->at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return;
	run.end = run.last = run.at + got;
	batch->arena_used =
		(size_t)(ceint_records_walk(&plain->records, batch, &run) - run.at);
	plain->at += (off_t)batch->arena_used;
}

/*
 * Have a window over the next record. Records that begin in its first window_bytes
 * end in it, unless the file does: behind them there is room for the longest. False:
 * the file has no more bytes than the window that is there, or cannot be mapped.
 */
static bool have_window(struct ceint_plain *plain)
{
	struct ceint_window *window = plain->window;
	off_t offset = plain->at - plain->at % (off_t)plain->window_bytes;
	size_t size = plain->window_bytes + CEINT_MODIFIED + plain->records.most;
	struct stat status;

	size += (PAGE - size % PAGE) % PAGE;
	if (window && window->offset == offset && window->size == size)
		return true;
	if (fstat(plain->fd, &status) < 0 || status.st_size <= plain->at)
		return false;
	if (status.st_size - offset < (off_t)size)
		size = (size_t)(status.st_size - offset);
	if (window && window->offset == offset && window->size >= size)
		return true;
	forget_piece(plain);
	ceint_window_release(window);
	plain->window = ceint_window_open(plain->fd, offset, size, plain->name);
	return plain->window;
}

/*
 * Which way is cheapest was measured. Where somebody waits, it is to fetch headers only;
 * else to fetch all, for whoever looks at the packets then.
 */
static enum ceint_reach reach_of(size_t average, bool awaited)
{
	enum { DENSE = 192, FAR_APART = 4096 };

	if (average >= FAR_APART)
		return CEINT_NEAR;
	return awaited && average >= DENSE ? CEINT_SPARSE : CEINT_DENSE;
}

/*
 * Divide the rest of a window into pairs of parts, as large as a batch has room for, and
 * offer the second of the first pair. It is the smaller one: whoever walks it has also to
 * look at the packets of both.
 */
static bool offer_piece(struct ceint_plain *plain, const struct ceint_run *rest,
                        const struct ce_batch *batch)
{
	enum { FIRST = 6, BOTH = 11 };
	size_t bytes = (size_t)(rest->last - rest->at);
	size_t most = batch->capacity * plain->average / 16 * 15; /* of the first */
	struct ceint_run run = *rest;
	size_t pair;

	if (most > BATCH)
		most = BATCH;
	if (most < LEAST_PART || bytes < LEAST_PART)
		return false;
	pair = bytes / (bytes / (most / FIRST * BOTH) + 1);
	run.at += pair / BOTH * FIRST;
	run.last = rest->at + pair;
	run.reach = reach_of(plain->average, true);
	ceint_piece_offer(plain->piece, &plain->records, &run, plain->sec, batch);
	return true;
}

/* Fill the batch with the records between two bounds. Gives where they end. */
static const unsigned char *read_part(struct ceint_plain *plain, struct ce_batch *batch,
                                      struct ceint_run *rest)
{
	struct ceint_piece *piece = plain->piece;
	const unsigned char *end;

	if (piece->offered && rest->at >= piece->run.at) {
		end = ceint_piece_settle(piece, rest->at, batch);
		plain->awaited = end != NULL;
		if (end)
			return end;
		if (rest->at < piece->run.last)
			rest->last = piece->run.last;
	} else if (piece->offered || offer_piece(plain, rest, batch)) {
		rest->last = piece->run.at;
	}
	if (rest->last - rest->at > BATCH)
		rest->last = rest->at + BATCH;
	ceint_window_touch(rest->at, rest->last);
	batch->near = rest->reach == CEINT_DENSE;
	return ceint_records_walk(&plain->records, batch, rest);
}

static void read_window(struct ceint_plain *plain, struct ce_batch *batch)
{
	const struct ceint_window *window = plain->window;
	const unsigned char *at = window->bytes + (plain->at - window->offset);
	struct ceint_run rest = {.at = at,
	                         .end = window->bytes + window->size,
	                         .last = window->bytes + plain->window_bytes,
	                         .reach = reach_of(plain->average, plain->awaited)};
	size_t bytes;

	if (rest.last > rest.end)
		rest.last = rest.end;
	bytes = (size_t)(read_part(plain, batch, &rest) - at);
	plain->at += (off_t)bytes;
	if (!batch->count)
		return;
	plain->average = bytes / batch->count;
	plain->sec = (uint32_t)(batch->ts_ns[batch->count - 1] / 1000000000);
	ceint_window_lend(plain->window, batch);
}

int ceint_plain_read(struct ceint_plain *plain, struct ce_batch *batch,
                     struct ce_err *err)
{
	int rc;

	if (!have_window(plain)) {
		read_arena(plain, batch);
		return (int)batch->count;
	}
	read_window(plain, batch);
	rc = ceint_window_check(plain->window, err);
	if (rc < 0) {
		ce_batch_clear(batch);
		return rc;
	}
	return (int)batch->count;
}
