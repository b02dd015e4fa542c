/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io_int.h - the system calls that savefiles are written with, in a table, so
 * that tests can let the nth of each fail or do less than it was asked for.
 *
 * Every call returns 0 or a count, or a negative errno.
 *
 * Threads    whoever writes; tests replace entries before anyone does
 * Ownership  copies nothing
 * Blocking   as the system calls; submit does not wait, reap only if told to
 */
#ifndef CE_IO_INT_H
#define CE_IO_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ceint_uring;

/* A write in the background: zero it, and set the first six before it starts. */
struct ceint_write {
	bool sync; /* nothing is written: it is over when the disk has the file */
	int fd;
	const void *data;
	size_t size;
	int64_t offset; /* negative: where the descriptor stands */
	void (*over)(struct ceint_write *write); /* called in reap and wait */

	int64_t result; /* bytes written, maybe fewer than size, or a negative errno */
	bool busy;
};

struct ceint_io {
	int (*open)(const char *path, int flags);
	/* Bytes written; offset < 0: where the descriptor stands. */
	int64_t (*write)(int fd, const void *data, size_t size, int64_t offset);
	int (*truncate)(int fd, int64_t size);
	int (*sync)(int fd);
	/* Let what was written there go to the disk. */
	int (*hasten)(int fd, int64_t offset, int64_t size);
	int (*close)(int fd);
	int (*rename)(const char *from, const char *to);

	/* Hand a write to the kernel; one at a time for each ceint_write. */
	int (*submit)(struct ceint_uring *uring, struct ceint_write *write);

	/*
	 * A write that is over, with its result, after at most wait_ms (negative: for
	 * ever); NULL with 0: none is.
	 */
	int (*reap)(struct ceint_uring *uring, int wait_ms, struct ceint_write **over);

	/* Let a write that was submitted be over soon, with what it has done so far. */
	int (*cancel)(struct ceint_uring *uring, struct ceint_write *write);
};

extern struct ceint_io ceint_io;

#endif
