/* SPDX-License-Identifier: BSD-3-Clause */
/* test_packet_time.c - what <capengine/packet_time.h> promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capengine/packet_time.h"

/* Comparing 64 bits with a sign, which cmocka's assert_int_equal also does. */
#define assert_time(a, b) assert_true((a) == (b))

static const int64_t SECOND = 1000000000;
static const int64_t HOUR = 3600 * INT64_C(1000000000);
static const int64_t NOON = INT64_C(1700000000) * 1000000000; /* on a border of 10 s */
static const int64_t FAR = INT64_C(9000000000) * 400000000;   /* about 2084 */
static const int64_t MOST = INT64_C(4500000000) * 1000000000;

static struct ce_packet_time clock_of(int64_t every_ns)
{
	struct ce_packet_time time;

	ce_packet_time_open(&time, every_ns);
	return time;
}

/* A clock of 10 s intervals that two packets have confirmed to be at NOON. */
static struct ce_packet_time at_noon(void)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	assert_false(ce_packet_time_due(&time, NOON, NULL));
	assert_false(ce_packet_time_due(&time, NOON, NULL));
	return time;
}

static void no_tick(struct ce_packet_time *time, int64_t ts_ns)
{
	struct ce_tick tick;

	assert_false(ce_packet_time_due(time, ts_ns, &tick));
}

static void tick_at(struct ce_packet_time *time, int64_t ts_ns, int64_t now, int64_t elapsed)
{
	struct ce_tick tick;

	assert_true(ce_packet_time_due(time, ts_ns, &tick));
	assert_time(tick.now_ns, now);
	assert_time(tick.elapsed_ns, elapsed);
}

static void clock_without_packets_has_no_next_border(void **state)
{
	struct ce_packet_time time = clock_of(SECOND);

	(void)state;
	assert_false(time.started);
	assert_time(ce_packet_time_next(&time), INT64_MAX);
}

static void first_packet_begins_an_interval_without_a_tick(void **state)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	(void)state;
	no_tick(&time, NOON + 3 * SECOND);
	assert_true(time.started);
	assert_time(time.now_ns, NOON + 3 * SECOND);
	assert_time(ce_packet_time_next(&time), NOON + 10 * SECOND);
}

static void stamp_on_a_border_ticks(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	no_tick(&time, NOON + 10 * SECOND - 1);
	tick_at(&time, NOON + 10 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
	no_tick(&time, NOON + 10 * SECOND);
	assert_time(ce_packet_time_next(&time), NOON + 20 * SECOND);
}

static void tick_names_the_border_and_not_the_stamp(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	tick_at(&time, NOON + 14 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
	tick_at(&time, NOON + 21 * SECOND, NOON + 20 * SECOND, 10 * SECOND);
	assert_time(time.now_ns, NOON + 21 * SECOND);
}

static void first_tick_counts_from_the_first_border(void **state)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	(void)state;
	no_tick(&time, NOON + 7 * SECOND);
	tick_at(&time, NOON + 12 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
}

static void many_borders_are_one_tick(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	tick_at(&time, NOON + 55 * SECOND, NOON + 50 * SECOND, 50 * SECOND);
	tick_at(&time, NOON + HOUR, NOON + HOUR, HOUR - 50 * SECOND);
}

static void earlier_stamp_turns_nothing_back(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	tick_at(&time, NOON + 10 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
	no_tick(&time, NOON + 5 * SECOND);
	no_tick(&time, 0);
	assert_time(time.now_ns, NOON + 10 * SECOND);
	assert_time(ce_packet_time_next(&time), NOON + 20 * SECOND);
	no_tick(&time, NOON + 11 * SECOND);
}

static void jump_of_an_hour_is_believed_and_a_longer_one_is_not(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	no_tick(&time, NOON + HOUR + 1);
	assert_time(time.now_ns, NOON);
	tick_at(&time, NOON + HOUR, NOON + HOUR, HOUR);
}

static void one_corrupt_stamp_changes_nothing(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	no_tick(&time, FAR);
	assert_time(time.now_ns, NOON);
	assert_time(ce_packet_time_next(&time), NOON + 10 * SECOND);
	tick_at(&time, NOON + 11 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
}

static void corrupt_stamps_that_disagree_change_nothing(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		no_tick(&time, FAR + i * (HOUR + 1));
	for (int64_t i = 98; i >= 0; i--)
		no_tick(&time, FAR + i * (HOUR + 1));
	assert_time(time.now_ns, NOON);
}

static void far_jump_is_believed_once_a_second_packet_agrees(void **state)
{
	static const int64_t apart[] = {0, 1, -1, HOUR, -HOUR};

	(void)state;
	for (size_t i = 0; i < sizeof(apart) / sizeof(*apart); i++) {
		struct ce_packet_time time = at_noon();
		int64_t second = FAR + apart[i], border = second - second % (10 * SECOND);

		no_tick(&time, FAR);
		tick_at(&time, second, border, border - NOON);
		assert_time(time.now_ns, second);
	}
}

static void later_corrupt_stamp_is_the_one_to_agree_with(void **state)
{
	struct ce_packet_time time = at_noon();
	int64_t other = NOON + 1000 * HOUR;

	(void)state;
	no_tick(&time, FAR);
	no_tick(&time, other);
	tick_at(&time, other, other, 1000 * HOUR);
}

static void first_stamp_far_ahead_is_given_up_for_the_second(void **state)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	(void)state;
	no_tick(&time, FAR);
	no_tick(&time, NOON + 3 * SECOND);
	assert_time(time.now_ns, NOON + 3 * SECOND);
	assert_time(ce_packet_time_next(&time), NOON + 10 * SECOND);
	tick_at(&time, NOON + 10 * SECOND, NOON + 10 * SECOND, 10 * SECOND);
}

static void second_stamp_an_hour_earlier_does_not_start_anew(void **state)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	(void)state;
	no_tick(&time, NOON);
	no_tick(&time, NOON - HOUR);
	assert_time(time.now_ns, NOON);
	no_tick(&time, NOON - 2 * HOUR);
	assert_time(time.now_ns, NOON);
}

static void first_stamp_far_behind_is_left_with_one_tick(void **state)
{
	struct ce_packet_time time = clock_of(10 * SECOND);

	(void)state;
	no_tick(&time, 0);
	no_tick(&time, NOON);
	tick_at(&time, NOON + 1, NOON, NOON);
	no_tick(&time, NOON + 2);
}

static void confirmed_clock_does_not_start_anew(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	no_tick(&time, NOON - 5 * HOUR);
	no_tick(&time, NOON - 5 * HOUR);
	assert_time(time.now_ns, NOON);
}

static void borders_before_1970_are_multiples_too(void **state)
{
	struct ce_packet_time time = clock_of(10);

	(void)state;
	no_tick(&time, -11);
	assert_time(ce_packet_time_next(&time), -10);
	tick_at(&time, -10, -10, 10);
	no_tick(&time, -1);
	tick_at(&time, 0, 0, 10);
	tick_at(&time, 10, 10, 10);
}

static void idle_before_the_first_packet_does_nothing(void **state)
{
	struct ce_packet_time time = clock_of(SECOND);
	struct ce_tick tick;

	(void)state;
	assert_false(ce_packet_time_idle(&time, NOON, &tick));
	assert_false(time.started);
	assert_time(ce_packet_time_next(&time), INT64_MAX);
}

static void idle_passes_borders_like_a_packet(void **state)
{
	struct ce_packet_time time = at_noon();
	struct ce_tick tick;

	(void)state;
	assert_false(ce_packet_time_idle(&time, NOON + 9 * SECOND, &tick));
	assert_time(time.now_ns, NOON + 9 * SECOND);
	assert_true(ce_packet_time_idle(&time, NOON + 35 * SECOND, &tick));
	assert_time(tick.now_ns, NOON + 30 * SECOND);
	assert_time(tick.elapsed_ns, 30 * SECOND);
}

static void idle_for_hours_is_believed_at_once(void **state)
{
	struct ce_packet_time time = at_noon();
	struct ce_tick tick;

	(void)state;
	assert_true(ce_packet_time_idle(&time, NOON + 5 * HOUR, &tick));
	assert_time(tick.elapsed_ns, 5 * HOUR);
}

static void idle_turns_nothing_back(void **state)
{
	struct ce_packet_time time = at_noon();
	struct ce_tick tick;

	(void)state;
	assert_false(ce_packet_time_idle(&time, NOON - 1, &tick));
	assert_false(ce_packet_time_idle(&time, NOON - 50 * HOUR, &tick));
	assert_time(time.now_ns, NOON);
}

static void clock_without_intervals_runs_and_never_ticks(void **state)
{
	struct ce_packet_time time = clock_of(0);
	struct ce_tick tick;

	(void)state;
	no_tick(&time, NOON);
	no_tick(&time, NOON + 50 * SECOND);
	assert_time(time.now_ns, NOON + 50 * SECOND);
	assert_time(ce_packet_time_next(&time), INT64_MAX);
	no_tick(&time, FAR);
	assert_time(time.now_ns, NOON + 50 * SECOND);
	no_tick(&time, FAR);
	assert_time(time.now_ns, FAR);
	assert_false(ce_packet_time_idle(&time, FAR + HOUR, &tick));
	assert_time(time.now_ns, FAR + HOUR);
}

static void opening_again_forgets_everything(void **state)
{
	struct ce_packet_time time = at_noon();

	(void)state;
	no_tick(&time, FAR);
	ce_packet_time_open(&time, SECOND);
	assert_time(ce_packet_time_next(&time), INT64_MAX);
	no_tick(&time, 5 * SECOND);
	assert_time(time.now_ns, 5 * SECOND);
	assert_time(ce_packet_time_next(&time), 6 * SECOND);
}

/* The whole range passes in one tick, whose length is cut to what fits. */
static void extreme_stamps_tick_once(void **state)
{
	static const int64_t lengths[] = {1, 7, 1000, 1000000000, 86400000000000};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		int64_t every = lengths[i];
		struct ce_packet_time time = clock_of(every);
		struct ce_tick tick;

		no_tick(&time, -MOST);
		no_tick(&time, MOST);
		assert_true(ce_packet_time_due(&time, MOST, &tick));
		assert_time(tick.now_ns, MOST - MOST % every);
		assert_true(tick.elapsed_ns >= 2 * (MOST - every));
		no_tick(&time, MOST);
		no_tick(&time, -MOST);
		assert_time(time.now_ns, MOST);
		assert_true(ce_packet_time_next(&time) > MOST);
	}
}

static void idle_over_the_whole_range_ticks_once(void **state)
{
	struct ce_packet_time time = clock_of(SECOND);
	struct ce_tick tick;

	(void)state;
	no_tick(&time, -MOST);
	assert_true(ce_packet_time_idle(&time, MOST, &tick));
	assert_time(tick.now_ns, MOST - MOST % SECOND);
	assert_true(tick.elapsed_ns > MOST);
}

static int64_t random_stamp(unsigned *seed, int64_t now)
{
	int64_t far = ((int64_t)rand_r(seed) << 31 ^ rand_r(seed)) % MOST;

	switch (rand_r(seed) % 8) {
	case 0:
		return far;
	case 1:
		return -far;
	case 2:
		return now + far % (3 * HOUR);
	default:
		return now + far % (3 * SECOND) - SECOND;
	}
}

/* Whatever comes: the clock does not go back, and ticks add up without gaps. */
static void random_stamps_give_ticks_that_add_up(void **state)
{
	struct ce_packet_time time = at_noon();
	struct ce_tick tick;
	int64_t last = NOON, now = NOON;
	unsigned seed = 20250102, ticks = 0;

	(void)state;
	print_message("seed %u\n", seed);
	for (int i = 0; i < 200000; i++) {
		int64_t ts_ns = random_stamp(&seed, now);
		bool due = ts_ns <= 2 * FAR && ce_packet_time_due(&time, ts_ns, &tick);

		assert_true(time.now_ns >= now);
		now = time.now_ns;
		assert_true(ce_packet_time_next(&time) > now);
		assert_true(ce_packet_time_next(&time) - now <= 10 * SECOND);
		if (!due)
			continue;
		ticks++;
		assert_time(tick.now_ns % (10 * SECOND), 0);
		assert_time(tick.now_ns - tick.elapsed_ns, last);
		assert_time(tick.now_ns + 10 * SECOND, ce_packet_time_next(&time));
		last = tick.now_ns;
	}
	assert_int_not_equal(ticks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_without_packets_has_no_next_border),
		cmocka_unit_test(first_packet_begins_an_interval_without_a_tick),
		cmocka_unit_test(stamp_on_a_border_ticks),
		cmocka_unit_test(tick_names_the_border_and_not_the_stamp),
		cmocka_unit_test(first_tick_counts_from_the_first_border),
		cmocka_unit_test(many_borders_are_one_tick),
		cmocka_unit_test(earlier_stamp_turns_nothing_back),
		cmocka_unit_test(jump_of_an_hour_is_believed_and_a_longer_one_is_not),
		cmocka_unit_test(one_corrupt_stamp_changes_nothing),
		cmocka_unit_test(corrupt_stamps_that_disagree_change_nothing),
		cmocka_unit_test(far_jump_is_believed_once_a_second_packet_agrees),
		cmocka_unit_test(later_corrupt_stamp_is_the_one_to_agree_with),
		cmocka_unit_test(first_stamp_far_ahead_is_given_up_for_the_second),
		cmocka_unit_test(second_stamp_an_hour_earlier_does_not_start_anew),
		cmocka_unit_test(first_stamp_far_behind_is_left_with_one_tick),
		cmocka_unit_test(confirmed_clock_does_not_start_anew),
		cmocka_unit_test(borders_before_1970_are_multiples_too),
		cmocka_unit_test(idle_before_the_first_packet_does_nothing),
		cmocka_unit_test(idle_passes_borders_like_a_packet),
		cmocka_unit_test(idle_for_hours_is_believed_at_once),
		cmocka_unit_test(idle_turns_nothing_back),
		cmocka_unit_test(clock_without_intervals_runs_and_never_ticks),
		cmocka_unit_test(opening_again_forgets_everything),
		cmocka_unit_test(extreme_stamps_tick_once),
		cmocka_unit_test(idle_over_the_whole_range_ticks_once),
		cmocka_unit_test(random_stamps_give_ticks_that_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
