/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ring.c - what <capengine/ring.h> promises, but for its waking (test_wait.c). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "capengine/batch.h"
#include "capengine/ring.h"

static int open_ring(void **state, uint32_t slots)
{
	const struct ce_ring_options options = {.slots = slots, .packets = 8};
	struct ce_ring *ring = NULL;
	int rc = ce_ring_open(&ring, &options);

	*state = ring;
	return rc;
}

static int open_one(void **state)
{
	return open_ring(state, 1);
}

static int open_two(void **state)
{
	return open_ring(state, 2);
}

static int open_three(void **state)
{
	return open_ring(state, 3);
}

static int open_four(void **state)
{
	return open_ring(state, 4);
}

static int open_eight(void **state)
{
	return open_ring(state, 8);
}

static int close_ring(void **state)
{
	ce_ring_close(*state);
	return 0;
}

/* Commit a batch of one packet, four bytes that are `mark`. False: no room. */
static bool put(struct ce_ring *ring, uint32_t mark)
{
	const struct ce_record record = {.caplen = sizeof(mark), .len = mark};
	struct ce_batch *batch = ce_ring_reserve(ring);

	if (!batch)
		return false;
	assert_int_equal(ce_batch_append(batch, &record, mark, &mark), 0);
	ce_ring_commit(ring);
	return true;
}

static void assert_mark(const struct ce_batch *batch, uint32_t mark)
{
	assert_non_null(batch);
	assert_int_equal(batch->count, 1);
	assert_int_equal(batch->len[0], mark);
	assert_int_equal(batch->ts_ns[0], mark);
	assert_memory_equal(batch->data[0], &mark, sizeof(mark));
}

/* Commit marked batches until the ring refuses one; how many. */
static uint32_t fill(struct ce_ring *ring)
{
	uint32_t slots = 0;

	while (put(ring, slots))
		slots++;
	return slots;
}

/* How many batches can be reserved; they are committed empty. */
static uint32_t count_free(struct ce_ring *ring)
{
	uint32_t slots = 0;

	for (; ce_ring_reserve(ring); slots++)
		ce_ring_commit(ring);
	return slots;
}

static void option_out_of_range_is_refused(void **state)
{
	static const struct ce_ring_options wrong[] = {
		{.slots = 65537},
		{.slots = UINT32_MAX},
		{.packets = 4097},
		{.packets = UINT32_MAX},
		{.arena_bytes = sizeof(struct ce_record) - 1},
		{.arena_bytes = (size_t)UINT32_MAX + 1},
		{.arena_bytes = SIZE_MAX},
		{.room = 5}, /* of four */
		{.slots = 1, .room = UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ce_ring *ring = NULL;

		assert_int_equal(ce_ring_open(&ring, &wrong[i]), -EINVAL);
		assert_null(ring);
	}
}

static void option_at_its_limit_is_accepted(void **state)
{
	static const struct ce_ring_options limits[] = {
		{.slots = 1, .packets = 1, .arena_bytes = sizeof(struct ce_record)},
		{.slots = 65536, .packets = 1, .arena_bytes = sizeof(struct ce_record)},
		{.slots = 1, .packets = 4096, .arena_bytes = UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct ce_ring *ring;
		struct ce_batch *batch;

		assert_int_equal(ce_ring_open(&ring, &limits[i]), 0);
		batch = ce_ring_reserve(ring);
		assert_int_equal(batch->capacity, limits[i].packets);
		assert_true(batch->arena_bytes == limits[i].arena_bytes);
		ce_ring_commit(ring);
		assert_int_equal(count_free(ring), limits[i].slots - 1);
		ce_ring_close(ring);
	}
}

static void no_options_mean_the_defaults(void **state)
{
	static const struct ce_ring_options zeros;
	const struct ce_ring_options *none[] = {NULL, &zeros};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ce_ring *ring;
		struct ce_batch *batch;

		assert_int_equal(ce_ring_open(&ring, none[i]), 0);
		batch = ce_ring_reserve(ring);
		assert_int_equal(batch->capacity, 4096);
		assert_int_equal(batch->arena_bytes, 266240);
		ce_ring_commit(ring);
		assert_int_equal(count_free(ring), 3);
		ce_ring_close(ring);
	}
}

static void ring_larger_than_the_address_space_is_refused(void **state)
{
	const struct ce_ring_options options = {.slots = 65536, .arena_bytes = UINT32_MAX};
	struct ce_ring *ring = NULL;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, &options), -ENOMEM);
	assert_null(ring);
}

/* The lowest descriptor that is free. */
static int free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* Whether it is the first or the second that is missing. */
static void missing_descriptor_is_told_and_none_is_left_open(void **state)
{
	int lowest = free_descriptor();
	struct rlimit before, few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int left = 0; left < 2; left++) {
		struct ce_ring *ring = NULL;
		int rc;

		few = before;
		few.rlim_cur = (rlim_t)(lowest + left);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		rc = ce_ring_open(&ring, NULL);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(rc, -EMFILE);
		assert_null(ring);
		assert_int_equal(free_descriptor(), lowest);
	}
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void close_gives_the_descriptors_back(void **state)
{
	int before = count_descriptors();
	struct ce_ring *ring;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	assert_int_not_equal(count_descriptors(), before);
	ce_ring_close(ring);
	assert_int_equal(count_descriptors(), before);
}

/* In each state of a batch; LeakSanitizer is who would complain. */
static void close_frees_a_packet_larger_than_the_arena(void **state)
{
	static const unsigned char bytes[1000];
	const struct ce_ring_options options = {.slots = 3, .arena_bytes = 64};
	const struct ce_record record = {.caplen = sizeof(bytes), .len = sizeof(bytes)};
	struct ce_ring *ring;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, &options), 0);
	for (int i = 0; i < 3; i++) {
		struct ce_batch *batch = ce_ring_reserve(ring);

		assert_int_equal(ce_batch_append(batch, &record, 0, bytes), 0);
		if (i < 2)
			ce_ring_commit(ring);
	}
	assert_non_null(ce_ring_peek(ring)->oversize);
	ce_ring_close(ring);
}

static void close_takes_null(void **state)
{
	(void)state;
	ce_ring_close(NULL);
}

static void reserved_batch_is_unseen_until_commit(void **state)
{
	struct ce_batch *batch = ce_ring_reserve(*state);

	assert_non_null(batch);
	assert_null(ce_ring_peek(*state));
	ce_ring_commit(*state);
	assert_ptr_equal(ce_ring_peek(*state), batch);
}

static void reserved_batch_is_cleared(void **state)
{
	struct ce_batch *batch;

	assert_true(put(*state, 7));
	batch = ce_ring_peek(*state);
	ce_batch_select_all(batch);
	batch->at = 1;
	batch->gap.kernel_drops = 1;
	ce_ring_release(*state, batch);
	assert_ptr_equal(ce_ring_reserve(*state), batch);
	assert_int_equal(batch->count, 0);
	assert_int_equal(batch->at, 0);
	assert_true(batch->gap.kernel_drops == 0);
	assert_true(batch->selected[0] == 0);
}

static void full_ring_refuses_until_release(void **state)
{
	struct ce_batch *batch;

	assert_int_equal(fill(*state), 4);
	assert_null(ce_ring_reserve(*state));
	batch = ce_ring_peek(*state);
	assert_null(ce_ring_reserve(*state));
	ce_ring_release(*state, batch);
	assert_ptr_equal(ce_ring_reserve(*state), batch);
	ce_ring_commit(*state);
	assert_null(ce_ring_reserve(*state));
}

static void empty_ring_gives_nothing(void **state)
{
	struct ce_batch *batch;

	assert_null(ce_ring_peek(*state));
	assert_true(put(*state, 1));
	batch = ce_ring_peek(*state);
	assert_null(ce_ring_peek(*state));
	ce_ring_release(*state, batch);
	assert_null(ce_ring_peek(*state));
}

static void peek_before_a_release_goes_on_to_the_next_in_order(void **state)
{
	assert_int_equal(fill(*state), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_mark(ce_ring_peek(*state), i);
	assert_null(ce_ring_peek(*state));
}

/* Release four held batches in an order, and see that four slots are back. */
static void release_in_order(struct ce_ring *ring, const int order[4])
{
	struct ce_batch *held[4];

	assert_int_equal(fill(ring), 4);
	for (int i = 0; i < 4; i++)
		held[i] = ce_ring_peek(ring);
	for (uint32_t i = 0; i < 4; i++) {
		assert_mark(held[order[i]], (uint32_t)order[i]);
		ce_ring_release(ring, held[order[i]]);
	}
}

static void releases_may_come_in_any_order(void **state)
{
	int rounds = 0;

	for (int n = 0; n < 256; n++) {
		const int order[4] = {n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3};
		unsigned seen = 0;

		for (int i = 0; i < 4; i++)
			seen |= 1u << order[i];
		if (seen != 15)
			continue;
		release_in_order(*state, order);
		rounds++;
	}
	assert_int_equal(rounds, 24);
}

static void held_batch_delays_no_other_and_keeps_its_bytes(void **state)
{
	struct ce_batch *held;

	assert_true(put(*state, 12345));
	held = ce_ring_peek(*state);
	for (uint32_t i = 0; i < 1000; i++) {
		struct ce_batch *batch;

		assert_true(put(*state, i));
		batch = ce_ring_peek(*state);
		assert_mark(batch, i);
		ce_ring_release(*state, batch);
	}
	assert_mark(held, 12345);
}

static void returned_slot_is_used_before_a_fresh_one(void **state)
{
	struct ce_batch *first, *second;

	assert_true(put(*state, 0));
	assert_true(put(*state, 1));
	first = ce_ring_peek(*state);
	second = ce_ring_peek(*state);
	for (uint32_t i = 0; i < 100; i++) {
		ce_ring_release(*state, second);
		ce_ring_release(*state, first);
		assert_ptr_equal(ce_ring_reserve(*state), second);
		ce_ring_commit(*state);
		assert_ptr_equal(ce_ring_reserve(*state), first);
		ce_ring_commit(*state);
		assert_ptr_equal(ce_ring_peek(*state), second);
		assert_ptr_equal(ce_ring_peek(*state), first);
	}
	assert_int_equal(count_free(*state), 6);
}

static void queued_counts_what_peek_would_give(void **state)
{
	struct ce_batch *batch;

	assert_int_equal(ce_ring_queued(*state), 0);
	ce_ring_reserve(*state);
	assert_int_equal(ce_ring_queued(*state), 0);
	ce_ring_commit(*state);
	assert_true(put(*state, 0));
	assert_int_equal(ce_ring_queued(*state), 2);
	batch = ce_ring_peek(*state);
	assert_int_equal(ce_ring_queued(*state), 1);
	ce_ring_release(*state, batch);
	assert_int_equal(ce_ring_queued(*state), 1);
	ce_ring_peek(*state);
	assert_int_equal(ce_ring_queued(*state), 0);
}

static void ring_has_ended_only_after_the_last_batch(void **state)
{
	assert_true(put(*state, 0));
	assert_true(put(*state, 1));
	assert_false(ce_ring_ended(*state));
	ce_ring_end(*state);
	assert_false(ce_ring_ended(*state));
	assert_mark(ce_ring_peek(*state), 0);
	assert_false(ce_ring_ended(*state));
	assert_mark(ce_ring_peek(*state), 1);
	assert_true(ce_ring_ended(*state));
}

static void empty_ring_has_ended_only_when_its_producer_says_so(void **state)
{
	assert_false(ce_ring_ended(*state));
	assert_true(put(*state, 0));
	ce_ring_release(*state, ce_ring_peek(*state));
	assert_false(ce_ring_ended(*state));
	ce_ring_end(*state);
	assert_true(ce_ring_ended(*state));
}

static void renumbered_batch_looks_new(void **state)
{
	struct ce_batch *first, *second;
	uint64_t before;

	assert_true(put(*state, 0));
	assert_true(put(*state, 1));
	first = ce_ring_peek(*state);
	second = ce_ring_peek(*state);
	before = first->sequence;
	ce_ring_renumber(first);
	assert_true(first->sequence != before);
	assert_true(first->sequence != second->sequence);
	assert_mark(first, 0);
}

enum { PEEKS = 20000 };

struct numbers {
	pthread_t thread;
	struct ce_ring *ring;
	uint64_t sequence[PEEKS];
};

/* A thread with a ring of its own: the numbers of its batches. */
static void *collect(void *arg)
{
	struct numbers *numbers = arg;

	for (int i = 0; i < PEEKS; i++) {
		struct ce_batch *batch;

		ce_ring_reserve(numbers->ring);
		ce_ring_commit(numbers->ring);
		batch = ce_ring_peek(numbers->ring);
		numbers->sequence[i] = batch->sequence;
		ce_ring_release(numbers->ring, batch);
	}
	return NULL;
}

static int compare_numbers(const void *left, const void *right)
{
	uint64_t a, b;

	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return (a > b) - (a < b);
}

static void no_two_peeks_of_the_process_give_one_sequence(void **state)
{
	static struct numbers numbers[2];
	static uint64_t all[2 * PEEKS];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ce_ring_open(&numbers[i].ring, NULL), 0);
		assert_int_equal(pthread_create(&numbers[i].thread, NULL, collect,
		                                &numbers[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(numbers[i].thread, NULL);
		memcpy(all + i * PEEKS, numbers[i].sequence, sizeof(numbers[i].sequence));
		ce_ring_close(numbers[i].ring);
	}
	qsort(all, 2 * PEEKS, sizeof(all[0]), compare_numbers);
	for (int i = 1; i < 2 * PEEKS; i++)
		assert_true(all[i - 1] < all[i]);
}

/* A ring that goes round many times, at each level that it can have. */
static void keeps_order_round_after_round(struct ce_ring *ring, uint32_t slots)
{
	for (uint32_t level = 1; level <= slots; level++) {
		uint32_t in = 0, out = 0;

		while (out < 20000) {
			struct ce_batch *batch;

			while (in - out < level)
				assert_true(put(ring, in++));
			if (level == slots)
				assert_null(ce_ring_reserve(ring));
			assert_int_equal(ce_ring_queued(ring), level);
			batch = ce_ring_peek(ring);
			assert_mark(batch, out++);
			ce_ring_release(ring, batch);
		}
		for (; out < in; out++)
			ce_ring_release(ring, ce_ring_peek(ring));
	}
}

static void ring_of_one_slot_keeps_order(void **state)
{
	keeps_order_round_after_round(*state, 1);
}

static void ring_of_two_slots_keeps_order(void **state)
{
	keeps_order_round_after_round(*state, 2);
}

static void ring_of_three_slots_keeps_order(void **state)
{
	keeps_order_round_after_round(*state, 3);
}

enum { MOST = 16 };

/* A ring at random: what went in, what came out, and what the consumer holds. */
struct random_use {
	struct ce_ring *ring;
	uint32_t in, out;
	struct ce_batch *batch[MOST];
	uint32_t mark[MOST]; /* of each batch held */
	uint32_t held;
};

static void put_one(struct random_use *use, uint32_t slots)
{
	bool room = use->in - use->out + use->held < slots;

	assert_int_equal(put(use->ring, use->in), room);
	use->in += room;
}

static void peek_one(struct random_use *use)
{
	struct ce_batch *batch;

	assert_int_equal(ce_ring_queued(use->ring), use->in - use->out);
	batch = ce_ring_peek(use->ring);
	if (use->in == use->out) {
		assert_null(batch);
		return;
	}
	assert_mark(batch, use->out);
	use->batch[use->held] = batch;
	use->mark[use->held++] = use->out++;
}

static void release_one(struct random_use *use, uint32_t i)
{
	assert_mark(use->batch[i], use->mark[i]);
	ce_ring_release(use->ring, use->batch[i]);
	use->held--;
	use->batch[i] = use->batch[use->held];
	use->mark[i] = use->mark[use->held];
}

/*
 * Any mix of puts, peeks and releases gives out what went in, in order, changes
 * no batch that is held, and finds room exactly when a slot is free.
 */
static void random_use_keeps_order(void **state)
{
	unsigned seed = 20250101;

	(void)state;
	print_message("seed %u\n", seed);
	for (uint32_t slots = 1; slots <= MOST; slots++) {
		struct random_use use = {0};
		void *ring;

		assert_int_equal(open_ring(&ring, slots), 0);
		use.ring = ring;
		for (int step = 0; step < 50000; step++) {
			int what = rand_r(&seed) % 3;

			if (what == 0)
				put_one(&use, slots);
			else if (what == 1)
				peek_one(&use);
			else if (use.held)
				release_one(&use, (uint32_t)rand_r(&seed) % use.held);
		}
		assert_in_range(use.out, 1000, use.in);
		ce_ring_close(ring);
	}
}

static int given_back;

static void count_back(struct ce_lender *lender, struct ce_batch *batch)
{
	(void)lender;
	assert_int_equal(batch->count, 1);
	given_back++;
}

static void reserving_gives_back_what_all_freed_batches_were_lent(void **state)
{
	struct ce_lender lender = {.take_back = count_back};
	struct ce_ring *ring = *state;
	struct ce_batch *batches[3];

	for (uint32_t i = 0; i < 3; i++) {
		assert_true(put(ring, i));
		batches[i] = ce_ring_peek(ring);
		batches[i]->lender = &lender;
	}
	given_back = 0;
	assert_null(ce_ring_reserve(ring));
	ce_ring_release(ring, batches[0]);
	ce_ring_release(ring, batches[1]);
	assert_int_equal(given_back, 0);
	assert_int_equal(ce_ring_reserve(ring)->count, 0);
	assert_int_equal(given_back, 2);
	ce_ring_commit(ring);
	assert_int_equal(ce_ring_reserve(ring)->count, 0);
	assert_int_equal(given_back, 2);
	ce_ring_close(ring);
	*state = NULL;
	assert_int_equal(given_back, 3); /* and what was never released */
}

#define with(open, test) cmocka_unit_test_setup_teardown(test, open, close_ring)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_out_of_range_is_refused),
		cmocka_unit_test(option_at_its_limit_is_accepted),
		cmocka_unit_test(no_options_mean_the_defaults),
		cmocka_unit_test(ring_larger_than_the_address_space_is_refused),
		cmocka_unit_test(missing_descriptor_is_told_and_none_is_left_open),
		cmocka_unit_test(close_gives_the_descriptors_back),
		cmocka_unit_test(close_frees_a_packet_larger_than_the_arena),
		cmocka_unit_test(close_takes_null),
		with(open_four, reserved_batch_is_unseen_until_commit),
		with(open_one, reserved_batch_is_cleared),
		with(open_four, full_ring_refuses_until_release),
		with(open_four, empty_ring_gives_nothing),
		with(open_four, peek_before_a_release_goes_on_to_the_next_in_order),
		with(open_four, releases_may_come_in_any_order),
		with(open_two, held_batch_delays_no_other_and_keeps_its_bytes),
		with(open_eight, returned_slot_is_used_before_a_fresh_one),
		with(open_four, queued_counts_what_peek_would_give),
		with(open_four, ring_has_ended_only_after_the_last_batch),
		with(open_four, empty_ring_has_ended_only_when_its_producer_says_so),
		with(open_four, renumbered_batch_looks_new),
		cmocka_unit_test(no_two_peeks_of_the_process_give_one_sequence),
		with(open_one, ring_of_one_slot_keeps_order),
		with(open_two, ring_of_two_slots_keeps_order),
		with(open_three, ring_of_three_slots_keeps_order),
		cmocka_unit_test(random_use_keeps_order),
		with(open_three, reserving_gives_back_what_all_freed_batches_were_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
