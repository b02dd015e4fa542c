/* SPDX-License-Identifier: BSD-3-Clause */
/* test_top.c - what top.h promises, against counting every key. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/decode.h"
#include "capengine/top.h"
#include "support/flows.h"

enum { KEYS = 5000, CAPACITY = 100 };

static struct flows flows;
static struct ce_decode *decode;
static const struct ce_field *src, *length;
static unsigned seed;

static int calls, fails_at; /* of malloc and calloc; 0: none fails */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails_at && ++calls == fails_at ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_at && ++calls == fails_at ? NULL : __real_calloc(count, size);
}

static int open_fields(void **state)
{
	(void)state;
	src = ce_field_find("ip.src");
	length = ce_field_find("frame.len");
	seed = flows_seed();
	return ce_decode_open(&decode, 0);
}

static int close_fields(void **state)
{
	(void)state;
	ce_decode_close(decode);
	return 0;
}

static struct ce_top *open_top(uint32_t capacity, const struct ce_field *weight)
{
	const struct ce_top_options options = {
		.by = &src, .by_count = 1, .weight = weight, .capacity = capacity};
	struct ce_top *top = NULL;

	assert_int_equal(ce_top_open(&top, &options, NULL), 0);
	return top;
}

/* A few keys are often there. */
static uint32_t random_key(void)
{
	uint32_t key = (uint32_t)rand_r(&seed) % KEYS;

	return rand_r(&seed) % 3 ? key % 30 : key;
}

/* Add batches of random packets; plain[key] is what they weigh together. */
static void add_random(struct ce_top *top, uint64_t *plain, int batches, bool weighed)
{
	while (batches--) {
		flows_begin(&flows);
		for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
			const struct flows_packet packet = {
				.src = random_key(),
				.len = 60 + (uint32_t)rand_r(&seed) % 1400};

			plain[packet.src] += weighed ? packet.len : 1;
			flows_add(&flows, &packet);
		}
		ce_decode_begin(decode, &flows.batch, flows.all);
		assert_int_equal(ce_top_add(top, decode, flows.all), 0);
	}
}

static uint32_t key_of(const struct ce_top *top, const struct ce_top_row *row)
{
	uint32_t key;

	memcpy(&key, row->key + ce_top_key_offset(top, 0), sizeof(key));
	return key & 0xffffff;
}

/* Every row is as right as it says, and no heavy key lacks one. */
static void assert_bounds(const struct ce_top *top, const uint64_t *plain,
                          uint32_t capacity)
{
	static bool has_row[KEYS];
	struct ce_top_row *rows;
	int64_t count = ce_top_rows(top, 0, &rows);
	uint64_t total = 0, above = UINT64_MAX;

	memset(has_row, 0, sizeof(has_row));
	for (uint32_t key = 0; key < KEYS; key++)
		total += plain[key];
	assert_int_equal(ce_top_total(top), total);
	assert_int_equal(count, ce_top_len(top));
	assert_in_range(count, 1, capacity);
	for (int64_t i = 0; i < count; i++) {
		uint32_t key = key_of(top, &rows[i]);

		assert_true(rows[i].count <= above);
		above = rows[i].count;
		assert_true(rows[i].count >= plain[key]);
		assert_true(rows[i].count - rows[i].error <= plain[key]);
		assert_true(rows[i].error <= total / capacity);
		assert_false(has_row[key]);
		has_row[key] = true;
	}
	for (uint32_t key = 0; key < KEYS; key++)
		assert_true(has_row[key] || plain[key] <= total / capacity);
	free(rows);
}

static void counts_are_within_the_stated_bound(void **state)
{
	struct ce_top *top = open_top(CAPACITY, NULL);
	static uint64_t plain[KEYS];

	(void)state;
	for (int k = 0; k < 10; k++) {
		add_random(top, plain, 1, false);
		assert_bounds(top, plain, CAPACITY);
	}
	assert_int_equal(ce_top_len(top), CAPACITY);
	ce_top_close(top);
}

static void weights_are_within_the_stated_bound(void **state)
{
	struct ce_top *top = open_top(CAPACITY, length);
	static uint64_t plain[KEYS];

	(void)state;
	for (int k = 0; k < 10; k++) {
		add_random(top, plain, 1, true);
		assert_bounds(top, plain, CAPACITY);
	}
	ce_top_close(top);
}

static void few_keys_are_counted_exactly(void **state)
{
	struct ce_top *top = open_top(KEYS, length);
	static uint64_t plain[KEYS];
	struct ce_top_row *rows;
	int64_t count;

	(void)state;
	add_random(top, plain, 5, true);
	count = ce_top_rows(top, 0, &rows);
	for (int64_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].count, plain[key_of(top, &rows[i])]);
		assert_int_equal(rows[i].error, 0);
	}
	free(rows);
	assert_int_equal(ce_top_rows(top, 7, &rows), 7);
	free(rows);
	ce_top_close(top);
}

static void merging_keeps_the_bound(void **state)
{
	static const int batches[] = {0, 1, 6};
	static uint64_t plain[KEYS];

	(void)state;
	for (int a = 0; a < 3; a++) {
		for (int b = 0; b < 3; b++) {
			struct ce_top *one = open_top(CAPACITY, length);
			struct ce_top *two = open_top(CAPACITY, length);

			memset(plain, 0, sizeof(plain));
			add_random(one, plain, batches[a], true);
			add_random(two, plain, batches[b], true);
			assert_int_equal(ce_top_merge(one, two), 0);
			if (a || b)
				assert_bounds(one, plain, CAPACITY);
			add_random(one, plain, 2, true);
			assert_bounds(one, plain, CAPACITY);
			ce_top_close(one);
			ce_top_close(two);
		}
	}
}

static void only_the_same_shape_merges(void **state)
{
	struct ce_top *one = open_top(10, NULL), *two = open_top(11, NULL);
	struct ce_top *three = open_top(10, length);

	(void)state;
	assert_int_equal(ce_top_merge(one, two), -EINVAL);
	assert_int_equal(ce_top_merge(one, three), -EINVAL);
	assert_int_equal(ce_top_merge(one, one), -EINVAL);
	ce_top_close(one);
	ce_top_close(two);
	ce_top_close(three);
}

static void clear_forgets_and_skipped_packets_are_counted(void **state)
{
	struct ce_top *top = open_top(10, NULL);
	static uint64_t plain[KEYS];
	const struct flows_packet arp = {.len = 60, .arp = true};

	(void)state;
	add_random(top, plain, 1, false);
	ce_top_clear(top);
	assert_int_equal(ce_top_len(top), 0);
	assert_int_equal(ce_top_total(top), 0);
	flows_begin(&flows);
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++)
		flows_add(&flows, &arp);
	ce_decode_begin(decode, &flows.batch, flows.all);
	assert_int_equal(ce_top_add(top, decode, flows.all), 0);
	assert_int_equal(ce_top_skipped(top), CE_BATCH_PACKETS);
	assert_int_equal(ce_top_len(top), 0);
	ce_top_close(top);
}

static void what_cannot_be_is_refused_with_words(void **state)
{
	const struct ce_field *ports = ce_field_find("tcp.port");
	struct ce_top_options options = {.by = &ports, .by_count = 1, .capacity = 1};
	struct ce_top *top = NULL;
	struct ce_err err;

	(void)state;
	assert_int_equal(ce_top_open(&top, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "tcp.srcport or tcp.dstport"));
	options.by = &src;
	options.weight = ce_field_find("ip.dst");
	assert_int_equal(ce_top_open(&top, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a number"));
	options = (struct ce_top_options){.by = &src, .by_count = 1};
	assert_int_equal(ce_top_open(&top, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "capacity"));
	assert_null(top);
}

static void every_failure_to_allocate_is_said(void **state)
{
	const struct ce_top_options options = {.by = &src, .by_count = 1, .capacity = 10};
	struct ce_top_row *rows = NULL;

	(void)state;
	for (int n = 1; n <= 6; n++) {
		struct ce_top *one = NULL, *two = open_top(10, NULL);
		int64_t rc;

		calls = 0;
		fails_at = n;
		rc = ce_top_open(&one, &options, NULL);
		if (rc == 0)
			rc = ce_top_merge(one, two);
		if (rc == 0)
			rc = ce_top_rows(one, 0, &rows);
		fails_at = 0;
		assert_int_equal(rc, n < 6 ? -ENOMEM : 0);
		ce_top_close(one);
		ce_top_close(two);
	}
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_within_the_stated_bound),
		cmocka_unit_test(weights_are_within_the_stated_bound),
		cmocka_unit_test(few_keys_are_counted_exactly),
		cmocka_unit_test(merging_keeps_the_bound),
		cmocka_unit_test(only_the_same_shape_merges),
		cmocka_unit_test(clear_forgets_and_skipped_packets_are_counted),
		cmocka_unit_test(what_cannot_be_is_refused_with_words),
		cmocka_unit_test(every_failure_to_allocate_is_said),
	};

	return cmocka_run_group_tests(tests, open_fields, close_fields);
}
