/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox_int.h - what the Lua thread tells the capture thread: orders, and calls
 * to make where the source may be touched.
 *
 *     Lua thread                     capture thread
 *     give(STOP)                     orders -> obeys
 *     call(source, arg), waits       orders has MAIL -> answer
 *                                    leave: from now on callers help themselves
 *
 * Threads    answer, leave: the capture thread; orders: both; the rest: the Lua
 *            thread
 * Ownership  the capture owns the struct; close frees what open acquired
 * Blocking   call waits for the answer
 */
#ifndef CE_MAILBOX_INT_H
#define CE_MAILBOX_INT_H

#include <pthread.h>
#include <stdbool.h>

struct ce_ring;
struct ce_source;
struct ceint_request;

enum ceint_order {
	CEINT_MAIL = 1,    /* a call waits */
	CEINT_STOP = 2,    /* stop in good order */
	CEINT_ABANDON = 4, /* stop at once */
};

struct ceint_mailbox {
	struct ce_ring *ring; /* whose bell wakes the thread */
	struct ce_source *source;
	_Atomic unsigned orders; /* of enum ceint_order */
	pthread_mutex_t lock;    /* guards the rest */
	pthread_cond_t answered;
	struct ceint_request *request;
	bool running; /* the thread owns the source */
};

void ceint_mailbox_open(struct ceint_mailbox *box, struct ce_ring *ring,
                        struct ce_source *source);
void ceint_mailbox_close(struct ceint_mailbox *box);

/* The orders given so far, an or of enum ceint_order. */
unsigned ceint_mailbox_orders(struct ceint_mailbox *box);

/* Give an order, and wake the thread for it. */
void ceint_mailbox_give(struct ceint_mailbox *box, enum ceint_order order);

/* The thread is about to start, and will own the source. */
void ceint_mailbox_enter(struct ceint_mailbox *box);

/* The thread touches the source no more. */
void ceint_mailbox_leave(struct ceint_mailbox *box);

/* Make the call that waits, if there is one. */
void ceint_mailbox_answer(struct ceint_mailbox *box);

/* Have call(source, arg) made by the thread; without one, make it here. */
int ceint_mailbox_call(struct ceint_mailbox *box,
                       int (*call)(struct ce_source *source, void *arg), void *arg);

#endif
