/* SPDX-License-Identifier: BSD-3-Clause */
/* test_way.c - what way_int.h promises, of processor time that is said. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "source/way_int.h"

enum { WARMING = CEINT_WARMING / CEINT_STRETCH, TRIALS = WARMING + CEINT_WAYS };

static int64_t now_ns;    /* of the thread that reads */
static int64_t opener_ns; /* of the one that has opened the file */
static bool opener_gone;
static int asked;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	const bool own = clock == CLOCK_THREAD_CPUTIME_ID;
	const int64_t ns = own ? now_ns : opener_ns;
	clockid_t opener;

	assert_int_equal(pthread_getcpuclockid(pthread_self(), &opener), 0);
	assert_true(own || clock == opener);
	if (!own && opener_gone)
		return -1;
	asked += own;
	now->tv_sec = ns / 1000000000;
	now->tv_nsec = ns % 1000000000;
	return 0;
}

/* A file that is gone through. */
struct going {
	struct ceint_ways ways;
	off_t at;
	bool alike;           /* the two ways to map */
	int used[CEINT_WAYS]; /* stretches */
};

/* One stretch, in parts, whose way takes so many ns of a KiB. Gives the way. */
static enum ceint_way go(struct going *going, const int cost[CEINT_WAYS])
{
	enum { PARTS = 32, PART = CEINT_STRETCH / PARTS };
	enum ceint_way way = CEINT_WAYS;

	for (int i = 0; i < PARTS; i++) {
		enum ceint_way now =
			ceint_ways_choose(&going->ways, going->at, going->alike);

		if (i)
			assert_int_equal(now, way);
		way = now;
		now_ns += (int64_t)cost[way] * PART / 1024;
		going->at += PART;
	}
	going->used[way]++;
	return way;
}

static void go_on(struct going *going, const int cost[CEINT_WAYS], int stretches)
{
	for (int way = 0; way < CEINT_WAYS; way++)
		going->used[way] = 0;
	while (stretches--)
		go(going, cost);
}

static struct going begin(void)
{
	struct going going = {.at = 24};

	now_ns = opener_ns = 1000;
	opener_gone = false;
	ceint_ways_init(&going.ways);
	ceint_ways_begin(&going.ways, going.at);
	return going;
}

static void all_ways_are_tried_and_then_the_best(void **state)
{
	for (int cheap = 0; cheap < CEINT_WAYS; cheap++) {
		struct going going = begin();
		int cost[CEINT_WAYS] = {200, 200, 200};

		(void)state;
		cost[cheap] = 100;
		for (int i = 0; i <= WARMING; i++)
			assert_int_equal(go(&going, cost), CEINT_READ);
		assert_int_equal(go(&going, cost), CEINT_MAP_LARGE);
		assert_int_equal(go(&going, cost), CEINT_MAP_ALL);
		for (int i = 0; i < 50; i++)
			assert_int_equal(go(&going, cost), cheap);
	}
}

/* Not at first nor later, but once pages are no longer all large. */
static void mapping_all_is_not_tried_where_it_is_the_same(void **state)
{
	int cost[CEINT_WAYS] = {100, 200, 1};
	struct going going = begin();

	(void)state;
	going.alike = true;
	go_on(&going, cost, 1000);
	assert_int_equal(going.used[CEINT_MAP_ALL], 0);
	assert_in_range(going.used[CEINT_MAP_LARGE], 6, 8);
	going.alike = false;
	cost[CEINT_MAP_LARGE] = 300;
	go_on(&going, cost, 300);
	assert_true(going.used[CEINT_MAP_ALL] >= 100);
}

static void the_better_way_is_used_where_both_to_map_are_the_same(void **state)
{
	static const int cost[CEINT_WAYS] = {200, 100, 100};
	struct going going = begin();

	(void)state;
	going.alike = true;
	go_on(&going, cost, WARMING + 2);
	go_on(&going, cost, 1000);
	assert_int_equal(going.used[CEINT_MAP_ALL], 0);
	assert_in_range(going.used[CEINT_READ], 6, 8);
}

static void clock_is_asked_once_a_stretch(void **state)
{
	static const int cost[CEINT_WAYS] = {1, 1, 1};
	struct going going = begin();

	(void)state;
	asked = 0;
	go_on(&going, cost, WARMING);
	assert_int_equal(asked, 0);
	go_on(&going, cost, 100);
	assert_int_equal(asked, 100);
}

static void worse_ways_are_tried_now_and_then(void **state)
{
	static const int cost[CEINT_WAYS] = {200, 100, 100000};
	struct going going = begin();

	(void)state;
	go_on(&going, cost, TRIALS);
	go_on(&going, cost, 1000);
	assert_in_range(going.used[CEINT_READ], 6, 8);
	assert_in_range(going.used[CEINT_MAP_ALL], 6, 8);
}

static void what_becomes_worse_is_left_and_what_becomes_better_is_found(void **state)
{
	int cost[CEINT_WAYS] = {150, 100, 300};
	struct going going = begin();

	(void)state;
	go_on(&going, cost, 20);
	cost[CEINT_MAP_LARGE] = 200;
	go_on(&going, cost, 20);
	assert_true(going.used[CEINT_READ] >= 16);
	cost[CEINT_MAP_ALL] = 50;
	go_on(&going, cost, 200);
	assert_true(going.used[CEINT_MAP_ALL] >= 100);
}

static void one_disturbance_changes_nothing(void **state)
{
	static const int cost[CEINT_WAYS] = {160, 100, 160};
	struct going going = begin();

	(void)state;
	go_on(&going, cost, TRIALS + 5);
	assert_int_equal(ceint_ways_choose(&going.ways, going.at, false),
	                 CEINT_MAP_LARGE);
	now_ns += INT64_C(10000000000);
	go_on(&going, cost, 10);
	assert_int_equal(going.used[CEINT_MAP_LARGE], 10);
}

/* The first stretches take longer. */
static void a_slow_beginning_decides_nothing(void **state)
{
	for (int cheap = 0; cheap < CEINT_WAYS; cheap++) {
		struct going going = begin();
		int cost[CEINT_WAYS] = {150, 150, 150};

		(void)state;
		cost[CEINT_READ] = 10000;
		go_on(&going, cost, WARMING);
		cost[CEINT_READ] = 150;
		cost[cheap] = 100;
		go_on(&going, cost, CEINT_WAYS);
		go_on(&going, cost, 50);
		assert_int_equal(going.used[cheap], 50);
	}
}

static void who_was_disturbed_when_it_was_tried_is_tried_again(void **state)
{
	static const int cost[CEINT_WAYS] = {200, 100, 200};
	struct going going = begin();

	(void)state;
	go_on(&going, cost, WARMING + 1);
	assert_int_equal(ceint_ways_choose(&going.ways, going.at, false),
	                 CEINT_MAP_LARGE);
	now_ns += INT64_C(10000000000);
	go_on(&going, cost, 200);
	go_on(&going, cost, 100);
	assert_true(going.used[CEINT_MAP_LARGE] > 95);
}

/* Reading takes no time of the thread that reads, and much of the other. */
static void the_time_of_who_has_opened_the_file_counts(void **state)
{
	static const int cost[CEINT_WAYS] = {1, 100, 100};
	struct going going = begin();

	(void)state;
	for (int i = 0; i < 200; i++)
		if (go(&going, cost) == CEINT_READ)
			opener_ns += INT64_C(200) * CEINT_STRETCH / 1024;
	assert_in_range(going.used[CEINT_READ], WARMING + 1, WARMING + 3);
}

static void who_has_opened_the_file_may_end(void **state)
{
	static const int cost[CEINT_WAYS] = {150, 100, 300};
	struct going going = begin();

	(void)state;
	opener_ns = INT64_C(3600000000000);
	go_on(&going, cost, TRIALS);
	opener_gone = true; /* while another way is tried */
	go_on(&going, cost, 20);
	assert_int_equal(going.used[CEINT_MAP_LARGE], 20);
}

/* Not with one that is being tried; and the beginning of each is not measured. */
static void the_next_file_begins_with_the_best_way(void **state)
{
	int cost[CEINT_WAYS] = {150, 100, 300};

	(void)state;
	for (int stretches = WARMING + 2; stretches < TRIALS + 200; stretches++) {
		struct going going = begin();

		go_on(&going, cost, stretches);
		ceint_ways_choose(&going.ways, going.at, false);
		going.at = 1000;
		ceint_ways_begin(&going.ways, going.at);
		cost[CEINT_MAP_LARGE] = 10000;
		go_on(&going, cost, WARMING);
		assert_int_equal(going.used[CEINT_MAP_LARGE], WARMING);
		cost[CEINT_MAP_LARGE] = 100;
	}
}

static void files_that_are_not_measured_are_read(void **state)
{
	static const int cost[CEINT_WAYS] = {150, 100, 300};
	struct going going = begin();

	(void)state;
	for (int file = 0; file < 100; file++) {
		go_on(&going, cost, WARMING);
		assert_int_equal(going.used[CEINT_READ], WARMING);
		ceint_ways_begin(&going.ways, going.at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_ways_are_tried_and_then_the_best),
		cmocka_unit_test(mapping_all_is_not_tried_where_it_is_the_same),
		cmocka_unit_test(the_better_way_is_used_where_both_to_map_are_the_same),
		cmocka_unit_test(clock_is_asked_once_a_stretch),
		cmocka_unit_test(worse_ways_are_tried_now_and_then),
		cmocka_unit_test(
			what_becomes_worse_is_left_and_what_becomes_better_is_found),
		cmocka_unit_test(one_disturbance_changes_nothing),
		cmocka_unit_test(a_slow_beginning_decides_nothing),
		cmocka_unit_test(who_was_disturbed_when_it_was_tried_is_tried_again),
		cmocka_unit_test(the_time_of_who_has_opened_the_file_counts),
		cmocka_unit_test(who_has_opened_the_file_may_end),
		cmocka_unit_test(the_next_file_begins_with_the_best_way),
		cmocka_unit_test(files_that_are_not_measured_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
