/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile_int.h - files that are written behind the caller's back, any number of
 * them at once, each of which ends with a whole record whatever happens.
 *
 * Bytes are gathered into pieces, aligned and large; a full piece is written while
 * the next is filled. Long runs of records may also be borrowed where they stand. Of
 * each file one write is on its way at a time, so that nothing follows a hole. Only the
 * files used last have a descriptor and memory: the pool takes both from the one idle
 * for longest, and gives them back to it at its next byte.
 *
 *     pool_open -> open -> room, add, room, add, ... -> flush -> close
 *
 * After a write has failed, a regular file is cut behind the last record that is
 * whole, and every further call says why.
 *
 * Threads    one at a time for each pool and its files
 * Ownership  the caller closes its files before their pool; room lends until add
 * Blocking   flush, borrow, close, and room when all pieces are full, for the disk
 */
#ifndef CE_OUTFILE_INT_H
#define CE_OUTFILE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ceint_pool;
struct ceint_outfile;

struct ceint_outfile_options {
	const char *path; /* created or truncated; copied */
	int fd;           /* written instead; taken, but not standard output; -1: none */
	size_t queue;     /* bytes, of all files of the pool, that may wait for the disk
	                     before room says -EAGAIN; 0: room waits instead */
	bool sync;        /* fsync before close */

	/*
	 * The bytes that whole records take at the beginning of `data`, of which
	 * `size` are there, and in *packets how many packets these are.
	 * NULL: only whole pieces can be told.
	 */
	size_t (*whole)(const unsigned char *data, size_t size, uint64_t *packets);
};

/*
 * `files`: how many have a descriptor at most; 0: 256, or half of those that the
 * process may have. Returns 0 or -ENOMEM.
 */
int ceint_pool_open(struct ceint_pool **pool, unsigned files);

/*
 * Whom to ask while a pipe takes nothing: 0: go on waiting; 1: two seconds more at most;
 * 2: no longer. A file that is given up fails with -ETIMEDOUT.
 */
void ceint_pool_hurry(struct ceint_pool *pool, int (*hurry)(void));

/* As ce_dump_pool_may_wait. */
void ceint_pool_may_wait(struct ceint_pool *pool, bool may_wait);

/* As ce_dump_pool_reap. */
bool ceint_pool_reap(struct ceint_pool *pool);

/* All its files are closed. NULL is fine. */
void ceint_pool_close(struct ceint_pool *pool);

/* As ceint_uring_refused. */
int ceint_pool_refused(const struct ceint_pool *pool);

/* 0 or a negative errno. */
int ceint_outfile_open(struct ceint_outfile **file, struct ceint_pool *pool,
                       const struct ceint_outfile_options *options);

/*
 * Room for so many bytes. 0; -EAGAIN when as much as may wait does; or the error
 * that ended the file.
 */
int ceint_outfile_room(struct ceint_outfile *file, size_t bytes, unsigned char **room);

/* The same, but at least `bytes`: *size says how many there are. */
int ceint_outfile_rest(struct ceint_outfile *file, size_t bytes, unsigned char **room,
                       size_t *size);

/* Bytes that were put where room said: whole records, of so many packets. */
void ceint_outfile_add(struct ceint_outfile *file, size_t bytes, uint64_t packets);

/* From now on, options.queue is this. */
void ceint_outfile_set_queue(struct ceint_outfile *file, size_t queue);

/* May records be borrowed? Only where the caller may wait for the disk. */
bool ceint_outfile_borrows(const struct ceint_outfile *file);

/* Write whole records from where they stand, behind what was added, and wait until they
   are written. 0, or the error that ended it. */
int ceint_outfile_borrow(struct ceint_outfile *file, const void *data, size_t bytes,
                         uint64_t packets);

/* Start to write what there is, and see what became of earlier writes. 0 or the error. */
int ceint_outfile_push(struct ceint_outfile *file);

/* Wait until everything has been written. 0 or the error. */
int ceint_outfile_flush(struct ceint_outfile *file);

/* As push; is nothing on its way any more, and everything synced that is to be? */
bool ceint_outfile_is_idle(struct ceint_outfile *file);

/* There is nothing right to add any more: it ends with what was. Waits for that. */
void ceint_outfile_fail(struct ceint_outfile *file, int error);

/* The first error, or 0. */
int ceint_outfile_error(const struct ceint_outfile *file);

/* Packets added; after an error, those that the file holds. */
uint64_t ceint_outfile_packets(const struct ceint_outfile *file);

/* Bytes added, after what was there; after an error, the size of the file. */
int64_t ceint_outfile_size(const struct ceint_outfile *file);

/* Can it tell its size? */
bool ceint_outfile_seekable(const struct ceint_outfile *file);

/*
 * Flush, fsync if that was asked for, and close; 0 or the error. The file is gone
 * only with ceint_outfile_free, so that it can still say how much it holds.
 */
int ceint_outfile_close(struct ceint_outfile *file);

/* Closes too. NULL is fine. */
void ceint_outfile_free(struct ceint_outfile *file);

#endif
