/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile_parts_int.h - what the files of an outfile share: its state and its pieces.
 *
 *     outfile.c: bytes -> pieces -> outfile_queue.c: writes
 *           \______ outfile_pool.c: memory, descriptor ______/
 *
 * A piece is filled, then queued, then written, and goes back to the pool.
 *
 * Threads    one at a time for each pool and its files
 * Ownership  whoever has a piece owns it: new gives it, queue_piece and put take it; but
 *            one that is lent stays its lender's
 * Blocking   drain and put_away, for the disk; wake, if it has to put another file away;
 *            queue_piece, for a piece that is lent, and without io_uring
 */
#ifndef CE_OUTFILE_PARTS_INT_H
#define CE_OUTFILE_PARTS_INT_H

#include <sys/stat.h>

#include "io_int.h"
#include "outfile_int.h"

enum {
	CEINT_PIECE_SMALL = 4 << 10, /* how large the first piece of a file is, */
	CEINT_PIECE = 256 << 10,     /* later ones, */
	CEINT_PIECE_MOST = 1 << 20,  /* and those behind a slow disk */
};

struct ceint_outfile_piece {
	struct ceint_outfile_piece *next;
	unsigned char *data;
	size_t size;
	size_t used;
	size_t head;      /* bytes before the first record */
	uint64_t packets; /* in the whole piece */
	bool lent;        /* it is the caller's, who waits */
};

struct ceint_pool {
	struct ceint_uring *uring;
	struct ceint_outfile *latest; /* the files with a descriptor, by last use */
	unsigned open;
	unsigned most;
	struct ceint_outfile_piece *spare;
	unsigned spares;
	int (*hurry)(void); /* NULL: never */
	size_t queued;      /* bytes in the queues of all files */
	bool may_wait;      /* the caller, where room would say -EAGAIN */
};

struct ceint_outfile {
	struct ceint_write write; /* first, so that its address is the file's */
	struct ceint_pool *pool;
	struct ceint_outfile *newer, *older; /* in the pool's list */
	struct ceint_outfile_options options;
	char *path;
	int fd; /* -1: none at the moment */
	dev_t device;
	ino_t inode;
	int64_t hastened; /* bytes that were sent on to the disk */
	bool regular;
	bool linked; /* it had a name when it was opened */
	bool seekable;
	bool closed;
	bool synced;      /* the disk has all that was written */
	bool given_up;    /* no further write is begun, and the last was cancelled */
	int64_t stuck_ns; /* since when it takes nothing and is to hurry; 0: it is not */
	int unread;       /* bytes in a pipe, as last looked at */
	size_t usual;     /* size of the next piece; CEINT_PIECE_SMALL until it has filled
	                     a CEINT_PIECE since it got its descriptor */
	int64_t at;       /* where in the file the queue's first piece goes */
	struct ceint_outfile_piece *first;  /* on its way */
	struct ceint_outfile_piece **end;   /* where the next is queued */
	struct ceint_outfile_piece *filled; /* not queued yet */
	size_t done;                        /* bytes of the first that are written */
	unsigned pieces;                    /* in the queue */
	int64_t size;                       /* bytes added, and what was there before */
	uint64_t packets; /* added; after an error, those that are there */
	uint64_t safe;    /* packets before the queue */
	int error;
};

/* outfile_pool.c: a piece of at least `size` bytes, or NULL. */
struct ceint_outfile_piece *ceint_outfile_piece_new(struct ceint_pool *pool, size_t size);

/* It is not needed any more. NULL is fine. */
void ceint_outfile_piece_put(struct ceint_pool *pool, struct ceint_outfile_piece *piece);

/* The file's first descriptor, and what there is to know of it. 0 or a negative errno. */
int ceint_outfile_open_first(struct ceint_outfile *file);

/* Become the file used last, with a descriptor. 0, or what ended the file. */
int ceint_outfile_wake(struct ceint_outfile *file);

/* Everything written, and the descriptor given back. 0 or the error. */
int ceint_outfile_put_away(struct ceint_outfile *file);

/* End a file that was removed meanwhile: nobody will find what it holds. */
void ceint_outfile_look_for_name(struct ceint_outfile *file);

/* outfile_queue.c: nothing is on its way, of a file that was not opened yet. */
void ceint_outfile_open_queue(struct ceint_outfile *file);

/* The piece is to be written behind those before it. */
void ceint_outfile_queue_piece(struct ceint_outfile *file,
                               struct ceint_outfile_piece *piece);

/* The same for what is filled, if anything is. */
void ceint_outfile_queue_filled(struct ceint_outfile *file);

/* Where sync is asked for and nothing is queued, begin to see to it. Is it done? */
bool ceint_outfile_sync(struct ceint_outfile *file);

/* Wait until no more than so many pieces are in the queue, and for a sync. */
void ceint_outfile_drain(struct ceint_outfile *file, unsigned pieces);

/* The end: keep what is whole, forget what waits. */
void ceint_outfile_end(struct ceint_outfile *file, int error);

#endif
