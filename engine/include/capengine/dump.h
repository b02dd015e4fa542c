/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump.h - write packets to savefiles, any number of them, and notice when that
 * fails.
 *
 * Writing goes on in the background, through io_uring where the kernel has it.
 * Until flush or close nothing is certain; then all is that they do not deny.
 *
 *     open -> write, write, ... -> flush -> close
 *
 * Dumps of one pool share io_uring, memory and descriptors: of any number, those
 * used last have one.
 *
 * Threads    one at a time for a pool and its dumps; what is compressed is so by a thread
 *            of the pool's own
 * Ownership  the caller owns open dumps and pools; write copies
 * Blocking   every call may wait for the disk, but push, reap and, with `queue`, write
 *            unless the caller may wait; only flush, finish and close wait for all of it
 */
#ifndef CAPENGINE_DUMP_H
#define CAPENGINE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>
#include <capengine/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_dump;
struct ce_dump_pool;

/*
 * `files`: descriptors at most; 0: 256, or half of those that the process may have.
 * Returns 0 or -ENOMEM.
 */
int ce_dump_pool_open(struct ce_dump_pool **pool, unsigned files);

/*
 * Whom to ask while a pipe takes nothing, with SIGINT caught, say: 0: go on waiting for
 * it; 1: two seconds more at most; 2: no longer. A dump that is given up fails with
 * -ETIMEDOUT. NULL, as at first: nobody.
 */
void ce_dump_pool_hurry(struct ce_dump_pool *pool, int (*hurry)(void));

/*
 * May the caller wait for the disk from now on, while nothing else is on its way there?
 * Then also a dump with a queue writes long runs of packets from where they stand, which
 * costs least. False, as at first: it may not.
 */
void ce_dump_pool_may_wait(struct ce_dump_pool *pool, bool may_wait);

/*
 * See to writes that are over, so that those begin that wait for them. Waits for nothing;
 * false: none is on its way any more.
 */
bool ce_dump_pool_reap(struct ce_dump_pool *pool);

/* After all its dumps. NULL is fine. */
void ce_dump_pool_close(struct ce_dump_pool *pool);

/* 0, or why io_uring is refused here: then writes are plain calls that wait. */
int ce_dump_pool_refused(const struct ce_dump_pool *pool);

enum {
	CE_DUMP_ANY_LINKTYPE = -1, /* that of the first packet */
};

enum ce_dump_format {
	CE_DUMP_PCAP, /* classic */
	CE_DUMP_PCAPNG,
};

enum ce_dump_compression {
	CE_DUMP_PLAIN,
	CE_DUMP_GZIP,
	CE_DUMP_ZSTD,
};

/* Where packets come from: in pcapng an interface of its own for each link type and snap
   length. */
struct ce_dump_from {
	uint64_t source;    /* a number that others have not; 0 is one, too */
	const char *name;   /* of the interface; NULL: unknown; copied */
	const char *filter; /* the same for what it let pass */
};

struct ce_dump_options {
	struct ce_dump_pool *pool; /* NULL: one for itself */
	enum ce_dump_format format;
	enum ce_dump_compression compression; /* in frames: what is flushed can be read */
	int linktype;     /* DLT_ number of every packet, in pcapng of those before
	                       others; or CE_DUMP_ANY_LINKTYPE */
	int linktype_ext; /* what struct ce_source says of frame check sequences */
	int snapshot;     /* for the classic header; 0: 262144 */
	bool nano;        /* nanosecond stamps; else microseconds, cut off */
	bool sync;        /* at close, wait until the disk has it; with `queue`, a
	                     rotation goes on meanwhile */
	size_t queue;     /* bytes, of all dumps of the pool, that may wait for the disk
	                     before packets are dropped, and counted; as many of each
	                     dump may wait to be compressed; 0: write waits */
	int fd;           /* write there, whatever path says; taken; 0: none */
	struct ce_dump_from from; /* the packets come from there, unless ce_dump_from
	                             says otherwise */
};

/* What the endings of a file's name say: .pcapng, and .gz or .zst behind that. */
void ce_dump_by_name(const char *path, enum ce_dump_format *format,
                     enum ce_dump_compression *compression);

/* Where the packets went that were to be written: the sum is all of them. */
struct ce_dump_counters {
	uint64_t written; /* in the file, as far as is known */
	uint64_t dropped; /* for a disk that was too slow */
	uint64_t failed;  /* lost to an error, or not of the file's link type */
	uint64_t bytes;   /* of the file */
};

/*
 * Create or truncate the file and write its header; "-" is standard output.
 * Returns 0, or what open(2) said, or -EINVAL for a link type that savefiles
 * do not have.
 */
int ce_dump_open(struct ce_dump **dump, const char *path,
                 const struct ce_dump_options *options, struct ce_err *err);

/*
 * Write packet i of a batch. Returns 0, or what write(2) said of this or an
 * earlier packet, then again at every call: after the first error the file is cut
 * to its last whole record. -EINVAL for a batch of another link type.
 */
int ce_dump_write(struct ce_dump *dump, const struct ce_batch *batch, uint32_t i,
                  struct ce_err *err);

/*
 * The same for all packets in [from, end) whose bit is set in `wanted`, of which
 * batch->selected is one. Ends at the first error, also with what ce_batch_check
 * says.
 */
int ce_dump_write_batch(struct ce_dump *dump, const struct ce_batch *batch,
                        const uint64_t wanted[CE_BATCH_WORDS], uint32_t from,
                        uint32_t end, struct ce_err *err);

/* The same for a packet that is in no batch. */
int ce_dump_write_packet(struct ce_dump *dump, const struct ce_origin *origin,
                         const struct ce_record *record, const void *data,
                         struct ce_err *err);

/*
 * The next packet that is written gets this comment: pcapng's; lent until then.
 * -EINVAL for a classic savefile.
 */
int ce_dump_comment(struct ce_dump *dump, const char *text, size_t size);

/* The packets that come next are from there. 0 or -ENOMEM. */
int ce_dump_from(struct ce_dump *dump, const struct ce_dump_from *from);

/* What a source has counted, for the end of a pcapng file that has packets of it. */
void ce_dump_stats(struct ce_dump *dump, uint64_t source, const struct ce_stats *stats);

/* Is it a pcapng file with packets of that source? Then it wants to know. */
bool ce_dump_has(const struct ce_dump *dump, uint64_t source);

/* Hand everything to the kernel. 0 or as write. */
int ce_dump_flush(struct ce_dump *dump, struct ce_err *err);

/*
 * Begin to hand to the kernel what was gathered, and wait for no disk, but for the
 * compression of what is little: called now and then, it keeps packets of a quiet capture
 * from waiting for further ones. 0 or as write, also for what began earlier.
 */
int ce_dump_push(struct ce_dump *dump, struct ce_err *err);

/* Write what stands behind the last packet: none may come any more. 0 or as write. */
int ce_dump_finish(struct ce_dump *dump, struct ce_err *err);

/* Packets written so far; after a failure, those that the file holds. */
uint64_t ce_dump_packets(const struct ce_dump *dump);

void ce_dump_count(const struct ce_dump *dump, struct ce_dump_counters *counters);

/* Bytes of the file so far, or a negative errno where it cannot tell. */
int64_t ce_dump_tell(const struct ce_dump *dump);

/* Flush and close; the dump is gone even when that fails. NULL is fine. */
int ce_dump_close(struct ce_dump *dump, struct ce_err *err);

#ifdef __cplusplus
}
#endif

#endif
