/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uring_int.h - writes that go on while the caller does something else, through
 * io_uring; where the kernel refuses that, plain calls at once.
 *
 *     open -> start, reap, start, reap, wait, ... -> close
 *
 * Threads    one at a time
 * Ownership  a write and its bytes are lent from start until it is not busy
 * Blocking   start only without io_uring; reap never; wait
 */
#ifndef CE_URING_INT_H
#define CE_URING_INT_H

#include "io_int.h"

struct ceint_uring;

/* 0 or -ENOMEM. That io_uring is refused is no error: see refused. */
int ceint_uring_open(struct ceint_uring **uring);

/* No write may be busy. NULL is fine. */
void ceint_uring_close(struct ceint_uring *uring);

/* 0, or the negative errno for which plain calls are used instead. */
int ceint_uring_refused(const struct ceint_uring *uring);

/* Begin a write. It may be over when this returns: then `over` is not called. */
void ceint_uring_start(struct ceint_uring *uring, struct ceint_write *write);

/* Write by a plain call, without any ring; it is over when this returns. */
void ceint_uring_write_now(struct ceint_write *write);

/* See to all writes that are over. */
void ceint_uring_reap(struct ceint_uring *uring);

/* Wait until one write, whichever, is over, and see to it; at most wait_ms (negative: for
   ever). False: none was. */
bool ceint_uring_wait(struct ceint_uring *uring, int wait_ms);

/* Let this one be over soon. */
void ceint_uring_cancel(struct ceint_uring *uring, struct ceint_write *write);

#endif
