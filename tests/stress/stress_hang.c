/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stress_hang.c - two threads go to sleep and wake each other, without end.
 *
 * One thing at a time goes from waker to sleeper. The waker pauses before it: a
 * little longer when the sleeper had not fallen asleep last time, a little less
 * long when it had. So it comes again and again in the moment in which the
 * sleeper arms its bell and looks once more. A wake-up that is lost there shows
 * as a sleep that lasts until its deadline, and is a failure at once.
 *
 * usage: stress_hang [WAY [MS [DEADLINE_MS]]]
 *
 *   WAY          the one way of waking to try; default "all"
 *   MS           how long a way is tried, default 1000
 *   DEADLINE_MS  a sleep this long is a lost wake-up, default 5000
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/batch.h"
#include "capengine/clock.h"
#include "capengine/ring.h"

enum {
	MS = 1000000,     /* nanoseconds */
	ASLEEP_NS = 3000, /* who waited longer had fallen asleep */
	CACHE_LINE = 64,
	TIRED = 512,  /* a sleeper's pause, so that a waker's can be shorter */
	AIM_STEP = 4, /* pauses are in turns of a loop */
	AIM_MOST = 4096,
	SPREAD = 64,
	PAGES = 8,    /* of a letter: it takes a moment until all are seen */
	LOOKS = 1000, /* before a look at the clock */
};

static int way_ms = 1000;
static int deadline_ms = 5000;
static cpu_set_t processors; /* on which this program may run */

struct exchange;

/* Who sleeps until the other wakes it; who does not looks again and again. */
struct way {
	const char *name;
	void *(*produce)(void *exchange);
	uint32_t (*consume)(struct exchange *);
	bool producer_sleeps, consumer_sleeps;
	bool feeds_hungry; /* the producer commits only once the consumer waits */
};

/* A thread: how long it pauses, and since when it looks or sleeps. */
struct side {
	alignas(CACHE_LINE) const char *name;
	const struct way *way;
	struct ce_ring *ring;
	uint32_t aim;
	uint32_t random;
	uint32_t looks;
	int64_t since_ns;
	alignas(CACHE_LINE) _Atomic bool slept; /* for the other side to see */
};

struct number {
	alignas(CACHE_LINE) _Atomic uint32_t is;
};

struct exchange {
	struct side producer, consumer;
	struct number pages[PAGES]; /* of the last letter posted, its number on each */
	struct number answer;       /* the last letter read */
};

enum { LAST_LETTER = INT32_MAX };

static _Noreturn void fail(const struct side *side, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", side->way->name, side->name, what);
	_Exit(1);
}

static void pause_for(uint32_t turns)
{
	for (volatile uint32_t turn = 0; turn < turns; turn++)
		;
}

/* Until `other` is just about to sleep. */
static void pause_until_sleepy(struct side *side, const struct side *other)
{
	if (!atomic_load_explicit(&other->slept, memory_order_relaxed))
		side->aim += side->aim < AIM_MOST ? AIM_STEP : 0;
	else
		side->aim -= side->aim ? AIM_STEP : 0;
	side->random = side->random * 1664525u + 1013904223u;
	pause_for(side->aim + (side->random >> 16) % SPREAD);
}

static int64_t elapsed_ns(const struct side *side)
{
	return ce_clock_mono_ns() - side->since_ns;
}

static void begin(struct side *side)
{
	side->looks = 0;
	side->since_ns = ce_clock_mono_ns();
}

/* Awake again: in time, and after how deep a sleep? */
static void awake(struct side *side)
{
	int64_t slept_ns = elapsed_ns(side);

	if (slept_ns >= (int64_t)deadline_ms * MS)
		fail(side, "lost wake-up");
	atomic_store_explicit(&side->slept, slept_ns > ASLEEP_NS, memory_order_relaxed);
}

/* Nothing yet. Be patient: should the other side sleep for ever, it shall say so. */
static void look_again(struct side *side)
{
	if (++side->looks % LOOKS)
		return;
	if (elapsed_ns(side) >= (int64_t)2 * deadline_ms * MS)
		fail(side, "no progress");
	sched_yield();
}

static void sleep_until_rung(const struct side *side)
{
	struct pollfd bell = {.fd = ce_ring_fd(side->ring), .events = POLLIN};

	poll(&bell, 1, deadline_ms);
}

static void wait_for_room(struct side *side)
{
	struct ce_batch *batch = NULL;

	if (side->way->producer_sleeps)
		pause_for(TIRED);
	begin(side);
	while (!side->way->producer_sleeps && !(batch = ce_ring_reserve(side->ring)))
		look_again(side);
	while (!batch) {
		ce_ring_doze(side->ring, CE_RING_ROOM);
		batch = ce_ring_reserve(side->ring);
		if (!batch)
			sleep_until_rung(side);
		ce_ring_awake(side->ring);
		awake(side);
	}
}

static void wait_for_hunger(struct side *side)
{
	pause_for(TIRED);
	begin(side);
	while (!ce_ring_hungry(side->ring)) {
		ce_ring_doze(side->ring, CE_RING_HUNGRY);
		if (!ce_ring_hungry(side->ring))
			sleep_until_rung(side);
		ce_ring_awake(side->ring);
		awake(side);
	}
}

static void *commit_batches(void *arg)
{
	struct exchange *exchange = arg;
	struct side *side = &exchange->producer;
	int64_t until = ce_clock_mono_ns() + (int64_t)way_ms * MS;

	while (ce_clock_mono_ns() < until) {
		wait_for_room(side);
		if (side->way->feeds_hungry)
			wait_for_hunger(side);
		else if (side->way->consumer_sleeps)
			pause_until_sleepy(side, &exchange->consumer);
		ce_ring_commit(side->ring);
	}
	ce_ring_end(side->ring);
	return NULL;
}

/* Until there is a batch or the end. */
static void wait_for_something(struct side *side)
{
	begin(side);
	if (side->way->consumer_sleeps) {
		ce_ring_wait(side->ring, deadline_ms);
		awake(side);
	} else {
		while (!ce_ring_queued(side->ring) && !ce_ring_ended(side->ring))
			look_again(side);
	}
}

static uint32_t release_batches(struct exchange *exchange)
{
	struct side *side = &exchange->consumer;
	uint32_t batches = 0;

	for (;;) {
		struct ce_batch *batch;

		wait_for_something(side);
		if (ce_ring_ended(side->ring))
			return batches;
		batch = ce_ring_peek(side->ring);
		if (!batch)
			fail(side, "woken for nothing");
		if (side->way->producer_sleeps)
			pause_until_sleepy(side, &exchange->producer);
		ce_ring_release(side->ring, batch);
		if (side->way->feeds_hungry)
			pause_until_sleepy(side, &exchange->producer);
		batches++;
	}
}

static uint32_t get(struct number *number)
{
	return atomic_load_explicit(&number->is, memory_order_relaxed);
}

static void set(struct number *number, uint32_t value)
{
	atomic_store_explicit(&number->is, value, memory_order_relaxed);
}

/* The letter in the box; an older one until all its pages are there. */
static uint32_t look_for_letter(struct exchange *exchange)
{
	uint32_t letter = get(&exchange->pages[PAGES - 1]);

	for (int i = 0; i < PAGES - 1; i++)
		if (get(&exchange->pages[i]) < letter)
			letter = get(&exchange->pages[i]);
	return letter;
}

static void *answer_letters(void *arg)
{
	struct exchange *exchange = arg;
	struct side *side = &exchange->producer;
	uint32_t letter = 0;

	while (letter != LAST_LETTER) {
		pause_for(TIRED);
		begin(side);
		ce_ring_doze(side->ring, CE_RING_MAIL);
		if (look_for_letter(exchange) == letter)
			sleep_until_rung(side);
		ce_ring_awake(side->ring);
		awake(side);
		letter = look_for_letter(exchange);
		set(&exchange->answer, letter);
	}
	return NULL;
}

static void post(struct exchange *exchange, uint32_t letter)
{
	for (int i = 0; i < PAGES; i++)
		set(&exchange->pages[i], letter);
	ce_ring_mail(exchange->producer.ring);
}

static uint32_t post_letters(struct exchange *exchange)
{
	struct side *side = &exchange->consumer;
	int64_t until = ce_clock_mono_ns() + (int64_t)way_ms * MS;
	uint32_t letter = 0;

	while (letter < LAST_LETTER - 1 && ce_clock_mono_ns() < until) {
		pause_until_sleepy(side, &exchange->producer);
		post(exchange, ++letter);
		begin(side);
		while (get(&exchange->answer) != letter)
			look_again(side);
	}
	post(exchange, LAST_LETTER);
	return letter;
}

/*
 * Run a thread on the first or the last processor: the two race only when they
 * run at the same time, which a busy machine does not do by itself.
 */
static void stay_on(pthread_t thread, bool last)
{
	cpu_set_t one;
	size_t chosen = CPU_SETSIZE;

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &processors) && (last || chosen == CPU_SETSIZE))
			chosen = cpu;
	CPU_ZERO(&one);
	CPU_SET(chosen, &one);
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

static void go(const struct way *way)
{
	const struct ce_ring_options options = {.slots = 1, .packets = 1};
	struct exchange exchange = {
		.producer = {.name = "producer", .way = way},
		.consumer = {.name = "consumer", .way = way},
	};
	struct ce_ring *ring;
	pthread_t producer;

	if (ce_ring_open(&ring, &options) < 0)
		fail(&exchange.consumer, "no ring");
	exchange.producer.ring = exchange.consumer.ring = ring;
	if (pthread_create(&producer, NULL, way->produce, &exchange) != 0)
		fail(&exchange.producer, "no thread");
	stay_on(producer, false);
	stay_on(pthread_self(), true);
	printf("%s: %u rounds\n", way->name, way->consume(&exchange));
	pthread_join(producer, NULL);
	ce_ring_close(ring);
}

static const struct way ways[] = {
	{"commit", commit_batches, release_batches, .consumer_sleeps = true},
	{"release", commit_batches, release_batches, .producer_sleeps = true},
	{"both", commit_batches, release_batches, .producer_sleeps = true,
	 .consumer_sleeps = true},
	{"hunger", commit_batches, release_batches, .consumer_sleeps = true,
	 .feeds_hungry = true},
	{"mail", answer_letters, post_letters, .producer_sleeps = true},
};

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "all";
	int tried = 0;

	if (argc > 2)
		way_ms = atoi(argv[2]);
	if (argc > 3)
		deadline_ms = atoi(argv[3]);
	sched_getaffinity(0, sizeof(processors), &processors);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(wanted, "all") == 0 || strcmp(wanted, ways[i].name) == 0) {
			go(&ways[i]);
			tried++;
		}
	return tried ? 0 : 2;
}
