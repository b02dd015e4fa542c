/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_int.h - what the files of a dump share: its state, its formats, and where
 * their bytes go.
 *
 *     dump.c: packets -> dump_pcap.c or dump_pcapng.c: bytes -> dump_out.c: file
 *
 * Threads    one at a time
 * Ownership  the dump owns what it points to, unless a comment says otherwise
 * Blocking   as dump.h says
 */
#ifndef CE_DUMP_INT_H
#define CE_DUMP_INT_H

#include "capengine/dump.h"
#include "file/outfile_int.h"
#include "file/packer_int.h"

struct ce_dump_pool {
	struct ceint_pool *files;
	struct ceint_packer *packers[CEINT_ZSTD + 1]; /* once needed */
};

struct ceint_format {
	/* What stands before the first packet, which is of this origin. */
	int (*begin)(struct ce_dump *dump, const struct ce_origin *origin,
	             struct ce_err *err);

	/* 0; -EAGAIN: no room, the packet is dropped; or what ended the file. */
	int (*packet)(struct ce_dump *dump, const struct ce_origin *origin,
	              const struct ce_record *record, const void *data);

	/* What stands behind the last packet, or the rest of it where there was no room;
	   NULL: nothing. */
	int (*finish)(struct ce_dump *dump);

	size_t (*whole)(const unsigned char *data, size_t size, uint64_t *packets);
	bool mixed; /* it holds packets of several link types */
};

extern const struct ceint_format ceint_dump_pcap;
extern const struct ceint_format ceint_dump_pcapng;

/* An interface of a pcapng file. */
struct ceint_interface {
	uint64_t source;
	int linktype;
	uint32_t snaplen;
	struct ce_stats stats; /* of the source, */
	bool counted;          /* once they are known */
	uint64_t written;
	uint64_t first, last; /* stamps */
};

/* A struct ce_dump_from that owns its texts; NULL: unknown. */
struct ceint_from {
	uint64_t source;
	char *name;
	char *filter;
};

struct ce_dump {
	struct ce_dump_pool *own; /* the pool, if nobody else has it */
	struct ceint_outfile *file;
	struct ceint_packer *packer; /* the pool's; NULL: nothing is compressed */
	struct ceint_frame *frame;   /* what is gathered; NULL: nothing */
	uint64_t unpacked;           /* bytes that ever were in frames */
	size_t given;                /* bytes that are being compressed, */
	uint64_t given_packets;      /* and the packets in them */
	size_t queue;                /* about as many may be; 0: then one waits */
	const struct ceint_format *format;
	char *path;
	int linktype; /* of all packets, or CE_DUMP_ANY_LINKTYPE */
	int linktype_ext;
	int snapshot;
	bool nano;
	bool begun;
	uint64_t packets; /* to be written */
	uint64_t dropped;

	/* pcapng's. */
	struct ceint_from from; /* of the packets to come */
	struct ceint_interface *interfaces;
	uint32_t interface_count;
	uint32_t finished; /* interfaces whose statistics stand in the file */

	/* What the next packet is to say. */
	struct ce_gap gap;
	uint64_t gap_drops;    /* our own */
	uint64_t gap_sequence; /* of the batch whose gap was seen */
	const char *comment;   /* lent; NULL: none */
	size_t comment_size;
};

/* Copy `lent` in the place of what was there. 0; or -ENOMEM: then that stays. */
int ceint_from_set(struct ceint_from *from, const struct ce_dump_from *lent);

void ceint_from_close(struct ceint_from *from);

/* Gather for this compression from now on. 0 or -ENOMEM. */
int ceint_dump_compress(struct ce_dump *dump, struct ce_dump_pool *pool,
                        enum ceint_compression how);

/* As those of outfile_int.h, but through the compression that there may be. */
int ceint_dump_room(struct ce_dump *dump, size_t bytes, unsigned char **room,
                    size_t *size);
void ceint_dump_add(struct ce_dump *dump, size_t bytes, uint64_t packets);

/* Begin to compress what was gathered. 0; or the error that ended the file. */
int ceint_dump_end_frame(struct ce_dump *dump);

/* What is compressed goes to the file. Waits for nothing. */
void ceint_dump_take_done(struct ce_dump *dump);

/* Wait until all that is being compressed goes to the file. As end_frame. */
int ceint_dump_settle(struct ce_dump *dump);

/* Nothing comes behind what was written: begin to write the rest, as far as there is room,
   and wait for nothing. Then, in the end, close waits for little. */
void ceint_dump_wind_up(struct ce_dump *dump);

/* Is all in the file that was written so far? Waits for nothing. */
bool ceint_dump_is_idle(struct ce_dump *dump);

/* The first error, or 0. */
static inline int ceint_dump_error(const struct ce_dump *dump)
{
	return ceint_outfile_error(dump->file);
}

/* Bytes of the file, before they are compressed. */
static inline uint64_t ceint_dump_size(const struct ce_dump *dump)
{
	return dump->packer ? dump->unpacked : (uint64_t)ceint_outfile_size(dump->file);
}

/* Say what ended the file, and how much it holds. */
int ceint_dump_fail(const struct ce_dump *dump, int rc, struct ce_err *err);

/* Say that files do not know the link type. */
int ceint_dump_unknown(const struct ce_dump *dump, int linktype, struct ce_err *err);

/* There is no room: 0 for a packet that is dropped; or what ended the file. */
int ceint_dump_refuse(struct ce_dump *dump, int rc, struct ce_err *err);

/*
 * dump_pcap.c: write packet *i and those behind it, as far as they can be copied as
 * they are, in one piece. 1: *i is then the next that is wanted; 0: packet *i is to be
 * written alone; or a negative errno.
 */
int ceint_dump_gather(struct ce_dump *dump, const struct ce_batch *batch,
                      const uint64_t wanted[CE_BATCH_WORDS], uint32_t *i, uint32_t end,
                      struct ce_err *err);

static inline bool ceint_is_wanted(const uint64_t wanted[CE_BATCH_WORDS], uint32_t i)
{
	return wanted[i / 64] >> i % 64 & 1;
}

/* The first wanted packet in [i, end), or end. */
static inline uint32_t ceint_next_wanted(const uint64_t wanted[CE_BATCH_WORDS],
                                         uint32_t i, uint32_t end)
{
	while (i < end && !ceint_is_wanted(wanted, i)) {
		uint64_t bits = wanted[i / 64] >> i % 64;

		i = bits ? i + (uint32_t)__builtin_ctzll(bits) : (i / 64 + 1) * 64;
	}
	return i < end ? i : end;
}

#endif
