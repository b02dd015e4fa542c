/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batch.h - a slot of the ring: up to 4096 packets as columns over bytes.
 *
 * The producer clears a batch and appends packets; each is copied once, into
 * the arena, behind its pcap record header. Or a part of a savefile is mapped, or
 * read into the arena, and the columns are filled over it. The consumer reads the columns,
 * marks in `selected` which packets it wants and walks them with ce_batch_next. A
 * column is filled once and not changed again.
 *
 *     clear -> append, append, ...  |  select_all, deselect -> next, next, ...
 *     producer                      |  consumer
 *
 * Threads    one at a time: whoever has it from the ring
 * Ownership  the ring owns a batch; the ring, or who lends them to the batch until
 *            clear, its columns and arena. Packets are lent until the batch is released
 * Blocking   only append may allocate: for a packet larger than the arena
 */
#ifndef CAPENGINE_BATCH_H
#define CAPENGINE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <capengine/err.h>
#include <capengine/selection.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	CE_BATCH_PACKETS = 4096, /* most packets in one batch: 12 bits of index */
	CE_BATCH_WORDS = CE_BATCH_PACKETS / 64,
};

/* Where packets come from, as far as it says how they are to be read. */
struct ce_origin {
	int linktype;     /* DLT_ number */
	uint32_t snaplen; /* most bytes that are kept of a packet */
	bool nano;        /* records count nanoseconds, else microseconds */
	bool savefile;    /* from a savefile, */
	bool swapped;     /* which has the other byte order */
};

/* A pcap record header as its source gave it, in host byte order. */
struct ce_record {
	uint32_t sec;    /* seconds since 1970, unsigned */
	uint32_t frac;   /* micro- or nanoseconds (the origin's `nano`); may be >= 1 s */
	uint32_t caplen; /* bytes captured */
	uint32_t len;    /* bytes on the wire; a savefile may say less than caplen */
};

/* How the record header of a packet stands before its bytes. */
enum ce_layout {
	CE_LAYOUT_RECORD,   /* as a struct ce_record */
	CE_LAYOUT_SWAPPED,  /* the same in the other byte order */
	CE_LAYOUT_MODIFIED, /* with eight more bytes behind it */
	CE_LAYOUT_MODIFIED_SWAPPED,
};

struct ce_batch;

/* Whose columns and arena a batch has, where they are not its own. */
struct ce_lender {
	/* The batch needs them no more: called by clear, in the producer's thread. */
	void (*take_back)(struct ce_lender *lender, struct ce_batch *batch);
	/* Of a mapped batch: as ce_batch_check. */
	int (*check)(const struct ce_lender *lender, struct ce_err *err);
};

struct ce_decode;

/* What was lost before the first packet of a batch. */
struct ce_gap {
	uint64_t kernel_drops;    /* packets without room in the kernel's ring */
	uint64_t interface_drops; /* packets that the interface dropped */
};

struct ce_batch {
	/* Columns: entry i is packet i, 0 <= i < count. */
	int64_t *ts_ns;             /* nanoseconds since 1970 */
	uint32_t *caplen;           /* bytes at data[i] */
	uint32_t *len;              /* bytes on the wire */
	const unsigned char **data; /* behind its record header */
	uint32_t count;

	/* The same for all packets of the batch. */
	struct ce_origin origin;
	uint64_t filter;       /* how often the source's own filter had been set */
	struct ce_gap gap;     /* lost before packet 0 */
	uint64_t first_number; /* of packet 0 in its capture, from 1 over all files */

	/* The consumer's. */
	uint64_t sequence; /* a number that no other peek in this process gave */
	uint32_t at;       /* the cursor: packets before it have been handed out */
	uint32_t taken;    /* how many of those were wanted */
	uint64_t selected[CE_BATCH_WORDS]; /* bit i: packet i is wanted */

	/* Where the bytes are. */
	unsigned char *arena;
	size_t arena_bytes;
	size_t arena_used;
	uint32_t capacity;        /* most packets, 1 to CE_BATCH_PACKETS */
	unsigned char *oversize;  /* the one packet that no arena holds, or NULL */
	struct ce_lender *lender; /* whose columns and arena it has; NULL: its own */
	enum ce_layout layout;
	bool mapped; /* packets are in a mapped file, which may be truncated */
	bool near;   /* the thread that fills it has just read all of them */

	/* What was decoded before it was handed over: <capengine/ahead.h>. */
	struct ce_decode *ahead; /* stays with the slot; NULL: none yet */
	bool decoded;            /* `ahead` is of these packets */
};

/*
 * Forget all packets, the gap and the selection; frees an oversize packet and gives
 * a lender its memory back: then the batch has its own again.
 */
void ce_batch_clear(struct ce_batch *batch);

/*
 * Copy a packet of record->caplen bytes to the end of the batch, at ts_ns.
 * Returns 0; -ENOSPC when the batch has no room for it; -ENOMEM when it is
 * larger than the arena, the batch is empty, and memory for it is refused.
 */
int ce_batch_append(struct ce_batch *batch, const struct ce_record *record, int64_t ts_ns,
                    const void *data);

/* True when no further packet fits, whatever its length. */
bool ce_batch_full(const struct ce_batch *batch);

/* The record header of packet i, in host byte order. */
struct ce_record ce_batch_record(const struct ce_batch *batch, uint32_t i);

/*
 * Were the packets' bytes there until now? Whoever computes something from them asks
 * afterwards. Returns 0; -EBADMSG or -EIO when the savefile that they are mapped from was
 * truncated or failed before they end: what was seen of them may have been zeros. A file
 * that is overwritten meanwhile is what it is when it is looked at.
 */
static inline int ce_batch_check(const struct ce_batch *batch, struct ce_err *err)
{
	return batch->mapped ? batch->lender->check(batch->lender, err) : 0;
}

/* Want every packet from the cursor on; before it nothing changes. */
void ce_batch_select_all(struct ce_batch *batch);

/* The number of wanted packets in [from, to). */
uint32_t ce_batch_count_selected(const struct ce_batch *batch, uint32_t from,
                                 uint32_t to);

/* No longer want packet i. */
static inline void ce_batch_deselect(struct ce_batch *batch, uint32_t i)
{
	batch->selected[i / 64] &= ~((uint64_t)1 << i % 64);
}

/* The first wanted packet at or after i; batch->count when there is none. */
static inline uint32_t ce_batch_next(const struct ce_batch *batch, uint32_t i)
{
	return ce_selection_next(batch->selected, i, batch->count);
}

/* Hand out packet i, which is the wanted one at the cursor. */
static inline void ce_batch_hand_out(struct ce_batch *batch, uint32_t i)
{
	batch->at = i + 1;
	batch->taken++;
}

/* Hand out the wanted packet at the cursor: its index; batch->count when none is left. */
static inline uint32_t ce_batch_take(struct ce_batch *batch)
{
	uint32_t i = ce_batch_next(batch, batch->at);

	if (i < batch->count)
		ce_batch_hand_out(batch, i);
	return i;
}

#ifdef __cplusplus
}
#endif

#endif
