/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packer.c - see packer_int.h.
 *
 * One list has the frames that were given, the oldest first; the thread compresses the
 * first that is not done. Frames, but for `next`, are touched outside of the lock: by the
 * thread until they are done, by the owner before and after.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "packer_int.h"

enum { SMALL = 4 << 10, SPARE = 6 }; /* bytes of a new frame; frames that are kept */

struct ceint_packer {
	struct ceint_compressor *compressor;
	struct ceint_frame *spare;
	unsigned spares;
	unsigned given;
	pthread_t thread;
	bool running; /* is there one? */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* there is something to do, or `ending` */
	pthread_cond_t done;  /* a frame is */
	struct ceint_frame *first, **end;
	struct ceint_frame *next; /* that is not done */
	bool ending;
};

static void free_frame(struct ceint_frame *frame)
{
	if (!frame)
		return;
	free(frame->data);
	free(frame->packed);
	free(frame);
}

/* The same bytes as a frame, which may be larger where they do not compress. */
static void compress(struct ceint_compressor *compressor, struct ceint_frame *frame)
{
	size_t bound = ceint_compressor_bound(compressor, frame->used);

	frame->length = 0;
	if (frame->room < bound) {
		free(frame->packed);
		frame->packed = malloc(bound);
		frame->room = frame->packed ? bound : 0;
	}
	if (frame->packed)
		frame->length = ceint_compress(compressor, frame->packed, frame->room,
		                               frame->data, frame->used);
}

static void *run(void *arg)
{
	struct ceint_packer *packer = arg;
	struct ceint_frame *frame;

	pthread_mutex_lock(&packer->lock);
	while (!packer->ending) {
		frame = packer->next;
		if (!frame) {
			pthread_cond_wait(&packer->work, &packer->lock);
			continue;
		}
		pthread_mutex_unlock(&packer->lock);
		compress(packer->compressor, frame);
		pthread_mutex_lock(&packer->lock);
		packer->next = frame->next;
		pthread_cond_signal(&packer->done);
	}
	pthread_mutex_unlock(&packer->lock);
	return NULL;
}

/* Without a thread, give compresses. */
static void start(struct ceint_packer *packer)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
	packer->running = pthread_create(&packer->thread, NULL, run, packer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int ceint_packer_open(struct ceint_packer **out, enum ceint_compression how)
{
	struct ceint_packer *packer = calloc(1, sizeof(*packer));

	if (packer)
		packer->compressor = ceint_compressor_open(how);
	if (!packer || !packer->compressor) {
		free(packer);
		return -ENOMEM;
	}
	packer->end = &packer->first;
	pthread_mutex_init(&packer->lock, NULL);
	pthread_cond_init(&packer->work, NULL);
	pthread_cond_init(&packer->done, NULL);
	start(packer);
	*out = packer;
	return 0;
}

void ceint_packer_close(struct ceint_packer *packer)
{
	if (!packer)
		return;
	pthread_mutex_lock(&packer->lock);
	packer->ending = true;
	pthread_cond_signal(&packer->work);
	pthread_mutex_unlock(&packer->lock);
	if (packer->running)
		pthread_join(packer->thread, NULL);
	while (packer->spare) {
		struct ceint_frame *frame = packer->spare;

		packer->spare = frame->next;
		free_frame(frame);
	}
	pthread_cond_destroy(&packer->done);
	pthread_cond_destroy(&packer->work);
	pthread_mutex_destroy(&packer->lock);
	ceint_compressor_close(packer->compressor);
	free(packer);
}

struct ceint_frame *ceint_packer_new(struct ceint_packer *packer)
{
	struct ceint_frame *frame = packer->spare;

	if (!frame)
		return calloc(1, sizeof(*frame));
	packer->spare = frame->next;
	packer->spares--;
	frame->next = NULL;
	frame->used = 0;
	frame->packets = 0;
	frame->needed = false;
	return frame;
}

bool ceint_frame_grow(struct ceint_frame *frame, size_t bytes)
{
	size_t size = frame->size ? frame->size : SMALL;
	unsigned char *data;

	while (size < frame->used + bytes)
		size *= 2;
	if (size == frame->size)
		return true;
	data = realloc(frame->data, size);
	if (!data)
		return false;
	frame->data = data;
	frame->size = size;
	return true;
}

void ceint_packer_give(struct ceint_packer *packer, struct ceint_frame *frame)
{
	packer->given++;
	if (!packer->running)
		compress(packer->compressor, frame);
	pthread_mutex_lock(&packer->lock);
	*packer->end = frame;
	packer->end = &frame->next;
	if (packer->running && !packer->next)
		packer->next = frame;
	pthread_cond_signal(&packer->work);
	pthread_mutex_unlock(&packer->lock);
}

unsigned ceint_packer_given(const struct ceint_packer *packer)
{
	return packer->given;
}

struct ceint_frame *ceint_packer_take(struct ceint_packer *packer, bool wait)
{
	struct ceint_frame *frame;

	pthread_mutex_lock(&packer->lock);
	while (wait && packer->first && packer->first == packer->next)
		pthread_cond_wait(&packer->done, &packer->lock);
	frame = packer->first == packer->next ? NULL : packer->first;
	if (frame) {
		packer->first = frame->next;
		if (!packer->first)
			packer->end = &packer->first;
		packer->given--;
	}
	pthread_mutex_unlock(&packer->lock);
	return frame;
}

void ceint_packer_put(struct ceint_packer *packer, struct ceint_frame *frame)
{
	if (!frame || packer->spares == SPARE) {
		free_frame(frame);
		return;
	}
	frame->next = packer->spare;
	packer->spare = frame;
	packer->spares++;
}
