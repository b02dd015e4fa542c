/* SPDX-License-Identifier: BSD-3-Clause */
/* test_batch.c - what <capengine/batch.h> promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/batch.h"
#include "capengine/ring.h"

enum { SMALL_ARENA = 64, RECORD = sizeof(struct ce_record) };

static struct ce_ring *ring; /* owns the batch of the test that runs */
static bool refuse_memory;

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

void *__wrap_malloc(size_t bytes)
{
	return refuse_memory ? NULL : __real_malloc(bytes);
}

static int open_batch(void **state, size_t arena_bytes, uint32_t packets)
{
	const struct ce_ring_options options = {
		.slots = 1, .packets = packets, .arena_bytes = arena_bytes};
	int rc = ce_ring_open(&ring, &options);

	if (rc == 0)
		*state = ce_ring_reserve(ring);
	return rc;
}

static int open_default(void **state)
{
	return open_batch(state, 0, 0);
}

static int open_small(void **state)
{
	return open_batch(state, SMALL_ARENA, 0);
}

static int open_three(void **state)
{
	return open_batch(state, 0, 3);
}

static int close_batch(void **state)
{
	(void)state;
	ce_ring_close(ring);
	return 0;
}

/* Append a packet of `length` bytes, each of which is `fill`. */
static int append(struct ce_batch *batch, uint32_t length, unsigned char fill)
{
	const struct ce_record record = {.caplen = length, .len = length};
	unsigned char *bytes = test_malloc(length + 1);
	int rc;

	memset(bytes, fill, length);
	rc = ce_batch_append(batch, &record, 0, bytes);
	test_free(bytes);
	return rc;
}

static void append_empty(struct ce_batch *batch, uint32_t count)
{
	while (count--)
		assert_int_equal(append(batch, 0, 0), 0);
}

static bool is_selected(const struct ce_batch *batch, uint32_t i)
{
	return batch->selected[i / 64] >> i % 64 & 1;
}

static void appended_packet_stands_in_every_column(void **state)
{
	struct ce_batch *batch = *state;
	const struct ce_record record = {.sec = 1, .frac = 2, .caplen = 3, .len = 1500};

	append_empty(batch, 1);
	assert_int_equal(ce_batch_append(batch, &record, -1000000002, "abc"), 0);
	assert_int_equal(batch->count, 2);
	assert_true(batch->ts_ns[1] == -1000000002);
	assert_int_equal(batch->caplen[1], 3);
	assert_int_equal(batch->len[1], 1500);
	assert_memory_equal(batch->data[1], "abc", 3);
}

static void append_changes_no_earlier_packet(void **state)
{
	struct ce_batch *batch = *state;
	const unsigned char *first;

	assert_int_equal(append(batch, 5, 'a'), 0);
	first = batch->data[0];
	assert_int_equal(append(batch, 7, 'b'), 0);
	assert_ptr_equal(batch->data[0], first);
	assert_int_equal(batch->caplen[0], 5);
	assert_memory_equal(batch->data[0], "aaaaa", 5);
}

static void append_copies_the_bytes(void **state)
{
	struct ce_batch *batch = *state;
	const struct ce_record record = {.caplen = 3, .len = 3};
	char bytes[] = "abc";

	assert_int_equal(ce_batch_append(batch, &record, 0, bytes), 0);
	memset(bytes, 'x', 3);
	assert_memory_equal(batch->data[0], "abc", 3);
}

static void packets_stand_in_the_arena(void **state)
{
	struct ce_batch *batch = *state;

	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(append(batch, i, 1), 0);
		assert_true(batch->data[i] >= batch->arena + RECORD);
		assert_true(batch->data[i] + i <= batch->arena + batch->arena_bytes);
	}
}

/* Also what no packet should have: frac over a second, len under caplen. */
static void record_is_what_the_source_gave(void **state)
{
	struct ce_batch *batch = *state;
	const struct ce_record record = {
		.sec = UINT32_MAX, .frac = 4000000000, .caplen = 2, .len = 1};
	struct ce_record found;

	append_empty(batch, 1);
	assert_int_equal(ce_batch_append(batch, &record, 7, "ab"), 0);
	found = ce_batch_record(batch, 1);
	assert_memory_equal(&found, &record, RECORD);
}

static void every_packet_stands_behind_its_record(void **state)
{
	struct ce_batch *batch = *state;

	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(append(batch, i, (unsigned char)i), 0);
	for (uint32_t i = 0; i < 50; i++) {
		struct ce_record record = {.caplen = i, .len = i};

		assert_memory_equal(batch->data[i] - RECORD, &record, RECORD);
	}
}

static void packet_without_bytes_needs_no_data(void **state)
{
	struct ce_batch *batch = *state;
	const struct ce_record record = {.sec = 9, .len = 60};

	assert_int_equal(ce_batch_append(batch, &record, 0, NULL), 0);
	assert_int_equal(batch->count, 1);
	assert_int_equal(batch->caplen[0], 0);
	assert_int_equal(ce_batch_record(batch, 0).sec, 9);
}

static void batch_refuses_more_packets_than_its_capacity(void **state)
{
	struct ce_batch *batch = *state;

	append_empty(batch, 2);
	assert_false(ce_batch_full(batch));
	append_empty(batch, 1);
	assert_true(ce_batch_full(batch));
	assert_int_equal(append(batch, 0, 0), -ENOSPC);
	assert_int_equal(batch->count, 3);
}

static void packet_that_does_not_fit_leaves_room_for_a_shorter_one(void **state)
{
	struct ce_batch *batch = *state;

	assert_int_equal(append(batch, 16, 'a'), 0);
	assert_int_equal(append(batch, SMALL_ARENA - 2 * RECORD - 16 + 1, 'b'), -ENOSPC);
	assert_int_equal(batch->count, 1);
	assert_false(ce_batch_full(batch));
	assert_int_equal(append(batch, SMALL_ARENA - 2 * RECORD - 16, 'b'), 0);
	assert_true(ce_batch_full(batch));
}

static void full_means_that_not_even_an_empty_packet_fits(void **state)
{
	struct ce_batch *batch = *state;
	int times_full = 0;

	for (uint32_t length = 0; length <= SMALL_ARENA - RECORD; length++) {
		bool full;

		ce_batch_clear(batch);
		assert_int_equal(append(batch, length, 'a'), 0);
		full = ce_batch_full(batch);
		assert_int_equal(append(batch, 0, 0), full ? -ENOSPC : 0);
		times_full += full;
	}
	assert_in_range(times_full, 1, SMALL_ARENA - RECORD);
}

static void packet_as_large_as_the_arena_fits(void **state)
{
	struct ce_batch *batch = *state;

	assert_int_equal(append(batch, SMALL_ARENA - RECORD, 'a'), 0);
	assert_null(batch->oversize);
	assert_true(ce_batch_full(batch));
}

static void packet_larger_than_the_arena_has_an_empty_batch_for_itself(void **state)
{
	struct ce_batch *batch = *state;
	struct ce_record record;
	unsigned char bytes[1000];

	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(append(batch, sizeof(bytes), 'a'), 0);
	assert_int_equal(batch->count, 1);
	assert_int_equal(batch->caplen[0], sizeof(bytes));
	assert_memory_equal(batch->data[0], bytes, sizeof(bytes));
	record = ce_batch_record(batch, 0);
	assert_int_equal(record.caplen, sizeof(bytes));
	assert_true(ce_batch_full(batch));
	assert_int_equal(append(batch, 0, 0), -ENOSPC);
	assert_int_equal(batch->count, 1);
}

static void packet_larger_than_the_arena_does_not_join_others(void **state)
{
	struct ce_batch *batch = *state;

	append_empty(batch, 1);
	assert_int_equal(append(batch, 1000, 'a'), -ENOSPC);
	assert_int_equal(batch->count, 1);
	assert_null(batch->oversize);
}

static void refused_memory_leaves_the_batch_empty_and_usable(void **state)
{
	struct ce_batch *batch = *state;
	const struct ce_record record = {.caplen = 1000, .len = 1000};
	static const unsigned char bytes[1000];
	int rc;

	refuse_memory = true;
	rc = ce_batch_append(batch, &record, 0, bytes);
	refuse_memory = false;
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(batch->count, 0);
	assert_false(ce_batch_full(batch));
	assert_int_equal(append(batch, 1000, 'a'), 0);
}

/* That it freed the packet's memory as well is for LeakSanitizer to say. */
static void clear_makes_room_after_a_packet_larger_than_the_arena(void **state)
{
	struct ce_batch *batch = *state;

	assert_int_equal(append(batch, 1000, 'a'), 0);
	ce_batch_clear(batch);
	assert_null(batch->oversize);
	assert_false(ce_batch_full(batch));
	append_empty(batch, SMALL_ARENA / RECORD);
	assert_true(ce_batch_full(batch));
}

static void clear_makes_room_in_the_arena(void **state)
{
	struct ce_batch *batch = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(append(batch, SMALL_ARENA - RECORD, 'a'), 0);
		assert_null(batch->oversize);
		ce_batch_clear(batch);
	}
}

static void clear_forgets_packets_gap_and_cursor(void **state)
{
	struct ce_batch *batch = *state;

	append_empty(batch, 2);
	batch->at = 1;
	batch->gap = (struct ce_gap){.kernel_drops = 1, .interface_drops = 2};
	ce_batch_clear(batch);
	assert_int_equal(batch->count, 0);
	assert_int_equal(batch->at, 0);
	assert_true(batch->gap.kernel_drops == 0);
	assert_true(batch->gap.interface_drops == 0);
}

static void clear_forgets_the_selection(void **state)
{
	struct ce_batch *batch = *state;

	append_empty(batch, 70);
	ce_batch_select_all(batch);
	ce_batch_clear(batch);
	append_empty(batch, 70);
	assert_int_equal(ce_batch_next(batch, 0), 70);
}

static void select_all_wants_every_packet_and_nothing_behind(void **state)
{
	static const uint32_t counts[] = {0, 1, 63, 64, 65, 128, 4095, 4096};
	struct ce_batch *batch = *state;

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		ce_batch_clear(batch);
		append_empty(batch, counts[n]);
		ce_batch_select_all(batch);
		for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++)
			assert_int_equal(is_selected(batch, i), i < counts[n]);
	}
}

/* With the packets before the cursor wanted in turn none, every one, and odd ones. */
static void select_all_begins_at_the_cursor_and_changes_nothing_before(void **state)
{
	static const uint32_t cursors[] = {0, 1, 63, 64, 65, 199, 200};
	static const uint64_t before[] = {0, UINT64_MAX, 0xaaaaaaaaaaaaaaaa};
	struct ce_batch *batch = *state;

	append_empty(batch, 200);
	for (size_t n = 0; n < sizeof(cursors) / sizeof(cursors[0]); n++)
		for (int b = 0; b < 3; b++) {
			batch->at = cursors[n];
			for (int word = 0; word < CE_BATCH_WORDS; word++)
				batch->selected[word] = before[b];
			ce_batch_select_all(batch);
			for (uint32_t i = 0; i < 200; i++)
				assert_int_equal(is_selected(batch, i),
				                 i >= cursors[n] || before[b] >> i % 64 & 1);
		}
}

static void deselect_drops_one_packet_only(void **state)
{
	static const uint32_t dropped[] = {0, 63, 64, 65, 4095};
	struct ce_batch *batch = *state;

	append_empty(batch, 4096);
	for (size_t n = 0; n < sizeof(dropped) / sizeof(dropped[0]); n++) {
		ce_batch_select_all(batch);
		ce_batch_deselect(batch, dropped[n]);
		for (uint32_t i = 0; i < 4096; i++)
			assert_int_equal(is_selected(batch, i), i != dropped[n]);
	}
}

/* From each packet to each other one that lies at the border of a word. */
static void next_finds_a_single_packet_over_the_borders_of_words(void **state)
{
	static const uint32_t at[] = {0, 1, 62, 63, 64, 65, 127, 128, 4031, 4032, 4095};
	const size_t n = sizeof(at) / sizeof(at[0]);
	struct ce_batch *batch = *state;

	append_empty(batch, 4096);
	for (size_t wanted = 0; wanted < n; wanted++) {
		memset(batch->selected, 0, sizeof(batch->selected));
		batch->selected[at[wanted] / 64] = (uint64_t)1 << at[wanted] % 64;
		for (size_t from = 0; from < n; from++)
			assert_int_equal(ce_batch_next(batch, at[from]),
			                 from <= wanted ? at[wanted] : 4096);
	}
}

static void next_is_count_when_no_packet_is_wanted(void **state)
{
	static const uint32_t counts[] = {0, 1, 63, 64, 65, 4095, 4096};
	struct ce_batch *batch = *state;

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		ce_batch_clear(batch);
		append_empty(batch, counts[n]);
		assert_int_equal(ce_batch_next(batch, 0), counts[n]);
	}
}

static void next_is_count_from_behind_the_last_packet(void **state)
{
	static const uint32_t counts[] = {0, 1, 64, 65, 4096};
	struct ce_batch *batch = *state;

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		ce_batch_clear(batch);
		append_empty(batch, counts[n]);
		ce_batch_select_all(batch);
		assert_int_equal(ce_batch_next(batch, counts[n]), counts[n]);
		assert_int_equal(ce_batch_next(batch, counts[n] + 1), counts[n]);
		assert_int_equal(ce_batch_next(batch, UINT32_MAX), counts[n]);
	}
}

static void select_at_random(struct ce_batch *batch, unsigned *seed)
{
	ce_batch_select_all(batch);
	for (uint32_t i = 0; i < batch->count; i++)
		if (rand_r(seed) % 8)
			ce_batch_deselect(batch, i);
}

static void next_walks_exactly_the_wanted_packets(void **state)
{
	struct ce_batch *batch = *state;
	unsigned seed = 20250101;

	print_message("seed %u\n", seed);
	append_empty(batch, 4095);
	for (int round = 0; round < 50; round++) {
		uint32_t i = 0;

		select_at_random(batch, &seed);
		for (uint32_t found = ce_batch_next(batch, 0); found < batch->count;
		     found = ce_batch_next(batch, found + 1)) {
			while (i < found)
				assert_false(is_selected(batch, i++));
			assert_true(is_selected(batch, i++));
		}
		while (i < batch->count)
			assert_false(is_selected(batch, i++));
	}
}

static uint32_t count_slowly(const struct ce_batch *batch, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	for (uint32_t i = from; i < to && i < batch->count; i++)
		count += is_selected(batch, i);
	return count;
}

static void count_selected_counts_from_the_first_up_to_the_last(void **state)
{
	static const uint32_t borders[] = {0, 1, 63, 64, 65, 2000, 4094, 4095, 4096, 5000};
	const size_t n = sizeof(borders) / sizeof(borders[0]);
	struct ce_batch *batch = *state;
	unsigned seed = 20250102;

	print_message("seed %u\n", seed);
	append_empty(batch, 4095);
	select_at_random(batch, &seed);
	for (size_t from = 0; from < n; from++)
		for (size_t to = 0; to < n; to++)
			assert_int_equal(
				ce_batch_count_selected(batch, borders[from], borders[to]),
				count_slowly(batch, borders[from], borders[to]));
	assert_in_range(ce_batch_count_selected(batch, 0, 4095), 1, 4094);
}

#define with(open, test) cmocka_unit_test_setup_teardown(test, open, close_batch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(open_default, appended_packet_stands_in_every_column),
		with(open_default, append_changes_no_earlier_packet),
		with(open_default, append_copies_the_bytes),
		with(open_default, packets_stand_in_the_arena),
		with(open_default, record_is_what_the_source_gave),
		with(open_default, every_packet_stands_behind_its_record),
		with(open_default, packet_without_bytes_needs_no_data),
		with(open_three, batch_refuses_more_packets_than_its_capacity),
		with(open_small, packet_that_does_not_fit_leaves_room_for_a_shorter_one),
		with(open_small, full_means_that_not_even_an_empty_packet_fits),
		with(open_small, packet_as_large_as_the_arena_fits),
		with(open_small, packet_larger_than_the_arena_has_an_empty_batch_for_itself),
		with(open_small, packet_larger_than_the_arena_does_not_join_others),
		with(open_small, refused_memory_leaves_the_batch_empty_and_usable),
		with(open_small, clear_makes_room_after_a_packet_larger_than_the_arena),
		with(open_small, clear_makes_room_in_the_arena),
		with(open_default, clear_forgets_packets_gap_and_cursor),
		with(open_default, clear_forgets_the_selection),
		with(open_default, select_all_wants_every_packet_and_nothing_behind),
		with(open_default, select_all_begins_at_the_cursor_and_changes_nothing_before),
		with(open_default, deselect_drops_one_packet_only),
		with(open_default, next_finds_a_single_packet_over_the_borders_of_words),
		with(open_default, next_is_count_when_no_packet_is_wanted),
		with(open_default, next_is_count_from_behind_the_last_packet),
		with(open_default, next_walks_exactly_the_wanted_packets),
		with(open_default, count_selected_counts_from_the_first_up_to_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
