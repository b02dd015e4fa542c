/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - see <capengine/ring.h> for what a ring promises.
 *
 * Two queues of slot numbers, each with one writer and one reader: `filled`
 * from the producer, `freed` back to it. A queue's indices only grow; masked,
 * they are places; put - got is what is in it, and stays right when they wrap.
 * Neither queue can overflow: each has room for every slot.
 *
 * Memory order. Each index has one writer, which reads its own copy relaxed.
 * The other side sees it through one of three edges:
 *
 *   edge     store (release)         load (acquire)         so that
 *   FILLED   filled.put, in commit   filled.put, in peek    a batch is read
 *                                                           after it was written
 *   FREED    freed.put, in release   freed.put, in          a slot is written
 *                                    clear_freed            after its last read
 *   ENDED    ended, in end           ended, in ended        what came before the
 *                                                           end is seen with it
 *
 * Whoever sleeps is woken through the bells' SLEEP edge: see wait.c.
 * Every atomic access below names its edge.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/pages_int.h"
#include "capengine/batch.h"
#include "capengine/clock.h"
#include "capengine/ring.h"
#include "wait_int.h"

enum {
	CACHE_LINE = 64,
	PAGE = 4096,
	MOST_SLOTS = 65536,
	DEFAULT_SLOTS = 4,
	DEFAULT_ARENA = 266240,
	/* A consumer looks that long before it sleeps: longer than the wake-up that it
	   saves. Not where packets come slowly, as its last wait tells: one that took no
	   longer than SOON_NS, wake-up included, was one to look for. */
	SPIN_NS = 30000,
	SOON_NS = 100000,
	/* The same where it may work meanwhile. Then packets come as fast as both sides can
	   make them, and in a virtual machine a wake-up takes that long. */
	SPIN_BETWEEN_NS = 100000,
	SOON_BETWEEN_NS = 300000,
	LOOKS = 64,   /* between looks at the clock */
	MS = 1000000, /* nanoseconds */
};

struct queue {
	uint32_t *slots;
	alignas(CACHE_LINE) _Atomic size_t put; /* the writer's line */
	alignas(CACHE_LINE) size_t got;         /* the reader's line */
	size_t put_seen;                        /* put when last loaded */
};

struct ce_ring {
	struct queue filled;
	struct queue freed;
	alignas(CACHE_LINE) struct ce_batch *reserved; /* the producer's line */
	uint32_t fresh;                   /* slots not used yet: from here on */
	alignas(CACHE_LINE) bool patient; /* the consumer's: its last wait was long */
	bool (*work)(void *arg);          /* for the time until a batch comes; or NULL */
	void *work_arg;
	_Atomic int consumer_cpu; /* a hint for anybody */
	alignas(CACHE_LINE) struct ceint_bell consumer;
	alignas(CACHE_LINE) struct ceint_bell producer;
	_Atomic bool ended;
	alignas(CACHE_LINE) struct ce_batch *batches; /* nobody writes from here on */
	size_t mask;
	uint32_t slots;
	uint32_t room;
	void *memory; /* columns and arenas of all slots */
	size_t memory_bytes;
};

/* The last number that a batch of this process got, from whichever thread. */
static _Atomic uint64_t last_sequence;

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* Cut `bytes` from the front of *memory, page by page. */
static void *take(unsigned char **memory, size_t bytes)
{
	void *piece = *memory;

	*memory += round_up(bytes, PAGE);
	return piece;
}

static size_t slot_bytes(const struct ce_ring_options *options)
{
	size_t packets = options->packets;

	return round_up(packets * sizeof(int64_t), PAGE) +
	       2 * round_up(packets * sizeof(uint32_t), PAGE) +
	       round_up(packets * sizeof(void *), PAGE) +
	       round_up(options->arena_bytes, PAGE);
}

static void place(struct ce_batch *batch, unsigned char **memory,
                  const struct ce_ring_options *options)
{
	batch->ts_ns = take(memory, options->packets * sizeof(*batch->ts_ns));
	batch->caplen = take(memory, options->packets * sizeof(*batch->caplen));
	batch->len = take(memory, options->packets * sizeof(*batch->len));
	batch->data = take(memory, options->packets * sizeof(*batch->data));
	batch->arena = take(memory, options->arena_bytes);
	batch->arena_bytes = options->arena_bytes;
	batch->capacity = options->packets;
}

static int check_options(struct ce_ring_options *options)
{
	if (!options->slots)
		options->slots = DEFAULT_SLOTS;
	if (!options->packets)
		options->packets = CE_BATCH_PACKETS;
	if (!options->arena_bytes)
		options->arena_bytes = DEFAULT_ARENA;
	if (!options->room)
		options->room = 1;
	return options->slots > MOST_SLOTS || options->room > options->slots ||
	                       options->packets > CE_BATCH_PACKETS ||
	                       options->arena_bytes < sizeof(struct ce_record) ||
	                       options->arena_bytes > UINT32_MAX
	               ? -EINVAL
	               : 0;
}

/* What open acquires, in order; close accepts every half-built state. */
static int acquire(struct ce_ring *ring, const struct ce_ring_options *options)
{
	unsigned char *memory;
	size_t places = 1;
	int rc;

	while (places < options->slots)
		places *= 2;
	ring->mask = places - 1;
	ring->slots = options->slots;
	ring->room = options->room;
	ring->filled.slots = calloc(places, sizeof(*ring->filled.slots));
	ring->freed.slots = calloc(places, sizeof(*ring->freed.slots));
	ring->batches = calloc(options->slots, sizeof(*ring->batches));
	if (!ring->filled.slots || !ring->freed.slots || !ring->batches)
		return -ENOMEM;
	ring->memory_bytes = slot_bytes(options) * options->slots;
	ring->memory = ceint_pages_open(ring->memory_bytes);
	if (!ring->memory)
		return -ENOMEM;
	memory = ring->memory;
	for (uint32_t i = 0; i < options->slots; i++)
		place(&ring->batches[i], &memory, options);
	rc = ceint_bell_open(&ring->consumer);
	return rc < 0 ? rc : ceint_bell_open(&ring->producer);
}

int ce_ring_open(struct ce_ring **out, const struct ce_ring_options *options)
{
	struct ce_ring_options wanted = {0};
	struct ce_ring *ring;
	int rc;

	if (options)
		wanted = *options;
	rc = check_options(&wanted);
	if (rc < 0)
		return rc;
	ring = aligned_alloc(CACHE_LINE, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	*ring = (struct ce_ring){
		.consumer.fd = -1, .producer.fd = -1, .consumer_cpu = -1};
	rc = acquire(ring, &wanted);
	if (rc < 0) {
		ce_ring_close(ring);
		return rc;
	}
	*out = ring;
	return 0;
}

void ce_ring_close(struct ce_ring *ring)
{
	if (!ring)
		return;
	for (uint32_t i = 0; ring->batches && i < ring->slots; i++)
		ce_batch_clear(&ring->batches[i]);
	ceint_bell_close(&ring->producer);
	ceint_bell_close(&ring->consumer);
	ceint_pages_close(ring->memory, ring->memory_bytes);
	free(ring->batches);
	free(ring->freed.slots);
	free(ring->filled.slots);
	free(ring);
}

/* Is a producer that sleeps for want of room to fill now what is free? If not, it is told
   by a later release, or when the consumer waits. */
static bool has_room(struct ce_ring *ring)
{
	return ce_ring_queued(ring) + ring->room <= ring->slots;
}

/* Clear what was freed: whoever has lent it memory wants that back soon, while it is in a
   cache. */
static void clear_freed(struct ce_ring *ring)
{
	struct queue *freed = &ring->freed;
	size_t put = atomic_load_explicit(&freed->put, memory_order_acquire); /* FREED */

	for (; freed->put_seen != put; freed->put_seen++)
		ce_batch_clear(
			&ring->batches[freed->slots[freed->put_seen & ring->mask]]);
}

struct ce_batch *ce_ring_reserve(struct ce_ring *ring)
{
	struct queue *freed = &ring->freed;

	clear_freed(ring);
	if (freed->got != freed->put_seen)
		ring->reserved = &ring->batches[freed->slots[freed->got++ & ring->mask]];
	else if (ring->fresh < ring->slots)
		ring->reserved = &ring->batches[ring->fresh++];
	else
		return NULL;
	return ring->reserved;
}

/*
 * Append a batch's slot number to a queue of which the caller is the writer.
 * Returns the `put` that will show it to the reader.
 */
static size_t append(struct ce_ring *ring, struct queue *queue, struct ce_batch *batch)
{
	size_t at = atomic_load_explicit(&queue->put, memory_order_relaxed); /* own */

	queue->slots[at & ring->mask] = (uint32_t)(batch - ring->batches);
	return at + 1;
}

void ce_ring_commit(struct ce_ring *ring)
{
	size_t put = append(ring, &ring->filled, ring->reserved);

	ring->reserved = NULL;
	/* FILLED */
	atomic_store_explicit(&ring->filled.put, put, memory_order_release);
	ceint_bell_ring(&ring->consumer, 1);
}

void ce_ring_end(struct ce_ring *ring)
{
	/* ENDED */
	atomic_store_explicit(&ring->ended, true, memory_order_release);
	ceint_bell_ring(&ring->consumer, 1);
}

uint32_t ce_ring_queued(struct ce_ring *ring)
{
	struct queue *filled = &ring->filled;

	filled->put_seen = /* FILLED */
		atomic_load_explicit(&filled->put, memory_order_acquire);
	return (uint32_t)(filled->put_seen - filled->got);
}

void ce_ring_renumber(struct ce_batch *batch)
{
	batch->sequence = /* only unique: orders nothing */
		atomic_fetch_add_explicit(&last_sequence, 1, memory_order_relaxed) + 1;
}

struct ce_batch *ce_ring_peek(struct ce_ring *ring)
{
	struct queue *filled = &ring->filled;
	struct ce_batch *batch;

	if (filled->got == filled->put_seen && ce_ring_queued(ring) == 0)
		return NULL;
	batch = &ring->batches[filled->slots[filled->got++ & ring->mask]];
	ce_ring_renumber(batch);
	atomic_store_explicit(&ring->consumer_cpu, sched_getcpu(), /* orders nothing */
	                      memory_order_relaxed);
	return batch;
}

int ce_ring_consumer_cpu(const struct ce_ring *ring)
{
	/* What it was a moment ago: orders nothing. */
	return atomic_load_explicit(&ring->consumer_cpu, memory_order_relaxed);
}

void ce_ring_release(struct ce_ring *ring, struct ce_batch *batch)
{
	size_t put = append(ring, &ring->freed, batch);

	/* FREED */
	atomic_store_explicit(&ring->freed.put, put, memory_order_release);
	if (has_room(ring))
		ceint_bell_ring(&ring->producer, CE_RING_ROOM);
}

bool ce_ring_ended(struct ce_ring *ring)
{
	/* ENDED */
	return atomic_load_explicit(&ring->ended, memory_order_acquire) &&
	       ce_ring_queued(ring) == 0;
}

static bool something(struct ce_ring *ring)
{
	return ce_ring_queued(ring) || ce_ring_ended(ring);
}

/* Sleep until rung: 1. At once when there is something: 1. Else as ce_ring_wait. */
static int sleep_once(struct ce_ring *ring, int timeout_ms)
{
	struct pollfd bell = {.fd = ring->consumer.fd, .events = POLLIN};
	int rc = 1;

	ceint_bell_arm(&ring->consumer, 1);
	if (!something(ring)) {
		ceint_bell_ring(&ring->producer, CE_RING_HUNGRY | CE_RING_ROOM);
		rc = poll(&bell, 1, timeout_ms) < 0 ? -errno : bell.revents != 0;
	}
	ceint_bell_disarm(&ring->consumer);
	return rc;
}

/* Look for a while whether there is something, and work meanwhile if there is work. Where
   the producer has no other processor, it gets this one. */
static bool look(struct ce_ring *ring)
{
	const int64_t spin_ns = ring->work ? SPIN_BETWEEN_NS : SPIN_NS;
	int64_t until_ns = ring->patient ? 0 : ce_clock_mono_ns() + spin_ns;

	for (;;) {
		for (int i = 0; i < LOOKS; i++)
			if (something(ring))
				return true;
		if (ring->work && ring->work(ring->work_arg))
			until_ns = ce_clock_mono_ns() + spin_ns;
		else if (ce_clock_mono_ns() >= until_ns)
			return false;
		else
			sched_yield();
	}
}

int ce_ring_wait(struct ce_ring *ring, int timeout_ms)
{
	int64_t begun_ns, until_ns;
	int rc;

	if (something(ring) || (timeout_ms && look(ring)))
		return 1;
	begun_ns = ce_clock_mono_ns();
	until_ns = timeout_ms < 0 ? 0 : begun_ns + (int64_t)timeout_ms * MS;
	do { /* again after a ring for what was seen before */
		rc = sleep_once(ring, timeout_ms < 0 ? -1 : ce_clock_ms_until(until_ns));
	} while (rc > 0 && !something(ring));
	ring->patient = ce_clock_mono_ns() - begun_ns >
	                (ring->work ? SOON_BETWEEN_NS : SOON_NS);
	return something(ring) ? 1 : rc;
}

void ce_ring_meanwhile(struct ce_ring *ring, bool (*work)(void *arg), void *arg)
{
	ring->work = work;
	ring->work_arg = arg;
}

bool ce_ring_hungry(struct ce_ring *ring)
{
	return ceint_bell_armed(&ring->consumer, 1);
}

void ce_ring_doze(struct ce_ring *ring, unsigned events)
{
	ceint_bell_arm(&ring->producer, events);
}

void ce_ring_awake(struct ce_ring *ring)
{
	ceint_bell_disarm(&ring->producer);
}

int ce_ring_fd(const struct ce_ring *ring)
{
	return ring->producer.fd;
}

void ce_ring_mail(struct ce_ring *ring)
{
	ceint_bell_ring(&ring->producer, CE_RING_MAIL);
}
