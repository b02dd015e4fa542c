/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ring.c - what the ring costs: a packet that is appended, committed, peeked at
 * and released, by the size of batches and packets, in one thread; and a batch that
 * goes from one thread to another.
 *
 *     bench_ring
 */
#include <pthread.h>
#include <stdbool.h>

#include <capengine/batch.h>
#include <capengine/ring.h>

#include "bench.h"

enum { PACKETS = 1 << 20, BATCHES = 1 << 14, LARGEST = 1514, PADDED = 32 };

struct job {
	struct ce_ring *ring;
	struct ce_record record;
	uint32_t packets; /* in a batch */
};

static struct ce_ring *open_ring(uint32_t packets, uint32_t bytes)
{
	const struct ce_ring_options options = {
		.packets = packets,
		.arena_bytes = packets * (bytes + PADDED),
	};
	struct ce_ring *ring = NULL;

	bench_check(ce_ring_open(&ring, &options), "ce_ring_open");
	return ring;
}

static void fill_and_read(void *state)
{
	static const unsigned char data[LARGEST];
	const struct job *job = state;
	volatile uint32_t seen; /* so that reading is not left out */

	for (uint32_t sent = 0; sent < PACKETS; sent += job->packets) {
		struct ce_batch *batch = ce_ring_reserve(job->ring);

		for (uint32_t i = 0; i < job->packets; i++)
			bench_check(ce_batch_append(batch, &job->record, i, data),
			            "ce_batch_append");
		ce_ring_commit(job->ring);
		batch = ce_ring_peek(job->ring);
		for (uint32_t i = 0; i < batch->count; i++)
			seen = batch->len[i];
		ce_ring_release(job->ring, batch);
	}
	(void)seen;
}

static void one_thread(uint32_t packets, uint32_t bytes)
{
	struct job job = {
		open_ring(packets, bytes), {.caplen = bytes, .len = bytes}, packets};
	char what[80];

	snprintf(what, sizeof(what), "a packet of %u bytes in a batch of %u", bytes,
	         packets);
	bench_run("ring", what, PACKETS, fill_and_read, &job);
	ce_ring_close(job.ring);
}

static void *produce(void *ring)
{
	for (uint32_t sent = 0; sent < BATCHES;) {
		if (!ce_ring_reserve(ring))
			continue;
		ce_ring_commit(ring);
		sent++;
	}
	return NULL;
}

static void hand_over(void *ring)
{
	pthread_t producer;

	bench_check(-pthread_create(&producer, NULL, produce, ring), "pthread_create");
	for (uint32_t got = 0; got < BATCHES;) {
		struct ce_batch *batch = ce_ring_peek(ring);

		if (!batch)
			continue;
		ce_ring_release(ring, batch);
		got++;
	}
	pthread_join(producer, NULL);
}

static void two_threads(void)
{
	struct ce_ring *ring = open_ring(1, LARGEST);

	bench_run("ring", "an empty batch from thread to thread", BATCHES, hand_over,
	          ring);
	ce_ring_close(ring);
}

int main(void)
{
	one_thread(1, 64);
	one_thread(64, 64);
	one_thread(CE_BATCH_PACKETS, 64);
	one_thread(CE_BATCH_PACKETS, LARGEST);
	two_threads();
	return 0;
}
