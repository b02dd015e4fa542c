/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox.c - see mailbox_int.h.
 *
 * Memory order. `orders` needs no edge of its own: who gives one sets it before
 * ringing the thread's bell, and the thread looks at it after arming the bell, so
 * the SLEEP edge of wait.c covers it; what an order speaks of is behind the mutex.
 * Every access is relaxed.
 */
#include <stdatomic.h>

#include "capengine/ring.h"
#include "mailbox_int.h"

struct ceint_request {
	int (*call)(struct ce_source *source, void *arg);
	void *arg;
	int rc;
	bool done;
};

void ceint_mailbox_open(struct ceint_mailbox *box, struct ce_ring *ring,
                        struct ce_source *source)
{
	box->ring = ring;
	box->source = source;
	atomic_init(&box->orders, 0);
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->answered, NULL);
	box->request = NULL;
	box->running = false;
}

void ceint_mailbox_close(struct ceint_mailbox *box)
{
	pthread_cond_destroy(&box->answered);
	pthread_mutex_destroy(&box->lock);
}

unsigned ceint_mailbox_orders(struct ceint_mailbox *box)
{
	return atomic_load_explicit(&box->orders, memory_order_relaxed);
}

void ceint_mailbox_give(struct ceint_mailbox *box, enum ceint_order order)
{
	atomic_fetch_or_explicit(&box->orders, order, memory_order_relaxed);
	ce_ring_mail(box->ring);
}

static void set_running(struct ceint_mailbox *box, bool running)
{
	pthread_mutex_lock(&box->lock);
	box->running = running;
	pthread_cond_broadcast(&box->answered);
	pthread_mutex_unlock(&box->lock);
}

void ceint_mailbox_enter(struct ceint_mailbox *box)
{
	set_running(box, true);
}

void ceint_mailbox_leave(struct ceint_mailbox *box)
{
	set_running(box, false);
}

void ceint_mailbox_answer(struct ceint_mailbox *box)
{
	struct ceint_request *request;

	pthread_mutex_lock(&box->lock);
	atomic_fetch_and_explicit(&box->orders, ~(unsigned)CEINT_MAIL,
	                          memory_order_relaxed);
	request = box->request;
	box->request = NULL;
	if (request) {
		request->rc = request->call(box->source, request->arg);
		request->done = true;
		pthread_cond_broadcast(&box->answered);
	}
	pthread_mutex_unlock(&box->lock);
}

int ceint_mailbox_call(struct ceint_mailbox *box,
                       int (*call)(struct ce_source *source, void *arg), void *arg)
{
	struct ceint_request request = {.call = call, .arg = arg};

	pthread_mutex_lock(&box->lock);
	if (box->running) {
		box->request = &request;
		ceint_mailbox_give(box, CEINT_MAIL);
	}
	while (box->running && !request.done)
		pthread_cond_wait(&box->answered, &box->lock);
	if (!request.done) {
		box->request = NULL;
		request.rc = call(box->source, arg);
	}
	pthread_mutex_unlock(&box->lock);
	return request.rc;
}
