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

void *__real_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);

void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	return no_memory ? MAP_FAILED : __real_mmap(at, size, access, flags, fd, offset);
}

/* A savefile, and batches for its packets. */
struct reading {
	struct packets_file file;
	struct ce_ring *ring;
	struct ce_batch *batch;
	struct ceint_piece piece;
	off_t first; /* where the record of packet FIRST begins */
	off_t end;
};

static void open_reading(struct reading *reading)
{
	struct packets_bytes before = packets_savefile(&micro, 0, FIRST);
	struct packets_bytes all = packets_savefile(&micro, 0, COUNT);

	*reading = (struct reading){.file = packets_file_open(all.data, all.size),
	                            .first = (off_t)before.size,
	                            .end = (off_t)all.size};
	free(before.data);
	free(all.data);
	assert_int_equal(ce_ring_open(&reading->ring, NULL), 0);
	reading->batch = ce_ring_reserve(reading->ring);
}

static void close_reading(struct reading *reading)
{
	ce_ring_close(reading->ring);
	ceint_piece_close(&reading->piece);
	packets_file_close(&reading->file);
}

/* From somewhere in the record before packet FIRST on. */
static void offer(struct reading *reading)
{
	const struct ceint_part part = {reading->file.fd, reading->first - 30,
	                                reading->end};

	ceint_piece_offer(&reading->piece, &records, &part,
	                  (uint32_t)(packets_ts_ns(FIRST) / 1000000000), reading->batch);
}

static off_t settle(struct reading *reading, off_t at)
{
	return ceint_piece_settle(&reading->piece, at, reading->batch);
}

static void expect_packets(const struct ce_batch *batch)
{
	assert_int_equal(batch->count, COUNT - FIRST);
	for (uint32_t i = 0; i < batch->count; i++)
		assert_true(packets_is(batch, i, FIRST + i));
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

static void who_helped_saves_the_reading(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < 10; i++) {
		offer(&reading);
		assert_true(ceint_piece_help(&reading.piece));
		assert_true(settle(&reading, reading.first) == reading.end);
		expect_packets(reading.batch);
		ce_batch_clear(reading.batch);
	}
	close_reading(&reading);
}

static void expect_own(const struct ce_batch *batch, const struct ce_batch *own)
{
	assert_null(batch->lender);
	assert_ptr_equal(batch->ts_ns, own->ts_ns);
	assert_ptr_equal(batch->caplen, own->caplen);
	assert_ptr_equal(batch->len, own->len);
	assert_ptr_equal(batch->data, own->data);
	assert_ptr_equal(batch->arena, own->arena);
	assert_int_equal(batch->count, 0);
}

static void batch_that_is_cleared_has_its_own_memory_again(void **state)
{
	struct reading reading;
	struct ce_batch own;

	(void)state;
	open_reading(&reading);
	own = *reading.batch;
	offer(&reading);
	ceint_piece_help(&reading.piece);
	settle(&reading, reading.first);
	assert_non_null(reading.batch->lender);
	assert_ptr_not_equal(reading.batch->ts_ns, own.ts_ns);
	assert_ptr_not_equal(reading.batch->arena, own.arena);
	assert_true(reading.batch->data[0] > reading.batch->arena &&
	            reading.batch->data[0] < reading.batch->arena + own.arena_bytes);
	ce_batch_clear(reading.batch);
	expect_own(reading.batch, &own);
	close_reading(&reading);
}

/* The memory of a batch that has it is no more read into. */
static void there_is_no_offer_while_all_memory_is_lent(void **state)
{
	struct ce_batch *batches[CEINT_LOANS], own[CEINT_LOANS];
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < CEINT_LOANS; i++) {
		batches[i] = reading.batch;
		own[i] = *reading.batch;
		offer(&reading);
		assert_true(ceint_piece_help(&reading.piece));
		assert_true(settle(&reading, reading.first) == reading.end);
		ce_ring_commit(reading.ring);
		reading.batch = ce_ring_reserve(reading.ring);
	}
	offer(&reading);
	assert_false(ceint_piece_help(&reading.piece));
	assert_true(settle(&reading, reading.first) == -1);
	assert_int_equal(reading.batch->count, 0);
	for (int i = 0; i < CEINT_LOANS; i++)
		expect_packets(batches[i]);

	ce_batch_clear(batches[1]); /* in whichever order */
	expect_own(batches[1], &own[1]);
	offer(&reading);
	assert_true(ceint_piece_help(&reading.piece));
	assert_true(settle(&reading, reading.first) == reading.end);
	expect_packets(batches[0]);
	expect_packets(reading.batch);
	expect_packets(batches[2]);
	ce_batch_clear(batches[2]);
	ce_batch_clear(batches[0]);
	expect_own(batches[2], &own[2]);
	expect_own(batches[0], &own[0]);
	close_reading(&reading);
}

static void nobody_helped(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	assert_true(settle(&reading, reading.first) == -1);
	assert_int_equal(reading.batch->count, 0);
	assert_null(reading.batch->lender);
	close_reading(&reading);
}

static void wrong_guess_is_forgotten(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	ceint_piece_help(&reading.piece);
	assert_true(settle(&reading, reading.first + 1) == -1);
	assert_int_equal(reading.batch->count, 0);
	assert_null(reading.batch->lender);
	offer(&reading);
	ceint_piece_help(&reading.piece);
	assert_true(settle(&reading, reading.first) == reading.end);
	close_reading(&reading);
}

static void no_guess_is_no_reading(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	offer(&reading);
	reading.piece.sec = 0;
	assert_true(ceint_piece_help(&reading.piece));
	assert_true(settle(&reading, reading.first) == -1);
	close_reading(&reading);
}

/* As a source does that is closed, or goes on with the next file. */
static void offer_may_be_withdrawn_without_a_batch(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < 6; i++) {
		offer(&reading);
		reading.piece.sec -= i < 3 ? 0 : 86400; /* nothing to guess */
		if (i % 3 < 2)
			ceint_piece_help(&reading.piece);
		assert_true(ceint_piece_settle(&reading.piece, -1, NULL) == -1);
		assert_false(ceint_piece_help(&reading.piece));
	}
	assert_true(ceint_piece_settle(&reading.piece, -1, NULL) == -1);
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
	assert_false(ceint_piece_help(&reading.piece));
	assert_true(settle(&reading, reading.first) == -1);
	offer(&reading);
	assert_true(ceint_piece_help(&reading.piece));
	assert_true(settle(&reading, reading.first) == reading.end);
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
		if (settle(&reading, reading.first) >= 0) {
			expect_packets(reading.batch);
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
		cmocka_unit_test(who_helped_saves_the_reading),
		cmocka_unit_test(batch_that_is_cleared_has_its_own_memory_again),
		cmocka_unit_test(there_is_no_offer_while_all_memory_is_lent),
		cmocka_unit_test(nobody_helped),
		cmocka_unit_test(wrong_guess_is_forgotten),
		cmocka_unit_test(no_guess_is_no_reading),
		cmocka_unit_test(offer_may_be_withdrawn_without_a_batch),
		cmocka_unit_test(without_memory_nobody_can_help),
		cmocka_unit_test(another_thread_may_help_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
