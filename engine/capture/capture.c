/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.c - see <capengine/capture.h>.
 *
 * The thread's life is a loop of steps: answer the mailbox, have a batch to
 * fill, let the source fill it, and commit it or wait. Two threads share the
 * ring, the counters, the mailbox and whatever `before` is given, and a source's
 * `help` may be called by the one that waits; `end` and `err` are written before
 * ce_ring_end and read after ce_ring_ended, and everything else belongs to one side.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "apart_int.h"
#include "base/stats_int.h"
#include "capengine/batch.h"
#include "capengine/capture.h"
#include "capengine/clock.h"
#include "capengine/ring.h"
#include "capengine/source.h"
#include "capengine/stats.h"
#include "gaps_int.h"
#include "mailbox_int.h"

enum {
	LEAST_ARENA = 266240, /* one packet of the usual largest snap length */
	MOST_ARENA = 1 << 20, /* fewer wake-ups, and what is filled fits into a cache */
	LEAST_SLOTS = 4,
	LIVE_RING = 32 << 20,
	FILE_RING = 4 << 20,
	/* A file can wait, and the consumer pays for waking who reads it. */
	FILE_ROOM = 3,
	LEAST_RING = 1 << 20,
	DEFAULT_TIMEOUT_MS = 20,
	IDLE_MS = 1000,          /* an idle interface is looked at that often */
	DROPS_EVERY_MS = 100,    /* how often a busy one is asked what it lost */
	INTERRUPT_EVERY_MS = 10, /* and interrupt_fd is looked at while packets come */
};

static const size_t MOST_RING = (size_t)16 << 30;
static const int64_t MS = 1000000;

struct ce_capture {
	struct ce_source *source;
	struct ce_ring *ring;
	struct ceint_counters counters;
	struct ceint_mailbox mailbox;
	uint32_t timeout_ms; /* 0: packets wait for no others */
	uint32_t batch;      /* most packets in one */
	int interrupt_fd;
	void (*before)(void *arg, struct ce_batch *batch); /* NULL: none */
	void *before_arg;

	/* The Lua thread's. */
	pthread_t thread;
	bool started;
	bool joined;

	/* The capture thread's. */
	struct ce_batch *open;    /* being filled */
	uint32_t counted;         /* of its packets, in the counters already */
	int64_t read_ns;          /* when packets were read last, monotonic */
	int64_t first_ns;         /* since when the batch's first may have waited */
	int64_t drops_due_ns;     /* when to ask for drops again */
	int64_t interrupt_due_ns; /* when to look for an interrupt again */
	int64_t quiet_until_ns;   /* stopping: when the last packet must be here; 0 */
	struct ceint_gaps gaps;   /* noticed, and not yet told with a batch */
	struct ce_drops drops;    /* as of the last look */
	uint64_t committed;       /* packets handed over */
	int end;                  /* 0, or why the capture has ended */
	struct ce_err err;
};

static bool ordered(struct ce_capture *capture, unsigned orders)
{
	return ceint_mailbox_orders(&capture->mailbox) & orders;
}

/* All that had come was read before, but for what the source holds back for a while. */
static int64_t may_have_waited_since(const struct ce_capture *capture, int64_t now)
{
	int64_t earliest = now - capture->source->timeout_ms * MS;

	return capture->read_ns > earliest ? capture->read_ns : earliest;
}

/* Count what the open batch got since the last time. */
static void count_captured(struct ce_capture *capture)
{
	struct ce_batch *open = capture->open;
	int64_t now;

	if (!open || open->count == capture->counted)
		return;
	now = ce_clock_mono_ns();
	if (capture->counted == 0)
		capture->first_ns = may_have_waited_since(capture, now);
	capture->read_ns = now;
	ceint_counters_add(&capture->counters, CEINT_CAPTURED,
	                   open->count - capture->counted);
	capture->counted = open->count;
}

/* Hand the open batch over, if there is anything in it to tell. */
static void commit(struct ce_capture *capture)
{
	struct ce_batch *open = capture->open;

	if (!open ||
	    (!open->count && !open->gap.kernel_drops && !open->gap.interface_drops))
		return;
	count_captured(capture);
	open->first_number = capture->committed + 1;
	capture->committed += open->count;
	if (capture->before && open->near)
		capture->before(capture->before_arg, open);
	capture->open = capture->source->batch = NULL;
	ce_ring_commit(capture->ring);
}

/* Let the open batch, which is empty, tell of losses here, and end before the next. */
static void place_gaps(struct ce_capture *capture)
{
	uint64_t captured = ceint_counters_get(&capture->counters, CEINT_CAPTURED);
	uint64_t left;

	ceint_gaps_take(&capture->gaps, captured, &capture->open->gap);
	left = ceint_gaps_next(&capture->gaps) - captured;
	capture->open->capacity = left < capture->batch ? (uint32_t)left : capture->batch;
}

/* Have a batch to fill. False: no slot is free. */
static bool have_open(struct ce_capture *capture)
{
	if (!capture->open) {
		capture->open = ce_ring_reserve(capture->ring);
		if (!capture->open)
			return false;
		capture->counted = 0;
	}
	if (!capture->open->count)
		place_gaps(capture);
	return true;
}

/* How many packets wait that have been captured and not read. */
static uint64_t pending(const struct ce_capture *capture)
{
	struct ce_source *source = capture->source;
	uint64_t count = source->ops->pending && !source->doubled
	                         ? source->ops->pending(source)
	                         : 0;

	return count == UINT64_MAX ? 0 : count; /* that many: unknown */
}

/* A loss that is noticed now is behind all that waits. */
static void add_gap(struct ce_capture *capture, uint64_t kernel, uint64_t interface)
{
	const struct ce_gap gap = {kernel, interface};

	count_captured(capture);
	ceint_gaps_add(&capture->gaps,
	               ceint_counters_get(&capture->counters, CEINT_CAPTURED) +
	                       pending(capture),
	               gap);
	commit(capture); /* the next batch ends where the gap is */
}

/* Nothing waits any more: losses whose place was not reached are here. */
static void settle_gaps(struct ce_capture *capture)
{
	struct ce_gap sum = {0};

	if (!capture->gaps.count)
		return;
	ceint_gaps_take(&capture->gaps, UINT64_MAX, &sum);
	ceint_gaps_add(&capture->gaps, 0, sum);
	commit(capture);
}

/* Count what was lost since the last look. */
static void look_for_drops(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;
	struct ce_drops now;
	uint64_t kernel, interface;

	if (!source->ops->drops || source->ops->drops(source, &now, NULL) < 0)
		return;
	kernel = now.kernel - capture->drops.kernel;
	interface = now.interface - capture->drops.interface;
	capture->drops = now;
	ceint_counters_add(&capture->counters, CEINT_KERNEL_DROPS, kernel);
	ceint_counters_add(&capture->counters, CEINT_INTERFACE_DROPS, interface);
	if (kernel || interface)
		add_gap(capture, kernel, interface);
}

static void look_for_drops_if_due(struct ce_capture *capture, int64_t now)
{
	if (!capture->source->ops->drops || now < capture->drops_due_ns)
		return;
	capture->drops_due_ns = now + DROPS_EVERY_MS * MS;
	look_for_drops(capture);
}

/* Has what the thread is about to sleep for happened already? */
static bool happened(struct ce_capture *capture, unsigned events)
{
	return ordered(capture, CEINT_MAIL | CEINT_ABANDON) ||
	       (!capture->quiet_until_ns && ordered(capture, CEINT_STOP)) ||
	       (events & CE_RING_ROOM && have_open(capture)) ||
	       (events & CE_RING_HUNGRY && ce_ring_hungry(capture->ring));
}

/* Has options.interrupt_fd become readable? Then that is an order to stop. */
static void look_for_interrupt(struct ce_capture *capture, short revents)
{
	if (revents)
		ceint_mailbox_give(&capture->mailbox, CEINT_STOP);
}

/*
 * Sleep until fd is readable (-1: none), one of the ring's events, an order,
 * or timeout_ms (-1: no limit). True when fd is readable.
 */
static bool sleep_for(struct ce_capture *capture, int fd, unsigned events, int timeout_ms)
{
	bool heed = capture->interrupt_fd && !ordered(capture, CEINT_STOP);
	struct pollfd fds[3] = {
		{.fd = ce_ring_fd(capture->ring), .events = POLLIN},
		{.fd = heed ? capture->interrupt_fd : -1, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	ce_ring_doze(capture->ring, events | CE_RING_MAIL);
	poll(fds, 3, happened(capture, events) ? 0 : timeout_ms);
	ce_ring_awake(capture->ring);
	look_for_interrupt(capture, fds[1].revents);
	return fds[2].revents;
}

/* The wait of a source that reads a pipe: see <capengine/source.h>. */
static int wait_for_pipe(struct ce_source *source, int fd, void *arg)
{
	struct ce_capture *capture = arg;

	(void)source;
	while (!sleep_for(capture, fd, 0, 0)) {
		commit(capture);
		if (ordered(capture, CEINT_MAIL))
			ceint_mailbox_answer(&capture->mailbox);
		if (ordered(capture, CEINT_STOP | CEINT_ABANDON))
			return -EINTR;
		if (sleep_for(capture, fd, 0, -1))
			return 0;
	}
	return 0;
}

/* Let nothing new in, and go on until what the kernel holds has come. */
static void begin_stop(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;

	if (!source->ops->quiet) {
		capture->end = -EINTR;
		return;
	}
	source->ops->quiet(source);
	capture->quiet_until_ns = ce_clock_mono_ns() + ce_source_delay_ms(source) * MS;
}

/* Stopping: how long may a packet still take to come? */
static int drain_ms(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;

	if (source->ops->pending && !source->ops->pending(source))
		return 0;
	return ce_clock_ms_until(capture->quiet_until_ns);
}

/*
 * How long the open batch may wait for more, so that a consumer is not woken for each
 * piece of a fast stream: until its first packet has waited for the whole timeout; but
 * not at all when more is not to be expected before that.
 */
static int hold_ms_of(const struct ce_capture *capture)
{
	int64_t timeout_ns = capture->timeout_ms * MS;

	if (capture->read_ns - capture->first_ns > timeout_ns / 2)
		return 0;
	return ce_clock_ms_until(capture->first_ns + timeout_ns);
}

/* The source has nothing: hand over what there is, or wait for more. */
static void dry(struct ce_capture *capture)
{
	bool holding = capture->open && capture->open->count;
	int hold_ms = 0;
	int limit_ms = IDLE_MS;

	if (capture->quiet_until_ns) {
		limit_ms = drain_ms(capture);
		if (!limit_ms)
			capture->end = -EINTR;
	} else if (holding) {
		hold_ms = hold_ms_of(capture);
	}
	if (capture->end)
		return;
	if (capture->gaps.count && !pending(capture))
		settle_gaps(capture);
	if (holding && !hold_ms && ce_ring_hungry(capture->ring)) {
		commit(capture);
		return;
	}
	if (hold_ms)
		sleep_for(capture, capture->source->fd, 0, hold_ms);
	else
		sleep_for(capture, capture->source->fd, holding ? CE_RING_HUNGRY : 0,
		          limit_ms);
}

static void read_source(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;
	int rc;

	source->batch = capture->open;
	rc = source->ops->read(source, capture->open, &capture->err);
	count_captured(capture);
	if (rc < 0)
		capture->end = rc;
	else if (rc == CE_SOURCE_FULL || (capture->open && ce_batch_full(capture->open)))
		commit(capture);
	else if (rc == CE_SOURCE_DRY)
		dry(capture);
}

static void look_for_interrupt_if_due(struct ce_capture *capture, int64_t now)
{
	struct pollfd interrupt = {.fd = capture->interrupt_fd, .events = POLLIN};

	if (!capture->interrupt_fd || now < capture->interrupt_due_ns)
		return;
	capture->interrupt_due_ns = now + INTERRUPT_EVERY_MS * MS;
	if (poll(&interrupt, 1, 0) == 1)
		look_for_interrupt(capture, interrupt.revents);
}

/* A batch begins: time to look at what needs a system call, now and then. */
static void between_batches(struct ce_capture *capture)
{
	int64_t now = ce_clock_mono_ns();

	if (!ce_ring_hungry(capture->ring)) /* where it sleeps does not matter */
		ceint_apart_from(ce_ring_consumer_cpu(capture->ring));
	look_for_drops_if_due(capture, now);
	look_for_interrupt_if_due(capture, now);
}

static void step(struct ce_capture *capture)
{
	if (!capture->open || !capture->open->count)
		between_batches(capture);
	if (ordered(capture, CEINT_MAIL))
		ceint_mailbox_answer(&capture->mailbox);
	if (ordered(capture, CEINT_STOP) && !capture->quiet_until_ns)
		begin_stop(capture);
	if (ordered(capture, CEINT_ABANDON))
		capture->end = -EINTR;
	if (capture->end)
		return;
	if (have_open(capture)) {
		read_source(capture);
		return;
	}
	sleep_for(capture, -1, CE_RING_ROOM, IDLE_MS);
	capture->drops_due_ns = 0; /* what was lost meanwhile is behind what waits now */
}

static void count_undelivered(struct ce_capture *capture, uint64_t count)
{
	ceint_counters_add(&capture->counters, CEINT_CAPTURED, count);
	ceint_counters_add(&capture->counters, CEINT_UNDELIVERED, count);
}

/* Count what the kernel holds, until its last packet must have come. */
static void discard(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;
	struct pollfd more = {.fd = source->fd, .events = POLLIN};
	uint64_t count = 0;
	int left_ms;

	if (!capture->quiet_until_ns)
		begin_stop(capture);
	do
		count += source->ops->discard(source);
	while ((left_ms = drain_ms(capture)) > 0 && poll(&more, 1, left_ms) >= 0);
	count_undelivered(capture, count);
}

/* A gap after the last packet is told by a batch without any. */
static void tell_last_gap(struct ce_capture *capture)
{
	settle_gaps(capture);
	while (capture->gaps.count && !have_open(capture) &&
	       !ordered(capture, CEINT_ABANDON)) {
		sleep_for(capture, -1, CE_RING_ROOM, IDLE_MS);
		if (ordered(capture, CEINT_MAIL))
			ceint_mailbox_answer(&capture->mailbox);
	}
	commit(capture);
}

/* The last batch, and the last look at what was lost. What the kernel still has is not read
   any more, or its time was over. */
static void finish(struct ce_capture *capture)
{
	struct ce_source *source = capture->source;
	const bool failed = capture->end != -EINTR && capture->end != -ENODATA;

	if (source->ops->discard && (failed || ordered(capture, CEINT_ABANDON)))
		discard(capture);
	count_undelivered(capture, pending(capture));
	look_for_drops(capture);
	commit(capture);
	tell_last_gap(capture);
	ce_ring_end(capture->ring);
}

static void *run(void *arg)
{
	struct ce_capture *capture = arg;

	while (!capture->end)
		step(capture);
	finish(capture);
	ceint_mailbox_leave(&capture->mailbox);
	return NULL;
}

static int check_options(const struct ce_capture_options *options, struct ce_err *err)
{
	if (options->ring_bytes &&
	    (options->ring_bytes < LEAST_RING || options->ring_bytes > MOST_RING))
		return ce_err_set(err, -EINVAL,
		                  "a ring has 1 MiB to 16 GiB, not %zu bytes",
		                  options->ring_bytes);
	if (options->batch > CE_BATCH_PACKETS)
		return ce_err_set(err, -EINVAL, "a batch has 1 to %d packets, not %u",
		                  CE_BATCH_PACKETS, options->batch);
	return 0;
}

/* How much of a ring one batch has. */
static size_t arena_bytes(size_t ring_bytes)
{
	size_t bytes = ring_bytes / LEAST_SLOTS;

	return bytes < LEAST_ARENA  ? LEAST_ARENA
	       : bytes > MOST_ARENA ? MOST_ARENA
	                            : bytes;
}

static bool help(void *arg)
{
	struct ce_source *source = arg;

	return source->ops->help(source);
}

int ce_capture_open(struct ce_capture **out, struct ce_source *source,
                    const struct ce_capture_options *options, struct ce_err *err)
{
	size_t bytes = options->ring_bytes;
	struct ce_ring_options ring = {.packets = options->batch,
	                               .room = source->live ? 1 : FILE_ROOM};
	struct ce_capture *capture;
	int rc = check_options(options, err);

	if (rc < 0)
		return rc;
	if (!bytes)
		bytes = source->live ? LIVE_RING : FILE_RING;
	ring.arena_bytes = arena_bytes(bytes);
	/* Rounded up, and one more: the consumer always holds one. */
	ring.slots = (uint32_t)((bytes + ring.arena_bytes - 1) / ring.arena_bytes) + 1;
	capture = calloc(1, sizeof(*capture));
	if (!capture)
		return ce_err_set(err, -ENOMEM, "out of memory");
	rc = ce_ring_open(&capture->ring, &ring);
	if (rc < 0) {
		free(capture);
		return ce_err_set(err, rc, "no ring of %zu bytes: %s", bytes,
		                  strerror(-rc));
	}
	if (source->ops->help)
		ce_ring_meanwhile(capture->ring, help, source);
	ceint_mailbox_open(&capture->mailbox, capture->ring, source);
	capture->timeout_ms = options->immediate    ? 0
	                      : options->timeout_ms ? options->timeout_ms
	                                            : DEFAULT_TIMEOUT_MS;
	capture->batch = options->batch ? options->batch : CE_BATCH_PACKETS;
	capture->interrupt_fd = options->interrupt_fd;
	capture->before = options->before;
	capture->before_arg = options->before_arg;
	capture->source = source;
	*out = capture;
	return 0;
}

int ce_capture_start(struct ce_capture *capture, struct ce_err *err)
{
	sigset_t all, before;
	int rc;

	if (capture->started)
		return 0;
	capture->source->wait = wait_for_pipe;
	capture->source->wait_arg = capture;
	ceint_mailbox_enter(&capture->mailbox);
	sigfillset(&all);
	sigdelset(&all, SIGBUS);                     /* a mapped file may be truncated */
	pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
	rc = pthread_create(&capture->thread, NULL, run, capture);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		ceint_mailbox_leave(&capture->mailbox);
		return ce_err_set(err, -rc, "no thread for the capture: %s",
		                  strerror(rc));
	}
	capture->started = true;
	return 0;
}

struct ce_ring *ce_capture_ring(struct ce_capture *capture)
{
	return capture->ring;
}

void ce_capture_stop(struct ce_capture *capture)
{
	ceint_mailbox_give(&capture->mailbox, CEINT_STOP);
}

void ce_capture_abandon(struct ce_capture *capture)
{
	if (!capture->started || capture->joined)
		return;
	ceint_mailbox_give(&capture->mailbox, CEINT_ABANDON);
	pthread_join(capture->thread, NULL);
	capture->joined = true;
}

void ce_capture_close(struct ce_capture *capture)
{
	if (!capture)
		return;
	ce_capture_abandon(capture);
	ce_ring_close(capture->ring);
	ce_source_close(capture->source);
	ceint_mailbox_close(&capture->mailbox);
	free(capture);
}

int ce_capture_end(const struct ce_capture *capture, struct ce_err *err)
{
	if (err && capture->end != -ENODATA && capture->end != -EINTR)
		*err = capture->err;
	else
		ce_err_set(err, capture->end,
		           capture->end == -ENODATA ? "no more packets" : "stopped");
	return capture->end;
}

int ce_capture_call(struct ce_capture *capture,
                    int (*call)(struct ce_source *source, void *arg), void *arg)
{
	return ceint_mailbox_call(&capture->mailbox, call, arg);
}

struct setfilter {
	struct ce_capture *capture;
	const char *expression;
	uint32_t netmask;
	uint64_t *filters;
	struct ce_err *err;
};

static int set_filter(struct ce_source *source, void *arg)
{
	struct setfilter *wanted = arg;
	int rc;

	commit(wanted->capture); /* which holds what the filter before let pass */
	if (wanted->capture->quiet_until_ns || wanted->capture->end) {
		/* The kernel lets nothing in any more, and that is to stay. */
		*wanted->filters = UINT64_MAX;
		return source->ops->compile(source, wanted->expression, wanted->netmask,
		                            wanted->err);
	}
	rc = source->ops->setfilter(source, wanted->expression, wanted->netmask,
	                            wanted->err);
	*wanted->filters = source->filters;
	return rc;
}

int ce_capture_setfilter(struct ce_capture *capture, const char *expression,
                         uint32_t netmask, uint64_t *filters, struct ce_err *err)
{
	struct setfilter wanted = {capture, expression, netmask, filters, err};

	return ce_capture_call(capture, set_filter, &wanted);
}

struct datalink {
	struct ce_capture *capture;
	int linktype;
	struct ce_err *err;
};

static int set_datalink(struct ce_source *source, void *arg)
{
	const struct datalink *wanted = arg;

	if (!source->ops->set_datalink)
		return ce_err_set(wanted->err, -EOPNOTSUPP,
		                  "a %s source has one link type", source->ops->name);
	commit(wanted->capture); /* which holds packets of the link type before */
	return source->ops->set_datalink(source, wanted->linktype, wanted->err);
}

int ce_capture_set_datalink(struct ce_capture *capture, int linktype, struct ce_err *err)
{
	struct datalink wanted = {capture, linktype, err};

	return ce_capture_call(capture, set_datalink, &wanted);
}

struct waiting {
	const struct ce_capture *capture;
	uint64_t count;
};

static int count_waiting(struct ce_source *source, void *arg)
{
	struct waiting *waiting = arg;
	const struct ce_batch *open = waiting->capture->open;

	(void)source;
	waiting->count = pending(waiting->capture) + (open ? open->count : 0);
	return 0;
}

uint64_t ce_capture_waiting(struct ce_capture *capture)
{
	struct waiting waiting = {.capture = capture};

	ce_capture_call(capture, count_waiting, &waiting);
	return waiting.count;
}

static int refresh(struct ce_source *source, void *arg)
{
	struct ce_capture *capture = arg;

	(void)source;
	if (!capture->end) /* what an interface loses behind that is not the capture's */
		look_for_drops(capture);
	return 0;
}

void ce_capture_stats(struct ce_capture *capture, struct ce_stats *stats)
{
	const struct ceint_counters *counters = &capture->counters;

	ce_capture_call(capture, refresh, capture);
	stats->captured = ceint_counters_get(counters, CEINT_CAPTURED);
	stats->kernel_drops = ceint_counters_get(counters, CEINT_KERNEL_DROPS);
	stats->interface_drops = ceint_counters_get(counters, CEINT_INTERFACE_DROPS);
	stats->received = stats->captured + stats->kernel_drops;
	stats->undelivered += ceint_counters_get(counters, CEINT_UNDELIVERED);
}
