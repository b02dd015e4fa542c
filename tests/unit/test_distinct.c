/* SPDX-License-Identifier: BSD-3-Clause */
/* test_distinct.c - what distinct.h promises, with keys of a known number. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "capengine/decode.h"
#include "capengine/distinct.h"
#include "support/flows.h"

static struct flows flows;
static struct ce_decode *decode;
static const struct ce_field *src;

static bool refuse; /* calloc */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return refuse ? NULL : __real_calloc(count, size);
}

static int open_fields(void **state)
{
	(void)state;
	src = ce_field_find("ip.src");
	return ce_decode_open(&decode, 0);
}

static int close_fields(void **state)
{
	(void)state;
	ce_decode_close(decode);
	return 0;
}

static struct ce_distinct *open_distinct(uint32_t precision, uint64_t seed)
{
	const struct ce_distinct_options options = {
		.of = &src, .of_count = 1, .precision = precision, .seed = seed};
	struct ce_distinct *distinct = NULL;

	assert_int_equal(ce_distinct_open(&distinct, &options, NULL), 0);
	return distinct;
}

/* Add the keys [from, to). */
static void add_keys(struct ce_distinct *distinct, uint32_t from, uint32_t to)
{
	while (from < to) {
		flows_begin(&flows);
		memset(flows.all, 0, sizeof(flows.all));
		for (uint32_t i = 0; i < CE_BATCH_PACKETS && from < to; i++) {
			const struct flows_packet packet = {.src = from++, .len = 60};

			flows_add(&flows, &packet);
			flows.all[i / 64] |= (uint64_t)1 << i % 64;
		}
		ce_decode_begin(decode, &flows.batch, flows.all);
		assert_int_equal(ce_distinct_add(distinct, decode, flows.all), 0);
	}
}

/* Within four standard errors: the seeds are fixed, so that this never changes. */
static void assert_near(double found, double expected, uint32_t precision)
{
	double error = 1.04 / sqrt((double)(1 << precision));

	if (fabs(found - expected) > 4 * error * expected)
		fail_msg("found %.1f, expected %.0f at precision %u", found, expected,
		         precision);
}

static void none_is_none(void **state)
{
	struct ce_distinct *distinct = open_distinct(0, 0);

	(void)state;
	assert_true(ce_distinct_estimate(distinct) == 0);
	ce_distinct_close(distinct);
}

static void estimates_are_within_the_stated_error(void **state)
{
	(void)state;
	for (uint32_t precision = CE_DISTINCT_LEAST; precision <= CE_DISTINCT_MOST;
	     precision++)
		for (uint32_t count = 1; count < 300000; count *= 7) {
			struct ce_distinct *distinct = open_distinct(precision, count);

			add_keys(distinct, 0, count);
			add_keys(distinct, 0, count / 2);
			assert_near(ce_distinct_estimate(distinct), count, precision);
			ce_distinct_close(distinct);
		}
}

/* The mean over many seeds errs by less than one estimate may, and their spread is what
   the header says. */
static void the_standard_error_is_the_stated_one(void **state)
{
	enum { SEEDS = 400, COUNT = 3000, PRECISION = 8 };
	double sum = 0, squares = 0, mean, deviation;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct ce_distinct *distinct = open_distinct(PRECISION, seed);
		double relative;

		add_keys(distinct, 0, COUNT);
		relative = ce_distinct_estimate(distinct) / COUNT - 1;
		sum += relative;
		squares += relative * relative;
		ce_distinct_close(distinct);
	}
	mean = sum / SEEDS;
	deviation = sqrt(squares / SEEDS);
	print_message("mean %+.4f, deviation %.4f\n", mean, deviation);
	assert_true(fabs(mean) < 4 * 0.065 / sqrt(SEEDS));
	assert_true(deviation > 0.065 * 0.8 && deviation < 0.065 * 1.2);
}

static void merging_is_adding_both(void **state)
{
	struct ce_distinct *one = open_distinct(12, 0), *two = open_distinct(12, 0);
	struct ce_distinct *both = open_distinct(12, 0);

	(void)state;
	add_keys(one, 0, 6000);
	add_keys(two, 4000, 9000);
	add_keys(both, 0, 9000);
	assert_int_equal(ce_distinct_merge(one, two), 0);
	assert_true(ce_distinct_estimate(one) == ce_distinct_estimate(both));
	ce_distinct_clear(one);
	assert_true(ce_distinct_estimate(one) == 0);
	ce_distinct_close(one);
	ce_distinct_close(two);
	ce_distinct_close(both);
}

static void only_the_same_shape_merges(void **state)
{
	struct ce_distinct *one = open_distinct(12, 0);
	struct ce_distinct *precise = open_distinct(13, 0),
			   *seeded = open_distinct(12, 1);

	(void)state;
	assert_int_equal(ce_distinct_merge(one, precise), -EINVAL);
	assert_int_equal(ce_distinct_merge(one, seeded), -EINVAL);
	assert_int_equal(ce_distinct_merge(one, one), 0);
	ce_distinct_close(one);
	ce_distinct_close(precise);
	ce_distinct_close(seeded);
}

static void packets_without_the_field_are_skipped(void **state)
{
	struct ce_distinct *distinct = open_distinct(0, 0);
	const struct flows_packet arp = {.len = 60, .arp = true};

	(void)state;
	flows_begin(&flows);
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++)
		flows_add(&flows, &arp);
	ce_decode_begin(decode, &flows.batch, flows.all);
	assert_int_equal(ce_distinct_add(distinct, decode, flows.all), 0);
	assert_int_equal(ce_distinct_skipped(distinct), CE_BATCH_PACKETS);
	assert_true(ce_distinct_estimate(distinct) == 0);
	ce_distinct_close(distinct);
}

static void what_cannot_be_is_refused_with_words(void **state)
{
	struct ce_distinct_options options = {.of = &src, .of_count = 1, .precision = 3};
	struct ce_distinct *distinct = NULL;
	struct ce_err err;

	(void)state;
	assert_int_equal(ce_distinct_open(&distinct, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "from 4 to 18"));
	options = (struct ce_distinct_options){.of = &src};
	assert_int_equal(ce_distinct_open(&distinct, &options, &err), -EINVAL);
	options.of_count = 1;
	refuse = true;
	assert_int_equal(ce_distinct_open(&distinct, &options, &err), -ENOMEM);
	refuse = false;
	assert_null(distinct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(estimates_are_within_the_stated_error),
		cmocka_unit_test(the_standard_error_is_the_stated_one),
		cmocka_unit_test(merging_is_adding_both),
		cmocka_unit_test(only_the_same_shape_merges),
		cmocka_unit_test(packets_without_the_field_are_skipped),
		cmocka_unit_test(what_cannot_be_is_refused_with_words),
	};

	return cmocka_run_group_tests(tests, open_fields, close_fields);
}
