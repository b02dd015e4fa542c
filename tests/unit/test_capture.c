/* SPDX-License-Identifier: BSD-3-Clause */
/* test_capture.c - what <capengine/capture.h> promises. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/capture.h"
#include "capengine/clock.h"
#include "capengine/ring.h"
#include "capengine/stats.h"
#include "support/feed.h"
#include "support/pipes.h"
#include "support/reading.h"

enum {
	MS = 1000000,
	DEADLINE_MS = 5000, /* of what must happen soon */
	ANSWER_MS = 20,     /* of what the mailbox must answer */
	CLOSE_MS = 100,
	OVERLOOKED_MS = 500, /* an idle thread looks around each second */
	TRIES = 15, /* of which the median counts: other programs run too */
	COUNT = 200,
};

static const struct packets_kind micro;

static struct ce_capture *opened; /* the test's last one, or NULL */

static struct ce_capture *open_capture(struct ce_source *source,
                                       const struct ce_capture_options *options)
{
	static const struct ce_capture_options defaults;
	struct ce_capture *capture = NULL;
	struct ce_err err = {0};

	if (ce_capture_open(&capture, source, options ? options : &defaults, &err) < 0)
		fail_msg("%s", err.text);
	return opened = capture;
}

static void close_capture(struct ce_capture *capture)
{
	opened = NULL;
	ce_capture_close(capture);
}

/* After a test that failed, its thread must not run into the next one. */
static int close_left_open(void **state)
{
	(void)state;
	close_capture(opened);
	return 0;
}

static struct ce_capture *start_capture(struct ce_source *source,
                                        const struct ce_capture_options *options)
{
	struct ce_capture *capture = open_capture(source, options);

	assert_int_equal(ce_capture_start(capture, NULL), 0);
	return capture;
}

/* The next batch, or NULL: the ring has ended. */
static struct ce_batch *next_batch(struct ce_capture *capture)
{
	struct ce_ring *ring = ce_capture_ring(capture);

	assert_int_equal(ce_ring_wait(ring, DEADLINE_MS), 1);
	return ce_ring_peek(ring);
}

/* All that comes until the ring ends. */
static struct reading drain(struct ce_capture *capture)
{
	struct reading seen = {0};
	struct ce_batch *batch;

	while ((batch = next_batch(capture))) {
		reading_look(batch, &seen);
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	seen.end = ce_capture_end(capture, &seen.err);
	return seen;
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Most often it took no longer than this; and never very long. */
static void expect_quick(int64_t *took_ns, int64_t limit_ms)
{
	qsort(took_ns, TRIES, sizeof(*took_ns), compare_times);
	if (took_ns[TRIES / 2] > limit_ms * MS)
		fail_msg("it took %g ms, not %g", (double)took_ns[TRIES / 2] / 1e6,
		         (double)limit_ms);
	assert_true(took_ns[TRIES - 1] < DEADLINE_MS * (int64_t)MS);
}

/* Sources. */

static struct ce_memory_packet *packets; /* packets.h's, COUNT of them */
static struct packets_file file;         /* the same as a savefile */

static int open_packets(void **state)
{
	(void)state;
	packets = packets_array(COUNT);
	file = packets_file_of(&micro, 0, COUNT);
	return 0;
}

static int close_packets(void **state)
{
	close_left_open(state);
	free(packets);
	packets_file_close(&file);
	return 0;
}

static struct ce_source *open_memory(uint64_t rounds)
{
	return reading_open_source(&ce_source_memory, &(struct ce_source_options){
		.packets = packets, .packet_count = COUNT, .rounds = rounds,
		.linktype = PACKETS_ETHERNET});
}

static struct ce_source *open_file(void)
{
	static const char *path;

	path = file.path;
	return reading_open_files(&path, 1);
}

static struct ce_source *open_pipe(const struct pipes_writer *writer)
{
	static const char *path;

	path = writer->path;
	return reading_open_files(&path, 1);
}

static struct ce_source *open_feed(void)
{
	feed_reset();
	return reading_open_source(&feed_kind, &(struct ce_source_options){0});
}

/* A pipe that stalls after `stop_at` bytes of a savefile of COUNT packets. */
static struct pipes_writer stalling_pipe(size_t stop_at)
{
	return (struct pipes_writer){.bytes = packets_savefile(&micro, 0, COUNT),
	                             .piece = 1000, .stop_at = stop_at};
}

static size_t bytes_of(uint32_t count)
{
	size_t bytes = PACKETS_FILE_HEADER;

	for (uint32_t i = 0; i < count; i++)
		bytes += PACKETS_RECORD + packets_length(i);
	return bytes;
}

/* Everything arrives. */

static void expect_all(struct ce_source *source, uint32_t batch)
{
	const struct ce_capture_options options = {.batch = batch};
	struct ce_capture *capture = start_capture(source, &options);
	struct reading seen = drain(capture);
	struct ce_stats stats = {0};

	assert_int_equal(seen.packets, COUNT);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.end, -ENODATA);
	assert_int_equal(seen.err.code, -ENODATA);
	assert_true(!batch || seen.most <= batch);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == COUNT && stats.received == COUNT);
	assert_true(stats.undelivered == 0);
	close_capture(capture);
}

static void every_packet_arrives_in_order(void **state)
{
	static const uint32_t batches[] = {0, 1, 2, 7, 4096};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, COUNT),
		                              .piece = 77};

		expect_all(open_memory(0), batches[i]);
		expect_all(open_file(), batches[i]);
		pipes_start(&writer);
		expect_all(open_pipe(&writer), batches[i]);
		pipes_end(&writer);
	}
}

static void batches_say_the_number_of_their_first_packet(void **state)
{
	const char *const files[] = {file.path, file.path, file.path};
	struct ce_source *source = reading_open_files(files, 3);
	struct ce_capture *capture =
		start_capture(source, &(struct ce_capture_options){.batch = 7});
	uint64_t number = 1;
	struct ce_batch *batch;

	(void)state;
	while ((batch = next_batch(capture))) {
		assert_true(batch->first_number == number);
		number += batch->count;
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	assert_true(number == 3 * COUNT + 1);
	close_capture(capture);
}

static void full_ring_makes_the_source_wait_and_loses_nothing(void **state)
{
	const struct ce_capture_options options = {.ring_bytes = 1 << 20};
	struct ce_capture *capture = start_capture(open_memory(2000), &options);
	struct ce_ring *ring = ce_capture_ring(capture);
	struct ce_stats stats = {0};
	uint64_t before, seen = 0;
	struct ce_batch *batch;

	(void)state;
	do {
		before = stats.captured;
		usleep(50000);
		ce_capture_stats(capture, &stats);
	} while (stats.captured != before); /* it stands still */
	assert_true(before > 0 && before < 2000 * COUNT);
	while ((batch = next_batch(capture))) {
		for (uint32_t i = 0; i < batch->count; i++)
			assert_true(packets_is(batch, i, (uint32_t)(seen++ % COUNT)));
		ce_ring_release(ring, batch);
	}
	assert_true(seen == 2000 * COUNT);
	close_capture(capture);
}

static void packets_of_a_pipe_arrive_although_its_writer_stalls(void **state)
{
	static const uint32_t within[] = {0, 1, 15, 16, 17, 40}; /* bytes of the next record */

	(void)state;
	for (size_t i = 0; i < sizeof(within) / sizeof(*within); i++) {
		struct pipes_writer writer = stalling_pipe(bytes_of(10) + within[i]);
		struct reading seen = {0};
		struct ce_capture *capture;

		pipes_start(&writer);
		capture = start_capture(open_pipe(&writer), NULL);
		while (seen.packets < 10) {
			struct ce_batch *batch = next_batch(capture);

			assert_non_null(batch);
			reading_look(batch, &seen);
			ce_ring_release(ce_capture_ring(capture), batch);
		}
		assert_int_equal(seen.packets, 10);
		assert_int_equal(seen.wrong, 0);
		close_capture(capture);
		pipes_end(&writer);
	}
}

static void packets_of_an_interface_arrive_when_it_pauses(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct reading seen = {0};

	(void)state;
	for (uint32_t round = 1; round < 20; round++) {
		feed_offer(3);
		while (seen.packets < 3 * round) {
			struct ce_batch *batch = next_batch(capture);

			reading_look(batch, &seen);
			ce_ring_release(ce_capture_ring(capture), batch);
		}
	}
	assert_int_equal(seen.wrong, 0);
	close_capture(capture);
}

/* Bring packets one by one, while the consumer waits or not; gives the batches. */
static uint32_t batches_of_five(uint32_t timeout_ms)
{
	const struct ce_capture_options options = {.timeout_ms = timeout_ms};
	struct ce_capture *capture = start_capture(open_feed(), &options);
	struct reading seen = {0};

	for (int i = 0; i < 5; i++) {
		feed_offer(1);
		usleep(20000);
	}
	while (seen.packets < 5) {
		struct ce_batch *batch = next_batch(capture);

		reading_look(batch, &seen);
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	close_capture(capture);
	return seen.batches;
}

static void batch_grows_while_the_consumer_does_not_wait(void **state)
{
	(void)state;
	assert_int_equal(batches_of_five(0), 1);
}

static void *offer_five(void *arg)
{
	for (int i = 0; i < 5; i++) {
		feed_offer(1);
		usleep(5000);
	}
	return arg;
}

static void longer_timeout_gathers_packets_for_a_consumer_that_waits(void **state)
{
	const struct ce_capture_options options = {.timeout_ms = 1000};
	struct ce_capture *capture = start_capture(open_feed(), &options);
	int64_t began = ce_clock_mono_ns();
	struct ce_batch *batch;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, offer_five, NULL), 0);
	batch = next_batch(capture);
	assert_int_equal(batch->count, 5);
	assert_true(ce_clock_mono_ns() - began < 2000 * (int64_t)MS);
	pthread_join(thread, NULL);
	close_capture(capture);
}

/* Bring packets in pieces, 2 ms apart, to a consumer that waits. */
static void pieces_of_a_fast_stream_share_a_batch(void **state)
{
	enum { PIECES = 40, EACH = 10 };
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct reading seen = {0};
	uint32_t offered = 0;

	(void)state;
	while (seen.packets < PIECES * EACH) {
		struct ce_batch *batch = NULL;

		if (offered < PIECES * EACH) {
			feed_offer(EACH);
			offered += EACH;
		}
		ce_ring_wait(ce_capture_ring(capture), 2);
		while ((batch = ce_ring_peek(ce_capture_ring(capture)))) {
			reading_look(batch, &seen);
			ce_ring_release(ce_capture_ring(capture), batch);
		}
	}
	assert_int_equal(seen.wrong, 0);
	print_message("%d pieces in %u batches\n", PIECES, seen.batches);
	assert_true(seen.batches < 30); /* some eight, where nothing else runs */
	close_capture(capture);
}

/* Each piece comes when the one before is there. */
static void immediate_packets_wait_for_no_others(void **state)
{
	enum { PIECES = 10, EACH = 10, TIMEOUT_MS = 1000 };
	const struct ce_capture_options options = {.immediate = true,
	                                           .timeout_ms = TIMEOUT_MS};
	struct ce_capture *capture = start_capture(open_feed(), &options);
	const int64_t began = ce_clock_mono_ns();
	struct reading seen = {0};

	(void)state;
	for (uint32_t piece = 1; piece <= PIECES; piece++) {
		feed_offer(EACH);
		while (seen.packets < piece * EACH) {
			struct ce_batch *batch = next_batch(capture);

			reading_look(batch, &seen);
			ce_ring_release(ce_capture_ring(capture), batch);
		}
	}
	assert_int_equal(seen.wrong, 0);
	assert_true(ce_clock_mono_ns() - began < PIECES * TIMEOUT_MS / 2 * (int64_t)MS);
	close_capture(capture);
}

/* Options. */

static int open_fails(const struct ce_capture_options *options)
{
	struct ce_source *source = open_memory(0);
	struct ce_capture *capture = NULL;
	struct ce_err err = {0};
	int rc = ce_capture_open(&capture, source, options, &err);

	assert_null(capture);
	assert_int_equal(err.code, rc);
	assert_int_not_equal(strlen(err.text), 0);
	ce_source_close(source); /* which it did not take */
	return rc;
}

static void options_out_of_range_are_refused(void **state)
{
	const struct ce_capture_options wrong[] = {
		{.ring_bytes = 1},
		{.ring_bytes = (1 << 20) - 1},
		{.ring_bytes = ((size_t)16 << 30) + 1},
		{.ring_bytes = SIZE_MAX},
		{.batch = 4097},
		{.batch = UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(open_fails(&wrong[i]), -EINVAL);
}

static void options_at_the_limits_are_taken(void **state)
{
	const struct ce_capture_options right[] = {
		{.ring_bytes = 1 << 20, .batch = 1},
		{.ring_bytes = (size_t)16 << 30, .batch = 4096},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		struct ce_capture *capture = start_capture(open_memory(0), &right[i]);

		assert_int_equal(drain(capture).packets, COUNT);
		close_capture(capture);
	}
}

/* Ends. */

static void start_again_does_nothing(void **state)
{
	struct ce_capture *capture = start_capture(open_memory(0), NULL);

	(void)state;
	assert_int_equal(ce_capture_start(capture, NULL), 0);
	assert_int_equal(drain(capture).packets, COUNT);
	assert_int_equal(ce_capture_start(capture, NULL), 0);
	assert_true(ce_ring_ended(ce_capture_ring(capture)));
	close_capture(capture);
}

static void nothing_is_read_before_start(void **state)
{
	struct ce_capture *capture = open_capture(open_memory(0), NULL);
	struct ce_stats stats = {0};

	(void)state;
	usleep(20000);
	assert_int_equal(ce_ring_queued(ce_capture_ring(capture)), 0);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == 0);
	close_capture(capture);
}

static void error_of_the_source_ends_the_ring_after_its_packets(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 10);
	struct packets_file cut = packets_file_open(bytes.data, bytes.size - 1);
	const char *path = cut.path;
	struct ce_capture *capture = start_capture(reading_open_files(&path, 1), NULL);
	struct reading seen = drain(capture);

	(void)state;
	assert_int_equal(seen.packets, 9);
	assert_int_equal(seen.end, -EBADMSG);
	assert_int_equal(seen.err.code, -EBADMSG);
	assert_non_null(strstr(seen.err.text, "trunc"));
	assert_int_equal(ce_capture_end(capture, NULL), -EBADMSG);
	close_capture(capture);
	packets_file_close(&cut);
	free(bytes.data);
}

static void stop_ends_the_ring_after_what_was_read(void **state)
{
	struct ce_capture *capture = start_capture(open_memory(UINT64_MAX), NULL);
	struct ce_stats stats = {0};
	uint64_t seen = 0;
	struct ce_batch *batch;

	(void)state;
	batch = next_batch(capture);
	ce_capture_stop(capture);
	do {
		seen += batch->count;
		ce_ring_release(ce_capture_ring(capture), batch);
	} while ((batch = next_batch(capture)));
	assert_int_equal(ce_capture_end(capture, NULL), -EINTR);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == seen);
	close_capture(capture);
}

static void stop_while_it_waits_for_room_or_a_pipe_ends_it(void **state)
{
	struct pipes_writer writer = stalling_pipe(bytes_of(3) + 20);
	struct ce_capture *full = start_capture(open_memory(UINT64_MAX), NULL), *stalled;
	struct ce_batch *batch;

	(void)state;
	pipes_start(&writer);
	stalled = start_capture(open_pipe(&writer), NULL);
	usleep(30000);
	ce_capture_stop(full);
	ce_capture_stop(stalled);
	assert_int_equal(drain(stalled).packets, 3);
	assert_int_equal(ce_capture_end(stalled, NULL), -EINTR);
	while ((batch = next_batch(full)))
		ce_ring_release(ce_capture_ring(full), batch);
	assert_int_equal(ce_capture_end(full, NULL), -EINTR);
	close_capture(full);
	close_capture(stalled);
	pipes_end(&writer);
}

static void stop_before_start_and_after_the_end_is_harmless(void **state)
{
	struct ce_capture *early = open_capture(open_memory(UINT64_MAX), NULL);
	struct ce_capture *late = start_capture(open_memory(0), NULL);

	(void)state;
	ce_capture_stop(early);
	assert_int_equal(ce_capture_start(early, NULL), 0);
	assert_int_equal(drain(early).end, -EINTR);
	close_capture(early);
	assert_int_equal(drain(late).end, -ENODATA);
	ce_capture_stop(late);
	ce_capture_stop(late);
	assert_int_equal(ce_capture_end(late, NULL), -ENODATA);
	close_capture(late);
}

/* In every state: as it runs, waits for room, waits for a pipe, or is idle. */
static void readable_interrupt_fd_stops_the_capture(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		const struct ce_capture_options options = {
			.interrupt_fd = eventfd(0, EFD_CLOEXEC)};
		struct pipes_writer writer = stalling_pipe(bytes_of(3) + 20);
		struct ce_capture *capture;
		const uint64_t one = 1;
		struct ce_batch *batch;

		pipes_start(&writer);
		capture = start_capture(kind == 0 ? open_memory(UINT64_MAX) :
		                        kind == 1 ? open_pipe(&writer) : open_feed(), &options);
		usleep(20000);
		assert_int_equal(write(options.interrupt_fd, &one, sizeof(one)), sizeof(one));
		while ((batch = next_batch(capture)))
			ce_ring_release(ce_capture_ring(capture), batch);
		assert_int_equal(ce_capture_end(capture, NULL), -EINTR);
		close_capture(capture);
		pipes_end(&writer);
		close(options.interrupt_fd);
	}
}

/* Stop, and once the source was told to let nothing in, show what the kernel held. */
static void stop_and_show(struct ce_capture *capture)
{
	int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;

	ce_capture_stop(capture);
	while (!feed_is_quiet() && ce_clock_mono_ns() < until)
		usleep(100);
	assert_true(feed_is_quiet());
	usleep(10000); /* the kernel takes its time */
	feed_show();
}

static void stop_loses_no_packet_that_the_kernel_had_counted(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct reading seen;

	(void)state;
	feed_offer(10);
	feed_hold(7);
	stop_and_show(capture);
	seen = drain(capture);
	assert_int_equal(seen.packets, 17);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.end, -EINTR);
	close_capture(capture);
}

static void stop_does_not_wait_when_the_kernel_holds_nothing(void **state)
{
	int64_t took_ns[TRIES];

	(void)state;
	for (int try = 0; try < TRIES; try++) {
		struct ce_capture *capture = start_capture(open_feed(), NULL);
		int64_t began = ce_clock_mono_ns();

		ce_capture_stop(capture);
		assert_int_equal(drain(capture).end, -EINTR);
		took_ns[try] = ce_clock_mono_ns() - began;
		close_capture(capture);
	}
	expect_quick(took_ns, ANSWER_MS);
}

/* The kernel's count may be of packets that never come. */
static void stop_waits_for_a_packet_that_never_comes_only_for_a_while(void **state)
{
	int64_t took_ns[TRIES];

	(void)state;
	for (int try = 0; try < TRIES; try++) {
		struct ce_capture *capture = start_capture(open_feed(), NULL);
		int64_t began = ce_clock_mono_ns();
		struct ce_stats stats = {0};

		feed_hold(1);
		ce_capture_stop(capture);
		assert_int_equal(drain(capture).end, -EINTR);
		took_ns[try] = ce_clock_mono_ns() - began;
		ce_capture_stats(capture, &stats);
		assert_true(stats.captured == 1 && stats.undelivered == 1);
		close_capture(capture);
	}
	expect_quick(took_ns, CLOSE_MS);
}

static void *show_soon(void *arg)
{
	usleep(10000);
	feed_show();
	return arg;
}

static void abandon_counts_also_what_the_kernel_shows_late(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_stats stats = {0};
	pthread_t thread;

	(void)state;
	feed_hold(9);
	assert_int_equal(pthread_create(&thread, NULL, show_soon, NULL), 0);
	ce_capture_abandon(capture);
	pthread_join(thread, NULL);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == 9);
	assert_true(drain(capture).packets + stats.undelivered == 9);
	close_capture(capture);
}

static void abandon_queues_what_was_read_and_counts_what_the_kernel_held(void **state)
{
	const struct ce_capture_options options = {.batch = 1};
	struct ce_capture *capture = start_capture(open_feed(), &options);
	struct ce_stats stats = {0};
	struct reading seen;

	(void)state;
	feed_offer(1000000); /* more than the ring has slots */
	assert_int_equal(ce_ring_wait(ce_capture_ring(capture), DEADLINE_MS), 1);
	ce_capture_abandon(capture);
	ce_capture_abandon(capture);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == 1000000);
	seen = drain(capture);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.end, -EINTR);
	assert_true(seen.packets + stats.undelivered == stats.captured);
	assert_true(stats.undelivered > 0);
	close_capture(capture);
}

static void abandon_before_start_does_nothing(void **state)
{
	struct ce_capture *capture = open_capture(open_memory(0), NULL);

	(void)state;
	ce_capture_abandon(capture);
	assert_int_equal(ce_capture_start(capture, NULL), 0);
	assert_int_equal(drain(capture).packets, COUNT);
	ce_capture_abandon(capture);
	assert_int_equal(ce_capture_end(capture, NULL), -ENODATA);
	close_capture(capture);
}

/* States of a capture; each gives one that is in it, or soon will be. */

static struct pipes_writer stalled;

static struct ce_capture *before_start(void)
{
	return open_capture(open_memory(0), NULL);
}

static struct ce_capture *running(void)
{
	return start_capture(open_memory(UINT64_MAX), NULL);
}

static struct ce_capture *waiting_for_room(void)
{
	struct ce_capture *capture = running();

	usleep(30000);
	return capture;
}

static struct ce_capture *waiting_for_a_pipe(void)
{
	struct ce_capture *capture = start_capture(open_pipe(&stalled), NULL);

	usleep(10000);
	return capture;
}

static struct ce_capture *idle(void)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);

	usleep(10000);
	return capture;
}

/* A batch is held back for a consumer that does not wait. */
static struct ce_capture *holding(void)
{
	struct ce_capture *capture = idle();

	feed_offer(3);
	usleep(10000);
	return capture;
}

static struct ce_capture *stopping(void)
{
	struct ce_capture *capture = holding();

	ce_capture_stop(capture);
	return capture;
}

static struct ce_capture *ended(void)
{
	struct ce_capture *capture = start_capture(open_memory(0), NULL);

	usleep(10000);
	return capture;
}

static struct ce_capture *(*const states[])(void) = {
	before_start, running, waiting_for_room, waiting_for_a_pipe,
	idle, holding, stopping, ended,
};

enum { STATES = sizeof(states) / sizeof(*states) };

static void close_takes_null(void **state)
{
	(void)state;
	ce_capture_close(NULL);
}

static void close_ends_it_soon_in_every_state(void **state)
{
	int64_t took_ns[TRIES];

	(void)state;
	for (int i = 0; i < STATES; i++) {
		for (int try = 0; try < TRIES; try++) {
			struct ce_capture *capture;
			int64_t began;

			stalled = stalling_pipe(bytes_of(3) + 20);
			pipes_start(&stalled);
			capture = states[i]();
			began = ce_clock_mono_ns();
			close_capture(capture);
			took_ns[try] = ce_clock_mono_ns() - began;
			pipes_end(&stalled);
		}
		expect_quick(took_ns, CLOSE_MS);
	}
}

struct asked {
	struct ce_source *source;
	pthread_t thread;
	sigset_t blocked;
};

static int look_around(struct ce_source *source, void *arg)
{
	struct asked *asked = arg;

	asked->source = source;
	asked->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &asked->blocked);
	return 4711;
}

static void call_is_answered_soon_in_every_state(void **state)
{
	int64_t took_ns[TRIES];

	(void)state;
	for (int i = 0; i < STATES; i++) {
		struct ce_capture *capture;

		stalled = stalling_pipe(bytes_of(3) + 20);
		pipes_start(&stalled);
		capture = states[i]();
		for (int try = 0; try < TRIES; try++) {
			struct asked asked = {0};
			int64_t began = ce_clock_mono_ns();

			assert_int_equal(ce_capture_call(capture, look_around, &asked), 4711);
			took_ns[try] = ce_clock_mono_ns() - began;
			assert_non_null(asked.source);
			usleep(3000);
		}
		expect_quick(took_ns, ANSWER_MS);
		close_capture(capture);
		pipes_end(&stalled);
	}
}

/* Also one that comes in the moment in which the thread goes to sleep. */
static void no_call_of_many_is_overlooked(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct asked asked;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t began = ce_clock_mono_ns();

		for (volatile int pause = i % 512; pause; pause--)
			;
		ce_capture_call(capture, look_around, &asked);
		assert_true(ce_clock_mono_ns() - began < OVERLOOKED_MS * (int64_t)MS);
	}
	close_capture(capture);
}

static void stats_are_answered_in_every_state(void **state)
{
	(void)state;
	for (int i = 0; i < STATES; i++) {
		struct ce_stats stats = {.filtered = 5, .delivered = 6, .written = 7};
		struct ce_capture *capture;

		stalled = stalling_pipe(bytes_of(3) + 20);
		pipes_start(&stalled);
		capture = states[i]();
		ce_capture_stats(capture, &stats);
		assert_true(stats.received == stats.captured + stats.kernel_drops);
		assert_true(stats.filtered == 5 && stats.delivered == 6 && stats.written == 7);
		close_capture(capture);
		pipes_end(&stalled);
	}
}

static void capture_thread_alone_touches_the_source_while_it_runs(void **state)
{
	struct ce_source *source = open_feed();
	struct ce_capture *capture = open_capture(source, NULL);
	struct asked asked;

	(void)state;
	ce_capture_call(capture, look_around, &asked);
	assert_ptr_equal(asked.source, source);
	assert_true(pthread_equal(asked.thread, pthread_self()));
	assert_int_equal(ce_capture_start(capture, NULL), 0);
	ce_capture_call(capture, look_around, &asked);
	assert_ptr_equal(asked.source, source);
	assert_false(pthread_equal(asked.thread, pthread_self()));
	ce_capture_stop(capture);
	drain(capture);
	ce_capture_abandon(capture);
	ce_capture_call(capture, look_around, &asked);
	assert_true(pthread_equal(asked.thread, pthread_self()));
	close_capture(capture);
}

static void signals_go_to_other_threads(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM};
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct asked asked;
	sigset_t own;

	(void)state;
	ce_capture_call(capture, look_around, &asked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		assert_true(sigismember(&asked.blocked, signals[i]));
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	assert_false(sigismember(&own, SIGINT));
	close_capture(capture);
}

/* Filters and losses of an interface. */

static void batches_say_which_filter_chose_their_packets(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct reading seen = {0};
	uint64_t filters = 0;
	struct ce_err err = {0};

	(void)state;
	feed_offer(3);
	usleep(20000); /* held back, while nobody waits */
	assert_int_equal(ce_capture_setfilter(capture, "udp", 0, &filters, &err), 0);
	assert_true(filters == 1);
	feed_offer(4);
	while (seen.packets < 7) {
		struct ce_batch *batch = next_batch(capture);

		assert_true(batch->filter == (seen.packets < 3 ? 0 : 1));
		assert_true(seen.packets >= 3 || seen.packets + batch->count <= 3);
		reading_look(batch, &seen);
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(ce_capture_setfilter(capture, "no such thing", 0, &filters, &err),
	                 -EINVAL);
	assert_int_not_equal(strlen(err.text), 0);
	assert_true(filters == 1);
	close_capture(capture);
}

/* A filter that lets something in would undo it; whoever reads has to select by himself. */
static void stop_is_not_undone_by_a_filter(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	uint64_t filters = 0;

	(void)state;
	feed_hold(1);
	ce_capture_stop(capture);
	while (!feed_is_quiet())
		usleep(100);
	for (int i = 0; i < 2; i++) { /* it stops, it has ended */
		assert_int_equal(ce_capture_setfilter(capture, "udp", 0, &filters, NULL),
		                 0);
		assert_true(filters == UINT64_MAX);
		assert_int_equal(ce_capture_setfilter(capture, "no such thing", 0,
		                                      &filters, NULL),
		                 -EINVAL);
		drain(capture);
	}
	close_capture(capture);
}

static void losses_behind_the_end_are_not_counted(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_stats stats = {0};

	(void)state;
	feed_lose(1, 2);
	ce_capture_stop(capture);
	drain(capture);
	feed_lose(10, 20);
	ce_capture_stats(capture, &stats);
	assert_true(stats.kernel_drops == 1 && stats.interface_drops == 2);
	close_capture(capture);
}

static void losses_are_told_with_the_batch_that_follows_them(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_ring *ring = ce_capture_ring(capture);
	struct ce_gap gap = {0};
	struct ce_stats stats = {0};
	struct reading seen = {0};
	struct ce_batch *batch;

	(void)state;
	feed_offer(2);
	usleep(20000);
	feed_lose(5, 6);
	ce_capture_stats(capture, &stats);
	assert_true(stats.kernel_drops == 5 && stats.interface_drops == 6);
	feed_offer(2);
	while (seen.packets < 4) {
		batch = next_batch(capture);
		gap.kernel_drops += batch->gap.kernel_drops;
		gap.interface_drops += batch->gap.interface_drops;
		reading_look(batch, &seen);
		assert_true(gap.kernel_drops == (seen.packets > 2 ? 5 : 0));
		assert_true(gap.interface_drops == (seen.packets > 2 ? 6 : 0));
		ce_ring_release(ring, batch);
	}
	feed_lose(1, 1);
	ce_capture_stop(capture);
	while ((batch = next_batch(capture))) {
		gap.kernel_drops += batch->gap.kernel_drops;
		ce_ring_release(ring, batch);
	}
	assert_true(gap.kernel_drops == 6);
	ce_capture_stats(capture, &stats);
	assert_true(stats.received == 4 + 6);
	close_capture(capture);
}

/* The kernel counts a loss while what came before it still waits there. */
static void loss_is_told_behind_what_waited_when_it_was_noticed(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_ring *ring = ce_capture_ring(capture);
	struct ce_stats stats = {0};
	struct reading seen = {0};
	uint64_t told = 0;

	(void)state;
	feed_offer(2);
	usleep(20000);
	feed_hold(3);
	feed_lose(5, 0);
	ce_capture_stats(capture, &stats);
	assert_true(stats.kernel_drops == 5);
	usleep(20000); /* in which it finds nothing to read */
	feed_show();
	feed_offer(2);
	while (seen.packets < 7) {
		struct ce_batch *batch = next_batch(capture);

		told += batch->gap.kernel_drops;
		assert_true(told == (seen.packets >= 5 ? 5 : 0));
		assert_true(seen.packets >= 5 || seen.packets + batch->count <= 5);
		reading_look(batch, &seen);
		ce_ring_release(ring, batch);
	}
	assert_int_equal(seen.wrong, 0);
	close_capture(capture);
}

/* More than are kept apart, all of them behind packets that never come. */
static void no_loss_is_forgotten_however_many_there_are(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_stats stats = {0};
	struct ce_batch *batch;
	uint64_t told = 0;

	(void)state;
	feed_hold(1);
	for (int i = 0; i < 100; i++) {
		feed_lose(1, 0);
		ce_capture_stats(capture, &stats);
	}
	assert_true(stats.kernel_drops == 100);
	ce_capture_stop(capture);
	while ((batch = next_batch(capture))) {
		told += batch->gap.kernel_drops;
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	assert_true(told == 100);
	close_capture(capture);
}

/* With nobody to read, a ring is full of so many batches. */
static uint32_t slots_of(const struct ce_capture_options *options)
{
	struct ce_capture *capture = start_capture(open_feed(), options);
	uint32_t slots;

	feed_offer(10000);
	usleep(50000);
	slots = ce_ring_queued(ce_capture_ring(capture));
	close_capture(capture);
	return slots;
}

static int64_t used_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * (int64_t)1000 * MS + used.tv_nsec;
}

/* The last batch has the last slot, and a loss behind it needs one more. */
static void last_loss_waits_for_room_asleep(void **state)
{
	const struct ce_capture_options options = {.batch = 2, .ring_bytes = 1 << 20};
	const uint32_t fit = 2 * slots_of(&options) - 1;
	struct ce_capture *capture = start_capture(open_feed(), &options);
	struct reading seen = {0};
	struct ce_batch *batch;
	uint64_t told = 0;
	int64_t before;

	(void)state;
	feed_offer(fit);
	usleep(50000);
	feed_lose(5, 0);
	feed_fail(-ENODEV);
	usleep(50000);
	ce_capture_stop(capture);
	before = used_ns();
	usleep(200000);
	assert_true(used_ns() - before < 100 * (int64_t)MS);
	while ((batch = next_batch(capture))) {
		told += batch->gap.kernel_drops;
		reading_look(batch, &seen);
		ce_ring_release(ce_capture_ring(capture), batch);
	}
	assert_int_equal(seen.packets, fit);
	assert_true(told == 5);
	assert_int_equal(ce_capture_end(capture, NULL), -ENODEV);
	close_capture(capture);
}

/* Shown or not: an error ends the reading. */
static void error_of_an_interface_counts_what_the_kernel_held(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct ce_stats stats = {0};
	struct reading seen;

	(void)state;
	feed_hold(3);
	feed_offer(5);
	feed_fail(-EIO);
	seen = drain(capture);
	assert_int_equal(seen.packets, 5);
	assert_int_equal(seen.end, -EIO);
	ce_capture_stats(capture, &stats);
	assert_true(stats.captured == 8);
	assert_true(stats.undelivered == 3);
	close_capture(capture);
}

static void error_of_an_interface_ends_the_ring(void **state)
{
	struct ce_capture *capture = start_capture(open_feed(), NULL);
	struct reading seen;

	(void)state;
	feed_offer(5);
	feed_fail(-ENODEV);
	seen = drain(capture);
	assert_int_equal(seen.packets, 5);
	assert_int_equal(seen.end, -ENODEV);
	assert_string_equal(seen.err.text, "the feed failed");
	close_capture(capture);
	assert_true(feed.closed);
}

#define plain(test) cmocka_unit_test_teardown(test, close_left_open)
#define with_packets(test) cmocka_unit_test_setup_teardown(test, open_packets, close_packets)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_packets(every_packet_arrives_in_order),
		with_packets(batches_say_the_number_of_their_first_packet),
		with_packets(full_ring_makes_the_source_wait_and_loses_nothing),
		plain(packets_of_a_pipe_arrive_although_its_writer_stalls),
		plain(packets_of_an_interface_arrive_when_it_pauses),
		plain(batch_grows_while_the_consumer_does_not_wait),
		plain(pieces_of_a_fast_stream_share_a_batch),
		plain(immediate_packets_wait_for_no_others),
		plain(longer_timeout_gathers_packets_for_a_consumer_that_waits),
		with_packets(options_out_of_range_are_refused),
		with_packets(options_at_the_limits_are_taken),
		with_packets(start_again_does_nothing),
		with_packets(nothing_is_read_before_start),
		with_packets(error_of_the_source_ends_the_ring_after_its_packets),
		with_packets(stop_ends_the_ring_after_what_was_read),
		with_packets(stop_while_it_waits_for_room_or_a_pipe_ends_it),
		with_packets(stop_before_start_and_after_the_end_is_harmless),
		with_packets(readable_interrupt_fd_stops_the_capture),
		plain(stop_loses_no_packet_that_the_kernel_had_counted),
		plain(stop_does_not_wait_when_the_kernel_holds_nothing),
		plain(stop_waits_for_a_packet_that_never_comes_only_for_a_while),
		plain(abandon_queues_what_was_read_and_counts_what_the_kernel_held),
		plain(abandon_counts_also_what_the_kernel_shows_late),
		with_packets(abandon_before_start_does_nothing),
		cmocka_unit_test(close_takes_null),
		with_packets(close_ends_it_soon_in_every_state),
		with_packets(call_is_answered_soon_in_every_state),
		plain(no_call_of_many_is_overlooked),
		with_packets(stats_are_answered_in_every_state),
		plain(capture_thread_alone_touches_the_source_while_it_runs),
		plain(signals_go_to_other_threads),
		plain(batches_say_which_filter_chose_their_packets),
		plain(stop_is_not_undone_by_a_filter),
		plain(losses_behind_the_end_are_not_counted),
		plain(losses_are_told_with_the_batch_that_follows_them),
		plain(loss_is_told_behind_what_waited_when_it_was_noticed),
		plain(no_loss_is_forgotten_however_many_there_are),
		plain(last_loss_waits_for_room_asleep),
		plain(error_of_an_interface_counts_what_the_kernel_held),
		plain(error_of_an_interface_ends_the_ring),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
