/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.h - the thread that moves packets from a source into a ring.
 *
 * Until start, calls act on the source directly. From then on the capture
 * thread alone touches it: what others want of it goes through a mailbox,
 * which the thread answers within 20 ms, also while it waits for room.
 *
 *     open -> start -> (the ring's peek, release, wait) -> stop -> close
 *
 * A source waits while the ring is full: a file stands still, and an interface
 * fills the kernel's ring, which counts what it then has to drop. A batch is
 * committed when it is full, or when the consumer waits and the source is dry.
 *
 * Threads    Lua thread, but for the capture thread within. That leaves a processor
 *            on which the Lua thread runs: a filter of system calls must allow
 *            sched_setaffinity(2), or refuse it with an error
 * Ownership  The capture owns its source and its ring.
 * Blocking   call, setfilter and stats wait for the thread's answer; close
 *            waits until the thread has ended, at most a little longer than twice
 *            the source's timeout.
 */
#ifndef CAPENGINE_CAPTURE_H
#define CAPENGINE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_batch;
struct ce_capture;
struct ce_ring;
struct ce_source;
struct ce_stats;

struct ce_capture_options {
	size_t ring_bytes;   /* packet bytes that the ring holds, 1 MiB to 16 GiB;
	                        0: 32 MiB live, else 4 MiB */
	uint32_t batch;      /* most packets in one batch, 1 to 4096; 0: 4096 */
	uint32_t timeout_ms; /* longest a packet waits for its batch; 0: 20 */
	bool immediate;      /* packets wait for no others */
	int interrupt_fd;    /* once readable, the capture stops; 0: none */
	/* Called in the capture thread with each batch whose bytes are near, before it is
	   handed over; NULL: nothing is. */
	void (*before)(void *arg, struct ce_batch *batch);
	void *before_arg;
};

/*
 * Make a capture of the source, which it takes. *capture is set only on
 * success. Returns 0; -EINVAL for an option out of range; -ENOMEM.
 */
int ce_capture_open(struct ce_capture **capture, struct ce_source *source,
                    const struct ce_capture_options *options, struct ce_err *err);

/*
 * Stop at once and free everything; NULL is fine. What was not released is
 * lent no more.
 */
void ce_capture_close(struct ce_capture *capture);

/* Start the thread, unless it was started. Returns 0 or -EAGAIN. */
int ce_capture_start(struct ce_capture *capture, struct ce_err *err);

/* Where its batches come from. */
struct ce_ring *ce_capture_ring(struct ce_capture *capture);

/*
 * Stop in good order: no packet that the kernel had counted is lost, and the
 * ring ends after the last one. Returns at once. A signal handler must not
 * call this: it makes options.interrupt_fd readable instead.
 */
void ce_capture_stop(struct ce_capture *capture);

/*
 * Stop at once, and wait for the thread. What was read already is queued in
 * the ring; what the kernel still held is counted as undelivered.
 */
void ce_capture_abandon(struct ce_capture *capture);

/*
 * Why the ring ended, once ce_ring_ended says so: -ENODATA at the end of the
 * packets, -EINTR when it was stopped, else the source's error with its words. What the
 * kernel has then is counted as undelivered, behind any of them.
 */
int ce_capture_end(const struct ce_capture *capture, struct ce_err *err);

/* Run call(source, arg) where the source may be touched; gives its result. */
int ce_capture_call(struct ce_capture *capture,
                    int (*call)(struct ce_source *source, void *arg), void *arg);

/*
 * Set the source's own filter (live). When this has returned 0, batches whose
 * `filter` is at least *filters hold only packets that match it. Behind a stop it only
 * compiles, since nothing new comes in: *filters is UINT64_MAX, which no batch has.
 */
int ce_capture_setfilter(struct ce_capture *capture, const char *expression,
                         uint32_t netmask, uint64_t *filters, struct ce_err *err);

/* Have the source make packets of another link type from now on. */
int ce_capture_set_datalink(struct ce_capture *capture, int linktype, struct ce_err *err);

/*
 * How many packets have been captured, as far as the source knows, and are not yet
 * in the ring. Waits for the capture thread to say so.
 */
uint64_t ce_capture_waiting(struct ce_capture *capture);

/*
 * received, captured, drops and undelivered, up to now; the other fields stay.
 */
void ce_capture_stats(struct ce_capture *capture, struct ce_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
