/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * feed.h - a source that behaves like an interface, whose packets a test offers.
 *
 * It gives packets.h's packets in order. There is one at a time:
 *
 *     feed_reset -> open a &feed_kind -> feed_offer, feed_hold, feed_lose, ...
 *
 * Threads    any thread
 * Ownership  the feed is static; feed_reset begins a new one
 * Blocking   nothing waits
 */
#ifndef CE_TESTS_FEED_H
#define CE_TESTS_FEED_H

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "capengine/filter.h"
#include "support/packets.h"

struct feed {
	pthread_mutex_t lock;
	int fd;             /* readable while packets are there */
	uint32_t given;     /* packets that were read */
	uint32_t there;     /* that can be read */
	uint32_t held;      /* that the kernel has counted and not shown yet */
	struct ce_drops lost;
	int error;          /* what read says once nothing is there; 0: dry */
	bool quiet;
	bool closed;
};

static struct feed feed = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static inline void feed_reset(void)
{
	if (feed.fd >= 0)
		close(feed.fd);
	feed = (struct feed){.lock = PTHREAD_MUTEX_INITIALIZER,
	                     .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
}

static inline void feed_wake(void)
{
	const uint64_t one = 1;

	if (write(feed.fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* So many more packets can be read. */
static inline void feed_offer(uint32_t packets)
{
	pthread_mutex_lock(&feed.lock);
	feed.there += packets;
	pthread_mutex_unlock(&feed.lock);
	feed_wake();
}

/* So many more packets have been counted; feed_show makes them readable. */
static inline void feed_hold(uint32_t packets)
{
	pthread_mutex_lock(&feed.lock);
	feed.held += packets;
	pthread_mutex_unlock(&feed.lock);
}

static inline void feed_show(void)
{
	pthread_mutex_lock(&feed.lock);
	feed.there += feed.held;
	feed.held = 0;
	pthread_mutex_unlock(&feed.lock);
	feed_wake();
}

/* Has it been told to let nothing new in? */
static inline bool feed_is_quiet(void)
{
	bool quiet;

	pthread_mutex_lock(&feed.lock);
	quiet = feed.quiet;
	pthread_mutex_unlock(&feed.lock);
	return quiet;
}

/* So many more packets were lost. */
static inline void feed_lose(uint64_t kernel, uint64_t interface)
{
	pthread_mutex_lock(&feed.lock);
	feed.lost.kernel += kernel;
	feed.lost.interface += interface;
	pthread_mutex_unlock(&feed.lock);
}

/* After what is there, read fails so. */
static inline void feed_fail(int error)
{
	pthread_mutex_lock(&feed.lock);
	feed.error = error;
	pthread_mutex_unlock(&feed.lock);
	feed_wake();
}

static int feed_open(struct ce_source *source, const struct ce_source_options *options,
                     struct ce_err *err)
{
	(void)options;
	(void)err;
	source->fd = feed.fd;
	source->live = true;
	source->timeout_ms = 20;
	source->snapshot = 262144;
	source->origin = (struct ce_origin){
		.linktype = PACKETS_ETHERNET, .snaplen = 262144, .nano = true};
	return 0;
}

static void feed_close(struct ce_source *source)
{
	(void)source;
	feed.closed = true;
}

static int feed_append(struct ce_source *source, struct ce_batch *batch)
{
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, feed.given);
	int64_t ts_ns = packets_ts_ns(feed.given);
	const struct ce_record record = {
		.sec = (uint32_t)(ts_ns / 1000000000),
		.frac = (uint32_t)(ts_ns % 1000000000),
		.caplen = length,
		.len = length,
	};

	if (batch->count == 0) {
		batch->origin = source->origin;
		batch->filter = source->filters;
	}
	return ce_batch_append(batch, &record, ts_ns, bytes);
}

static int feed_read(struct ce_source *source, struct ce_batch *batch, struct ce_err *err)
{
	uint64_t wakes;
	int rc = 0;

	pthread_mutex_lock(&feed.lock);
	if (read(feed.fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
	while (feed.there && rc == 0) {
		rc = feed_append(source, batch);
		feed.given += rc == 0;
		feed.there -= rc == 0;
	}
	if (rc == -ENOSPC)
		feed_wake();
	rc = rc == -ENOSPC ? CE_SOURCE_FULL : rc ? rc : feed.error ? feed.error : CE_SOURCE_DRY;
	pthread_mutex_unlock(&feed.lock);
	return rc < 0 ? ce_err_set(err, rc, "the feed failed") : rc;
}

static int feed_compile(struct ce_source *source, const char *expression, uint32_t netmask,
                        struct ce_err *err)
{
	return ce_filter_check(&source->origin, expression, netmask, err);
}

/* It only counts: what is offered later comes whether it matches or not. */
static int feed_setfilter(struct ce_source *source, const char *expression, uint32_t netmask,
                          struct ce_err *err)
{
	int rc = feed_compile(source, expression, netmask, err);

	source->filters += rc == 0;
	return rc;
}

static int feed_drops(struct ce_source *source, struct ce_drops *drops, struct ce_err *err)
{
	(void)source;
	(void)err;
	pthread_mutex_lock(&feed.lock);
	*drops = feed.lost;
	pthread_mutex_unlock(&feed.lock);
	return 0;
}

static int feed_set_datalink(struct ce_source *source, int linktype, struct ce_err *err)
{
	(void)err;
	source->origin.linktype = linktype;
	return 0;
}

static void feed_quiet(struct ce_source *source)
{
	(void)source;
	pthread_mutex_lock(&feed.lock);
	feed.quiet = true;
	pthread_mutex_unlock(&feed.lock);
}

static uint64_t feed_pending(struct ce_source *source)
{
	uint64_t count;

	(void)source;
	pthread_mutex_lock(&feed.lock);
	count = feed.there + feed.held;
	pthread_mutex_unlock(&feed.lock);
	return count;
}

static uint64_t feed_discard(struct ce_source *source)
{
	uint64_t count;

	(void)source;
	pthread_mutex_lock(&feed.lock);
	count = feed.there;
	feed.there = 0;
	pthread_mutex_unlock(&feed.lock);
	return count;
}

static const struct ce_source_ops feed_kind = {
	.name = "feed",
	.size = sizeof(struct ce_source),
	.open = feed_open,
	.close = feed_close,
	.read = feed_read,
	.compile = feed_compile,
	.setfilter = feed_setfilter,
	.drops = feed_drops,
	.set_datalink = feed_set_datalink,
	.quiet = feed_quiet,
	.pending = feed_pending,
	.discard = feed_discard,
};

#endif
