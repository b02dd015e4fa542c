/* SPDX-License-Identifier: BSD-3-Clause */
/* test_reader.c - what <capengine/reader.h> promises. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/clock.h"
#include "capengine/filter.h"
#include "capengine/reader.h"
#include "support/feed.h"
#include "support/packets.h"

enum { MS = 1000000, DEADLINE_MS = 5000, COUNT = 200 };

static const struct packets_kind micro;
static const struct packets_kind raw = {.linktype = PACKETS_RAW_IN_FILE};

static struct packets_file file; /* of the packets [0, COUNT) */
static const char *path;
static struct ce_reader *opened; /* the test's, or NULL */

static int open_file(void **state)
{
	(void)state;
	file = packets_file_of(&micro, 0, COUNT);
	path = file.path;
	return 0;
}

static struct ce_reader_options of_file(void)
{
	return (struct ce_reader_options){
		.kind = &ce_source_savefile,
		.source = {.files = &path, .file_count = 1},
	};
}

static struct ce_reader *open_reader(const struct ce_reader_options *options)
{
	struct ce_reader *reader = NULL;
	struct ce_err err = {0};

	if (ce_reader_open(&reader, options, &err) < 0)
		fail_msg("%s", err.text);
	return opened = reader;
}

static void close_reader(struct ce_reader *reader, struct ce_stats *stats)
{
	opened = NULL;
	ce_reader_close(reader, stats, NULL);
}

/* After a test that failed, its capture thread must not run into the next one. */
static int close_left_open(void **state)
{
	(void)state;
	close_reader(opened, NULL);
	return 0;
}

static int close_file(void **state)
{
	close_left_open(state);
	packets_file_close(&file);
	return 0;
}

static struct ce_reader *open_default(void)
{
	const struct ce_reader_options options = of_file();

	return open_reader(&options);
}

static int fetch(struct ce_reader *reader)
{
	return ce_reader_fetch(reader, DEADLINE_MS, NULL);
}

/* The number that packets.h gave to a packet of an Ethernet batch. */
static uint32_t number_at(const struct ce_batch *batch, uint32_t i)
{
	const unsigned char *n = batch->data[i] + PACKETS_HEADERS;

	return (uint32_t)n[0] << 24 | (uint32_t)n[1] << 16 | (uint32_t)n[2] << 8 | n[3];
}

/* Fetch and take one packet; gives its number. */
static uint32_t take(struct ce_reader *reader)
{
	const struct ce_batch *batch;
	uint32_t i;

	assert_int_equal(fetch(reader), 1);
	batch = ce_reader_batch(reader);
	i = ce_batch_take(ce_reader_batch(reader));
	assert_true(i < batch->count);
	return number_at(batch, i);
}

/* Take packets until fetch says something else than 1; gives that. */
static int take_all(struct ce_reader *reader, uint32_t *count)
{
	int rc;

	while ((rc = fetch(reader)) == 1) {
		assert_true(ce_batch_take(ce_reader_batch(reader)) <
		            ce_reader_batch(reader)->count);
		++*count;
	}
	return rc;
}

static void expect_balance(const struct ce_stats *stats)
{
	assert_true(stats->received == stats->captured + stats->kernel_drops);
	assert_true(stats->captured ==
	            stats->filtered + stats->delivered + stats->undelivered);
}

static void packets_are_handed_out_in_order(void **state)
{
	static const uint32_t batches[] = {0, 1, 2, 7, 4096};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct ce_reader_options options = of_file();
		struct ce_reader *reader;

		options.capture.batch = batches[i];
		reader = open_reader(&options);
		for (uint32_t n = 0; n < COUNT; n++)
			assert_int_equal(take(reader), n);
		assert_int_equal(fetch(reader), -ENODATA);
		assert_int_equal(fetch(reader), -ENODATA);
		close_reader(reader, NULL);
	}
}

static void fetch_hands_nothing_out(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(fetch(reader), 1);
	ce_reader_stats(reader, &stats);
	assert_true(stats.delivered == 0);
	assert_int_equal(take(reader), 0);
	close_reader(reader, NULL);
}

static void take_beyond_the_batch_gives_its_count(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {0};
	const struct ce_batch *batch;

	(void)state;
	assert_int_equal(fetch(reader), 1);
	batch = ce_reader_batch(reader);
	for (uint32_t i = 0; i < batch->count; i++)
		assert_int_equal(ce_batch_take(ce_reader_batch(reader)), i);
	assert_int_equal(ce_batch_take(ce_reader_batch(reader)), batch->count);
	ce_reader_stats(reader, &stats);
	assert_true(stats.delivered == batch->count);
	close_reader(reader, NULL);
}

static void take_until_hands_out_all_before_its_end(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {0};
	const struct ce_batch *batch;

	(void)state;
	assert_int_equal(take(reader), 0);
	assert_int_equal(ce_reader_take_until(reader, 50), 49);
	batch = ce_reader_batch(reader);
	assert_int_equal(ce_batch_count_selected(batch, 0, 50), 50);
	assert_int_equal(take(reader), 50);
	assert_int_equal(ce_reader_take_until(reader, batch->count), batch->count - 51);
	ce_reader_stats(reader, &stats);
	assert_true(stats.delivered == batch->count);
	close_reader(reader, &stats);
	expect_balance(&stats);
}

static void take_until_counts_only_what_is_wanted(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {0};

	(void)state;
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1003", 0, NULL), 0);
	assert_int_equal(fetch(reader), 1);
	assert_int_equal(ce_reader_take_until(reader, 100), 10);
	assert_int_equal(take(reader), 103);
	close_reader(reader, &stats);
	assert_true(stats.delivered == 11);
	expect_balance(&stats);
}

static void setfilter_holds_from_the_very_next_packet(void **state)
{
	struct ce_reader *reader = open_default();

	(void)state;
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1003", 0, NULL), 0);
	assert_int_equal(take(reader), 3);
	assert_int_equal(take(reader), 13);
	assert_int_equal(fetch(reader), 1); /* 23 stands at the cursor */
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1004", 0, NULL), 0);
	assert_int_equal(take(reader), 14);
	close_reader(reader, NULL);
}

static void what_one_filter_rejected_the_next_may_still_want(void **state)
{
	struct ce_reader *reader = open_default();

	(void)state;
	assert_int_equal(ce_reader_setfilter(reader, "tcp", 0, NULL), 0);
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1009", 0, NULL), 0);
	assert_int_equal(take(reader), 9);
	assert_int_equal(ce_reader_setfilter(reader, "tcp", 0, NULL), 0);
	assert_int_equal(ce_reader_setfilter(reader, "", 0, NULL), 0);
	for (uint32_t n = 10; n < COUNT; n++)
		assert_int_equal(take(reader), n);
	assert_int_equal(fetch(reader), -ENODATA);
	close_reader(reader, NULL);
}

static void setfilter_that_fails_changes_nothing(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1003", 0, &err), 0);
	assert_int_equal(take(reader), 3);
	assert_int_equal(ce_reader_setfilter(reader, "no such thing", 0, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_int_not_equal(strlen(err.text), 0);
	assert_int_equal(take(reader), 13);
	close_reader(reader, NULL);
}

static void compile_says_whether_setfilter_would_take_it(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_err err = {0};

	(void)state;
	for (int started = 0; started < 2; started++) {
		assert_int_equal(ce_reader_compile(reader, "tcp port 80", 0, &err), 0);
		assert_int_equal(ce_reader_compile(reader, "no such thing", 0, &err),
		                 -EINVAL);
		assert_int_not_equal(strlen(err.text), 0);
		assert_int_equal(take(reader), started); /* and it selects nothing */
	}
	close_reader(reader, NULL);
}

static void compile_looks_at_the_link_type(void **state)
{
	const struct ce_reader_options options = {.kind = &ce_source_memory,
	                                          .source.linktype = DLT_RAW};
	struct ce_reader *reader = open_reader(&options);

	(void)state;
	assert_int_equal(ce_reader_compile(reader, "udp", 0, NULL), 0);
	assert_int_equal(ce_reader_compile(reader, "ether broadcast", 0, NULL), -EINVAL);
	close_reader(reader, NULL);
}

static void filter_of_the_options_is_always_in_force(void **state)
{
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;

	(void)state;
	options.filter = "udp dst portrange 1003-1004";
	reader = open_reader(&options);
	assert_int_equal(take(reader), 3);
	assert_int_equal(take(reader), 4);
	assert_int_equal(
		ce_reader_setfilter(reader, "udp dst portrange 1004-1005", 0, NULL), 0);
	assert_int_equal(take(reader), 14);
	assert_int_equal(ce_reader_setfilter(reader, "", 0, NULL), 0);
	assert_int_equal(take(reader), 23);
	close_reader(reader, NULL);
}

static void filter_is_that_of_the_options_or_none(void **state)
{
	struct ce_reader_options options = of_file();
	char text[] = "udp dst port 1003";

	(void)state;
	for (int filtered = 0; filtered < 2; filtered++) {
		struct ce_reader *reader;

		options.filter = filtered ? text : NULL;
		reader = open_reader(&options);
		if (filtered)
			memset(text, 'x', sizeof(text)); /* the caller's again */
		assert_int_equal(ce_reader_setfilter(reader, "tcp", 0, NULL), 0);
		if (filtered)
			assert_string_equal(ce_reader_filter(reader),
			                    "udp dst port 1003");
		else
			assert_null(ce_reader_filter(reader));
		close_reader(reader, NULL);
	}
}

static void limit_counts_what_passed_the_filter_of_the_options(void **state)
{
	static const uint32_t batches[] = {1, 7, 0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct ce_reader_options options = of_file();
		struct ce_stats stats = {0};
		struct ce_reader *reader;
		uint32_t count = 0;

		options.capture.batch = batches[i];
		options.filter = "udp dst port 1003";
		options.limit = 4;
		reader = open_reader(&options);
		assert_int_equal(take_all(reader, &count), -ENODATA);
		assert_int_equal(fetch(reader), -ENODATA);
		assert_int_equal(count, 4);
		close_reader(reader, &stats);
		assert_true(stats.delivered == 4);
		expect_balance(&stats);
	}
}

static void limit_beyond_the_end_changes_nothing(void **state)
{
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	uint32_t count = 0;

	(void)state;
	options.limit = COUNT + 1;
	reader = open_reader(&options);
	assert_int_equal(take_all(reader, &count), -ENODATA);
	assert_int_equal(count, COUNT);
	close_reader(reader, NULL);
}

static void limit_is_used_up_by_what_setfilter_rejects(void **state)
{
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	uint32_t count = 0;

	(void)state;
	options.limit = 20;
	reader = open_reader(&options);
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1003", 0, NULL), 0);
	assert_int_equal(take_all(reader, &count), -ENODATA);
	assert_int_equal(count, 2);
	close_reader(reader, NULL);
}

struct tapped {
	uint32_t batches;
	uint32_t packets;
	uint32_t selected;
	const struct ce_batch *last;
	int answer;
};

static int tap(void *arg, const struct ce_batch *batch, struct ce_err *err)
{
	struct tapped *tapped = arg;

	tapped->batches++;
	tapped->packets += batch->count;
	tapped->selected += ce_batch_count_selected(batch, 0, batch->count);
	tapped->last = batch;
	return tapped->answer ? ce_err_set(err, tapped->answer, "the tap failed") : 0;
}

static void tap_sees_what_filter_and_limit_let_pass(void **state)
{
	struct ce_reader_options options = of_file();
	struct tapped tapped = {0};
	struct ce_reader *reader;
	uint32_t count = 0;

	(void)state;
	options.filter = "udp dst port 1003";
	options.limit = 15;
	options.capture.batch = 50;
	reader = open_reader(&options);
	ce_reader_tap(reader, tap, &tapped);
	assert_int_equal(ce_reader_setfilter(reader, "tcp", 0, NULL), 0);
	assert_int_equal(take_all(reader, &count), -ENODATA);
	assert_int_equal(count, 0);
	assert_int_equal(tapped.selected, 15);
	assert_int_equal(tapped.batches, 3);
	close_reader(reader, NULL);
}

static void tap_sees_each_batch_once_when_it_becomes_current(void **state)
{
	struct ce_reader_options options = of_file();
	struct tapped tapped = {0};
	struct ce_reader *reader;

	(void)state;
	options.capture.batch = 10;
	reader = open_reader(&options);
	ce_reader_tap(reader, tap, &tapped);
	for (uint32_t n = 0; n < COUNT; n++) {
		assert_int_equal(take(reader), n);
		assert_int_equal(tapped.batches, n / 10 + 1);
		assert_ptr_equal(tapped.last, ce_reader_batch(reader));
		assert_int_equal(
			ce_reader_setfilter(reader, n % 2 ? "udp" : "ip", 0, NULL), 0);
	}
	assert_int_equal(tapped.packets, COUNT);
	close_reader(reader, NULL);
	assert_int_equal(tapped.batches, COUNT / 10);
}

static void tap_that_fails_ends_the_reading(void **state)
{
	struct tapped tapped = {.answer = -ENOSPC};
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {0};

	(void)state;
	ce_reader_tap(reader, tap, &tapped);
	for (int again = 0; again < 3; again++) {
		struct ce_err err = {0};

		assert_int_equal(ce_reader_fetch(reader, DEADLINE_MS, &err), -ENOSPC);
		assert_int_equal(err.code, -ENOSPC);
		assert_string_equal(err.text, "the tap failed");
	}
	assert_int_equal(tapped.batches, 1);
	close_reader(reader, &stats);
	assert_true(stats.delivered == 0);
	expect_balance(&stats);
}

static uint32_t asked, helped; /* how often this thread was asked to help, and did */

static bool count_help(struct ce_source *source)
{
	bool rc = ce_source_savefile.help(source);

	asked++;
	helped += rc;
	return rc;
}

/* This thread reads parts of the file itself, when it waits. */
static void file_comes_in_order_however_fast_its_reader_is(void **state)
{
	enum { MANY = 200000 };
	struct packets_file large = packets_file_of(&micro, 0, MANY);
	struct ce_source_ops counting = ce_source_savefile;
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	struct ce_stats stats;
	uint32_t count = 0;
	int rc;

	(void)state;
	path = large.path;
	counting.help = count_help;
	options.kind = &counting;
	asked = helped = 0;
	reader = open_reader(&options);
	while ((rc = fetch(reader)) == 1) {
		const struct ce_batch *batch = ce_reader_batch(reader);

		assert_int_equal(batch->first_number, count + 1);
		for (uint32_t i = 0; i < batch->count; i++)
			assert_int_equal(number_at(batch, i), count + i);
		count += batch->count;
		ce_reader_take_until(reader, batch->count);
	}
	assert_int_equal(rc, -ENODATA);
	assert_int_equal(count, MANY);
	assert_true(asked > helped); /* at first there is nothing to help with */
	close_reader(reader, &stats);
	assert_true(stats.delivered == MANY);
	expect_balance(&stats);
	packets_file_close(&large);
}

enum { SHORT = 100000 }; /* packets */

static bool seen_before[SHORT + 1]; /* by the first number of a batch */
static uint32_t seen_count;

static void see_before(void *arg, struct ce_batch *batch)
{
	bool *seen = arg;

	seen[batch->first_number] = true;
	seen_count++;
}

/* Those that this thread has read are not. */
static void batches_that_are_near_are_shown_before(void **state)
{
	struct packets_file of_short = packets_file_of(&micro, 0, SHORT);
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	uint32_t near = 0;

	(void)state;
	path = of_short.path;
	options.capture.before = see_before;
	options.capture.before_arg = seen_before;
	reader = open_reader(&options);
	while (fetch(reader) == 1) {
		const struct ce_batch *batch = ce_reader_batch(reader);

		assert_int_equal(seen_before[batch->first_number], batch->near);
		near += batch->near;
		ce_reader_take_until(reader, batch->count);
	}
	close_reader(reader, NULL);
	assert_true(near > 0);
	assert_int_equal(seen_count, near);
	packets_file_close(&of_short);
}

static void error_of_the_source_comes_after_its_packets_and_stays(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 10);
	struct packets_file cut = packets_file_open(bytes.data, bytes.size - 5);
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	uint32_t count = 0;

	(void)state;
	path = cut.path;
	reader = open_reader(&options);
	assert_int_equal(take_all(reader, &count), -EBADMSG);
	assert_int_equal(count, 9);
	for (int again = 0; again < 3; again++) {
		struct ce_err err = {0};

		assert_int_equal(ce_reader_fetch(reader, DEADLINE_MS, &err), -EBADMSG);
		assert_int_equal(err.code, -EBADMSG);
		assert_non_null(strstr(err.text, cut.path));
	}
	close_reader(reader, NULL);
	packets_file_close(&cut);
	free(bytes.data);
}

static void filter_that_a_later_file_does_not_take_is_an_error_there(void **state)
{
	struct packets_file other = packets_file_of(&raw, 0, 10);
	const char *const paths[] = {file.path, other.path};
	struct ce_reader_options options = of_file();
	struct ce_stats stats = {0};
	struct ce_reader *reader;
	uint32_t count = 0;

	(void)state;
	options.source.files = paths;
	options.source.file_count = 2;
	options.filter = "ether src 02:00:00:00:00:02";
	reader = open_reader(&options);
	assert_int_equal(take_all(reader, &count), -EINVAL);
	assert_int_equal(count, COUNT);
	assert_int_equal(fetch(reader), -EINVAL);
	close_reader(reader, &stats);
	expect_balance(&stats);
	packets_file_close(&other);
}

/* The capture thread reads ahead, which no script may notice. */
static void setfilter_is_checked_against_the_current_packets(void **state)
{
	struct packets_file other = packets_file_of(&raw, 0, 10);
	const char *const paths[] = {file.path, other.path};
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;
	struct ce_err err = {0};

	(void)state;
	options.source.files = paths;
	options.source.file_count = 2;
	reader = open_reader(&options);
	assert_int_equal(take(reader), 0);
	while (ce_reader_queued(reader) == 0) /* the other file is open by now */
		;
	if (ce_reader_setfilter(reader, "ether src 02:00:00:00:00:02", 0, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(take(reader), 1);
	close_reader(reader, NULL);
	packets_file_close(&other);
}

static void linktype_is_that_of_the_current_batch(void **state)
{
	struct packets_file other = packets_file_of(&raw, 0, 10);
	const char *const paths[] = {file.path, other.path};
	struct ce_reader_options options = of_file();
	struct ce_reader *reader;

	(void)state;
	options.source.files = paths;
	options.source.file_count = 2;
	reader = open_reader(&options);
	assert_int_equal(ce_reader_linktype(reader), DLT_EN10MB);
	for (uint32_t n = 0; n < COUNT; n++) {
		assert_int_equal(take(reader), n);
		assert_int_equal(ce_reader_linktype(reader), DLT_EN10MB);
	}
	assert_int_equal(fetch(reader), 1);
	assert_int_equal(ce_reader_linktype(reader), DLT_RAW);
	close_reader(reader, NULL);
	packets_file_close(&other);
}

/* What happened to a reading, all of which must balance. */
struct scenario {
	uint32_t batch;
	const char *filter;
	uint64_t limit;
	const char *setfilter; /* after the third packet */
	uint32_t takes;        /* then it is closed */
};

static void play(const struct scenario *scenario)
{
	struct ce_reader_options options = of_file();
	struct ce_stats stats = {.written = 77};
	struct ce_reader *reader;
	uint32_t count = 0;
	int rc = 1;

	options.capture.batch = scenario->batch;
	options.filter = scenario->filter;
	options.limit = scenario->limit;
	reader = open_reader(&options);
	while (count < scenario->takes && (rc = fetch(reader)) == 1) {
		assert_true(ce_batch_take(ce_reader_batch(reader)) <
		            ce_reader_batch(reader)->count);
		if (++count == 3 && scenario->setfilter)
			assert_int_equal(
				ce_reader_setfilter(reader, scenario->setfilter, 0, NULL),
				0);
	}
	close_reader(reader, &stats);
	expect_balance(&stats);
	assert_true(stats.delivered == count);
	assert_true(stats.written == 77);
	assert_true(stats.kernel_drops == 0 && stats.interface_drops == 0);
	if (!scenario->filter && !scenario->setfilter)
		assert_true(stats.filtered == 0); /* a limit rejects nothing */
	if (rc == 1 || scenario->limit)
		return;
	assert_int_equal(rc, -ENODATA);
	assert_true(stats.captured == COUNT);
	assert_true(stats.undelivered == 0);
}

static void counters_balance_in_every_scenario(void **state)
{
	static const uint32_t batches[] = {1, 7, 0};
	static const char *const filters[] = {NULL, "udp dst port 1003", "tcp"};
	static const uint64_t limits[] = {0, 1, 5, 1000};
	static const char *const later[] = {NULL, "udp dst port 1004", "udp", "tcp"};
	static const uint32_t takes[] = {0, 1, 4, 33, COUNT + 1};
	int played = 0;

	(void)state;
	for (int b = 0; b < 3; b++)
		for (int f = 0; f < 3; f++)
			for (int l = 0; l < 4; l++)
				for (int s = 0; s < 4; s++)
					for (int t = 0; t < 5; t++) {
						play(&(struct scenario){
							batches[b], filters[f], limits[l],
							later[s], takes[t]});
						played++;
					}
	print_message("%d scenarios\n", played);
}

static void stats_go_on_while_packets_are_taken(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_stats stats = {.written = 5};

	(void)state;
	ce_reader_stats(reader, &stats);
	assert_true(stats.captured == 0);
	for (uint32_t n = 0; n < COUNT; n++) {
		take(reader);
		ce_reader_stats(reader, &stats);
		assert_true(stats.delivered == n + 1);
		assert_true(stats.captured >= n + 1);
		assert_true(stats.undelivered == 0);
	}
	assert_true(stats.written == 5);
	close_reader(reader, NULL);
}

static void progress_is_bytes_of_all_files(void **state)
{
	const char *const twice[] = {path, path};
	struct ce_reader_options options = of_file();
	struct ce_progress progress;
	struct ce_reader *reader;
	struct stat status;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	options.source.files = twice;
	options.source.file_count = 2;
	reader = open_reader(&options);
	ce_reader_progress(reader, &progress);
	assert_true(progress.total == 2 * (uint64_t)status.st_size);
	assert_true(progress.done < (uint64_t)status.st_size);
	assert_int_equal(take_all(reader, &count), -ENODATA);
	ce_reader_progress(reader, &progress);
	assert_true(progress.done == progress.total);
	close_reader(reader, NULL);
}

static void progress_of_what_is_no_file_is_not_known(void **state)
{
	const char *const two[] = {path, "/dev/null"};
	struct ce_reader_options options = of_file();
	struct ce_progress progress = {1, 1};
	struct ce_reader *reader;

	(void)state;
	options.source.files = two;
	options.source.file_count = 2;
	reader = open_reader(&options);
	ce_reader_progress(reader, &progress);
	assert_true(progress.total == 0 && progress.done == 0);
	close_reader(reader, NULL);
}

static void first_fetch_starts_the_thread(void **state)
{
	struct ce_reader *reader = open_default();

	(void)state;
	usleep(20000);
	assert_int_equal(ce_reader_queued(reader), 0);
	assert_true(ce_reader_drained(reader));
	assert_null(ce_reader_batch(reader));
	assert_int_equal(fetch(reader), 1);
	assert_non_null(ce_reader_batch(reader));
	assert_false(ce_reader_drained(reader));
	close_reader(reader, NULL);
}

static void reader_is_drained_when_all_was_handed_out(void **state)
{
	struct ce_reader *reader = open_default();

	(void)state;
	for (uint32_t n = 0; n < COUNT; n++) {
		assert_int_equal(take(reader), n);
		assert_int_equal(ce_reader_drained(reader), n == COUNT - 1);
	}
	close_reader(reader, NULL);
}

static void expire_makes_the_batch_look_like_another(void **state)
{
	struct ce_reader *reader = open_default();
	uint64_t sequence;

	(void)state;
	ce_reader_expire(reader); /* nothing there yet */
	assert_int_equal(take(reader), 0);
	sequence = ce_reader_batch(reader)->sequence;
	ce_reader_expire(reader);
	assert_true(ce_reader_batch(reader)->sequence != sequence);
	assert_int_equal(take(reader), 1);
	close_reader(reader, NULL);
}

static void set_datalink_is_refused_once_packets_are_queued(void **state)
{
	struct ce_reader *reader = open_default();
	struct ce_err err = {0};
	uint32_t count = 0;

	(void)state;
	assert_int_equal(ce_reader_set_datalink(reader, DLT_EN10MB, &err), 0);
	assert_int_equal(fetch(reader), 1);
	assert_int_equal(ce_reader_set_datalink(reader, DLT_EN10MB, &err), -EBUSY);
	assert_int_equal(err.code, -EBUSY);
	assert_int_equal(take_all(reader, &count), -ENODATA);
	assert_int_equal(ce_reader_set_datalink(reader, DLT_EN10MB, &err), 0);
	assert_int_equal(ce_reader_set_datalink(reader, DLT_RAW, &err), -EINVAL);
	assert_int_equal(ce_reader_linktype(reader), DLT_EN10MB);
	close_reader(reader, NULL);
}

static void link_types_of_a_kind_that_cannot_list_are_its_own(void **state)
{
	const struct ce_reader_options options = {.kind = &ce_source_memory,
	                                          .source.linktype = DLT_RAW};
	struct ce_reader *reader = open_reader(&options);
	int linktypes[2] = {-1, -1};

	(void)state;
	assert_int_equal(ce_reader_list_datalinks(reader, linktypes, 0, NULL), 1);
	assert_int_equal(linktypes[0], -1);
	assert_int_equal(ce_reader_list_datalinks(reader, linktypes, 2, NULL), 1);
	assert_int_equal(linktypes[0], DLT_RAW);
	assert_int_equal(ce_reader_set_datalink(reader, DLT_EN10MB, NULL), -EOPNOTSUPP);
	close_reader(reader, NULL);
}

static void source_can_be_asked_what_it_is(void **state)
{
	struct ce_reader *reader = open_default();

	(void)state;
	assert_string_equal(ce_reader_source(reader)->ops->name, "savefile");
	assert_int_equal(ce_reader_source(reader)->version_major, 2);
	close_reader(reader, NULL);
}

static void open_fails_as_its_parts_do(void **state)
{
	struct ce_reader_options options = of_file();
	struct ce_reader *reader = NULL;
	struct ce_err err = {0};

	(void)state;
	options.filter = "no such thing";
	assert_int_equal(ce_reader_open(&reader, &options, &err), -EINVAL);
	assert_int_not_equal(strlen(err.text), 0);
	options.filter = NULL;
	options.capture.ring_bytes = 1;
	assert_int_equal(ce_reader_open(&reader, &options, &err), -EINVAL);
	options.capture.ring_bytes = 0;
	path = "/nowhere/a.pcap";
	assert_int_equal(ce_reader_open(&reader, &options, &err), -ENOENT);
	assert_int_equal(ce_reader_open(&reader, &options, NULL), -ENOENT);
	assert_null(reader);
}

static void close_takes_null(void **state)
{
	(void)state;
	assert_int_equal(ce_reader_close(NULL, NULL, NULL), 0);
}

static void memory_packets_can_be_filtered(void **state)
{
	struct ce_memory_packet *packets = packets_array(COUNT);
	const struct ce_reader_options options = {
		.kind = &ce_source_memory,
		.source = {.packets = packets,
	                   .packet_count = COUNT,
	                   .linktype = DLT_EN10MB},
		.filter = "udp dst port 1003",
	};
	struct ce_reader *reader = open_reader(&options);

	(void)state;
	assert_int_equal(take(reader), 3);
	assert_int_equal(take(reader), 13);
	close_reader(reader, NULL);
	free(packets);
}

/* A reader of packets without end, of which the filter wants none. */
static void fetch_waits_no_longer_while_packets_are_rejected(void **state)
{
	struct ce_memory_packet *packets = packets_array(COUNT);
	const struct ce_reader_options options = {
		.kind = &ce_source_memory,
		.source = {.packets = packets,
	                   .packet_count = COUNT,
	                   .linktype = DLT_EN10MB,
	                   .rounds = 20000},
		.filter = "tcp",
	};
	struct ce_reader *reader = open_reader(&options);
	int64_t began = ce_clock_mono_ns();

	(void)state;
	assert_int_equal(ce_reader_fetch(reader, 10, NULL), 0);
	assert_true(ce_clock_mono_ns() - began < 100 * (int64_t)MS);
	close_reader(reader, NULL);
	free(packets);
}

/* With a feed. */

static struct ce_reader *open_feed(void)
{
	const struct ce_reader_options options = {.kind = &feed_kind};

	feed_reset();
	return open_reader(&options);
}

static void fetch_returns_0_when_nothing_comes_in_time(void **state)
{
	struct ce_reader *reader = open_feed();
	int64_t began = ce_clock_mono_ns(), waited;

	(void)state;
	assert_int_equal(ce_reader_fetch(reader, 0, NULL), 0);
	assert_int_equal(ce_reader_fetch(reader, 50, NULL), 0);
	waited = ce_clock_mono_ns() - began;
	assert_true(waited >= 50 * (int64_t)MS);
	assert_true(waited < DEADLINE_MS * (int64_t)MS);
	feed_offer(1);
	assert_int_equal(take(reader), 0);
	close_reader(reader, NULL);
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

static void *signal_soon(void *arg)
{
	for (int i = 0; i < 3; i++) {
		usleep(30000);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	}
	return NULL;
}

static void signal_ends_the_waiting_and_not_the_reading(void **state)
{
	struct sigaction action = {.sa_handler = ignore}, before;
	struct ce_reader *reader = open_feed();
	pthread_t self = pthread_self(), thread;
	int64_t began = ce_clock_mono_ns();

	(void)state;
	sigaction(SIGUSR1, &action, &before);
	assert_int_equal(pthread_create(&thread, NULL, signal_soon, &self), 0);
	assert_int_equal(ce_reader_fetch(reader, 2 * DEADLINE_MS, NULL), 0);
	assert_true(ce_clock_mono_ns() - began < DEADLINE_MS * (int64_t)MS);
	pthread_join(thread, NULL);
	sigaction(SIGUSR1, &before, NULL);
	feed_offer(1);
	assert_int_equal(take(reader), 0);
	close_reader(reader, NULL);
}

static void fetch_goes_on_until_the_last_packet_after_a_stop(void **state)
{
	struct ce_reader *reader = open_feed();
	struct ce_stats stats = {0};

	(void)state;
	feed_offer(10);
	assert_int_equal(take(reader), 0);
	feed_offer(20);
	ce_reader_stop(reader);
	for (uint32_t n = 1; n < 30; n++)
		assert_int_equal(take(reader), n);
	assert_int_equal(fetch(reader), -EINTR);
	assert_int_equal(fetch(reader), -EINTR);
	close_reader(reader, &stats);
	assert_true(stats.delivered == 30 && stats.captured == 30);
	expect_balance(&stats);
}

static void reader_is_caught_up_when_no_packet_waits_anywhere(void **state)
{
	struct ce_reader *reader = open_feed();

	(void)state;
	assert_true(ce_reader_caught_up(reader));
	assert_int_equal(ce_reader_fetch(reader, 0, NULL), 0);
	assert_true(ce_reader_caught_up(reader));
	feed_hold(1); /* the kernel has counted it */
	assert_false(ce_reader_caught_up(reader));
	feed_show(); /* and now it is in the source, in a batch, in the ring */
	assert_false(ce_reader_caught_up(reader));
	assert_int_equal(ce_reader_fetch(reader, DEADLINE_MS, NULL), 1);
	assert_false(ce_reader_caught_up(reader));
	assert_int_equal(take(reader), 0);
	assert_true(ce_reader_caught_up(reader));
	feed_offer(1);
	assert_int_equal(ce_reader_fetch(reader, DEADLINE_MS, NULL), 1);
	assert_int_equal(ce_reader_setfilter(reader, "greater 60000", 0, NULL), 0);
	assert_true(ce_reader_caught_up(reader)); /* nobody wants it */
	close_reader(reader, NULL);
}

static void gap_tells_what_was_lost_once(void **state)
{
	struct ce_reader *reader = open_feed();
	struct ce_stats stats = {0};
	struct ce_gap gap;

	(void)state;
	feed_offer(5);
	for (uint32_t n = 0; n < 5; n++)
		assert_int_equal(take(reader), n);
	gap = ce_reader_gap(reader);
	assert_true(gap.kernel_drops == 0 && gap.interface_drops == 0);
	feed_lose(7, 3);
	ce_reader_stats(reader, &stats); /* which looks what was lost */
	assert_true(stats.kernel_drops == 7 && stats.interface_drops == 3);
	feed_offer(1);
	assert_int_equal(take(reader), 5);
	gap = ce_reader_gap(reader);
	assert_true(gap.kernel_drops == 7 && gap.interface_drops == 3);
	gap = ce_reader_gap(reader);
	assert_true(gap.kernel_drops == 0 && gap.interface_drops == 0);
	close_reader(reader, &stats);
	assert_true(stats.received == 6 + 7);
	expect_balance(&stats);
}

static void gap_after_the_last_packet_is_told_at_the_end(void **state)
{
	struct ce_reader *reader = open_feed();
	struct ce_gap gap;

	(void)state;
	feed_offer(1);
	assert_int_equal(take(reader), 0);
	feed_lose(9, 0);
	ce_reader_stop(reader);
	assert_int_equal(fetch(reader), -EINTR);
	gap = ce_reader_gap(reader);
	assert_true(gap.kernel_drops == 9);
	close_reader(reader, NULL);
}

/* feed.h's filter lets all pass, so that one sees who chooses. */
static void kernel_chooses_what_comes_after_setfilter_and_we_what_was_queued(void **state)
{
	struct ce_reader *reader = open_feed();
	struct ce_stats stats = {0};

	(void)state;
	feed_offer(20);
	assert_int_equal(take(reader), 0);
	assert_int_equal(ce_reader_setfilter(reader, "udp dst port 1003", 0, NULL), 0);
	assert_int_equal(take(reader), 3);
	assert_int_equal(take(reader), 13);
	feed_offer(5);
	for (uint32_t n = 20; n < 25; n++)
		assert_int_equal(take(reader), n);
	close_reader(reader, &stats);
	assert_true(stats.filtered == 17);
	assert_true(stats.delivered == 8);
	expect_balance(&stats);
}

/* libpcap refuses to compile what rejects all packets; a file's reader does not. */
static void filters_that_contradict_each_other_reject_all_on_an_interface_too(
	void **state)
{
	const struct ce_reader_options options = {.kind = &feed_kind, .filter = "udp"};
	struct ce_reader *reader;
	struct ce_err err = {0};

	(void)state;
	feed_reset();
	reader = open_reader(&options);
	if (ce_reader_setfilter(reader, "tcp", 0, &err) < 0)
		fail_msg("%s", err.text);
	close_reader(reader, NULL);
}

/* The link type changes with all handed out, but one packet came meanwhile. */
static void link_type_of_packets_that_came_before_set_datalink_stays(void **state)
{
	struct ce_reader *reader = open_feed();
	int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;
	struct ce_stats stats = {0};

	(void)state;
	feed_offer(1);
	assert_int_equal(take(reader), 0);
	feed_offer(1);
	while (stats.captured < 2 && ce_clock_mono_ns() < until)
		ce_reader_stats(reader, &stats); /* until the capture thread has it */
	if (ce_reader_set_datalink(reader, DLT_RAW, NULL) == 0) {
		feed_offer(1);
		assert_int_equal(take(reader), 1);
		assert_int_equal(ce_reader_batch(reader)->origin.linktype, DLT_EN10MB);
		assert_int_equal(take(reader), 2);
		assert_int_equal(ce_reader_batch(reader)->origin.linktype, DLT_RAW);
	}
	close_reader(reader, NULL);
}

static void early_close_counts_what_nobody_took(void **state)
{
	struct ce_reader *reader = open_feed();
	struct ce_stats stats = {0};

	(void)state;
	feed_offer(50);
	assert_int_equal(take(reader), 0);
	feed_offer(100);
	close_reader(reader, &stats);
	assert_true(stats.captured == 150);
	assert_true(stats.delivered == 1);
	assert_true(stats.undelivered == 149);
	assert_true(feed.closed);
	expect_balance(&stats);
}

#define plain(test)     cmocka_unit_test_teardown(test, close_left_open)
#define with_file(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(packets_are_handed_out_in_order),
		with_file(fetch_hands_nothing_out),
		with_file(take_beyond_the_batch_gives_its_count),
		with_file(take_until_hands_out_all_before_its_end),
		with_file(take_until_counts_only_what_is_wanted),
		with_file(setfilter_holds_from_the_very_next_packet),
		with_file(what_one_filter_rejected_the_next_may_still_want),
		with_file(setfilter_that_fails_changes_nothing),
		with_file(compile_says_whether_setfilter_would_take_it),
		plain(compile_looks_at_the_link_type),
		with_file(filter_of_the_options_is_always_in_force),
		with_file(filter_is_that_of_the_options_or_none),
		with_file(limit_counts_what_passed_the_filter_of_the_options),
		with_file(limit_beyond_the_end_changes_nothing),
		with_file(limit_is_used_up_by_what_setfilter_rejects),
		with_file(tap_sees_what_filter_and_limit_let_pass),
		with_file(tap_sees_each_batch_once_when_it_becomes_current),
		with_file(tap_that_fails_ends_the_reading),
		with_file(file_comes_in_order_however_fast_its_reader_is),
		with_file(batches_that_are_near_are_shown_before),
		with_file(error_of_the_source_comes_after_its_packets_and_stays),
		with_file(filter_that_a_later_file_does_not_take_is_an_error_there),
		with_file(setfilter_is_checked_against_the_current_packets),
		with_file(linktype_is_that_of_the_current_batch),
		with_file(counters_balance_in_every_scenario),
		with_file(stats_go_on_while_packets_are_taken),
		with_file(progress_is_bytes_of_all_files),
		with_file(progress_of_what_is_no_file_is_not_known),
		with_file(first_fetch_starts_the_thread),
		with_file(reader_is_drained_when_all_was_handed_out),
		with_file(expire_makes_the_batch_look_like_another),
		with_file(set_datalink_is_refused_once_packets_are_queued),
		plain(link_types_of_a_kind_that_cannot_list_are_its_own),
		with_file(source_can_be_asked_what_it_is),
		with_file(open_fails_as_its_parts_do),
		cmocka_unit_test(close_takes_null),
		plain(memory_packets_can_be_filtered),
		plain(fetch_waits_no_longer_while_packets_are_rejected),
		plain(fetch_returns_0_when_nothing_comes_in_time),
		plain(signal_ends_the_waiting_and_not_the_reading),
		plain(fetch_goes_on_until_the_last_packet_after_a_stop),
		plain(reader_is_caught_up_when_no_packet_waits_anywhere),
		plain(gap_tells_what_was_lost_once),
		plain(gap_after_the_last_packet_is_told_at_the_end),
		plain(kernel_chooses_what_comes_after_setfilter_and_we_what_was_queued),
		plain(filters_that_contradict_each_other_reject_all_on_an_interface_too),
		plain(link_type_of_packets_that_came_before_set_datalink_stays),
		plain(early_close_counts_what_nobody_took),
	};

	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
