/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window_int.h - a piece of a savefile, mapped, from which batches lend.
 *
 * A window stays mapped until its opener has released it and the last batch over
 * it has come back. Whoever walks a part of it touches that first, so that prefetches
 * find its pages.
 *
 *     open -> touch, lend, ... -> release   |   ce_batch_clear, ce_batch_clear, ...
 *
 * A file that is truncated takes mapped pages away. Whoever then reads there gets
 * zeros instead of dying of SIGBUS, and the window is torn, which ce_batch_check
 * tells. That takes a signal handler: without ceint_window_guard nothing is mapped.
 *
 * Threads    the source's; touch, and ce_batch_check on a lent batch: any
 * Ownership  the opener owns a window until release; lent batches keep it mapped
 * Blocking   touch waits for the disk
 */
#ifndef CE_WINDOW_INT_H
#define CE_WINDOW_INT_H

#include <stdint.h>
#include <sys/types.h>

#include "capengine/batch.h"

enum { CEINT_WINDOW_UNIT = 2 << 20 }; /* of offsets that map at the least cost */

struct ceint_window {
	struct ce_lender lender;
	const unsigned char *bytes;
	size_t size;
	off_t offset; /* of bytes[0] in the file */
	int fd;       /* its own */
	const char *name;
	uint32_t users; /* batches, and the opener */
	int place;      /* in the table of the signal handler */
};

/* Install the signal handler, in front of the one that is there now, unless that is
   ours. 0 or what sigaction(2) said. */
int ceint_window_guard(void);

/*
 * Map `size` bytes of the file at offset, a multiple of the page size; name is lent
 * until the last batch has come back. NULL: they cannot be mapped, so read them.
 */
struct ceint_window *ceint_window_open(int fd, off_t offset, size_t size,
                                       const char *name);

/* Have the pages of a part of a window mapped, and read if they are not in memory. */
void ceint_window_touch(const unsigned char *from, const unsigned char *to);

/* Let the batch lend from the window until it is cleared. */
void ceint_window_lend(struct ceint_window *window, struct ce_batch *batch);

/* The opener needs it no more. NULL is fine. */
void ceint_window_release(struct ceint_window *window);

/* 0, or a negative errno: what was read here was not the file's. */
int ceint_window_check(const struct ceint_window *window, struct ce_err *err);

#endif
