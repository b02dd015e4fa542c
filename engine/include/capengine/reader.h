/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.h - one cursor over all packets of a capture, with filters on the way.
 *
 * There is one current batch. fetch makes sure that it has a wanted packet at
 * the cursor, going on to the next batch when it has none; ce_batch_take hands
 * that packet out. A filter set meanwhile holds from the very next packet on:
 * filters select, and what one rejected the next may still want.
 *
 *     open -> fetch -> take, take, ... -> fetch -> ... -> close
 *
 * Threads    Lua thread
 * Ownership  The reader owns source, capture and ring. The current batch is
 *            lent until a fetch that goes on to the next, or close.
 * Blocking   fetch waits as it is told; close at most 100 ms; the first fetch
 *            starts the capture thread.
 */
#ifndef CAPENGINE_READER_H
#define CAPENGINE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/capture.h>
#include <capengine/err.h>
#include <capengine/source.h>
#include <capengine/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_reader;

struct ce_reader_options {
	const struct ce_source_ops *kind; /* &ce_source_live ... */
	struct ce_source_options source;
	struct ce_capture_options capture; /* interrupt_fd is taken from source */
	const char *filter; /* always in force, whatever setfilter says; NULL: none */
	uint64_t limit;     /* most packets, after `filter`; 0: no limit */
};

/* *reader is set only on success. Fails as the parts do. */
int ce_reader_open(struct ce_reader **reader, const struct ce_reader_options *options,
                   struct ce_err *err);

/*
 * Stop at once; NULL is fine. What was read and is still wanted counts as
 * undelivered. stats, if not NULL, gets the final counters. Returns 0, or what
 * ce_batch_check says of the last packets that were handed out, unless a fetch has said
 * so: then they were zeros, perhaps.
 */
int ce_reader_close(struct ce_reader *reader, struct ce_stats *stats, struct ce_err *err);

/*
 * Have each batch shown, once, when it becomes the current one: with what
 * `filter` and `limit` let pass selected, before setfilter's choice. A
 * negative result ends the reading with that error.
 */
void ce_reader_tap(struct ce_reader *reader,
                   int (*tap)(void *arg, const struct ce_batch *batch,
                              struct ce_err *err),
                   void *arg);

/*
 * Make a wanted packet stand at the cursor; wait for it at most timeout_ms
 * (negative: for ever). Returns 1; 0 when none came in time, or a signal came;
 * -ENODATA at the end; -EINTR after a stop; or another error, then again at
 * every call.
 */
int ce_reader_fetch(struct ce_reader *reader, int timeout_ms, struct ce_err *err);

/* The current batch, or NULL. */
struct ce_batch *ce_reader_batch(const struct ce_reader *reader);

/* Hand out all packets before `end`; gives their number. They stay selected. */
uint32_t ce_reader_take_until(struct ce_reader *reader, uint32_t end);

/* Make what was handed out of the current batch so far look like another batch. */
void ce_reader_expire(struct ce_reader *reader);

/* The number of batches that fetch could go on to without waiting. */
uint32_t ce_reader_queued(struct ce_reader *reader);

/* Nothing is read yet that has not been handed out. */
bool ce_reader_drained(struct ce_reader *reader);

/*
 * Has every wanted packet been handed out that was captured before this call? On
 * "any" and the loopback, what still waits in the kernel is not known.
 */
bool ce_reader_caught_up(struct ce_reader *reader);

/* What was lost before the current packet and not asked for yet. */
struct ce_gap ce_reader_gap(struct ce_reader *reader);

/* Would setfilter take the expression? 0, or a negative errno with words. */
int ce_reader_compile(struct ce_reader *reader, const char *expression, uint32_t netmask,
                      struct ce_err *err);

/*
 * From the next packet on only those that match are handed out. On an
 * interface, what the kernel rejected before does not come back.
 */
int ce_reader_setfilter(struct ce_reader *reader, const char *expression,
                        uint32_t netmask, struct ce_err *err);

/* -EBUSY once packets are queued. */
int ce_reader_set_datalink(struct ce_reader *reader, int linktype, struct ce_err *err);

/* As the source's list_datalinks. */
int ce_reader_list_datalinks(struct ce_reader *reader, int *linktypes, size_t most,
                             struct ce_err *err);

/* What the source said when it was opened; of several files, the first one's. */
const struct ce_source *ce_reader_source(const struct ce_reader *reader);

/* DLT_ number of the current batch, or of the source before the first one. */
int ce_reader_linktype(const struct ce_reader *reader);

/* The filter that it was opened with, or NULL. */
const char *ce_reader_filter(const struct ce_reader *reader);

/* Let the capture end in good order; fetch goes on until its last packet. */
void ce_reader_stop(struct ce_reader *reader);

/* How far a savefile is read; zeros for what is none. */
void ce_reader_progress(struct ce_reader *reader, struct ce_progress *progress);

/* All counters, up to now; `written` stays as it is. */
void ce_reader_stats(struct ce_reader *reader, struct ce_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
