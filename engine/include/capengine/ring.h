/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.h - the ring of batches between the capture thread and the Lua thread.
 *
 * A fixed set of batch slots that go round: the producer reserves a free one,
 * fills it and commits it; the consumer peeks at the oldest committed one,
 * reads it where it lies and releases it. Peeking again before a release goes
 * on to the next, and releases may come in any order, so that a savefile may
 * hold its batches until they are written and delay no other. A slot that came
 * back is used before one that was never used: at low load the same two or
 * three stay in the cache, and memory is touched only by bursts.
 *
 *     capture thread                       Lua thread
 *     ce_ring_reserve -> fill -> commit    ce_ring_peek -> read -> release
 *     ce_ring_end                          ce_ring_ended
 *
 * Threads    One at a time on each side. Only open and close need both idle.
 *            The wake-ups (section below) say for each call who may call it.
 * Ownership  A reserved batch is lent to the producer until commit, a peeked
 *            one to the consumer until release; the ring owns the memory.
 * Blocking   Only ce_ring_wait waits. open allocates (address space; pages
 *            when first written), nothing after it does.
 */
#ifndef CAPENGINE_RING_H
#define CAPENGINE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_batch;
struct ce_ring;

struct ce_ring_options {
	uint32_t slots;     /* batches in the ring, 1 to 65536; 0: 4 */
	uint32_t packets;   /* most packets in a batch, 1 to 4096; 0: 4096 */
	size_t arena_bytes; /* packet bytes in a batch, record headers included;
	                       16 to 4294967295; 0: 266240, one packet of
	                       262144 and some */
	uint32_t room;      /* slots not queued that wake a producer which waits for
	                       one; 1 to slots; 0: 1. A consumer that waits wakes it
	                       for any, one that only peeks does not */
};

/*
 * Open a ring; options NULL means all defaults. *ring is set only on success.
 * Returns 0, -EINVAL for an option out of range, -ENOMEM, or what eventfd(2)
 * said.
 */
int ce_ring_open(struct ce_ring **ring, const struct ce_ring_options *options);

/* Free the ring and every batch in it. NULL is fine. Both sides must be idle. */
void ce_ring_close(struct ce_ring *ring);

/*
 * Producer: a cleared batch to fill, or NULL: every slot is in use. One at a time:
 * the next after this one's commit. All batches that were released are cleared.
 */
struct ce_batch *ce_ring_reserve(struct ce_ring *ring);

/* Producer: hand the reserved batch over, and wake a consumer that waits. */
void ce_ring_commit(struct ce_ring *ring);

/* Producer: no commit will follow. */
void ce_ring_end(struct ce_ring *ring);

/*
 * Consumer: the oldest committed batch not yet peeked at, or NULL: none is
 * queued. It gets a `sequence` that no batch of this process had before.
 */
struct ce_batch *ce_ring_peek(struct ce_ring *ring);

/* Any thread: the processor on which the consumer peeked last, as sched_getcpu(3) numbers
   them; -1: it has not peeked yet, or nobody knows. */
int ce_ring_consumer_cpu(const struct ce_ring *ring);

/* Consumer: give a peeked batch another such number: it looks like a new one. */
void ce_ring_renumber(struct ce_batch *batch);

/* Consumer: give a peeked batch back; its bytes are no longer lent. */
void ce_ring_release(struct ce_ring *ring, struct ce_batch *batch);

/* Consumer: the number of batches that peek would give now. */
uint32_t ce_ring_queued(struct ce_ring *ring);

/* Consumer: the producer has ended, and nothing is queued any more. */
bool ce_ring_ended(struct ce_ring *ring);

/*
 * Waking each other. A sleeper first says what it waits for, then looks once
 * more, then sleeps; who makes that thing happen looks afterwards whether
 * somebody said so. ring.c and wait.c prove that no wake-up is lost.
 */
enum ce_ring_event {
	CE_RING_ROOM = 1,   /* a slot was released, and options.room of them are not
	                       queued; or the consumer waits */
	CE_RING_HUNGRY = 2, /* the consumer waits and nothing is queued */
	CE_RING_MAIL = 4,   /* whatever else the producer must look at */
};

/*
 * Consumer: wait until a batch is queued or the producer has ended, at most
 * timeout_ms (negative: for ever). A waiting consumer is hungry. Returns 1 when
 * there is something, 0 after timeout_ms, -EINTR when a signal came.
 */
int ce_ring_wait(struct ce_ring *ring, int timeout_ms);

/*
 * Consumer: have `work` called with `arg` while nothing is queued, before wait sleeps:
 * it does a piece of work, which prolongs the wait, or says false when there is none.
 */
void ce_ring_meanwhile(struct ce_ring *ring, bool (*work)(void *arg), void *arg);

/* Producer: the consumer waits now, with nothing queued. */
bool ce_ring_hungry(struct ce_ring *ring);

/*
 * Producer: say that it will sleep until one of `events` (an or of enum
 * ce_ring_event) or something of its own. Look at the events once more after
 * this; if there is nothing, poll ce_ring_fd for input. Either way call
 * ce_ring_awake then.
 */
void ce_ring_doze(struct ce_ring *ring, unsigned events);
void ce_ring_awake(struct ce_ring *ring);

/*
 * Producer: a descriptor that is readable once a dozed-for event happened; it may
 * also be readable for an older one, so look.
 */
int ce_ring_fd(const struct ce_ring *ring);

/* Any thread: wake a producer that dozes for CE_RING_MAIL. */
void ce_ring_mail(struct ce_ring *ring);

#ifdef __cplusplus
}
#endif

#endif
