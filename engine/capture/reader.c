/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.c - see <capengine/reader.h>.
 *
 * A batch is selected in two rounds. `passed` keeps what the run's own filter
 * and limit let through, decided once; the batch's selection is that and the
 * filter that setfilter named last, decided anew from the cursor on whenever
 * it changes. A live batch whose packets the kernel's filter has chosen already
 * needs neither.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/clock.h"
#include "capengine/filter.h"
#include "capengine/reader.h"
#include "capengine/ring.h"

static const int64_t MS = 1000000;

struct ce_reader {
	struct ce_capture *capture;
	struct ce_ring *ring;
	struct ce_source source; /* a copy: the thread changes its own with each file */
	bool live;
	struct ce_origin origin; /* of the last batch, or of the first to come */

	struct ce_filter *run_filter; /* the options'; NULL: none */
	struct ce_filter *filter;     /* setfilter's; NULL: none */
	uint64_t kernel_filters;      /* batches at least this new are chosen already */
	uint64_t limit;               /* packets still allowed; UINT64_MAX: any */

	int (*tap)(void *arg, const struct ce_batch *batch, struct ce_err *err);
	void *tap_arg;

	struct ce_batch *batch; /* the current one */
	uint64_t passed[CE_BATCH_WORDS];
	uint32_t cut; /* of the current batch, beyond the limit */
	struct ce_gap gap;
	struct ce_err failure; /* what every further fetch says; code 0: nothing */

	uint64_t delivered; /* of the batches before the current one */
	uint64_t filtered;
	uint64_t undelivered;
};

static int keep_filter(struct ce_filter **filter, const char *expression,
                       uint32_t netmask, struct ce_err *err)
{
	int rc = ce_filter_open(filter, expression, netmask);

	return rc < 0 ? ce_err_set(err, rc, "out of memory") : 0;
}

/* Give the kernel what can be chosen there: the run's filter and setfilter's. */
static int set_kernel_filter(struct ce_reader *reader, const char *expression,
                             uint32_t netmask, struct ce_err *err)
{
	char *both = NULL;
	int rc;

	if (!reader->run_filter || !*expression) {
		if (reader->run_filter)
			expression = ce_filter_expression(reader->run_filter);
		return ce_capture_setfilter(reader->capture, expression, netmask,
		                            &reader->kernel_filters, err);
	}
	if (asprintf(&both, "(%s) and (%s)", ce_filter_expression(reader->run_filter),
	             expression) < 0)
		return ce_err_set(err, -ENOMEM, "out of memory");
	rc = ce_capture_setfilter(reader->capture, both, netmask, &reader->kernel_filters,
	                          err);
	free(both);
	if (rc != -EINVAL)
		return rc;
	/* Each compiles, and libpcap refuses both: they exclude each other. */
	rc = ce_capture_setfilter(reader->capture, expression, netmask,
	                          &reader->kernel_filters, err);
	reader->kernel_filters = UINT64_MAX;
	return rc;
}

static int set_run_filter(struct ce_reader *reader, const char *expression,
                          struct ce_err *err)
{
	int rc = ce_reader_compile(reader, expression, CE_FILTER_NETMASK_UNKNOWN, err);

	if (rc == 0)
		rc = keep_filter(&reader->run_filter, expression,
		                 CE_FILTER_NETMASK_UNKNOWN, err);
	if (rc == 0 && reader->live)
		rc = set_kernel_filter(reader, "", CE_FILTER_NETMASK_UNKNOWN, err);
	return rc;
}

/* Open source and capture; the capture owns the source once it is there. */
static int open_capture(struct ce_reader *reader, const struct ce_reader_options *options,
                        struct ce_err *err)
{
	struct ce_capture_options capture = options->capture;
	struct ce_source *source;
	int rc = ce_source_open(&source, options->kind, &options->source, err);

	if (rc < 0)
		return rc;
	capture.interrupt_fd = options->source.interrupt_fd;
	rc = ce_capture_open(&reader->capture, source, &capture, err);
	if (rc < 0) {
		ce_source_close(source);
		return rc;
	}
	reader->ring = ce_capture_ring(reader->capture);
	reader->source = *source;
	reader->live = source->live;
	reader->origin = source->origin;
	return 0;
}

int ce_reader_open(struct ce_reader **out, const struct ce_reader_options *options,
                   struct ce_err *err)
{
	struct ce_reader *reader = calloc(1, sizeof(*reader));
	int rc;

	if (!reader)
		return ce_err_set(err, -ENOMEM, "out of memory");
	reader->limit = options->limit ? options->limit : UINT64_MAX;
	rc = open_capture(reader, options, err);
	if (rc == 0 && options->filter && *options->filter)
		rc = set_run_filter(reader, options->filter, err);
	if (rc < 0) {
		ce_reader_close(reader, NULL, NULL);
		return rc;
	}
	*out = reader;
	return 0;
}

void ce_reader_tap(struct ce_reader *reader,
                   int (*tap)(void *arg, const struct ce_batch *batch,
                              struct ce_err *err),
                   void *arg)
{
	reader->tap = tap;
	reader->tap_arg = arg;
}

/* Does the kernel's filter, as it is now, hold for this batch? */
static bool chosen(const struct ce_reader *reader, const struct ce_batch *batch)
{
	return reader->live && batch->filter >= reader->kernel_filters;
}

/* The second round: from the cursor on, what passed and setfilter wants. */
static int select_rest(struct ce_reader *reader, struct ce_err *err)
{
	struct ce_batch *batch = reader->batch;

	ce_batch_select_all(batch);
	for (int i = 0; i < CE_BATCH_WORDS; i++)
		batch->selected[i] &= reader->passed[i];
	if (!reader->filter || chosen(reader, batch))
		return 0;
	return ce_filter_select(reader->filter, batch, err);
}

/* Deselect what is beyond the limit. */
static void apply_limit(struct ce_reader *reader)
{
	struct ce_batch *batch = reader->batch;
	uint32_t i;

	if (reader->limit == UINT64_MAX)
		return;
	for (i = ce_batch_next(batch, 0); i < batch->count;
	     i = ce_batch_next(batch, i + 1)) {
		if (reader->limit) {
			reader->limit--;
		} else {
			ce_batch_deselect(batch, i);
			reader->cut++;
		}
	}
}

/* The first round, on a batch that has just become the current one. */
static int choose(struct ce_reader *reader, struct ce_err *err)
{
	struct ce_batch *batch = reader->batch;
	int rc = 0;

	ce_batch_select_all(batch);
	if (reader->run_filter && !chosen(reader, batch))
		rc = ce_filter_select(reader->run_filter, batch, err);
	if (rc < 0)
		return rc;
	apply_limit(reader);
	memcpy(reader->passed, batch->selected, sizeof(reader->passed));
	if (reader->tap)
		rc = reader->tap(reader->tap_arg, batch, err);
	return rc < 0 ? rc : select_rest(reader, err);
}

static uint32_t wanted(const struct ce_batch *batch)
{
	return ce_batch_count_selected(batch, batch->at, batch->count);
}

/* Count where the current batch's packets went, and give it back. */
static void retire(struct ce_reader *reader)
{
	struct ce_batch *batch = reader->batch;
	uint32_t left;

	if (!batch)
		return;
	left = wanted(batch) + reader->cut;
	reader->undelivered += left;
	reader->filtered += batch->count - batch->taken - left;
	reader->delivered += batch->taken;
	reader->batch = NULL;
	ce_ring_release(reader->ring, batch);
}

/* Go on to the next queued batch. 1, or 0: none is queued, or an error. */
static int next_batch(struct ce_reader *reader, struct ce_err *err)
{
	struct ce_batch *batch;
	int rc;

	retire(reader);
	batch = ce_ring_peek(reader->ring);
	if (!batch)
		return 0;
	reader->batch = batch;
	reader->cut = 0;
	reader->gap.kernel_drops += batch->gap.kernel_drops;
	reader->gap.interface_drops += batch->gap.interface_drops;
	if (batch->count)
		reader->origin = batch->origin;
	rc = choose(reader, err);
	return rc < 0 ? rc : 1;
}

/* Remember an error for every further fetch. */
static int fail(struct ce_reader *reader, int rc, const struct ce_err *err)
{
	reader->failure = *err;
	reader->failure.code = rc;
	return rc;
}

/* Nothing is queued: why not, or wait. 1: look again; 0: in vain; or the end. */
static int wait_for_batch(struct ce_reader *reader, int timeout_ms, struct ce_err *err)
{
	int rc;

	if (reader->limit == 0) {
		ce_capture_stop(reader->capture);
		return ce_err_set(err, -ENODATA, "end of the packets asked for");
	}
	if (ce_ring_ended(reader->ring))
		return ce_capture_end(reader->capture, err);
	rc = ce_ring_wait(reader->ring, timeout_ms);
	return rc == -EINTR ? 0 : rc; /* a signal, though the ring may have ended since */
}

int ce_reader_fetch(struct ce_reader *reader, int timeout_ms, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int64_t until_ns = timeout_ms > 0 ? ce_clock_mono_ns() + timeout_ms * MS : 0;
	int rc = ce_capture_start(reader->capture, err);

	local.text[0] = local.said[0] = '\0'; /* the rest is large, and nobody reads it */
	if (reader->failure.code) {
		*err = reader->failure;
		return reader->failure.code;
	}
	if (rc < 0)
		return rc;
	for (;;) {
		struct ce_batch *batch = reader->batch;

		if (batch && ce_batch_next(batch, batch->at) < batch->count)
			return 1;
		if (timeout_ms > 0 && ce_clock_ms_until(until_ns) == 0)
			return 0; /* packets that are rejected prolong nothing */
		if (batch && (rc = ce_batch_check(batch, err)) < 0)
			return fail(reader, rc, err);
		rc = reader->limit ? next_batch(reader, err) : 0;
		if (rc < 0)
			return fail(reader, rc, err);
		if (rc > 0)
			continue;
		rc = wait_for_batch(
			reader, timeout_ms > 0 ? ce_clock_ms_until(until_ns) : timeout_ms,
			err);
		if (rc <= 0)
			return rc;
	}
}

struct ce_batch *ce_reader_batch(const struct ce_reader *reader)
{
	return reader->batch;
}

uint32_t ce_reader_take_until(struct ce_reader *reader, uint32_t end)
{
	struct ce_batch *batch = reader->batch;
	uint32_t count = ce_batch_count_selected(batch, batch->at, end);

	batch->at = end;
	batch->taken += count;
	return count;
}

void ce_reader_expire(struct ce_reader *reader)
{
	if (reader->batch)
		ce_ring_renumber(reader->batch);
}

uint32_t ce_reader_queued(struct ce_reader *reader)
{
	return ce_ring_queued(reader->ring);
}

bool ce_reader_drained(struct ce_reader *reader)
{
	return (!reader->batch || reader->batch->at >= reader->batch->count) &&
	       ce_ring_queued(reader->ring) == 0;
}

bool ce_reader_caught_up(struct ce_reader *reader)
{
	const struct ce_batch *batch = reader->batch;

	return ce_capture_waiting(reader->capture) == 0 &&
	       ce_ring_queued(reader->ring) == 0 &&
	       (!batch || ce_batch_next(batch, batch->at) >= batch->count);
}

struct ce_gap ce_reader_gap(struct ce_reader *reader)
{
	struct ce_gap gap = reader->gap;

	reader->gap = (struct ce_gap){0};
	return gap;
}

struct expression {
	const char *text;
	uint32_t netmask;
	struct ce_err *err;
};

static int compile(struct ce_source *source, void *arg)
{
	const struct expression *expression = arg;

	return source->ops->compile(source, expression->text, expression->netmask,
	                            expression->err);
}

int ce_reader_compile(struct ce_reader *reader, const char *text, uint32_t netmask,
                      struct ce_err *err)
{
	struct expression expression = {text, netmask, err};

	if (!reader->live)
		return ce_filter_check(&reader->origin, text, netmask, err);
	return ce_capture_call(reader->capture, compile, &expression);
}

int ce_reader_setfilter(struct ce_reader *reader, const char *expression,
                        uint32_t netmask, struct ce_err *err)
{
	struct ce_filter *filter;
	int rc = ce_reader_compile(reader, expression, netmask, err);

	if (rc == 0)
		rc = keep_filter(&filter, expression, netmask, err);
	if (rc < 0)
		return rc;
	if (reader->live)
		rc = set_kernel_filter(reader, expression, netmask, err);
	if (rc < 0) {
		ce_filter_close(filter);
		return rc;
	}
	ce_filter_close(reader->filter);
	reader->filter = filter;
	return reader->batch ? select_rest(reader, err) : 0;
}

int ce_reader_set_datalink(struct ce_reader *reader, int linktype, struct ce_err *err)
{
	int rc;

	if (!ce_reader_drained(reader))
		return ce_err_set(err, -EBUSY, "packets of link type %d are queued",
		                  reader->origin.linktype);
	rc = ce_capture_set_datalink(reader->capture, linktype, err);
	if (rc == 0)
		reader->origin.linktype = linktype;
	return rc;
}

struct datalinks {
	int *linktypes;
	size_t most;
	struct ce_err *err;
};

static int list_datalinks(struct ce_source *source, void *arg)
{
	const struct datalinks *list = arg;

	if (source->ops->list_datalinks)
		return source->ops->list_datalinks(source, list->linktypes, list->most,
		                                   list->err);
	if (list->most)
		list->linktypes[0] = source->origin.linktype;
	return 1;
}

int ce_reader_list_datalinks(struct ce_reader *reader, int *linktypes, size_t most,
                             struct ce_err *err)
{
	struct datalinks list = {linktypes, most, err};

	return ce_capture_call(reader->capture, list_datalinks, &list);
}

const struct ce_source *ce_reader_source(const struct ce_reader *reader)
{
	return &reader->source;
}

int ce_reader_linktype(const struct ce_reader *reader)
{
	return reader->origin.linktype;
}

const char *ce_reader_filter(const struct ce_reader *reader)
{
	return reader->run_filter ? ce_filter_expression(reader->run_filter) : NULL;
}

void ce_reader_stop(struct ce_reader *reader)
{
	ce_capture_stop(reader->capture);
}

static int get_progress(struct ce_source *source, void *arg)
{
	if (source->ops->progress)
		source->ops->progress(source, arg);
	return 0;
}

void ce_reader_progress(struct ce_reader *reader, struct ce_progress *progress)
{
	*progress = (struct ce_progress){0};
	ce_capture_call(reader->capture, get_progress, progress);
}

void ce_reader_stats(struct ce_reader *reader, struct ce_stats *stats)
{
	stats->undelivered = reader->undelivered;
	stats->filtered = reader->filtered;
	stats->delivered = reader->delivered + (reader->batch ? reader->batch->taken : 0);
	ce_capture_stats(reader->capture, stats);
}

/* Everything still queued is given up, and counted. */
static void give_up_queued(struct ce_reader *reader)
{
	reader->tap = NULL;
	retire(reader);
	while (next_batch(reader, NULL) != 0)
		;
}

/* Was what was handed out of the last batch there? */
static int check_last(const struct ce_reader *reader, struct ce_err *err)
{
	const struct ce_batch *batch = reader->batch;

	if (!batch || !batch->at || reader->failure.code)
		return 0;
	return ce_batch_check(batch, err);
}

int ce_reader_close(struct ce_reader *reader, struct ce_stats *stats, struct ce_err *err)
{
	int rc;

	if (!reader)
		return 0;
	rc = check_last(reader, err);
	if (reader->capture) {
		ce_capture_abandon(reader->capture);
		give_up_queued(reader);
		if (stats)
			ce_reader_stats(reader, stats);
	}
	ce_capture_close(reader->capture);
	ce_filter_close(reader->filter);
	ce_filter_close(reader->run_filter);
	free(reader);
	return rc;
}
