/* SPDX-License-Identifier: BSD-3-Clause */
/* test_piece.c - what piece_int.h promises. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/ring.h"
#include "source/piece_int.h"
#include "support/packets.h"

enum { COUNT = 2000, FIRST = 900 };

static const struct packets_kind micro;
static const struct ceint_records records = {262144, 1000, CE_LAYOUT_RECORD};

static bool no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

/* A savefile in memory, and a batch for its packets. */
struct reading {
	struct packets_bytes bytes;
	struct ce_ring *ring;
	struct ce_batch *batch;
	struct ceint_piece piece;
	const unsigned char *first; /* where the record of packet FIRST begins */
	const unsigned char *end;
};

static void open_reading(struct reading *reading)
{
	struct packets_bytes before = packets_savefile(&micro, 0, FIRST);

	*reading = (struct reading){.bytes = packets_savefile(&micro, 0, COUNT)};
	reading->first = reading->bytes.data + before.size;
	reading->end = reading->bytes.data + reading->bytes.size;
	free(before.data);
	assert_int_equal(ce_ring_open(&reading->ring, NULL), 0);
	reading->batch = ce_ring_reserve(reading->ring);
}

static void close_reading(struct reading *reading)
{
	ce_ring_close(reading->ring);
	ceint_piece_close(&reading->piece);
	free(reading->bytes.data);
}

/* From somewhere in the record before packet FIRST on. */
static void offer(struct reading *reading)
{
	const struct ceint_run run = {reading->first - 30, reading->end, reading->end,
	                              CEINT_DENSE};

	ceint_piece_offer(&reading->piece, &records, &run,
	                  (uint32_t)(packets_ts_ns(FIRST) / 1000000000), reading->batch);
}

static const unsigned char *settle(struct reading *reading, const unsigned char *at)
{
	return ceint_piece_settle(&reading->piece, at, reading->batch);
}

static void expect_packets(const struct reading *reading)
{
	assert_int_equal(reading->batch->count, COUNT - FIRST);
	for (uint32_t i = 0; i < reading->batch->count; i++)
		assert_true(packets_is(reading->batch, i, FIRST + i));
}

static void there_is_nothing_to_help_with_before_an_offer(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	assert_false(ceint_piece_help(&reading.piece));
	offer(&reading);
	assert_true(ceint_piece_help(&reading.piece));
	assert_false(ceint_piece_help(&reading.piece)); /* twice */
	settle(&reading, reading.first);
	assert_false(ceint_piece_help(&reading.piece)); /* any more */
	close_reading(&reading);
}

static void who_helped_saves_the_walk(void **state)
{
	struct reading reading;
	const int64_t *own;

	(void)state;
	open_reading(&reading);
	own = reading.batch->ts_ns;
	for (int i = 0; i < 2; i++) { /* and then with the columns that were exchanged */
		offer(&reading);
		assert_true(reading.piece.offered);
		ceint_piece_help(&reading.piece);
		assert_ptr_equal(settle(&reading, reading.first), reading.end);
		assert_false(reading.piece.offered);
		expect_packets(&reading);
		assert_true((reading.batch->ts_ns == own) == (i == 1));
		ce_batch_clear(reading.batch);
	}
	close_reading(&reading);
}

static void nobody_helped(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	assert_null(settle(&reading, reading.first));
	assert_int_equal(reading.batch->count, 0);
	assert_false(reading.piece.offered);
	close_reading(&reading);
}

static void wrong_guess_is_forgotten(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	ceint_piece_help(&reading.piece);
	assert_null(settle(&reading, reading.first + 1));
	assert_int_equal(reading.batch->count, 0);
	offer(&reading);
	ceint_piece_help(&reading.piece);
	assert_ptr_equal(settle(&reading, reading.first), reading.end);
	close_reading(&reading);
}

static void no_guess_is_no_walk(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	reading.piece.sec = 0;
	assert_true(ceint_piece_help(&reading.piece));
	assert_null(settle(&reading, reading.first));
	close_reading(&reading);
}

static void without_memory_nobody_can_help(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	no_memory = true;
	offer(&reading);
	no_memory = false;
	assert_true(reading.piece.offered);
	assert_false(ceint_piece_help(&reading.piece));
	assert_null(settle(&reading, reading.first));
	close_reading(&reading);
}

static _Atomic bool over;

static void *help_until_over(void *arg)
{
	uintptr_t helped = 0;

	while (!atomic_load_explicit(&over, memory_order_relaxed))
		helped += ceint_piece_help(arg);
	return (void *)helped;
}

/* Every time either nobody has helped, or all is there. */
static void another_thread_may_help_at_any_time(void **state)
{
	enum { ROUNDS = 3000, ENOUGH = 50 };
	uint32_t hits = 0;
	struct reading reading;
	pthread_t thread;
	void *helped;

	(void)state;
	open_reading(&reading);
	atomic_store_explicit(&over, false, memory_order_relaxed);
	assert_int_equal(pthread_create(&thread, NULL, help_until_over, &reading.piece),
	                 0);
	for (int i = 0; i < ROUNDS || hits < ENOUGH; i++) {
		offer(&reading);
		for (volatile int k = 0; k < i % ROUNDS; k++)
			;
		if (settle(&reading, reading.first)) {
			expect_packets(&reading);
			hits++;
		}
		ce_batch_clear(reading.batch);
	}
	atomic_store_explicit(&over, true, memory_order_relaxed);
	pthread_join(thread, &helped);
	assert_int_equal((uintptr_t)helped, hits);
	close_reading(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_nothing_to_help_with_before_an_offer),
		cmocka_unit_test(who_helped_saves_the_walk),
		cmocka_unit_test(nobody_helped),
		cmocka_unit_test(wrong_guess_is_forgotten),
		cmocka_unit_test(no_guess_is_no_walk),
		cmocka_unit_test(without_memory_nobody_can_help),
		cmocka_unit_test(another_thread_may_help_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
