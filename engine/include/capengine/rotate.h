/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotate.h - one dump after the other: a new file when one is large, long or
 * full enough, and in the end as many files as are to be kept.
 *
 * A file is called NAME.part until it is complete. NAME is the path with a number
 * before its endings, trace-00001.pcap.gz; or, where the path has conversions of
 * strftime(3), with the local time of the file's first packet in them, and a number
 * only where that would be the name of the file before.
 *
 *     open -> write_batch, write_batch, ... -> close
 *
 * Threads    one at a time, as a dump
 * Ownership  the caller owns an open rotation; texts are copied
 * Blocking   as a dump. A file is completed before the next one begins; with `queue` it is
 *            so later, while the next ones are written, and only flush and close wait,
 *            and a file that is to have the name of one that is not complete yet
 */
#ifndef CAPENGINE_ROTATE_H
#define CAPENGINE_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/dump.h>
#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_rotate;

struct ce_rotate_options {
	struct ce_dump_options dump; /* of every file */

	/* A new file begins before a packet with which the file would have more
	   than so many bytes, before compression, or packets, or with which so much
	   packet time is past since the file's border; 0: not for that reason. */
	uint64_t bytes;
	uint64_t packets;
	int64_t every_ns;
	bool aligned; /* borders are multiples of every_ns since 1970, in UTC; else
	                 counted from the first packet */

	unsigned
		files; /* keep the last so many, of which one that replaces another is one;
	                   0: all */

	/* Called with the final name of each file that is complete, in their order; NULL:
	   nobody. */
	void (*complete)(void *arg, const char *path,
	                 const struct ce_dump_counters *counters);

	/* Called before that, to say by ce_dump_stats what sources have counted; NULL:
	   nobody. */
	void (*stats)(void *arg, struct ce_dump *dump);

	/* Is it a file that is read, and not to be replaced? Asked for both names before each
	   file begins, which is -EINVAL then; NULL: none is. */
	bool (*reads)(void *arg, const char *path);
	void *arg;
};

/* Begins the first file, unless its name depends on a packet. As ce_dump_open. */
int ce_rotate_open(struct ce_rotate **rotate, const char *path,
                   const struct ce_rotate_options *options, struct ce_err *err);

/* As ce_dump_write_batch. After an error no further file begins. */
int ce_rotate_write_batch(struct ce_rotate *rotate, const struct ce_batch *batch,
                          const uint64_t wanted[CE_BATCH_WORDS], uint32_t from,
                          uint32_t end, struct ce_err *err);

/* The same for a packet that is in no batch. */
int ce_rotate_write_packet(struct ce_rotate *rotate, const struct ce_origin *origin,
                           const struct ce_record *record, int64_t ts_ns,
                           const void *data, struct ce_err *err);

/* The same for packet i of a batch. */
int ce_rotate_write(struct ce_rotate *rotate, const struct ce_batch *batch, uint32_t i,
                    struct ce_err *err);

/* As ce_dump_from, ce_dump_comment, ce_dump_stats, of the file that is written and, of from
   and comment, of the one that the next packet begins. */
int ce_rotate_from(struct ce_rotate *rotate, const struct ce_dump_from *from);
int ce_rotate_comment(struct ce_rotate *rotate, const char *text, size_t size);
void ce_rotate_stats(struct ce_rotate *rotate, uint64_t source,
                     const struct ce_stats *stats);

/* Complete the file; the next packet begins another. 0 or as ce_dump_close. */
int ce_rotate_next(struct ce_rotate *rotate, struct ce_err *err);

/*
 * It is now_ns, and no packet that is older will come: a file whose time is over is
 * complete, though no packet says so. 0 or as ce_dump_close.
 */
int ce_rotate_idle(struct ce_rotate *rotate, int64_t now_ns, struct ce_err *err);

/* When that is so; INT64_MAX: never, or not before a further packet. */
int64_t ce_rotate_due_ns(const struct ce_rotate *rotate);

/* As ce_dump_flush and ce_dump_push. */
int ce_rotate_flush(struct ce_rotate *rotate, struct ce_err *err);
int ce_rotate_push(struct ce_rotate *rotate, struct ce_err *err);

/* Sums over all files. */
void ce_rotate_count(const struct ce_rotate *rotate, struct ce_dump_counters *counters);

/* As ce_dump_close; the last file is complete, too. */
int ce_rotate_close(struct ce_rotate *rotate, struct ce_err *err);

#ifdef __cplusplus
}
#endif

#endif
