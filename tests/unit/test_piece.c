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
	struct ceint_pieces pieces;
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
	assert_int_equal(
		ce_ring_open(&reading->ring,
	                     &(struct ce_ring_options){.slots = CEINT_LOANS + 2}),
		0);
	reading->batch = ce_ring_reserve(reading->ring);
}

static void close_reading(struct reading *reading)
{
	ce_ring_close(reading->ring);
	ceint_pieces_close(&reading->pieces);
	packets_file_close(&reading->file);
}

/* From somewhere in the record before packet FIRST on. */
static struct ceint_part second_part(const struct reading *reading)
{
	return (struct ceint_part){.fd = reading->file.fd,
	                           .from = reading->first - 30,
	                           .last = reading->end};
}

static bool offer_near(struct reading *reading, uint32_t sec)
{
	const struct ceint_part part = second_part(reading);

	return ceint_pieces_offer(&reading->pieces, &records, &part, sec, reading->batch);
}

static bool offer(struct reading *reading)
{
	return offer_near(reading, (uint32_t)(packets_ts_ns(FIRST) / 1000000000));
}

static bool help(struct reading *reading)
{
	return ceint_pieces_help(&reading->pieces);
}

static void expect_packets(const struct ce_batch *batch)
{
	assert_int_equal(batch->count, COUNT - FIRST);
	for (uint32_t i = 0; i < batch->count; i++)
		assert_true(packets_is(batch, i, FIRST + i));
}

/* Whoever has read them, all is there. */
static void settle(struct reading *reading)
{
	assert_true(ceint_pieces_settle(&reading->pieces, reading->first,
	                                reading->batch) == reading->end);
	expect_packets(reading->batch);
}

/* Hand the batch over, and have another one. */
static struct ce_batch *hand_over(struct reading *reading)
{
	struct ce_batch *batch = reading->batch;

	ce_ring_commit(reading->ring);
	reading->batch = ce_ring_reserve(reading->ring);
	assert_non_null(reading->batch);
	return batch;
}

static void there_is_nothing_to_help_with_before_an_offer(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	assert_false(help(&reading));
	assert_true(offer(&reading));
	assert_true(help(&reading));
	assert_false(help(&reading)); /* twice */
	settle(&reading);
	assert_false(help(&reading)); /* any more */
	close_reading(&reading);
}

static void who_has_read_it_is_told_and_not_seen(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < 10; i++) {
		assert_true(offer(&reading));
		assert_true(i % 2 == 0 || help(&reading));
		settle(&reading);
		assert_int_equal(reading.batch->near, i % 2 == 0);
		ce_batch_clear(reading.batch);
	}
	close_reading(&reading);
}

static void so_many_are_offered_and_no_more(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CEINT_PIECES; i++)
			assert_true(offer(&reading));
		assert_false(offer(&reading));
		settle(&reading);
		ce_batch_clear(reading.batch);
		assert_true(offer(&reading));
		assert_false(offer(&reading));
		ceint_pieces_withdraw(&reading.pieces);
	}
	close_reading(&reading);
}

/* Each of another part, whose end tells which one it is. */
static void pieces_are_read_and_settled_in_their_order(void **state)
{
	struct reading reading;

	(void)state;
	for (uint32_t helped = 0; helped < 1 << CEINT_PIECES; helped++) {
		open_reading(&reading);
		for (int i = 0; i < CEINT_PIECES; i++) {
			struct ceint_part part = second_part(&reading);

			part.last = reading.first + 1000 + 1000 * i;
			assert_true(ceint_pieces_offer(
				&reading.pieces, &records, &part,
				(uint32_t)(packets_ts_ns(FIRST) / 1000000000),
				reading.batch));
		}
		for (int i = 0; i < CEINT_PIECES; i++) {
			const off_t least = reading.first + 1000 + 1000 * i;
			off_t end;

			if (helped >> i & 1)
				assert_true(help(&reading));
			assert_true(ceint_pieces_oldest(&reading.pieces).last == least);
			end = ceint_pieces_settle(&reading.pieces, reading.first,
			                          reading.batch);
			assert_in_range(end, least, least + 999);
			assert_true(packets_is(reading.batch, 0, FIRST));
			ce_batch_clear(reading.batch);
		}
		close_reading(&reading);
	}
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
	for (int helped = 0; helped < 2; helped++) {
		assert_true(offer(&reading));
		assert_true(!helped || help(&reading));
		settle(&reading);
		assert_non_null(reading.batch->lender);
		assert_ptr_not_equal(reading.batch->ts_ns, own.ts_ns);
		assert_ptr_not_equal(reading.batch->arena, own.arena);
		assert_true(reading.batch->data[0] > reading.batch->arena &&
		            reading.batch->data[0] <
		                    reading.batch->arena + own.arena_bytes);
		ce_batch_clear(reading.batch);
		expect_own(reading.batch, &own);
	}
	close_reading(&reading);
}

static void memory_is_the_same_again_as_soon_as_it_is_free(void **state)
{
	const unsigned char *arenas[2] = {NULL};
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < 10; i++) {
		const unsigned char **arena = &arenas[i % 2];

		assert_true(offer(&reading));
		assert_true(i % 2 == 0 || help(&reading));
		settle(&reading);
		assert_true(!*arena || *arena == reading.batch->arena);
		*arena = reading.batch->arena;
		ce_batch_clear(reading.batch);
	}
	assert_ptr_not_equal(arenas[0], arenas[1]); /* each reader has its own */
	close_reading(&reading);
}

/* The memory of a batch that has it is no more read into. */
static void nobody_helps_while_all_memory_is_lent(void **state)
{
	struct ce_batch *batches[CEINT_LOANS], own[CEINT_LOANS];
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < CEINT_LOANS; i++) {
		own[i] = *reading.batch;
		assert_true(offer(&reading));
		assert_true(help(&reading));
		settle(&reading);
		batches[i] = hand_over(&reading);
	}
	assert_true(offer(&reading));
	assert_false(help(&reading));
	settle(&reading);
	for (int i = 0; i < CEINT_LOANS; i++)
		expect_packets(batches[i]);
	ce_batch_clear(reading.batch);

	ce_batch_clear(batches[1]); /* in whichever order */
	expect_own(batches[1], &own[1]);
	assert_true(offer(&reading));
	assert_true(help(&reading));
	settle(&reading);
	expect_packets(batches[0]);
	expect_packets(batches[2]);
	ce_batch_clear(batches[2]);
	ce_batch_clear(batches[0]);
	expect_own(batches[2], &own[2]);
	expect_own(batches[0], &own[0]);
	close_reading(&reading);
}

/* The source reads into the batch's own memory then. */
static void source_reads_on_while_all_memory_is_lent(void **state)
{
	struct ce_batch *batches[CEINT_LOANS];
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (int i = 0; i < CEINT_LOANS; i++) {
		assert_true(offer(&reading));
		settle(&reading);
		assert_non_null(reading.batch->lender);
		batches[i] = hand_over(&reading);
	}
	assert_true(offer(&reading));
	settle(&reading);
	assert_null(reading.batch->lender);
	assert_true(reading.batch->near);
	for (int i = 0; i < CEINT_LOANS; i++)
		expect_packets(batches[i]);
	close_reading(&reading);
}

static void wrong_guess_is_forgotten(void **state)
{
	struct reading reading;
	off_t behind, end;

	(void)state;
	open_reading(&reading);
	behind = reading.first + PACKETS_RECORD + packets_length(FIRST);
	for (int i = 0; i < 2 * CEINT_LOANS; i++) {
		assert_true(offer(&reading));
		assert_true(help(&reading));
		end = ceint_pieces_settle(&reading.pieces, behind, reading.batch);
		assert_true(end == reading.end);
		assert_int_equal(reading.batch->count, COUNT - FIRST - 1);
		assert_true(packets_is(reading.batch, 0, FIRST + 1));
		ce_batch_clear(reading.batch);
	}
	close_reading(&reading);
}

static void no_guess_is_no_reading(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	assert_true(offer_near(&reading, 0));
	assert_true(help(&reading));
	settle(&reading);
	assert_true(reading.batch->near);
	close_reading(&reading);
}

/* Where a record begins is known then. */
static void part_that_is_not_offered_is_read(void **state)
{
	struct reading reading;
	struct ceint_part part;

	(void)state;
	open_reading(&reading);
	part = second_part(&reading);
	assert_true(ceint_pieces_read(&reading.pieces, &records, &part, reading.first,
	                              reading.batch) == reading.end);
	expect_packets(reading.batch);
	assert_true(reading.batch->near);
	ce_batch_clear(reading.batch);
	part.last = part.from + 10; /* ends before that one */
	assert_true(ceint_pieces_read(&reading.pieces, &records, &part, reading.first,
	                              reading.batch) == reading.first);
	assert_int_equal(reading.batch->count, 0);
	assert_null(reading.batch->lender);
	close_reading(&reading);
}

/* As a source does that is closed, or goes on with the next file. */
static void offers_may_be_withdrawn(void **state)
{
	struct reading reading;

	(void)state;
	open_reading(&reading);
	for (uint32_t i = 0; i < 20; i++) {
		for (uint32_t k = 0; k < i % (CEINT_PIECES + 1); k++)
			assert_true(offer_near(&reading, i % 2 ? 0 : 1700000000));
		for (uint32_t k = 0; k < i % 3; k++)
			help(&reading);
		ceint_pieces_withdraw(&reading.pieces);
		assert_false(help(&reading));
	}
	assert_true(offer(&reading));
	settle(&reading);
	close_reading(&reading);
}

static void without_memory_nobody_can_help(void **state)
{
	struct reading reading;
	struct ceint_part part;

	(void)state;
	open_reading(&reading);
	part = second_part(&reading);
	no_memory = true;
	assert_true(offer(&reading));
	assert_false(help(&reading));
	assert_true(ceint_pieces_oldest(&reading.pieces).last == part.last);
	settle(&reading);
	assert_null(reading.batch->lender);
	ce_batch_clear(reading.batch);
	assert_true(offer(&reading));
	ceint_pieces_withdraw(&reading.pieces);
	assert_true(ceint_pieces_read(&reading.pieces, &records, &part, reading.first,
	                              reading.batch) == reading.end);
	no_memory = false;
	assert_null(reading.batch->lender);
	expect_packets(reading.batch);
	ce_batch_clear(reading.batch);
	assert_true(offer(&reading));
	assert_true(help(&reading));
	settle(&reading);
	close_reading(&reading);
}

static _Atomic bool over;

static void *help_until_over(void *arg)
{
	uintptr_t helped = 0;

	while (!atomic_load_explicit(&over, memory_order_relaxed))
		helped += ceint_pieces_help(arg) ? 1 : 0;
	return (void *)helped;
}

/* Some offers ahead, and batches that are held for a while. */
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
	assert_int_equal(pthread_create(&thread, NULL, help_until_over, &reading.pieces),
	                 0);
	for (int i = 0; i < ROUNDS || hits < ENOUGH; i++) {
		struct ce_batch *held;

		while (offer(&reading))
			;
		for (volatile int k = 0; k < i % ROUNDS; k++)
			;
		settle(&reading);
		hits += !reading.batch->near;
		held = hand_over(&reading);
		settle(&reading);
		hits += !reading.batch->near;
		expect_packets(held);
		ce_batch_clear(reading.batch);
		assert_ptr_equal(ce_ring_peek(reading.ring), held);
		ce_ring_release(reading.ring, held);
	}
	while (offer(&reading))
		;
	ceint_pieces_withdraw(&reading.pieces); /* some of which are being read */
	atomic_store_explicit(&over, true, memory_order_relaxed);
	pthread_join(thread, &helped);
	assert_in_range((uintptr_t)helped, hits, hits + 2 * CEINT_PIECES);
	close_reading(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_nothing_to_help_with_before_an_offer),
		cmocka_unit_test(who_has_read_it_is_told_and_not_seen),
		cmocka_unit_test(so_many_are_offered_and_no_more),
		cmocka_unit_test(pieces_are_read_and_settled_in_their_order),
		cmocka_unit_test(batch_that_is_cleared_has_its_own_memory_again),
		cmocka_unit_test(memory_is_the_same_again_as_soon_as_it_is_free),
		cmocka_unit_test(nobody_helps_while_all_memory_is_lent),
		cmocka_unit_test(source_reads_on_while_all_memory_is_lent),
		cmocka_unit_test(wrong_guess_is_forgotten),
		cmocka_unit_test(no_guess_is_no_reading),
		cmocka_unit_test(part_that_is_not_offered_is_read),
		cmocka_unit_test(offers_may_be_withdrawn),
		cmocka_unit_test(without_memory_nobody_can_help),
		cmocka_unit_test(another_thread_may_help_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
