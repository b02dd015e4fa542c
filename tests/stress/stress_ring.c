/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stress_ring.c - two threads hand batches over, as fast as they can.
 *
 * What is in a batch follows from its number alone, so that the consumer can
 * check each byte of it; it holds some batches, and releases them in any order.
 * Once each side only looks again and again, so that nothing but the edges of
 * ring.c orders the two; once each sleeps. Under ThreadSanitizer the first shows
 * that every edge is strong enough.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/batch.h"
#include "capengine/clock.h"
#include "capengine/ring.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#endif

/* Batches through each ring, when its sides spin and when they sleep. */
#ifdef WITH_TSAN
static const uint32_t spun = 5000, slept = 2000;
#else
static const uint32_t spun = 50000, slept = 10000;
#endif

enum {
	MOST_SLOTS = 8,
	PACKETS = 8,
	ARENA = 512,
	LONGEST = 1000, /* bytes: some packets do not fit the arena */
	DEADLINE_MS = 20000,
	LOOKS = 1000, /* before a look at the clock */
};

/* One ring, and what its two threads know of it. */
struct run {
	struct ce_ring *ring;
	uint32_t slots;
	uint32_t batches;
	bool sleeping;
	/* The producer's until the end, then the consumer's: ENDED orders it. */
	uint64_t bytes_put;
	/* The consumer's. */
	uint64_t bytes_got;
	struct ce_batch *held[MOST_SLOTS];
	uint32_t number[MOST_SLOTS]; /* of each batch held */
	uint32_t holds;
	unsigned seed;
};

static _Noreturn void fail(const struct run *run, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	fprintf(stderr, "%u slots, %s: ", run->slots, run->sleeping ? "sleeping" : "spinning");
	vfprintf(stderr, format, words);
	fputc('\n', stderr);
	va_end(words);
	_Exit(1);
}

/* Any number, the same one for the same question. */
static uint32_t mix(uint32_t number, uint32_t what)
{
	uint32_t x = number * 2654435761u + what * 40503u;

	x ^= x >> 15;
	x *= 2246822519u;
	return x ^ x >> 13;
}

static uint32_t count_of(uint32_t number)
{
	return number % 64 == 0 ? 1 : 1 + mix(number, 1) % PACKETS;
}

static uint32_t length_of(uint32_t number, uint32_t packet)
{
	return number % 64 == 0 ? LONGEST : mix(number, 2 + packet) % 40;
}

static struct ce_record record_of(uint32_t number, uint32_t packet)
{
	uint32_t caplen = length_of(number, packet);

	return (struct ce_record){number, packet, caplen, caplen + number};
}

static void make_bytes(unsigned char bytes[LONGEST], uint32_t number, uint32_t packet)
{
	memset(bytes, (int)(mix(number, 100 + packet) & 0xff), LONGEST);
}

/* One more look is needed. Give up when there were too many. */
static void look_again(const struct run *run, uint32_t *looks, int64_t *deadline)
{
	if (++*looks % LOOKS)
		return;
	if (!*deadline)
		*deadline = ce_clock_mono_ns() + (int64_t)DEADLINE_MS * 1000000;
	else if (ce_clock_mono_ns() > *deadline)
		fail(run, "no progress in %d ms", DEADLINE_MS);
	sched_yield();
}

/* Sleep until a slot was released; a batch when one is there already. */
static struct ce_batch *sleep_until_room(const struct run *run)
{
	struct pollfd bell = {.fd = ce_ring_fd(run->ring), .events = POLLIN};
	struct ce_batch *batch;

	ce_ring_doze(run->ring, CE_RING_ROOM);
	batch = ce_ring_reserve(run->ring);
	if (!batch && poll(&bell, 1, DEADLINE_MS) == 0)
		fail(run, "no room in %d ms: a lost wake-up", DEADLINE_MS);
	ce_ring_awake(run->ring);
	return batch;
}

static struct ce_batch *reserve(const struct run *run)
{
	struct ce_batch *batch;
	int64_t deadline = 0;
	uint32_t looks = 0;

	while (!(batch = ce_ring_reserve(run->ring))) {
		if (!run->sleeping)
			look_again(run, &looks, &deadline);
		else if ((batch = sleep_until_room(run)))
			break;
	}
	return batch;
}

static void *produce(void *arg)
{
	struct run *run = arg;
	unsigned char bytes[LONGEST];
	uint64_t sum = 0;

	for (uint32_t number = 0; number < run->batches; number++) {
		struct ce_batch *batch = reserve(run);

		if (batch->count || batch->oversize)
			fail(run, "batch %u was not cleared", number);
		for (uint32_t i = 0; i < count_of(number); i++) {
			struct ce_record record = record_of(number, i);

			make_bytes(bytes, number, i);
			if (ce_batch_append(batch, &record, number + i, bytes) < 0)
				fail(run, "batch %u has no room for packet %u", number, i);
			sum += record.caplen;
		}
		batch->origin.linktype = (int)(number & 0xffff);
		batch->gap.kernel_drops = number;
		ce_ring_commit(run->ring);
	}
	run->bytes_put = sum;
	ce_ring_end(run->ring);
	return NULL;
}

static void check_packet(struct run *run, const struct ce_batch *batch, uint32_t number,
                         uint32_t i)
{
	struct ce_record found = ce_batch_record(batch, i), record = record_of(number, i);
	unsigned char bytes[LONGEST];

	make_bytes(bytes, number, i);
	if (memcmp(&found, &record, sizeof(record)) != 0 ||
	    batch->ts_ns[i] != (int64_t)number + i || batch->caplen[i] != record.caplen ||
	    batch->len[i] != record.len ||
	    memcmp(batch->data[i], bytes, record.caplen) != 0)
		fail(run, "batch %u, packet %u: not what was put in", number, i);
}

static void check(struct run *run, const struct ce_batch *batch, uint32_t number)
{
	if (batch->count != count_of(number) || batch->origin.linktype != (int)(number & 0xffff) ||
	    batch->gap.kernel_drops != number)
		fail(run, "batch %u: not what was put in", number);
	for (uint32_t i = 0; i < batch->count; i++)
		check_packet(run, batch, number, i);
}

/* Release any of the held batches, once its bytes are still what they were. */
static void release_any(struct run *run)
{
	uint32_t i = (uint32_t)rand_r(&run->seed) % run->holds;

	check(run, run->held[i], run->number[i]);
	ce_ring_release(run->ring, run->held[i]);
	run->holds--;
	run->held[i] = run->held[run->holds];
	run->number[i] = run->number[run->holds];
}

static void take(struct run *run, struct ce_batch *batch, uint32_t number)
{
	check(run, batch, number);
	for (uint32_t i = 0; i < batch->count; i++)
		run->bytes_got += batch->caplen[i];
	run->held[run->holds] = batch;
	run->number[run->holds++] = number;
	if (run->holds == run->slots || rand_r(&run->seed) % 4)
		release_any(run);
}

/* Until there is a batch or the end. */
static void wait_for_something(struct run *run)
{
	uint32_t looks = 0;
	int64_t deadline = 0;

	if (run->sleeping) {
		if (ce_ring_wait(run->ring, DEADLINE_MS) != 1)
			fail(run, "nothing in %d ms", DEADLINE_MS);
		return;
	}
	while (!ce_ring_queued(run->ring) && !ce_ring_ended(run->ring))
		look_again(run, &looks, &deadline);
}

static void consume(struct run *run)
{
	uint32_t number = 0;
	uint64_t sequence = 0;

	while (!ce_ring_ended(run->ring)) {
		struct ce_batch *batch = ce_ring_peek(run->ring);

		if (!batch) {
			wait_for_something(run);
			continue;
		}
		if (batch->sequence <= sequence)
			fail(run, "batch %u has no new sequence", number);
		sequence = batch->sequence;
		take(run, batch, number++);
	}
	if (number != run->batches)
		fail(run, "%u batches of %u", number, run->batches);
	if (run->bytes_got != run->bytes_put)
		fail(run, "what was written before the end is not seen after it");
}

static void stress(uint32_t slots, bool sleeping)
{
	const struct ce_ring_options options = {
		.slots = slots, .packets = PACKETS, .arena_bytes = ARENA};
	static struct run run; /* on the stack, clang would not watch all of it */
	pthread_t producer;

	run = (struct run){
		.slots = slots,
		.batches = sleeping ? slept : spun,
		.sleeping = sleeping,
		.seed = slots,
	};
	if (ce_ring_open(&run.ring, &options) < 0 ||
	    pthread_create(&producer, NULL, produce, &run) != 0)
		fail(&run, "no ring or no thread");
	consume(&run);
	pthread_join(producer, NULL);
	while (run.holds)
		release_any(&run);
	ce_ring_close(run.ring);
}

int main(void)
{
	static const uint32_t slots[] = {1, 2, 3, 8};

	for (int sleeping = 0; sleeping < 2; sleeping++)
		for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
			stress(slots[i], sleeping);
	return 0;
}
