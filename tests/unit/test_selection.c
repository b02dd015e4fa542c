/* SPDX-License-Identifier: BSD-3-Clause */
/* test_selection.c - what <capengine/selection.h> promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/selection.h"

enum { PACKETS = 200, WORDS = 4 };

/* Every third of packets, and what stands at the borders of words. */
static bool is_chosen(uint32_t i)
{
	return i % 3 == 0 || i % 64 == 63 || i % 64 == 0;
}

static void choose(uint64_t selected[WORDS])
{
	memset(selected, 0, WORDS * sizeof(*selected));
	for (uint32_t i = 0; i < PACKETS; i++)
		if (is_chosen(i))
			selected[i / 64] |= UINT64_C(1) << i % 64;
}

static void has_tells_what_is_set(void **state)
{
	uint64_t selected[WORDS];

	(void)state;
	choose(selected);
	for (uint32_t i = 0; i < PACKETS; i++)
		assert_int_equal(ce_selection_has(selected, i), is_chosen(i));
}

static void next_finds_each_and_then_gives_count(void **state)
{
	uint64_t selected[WORDS];

	(void)state;
	choose(selected);
	for (uint32_t count = 0; count <= PACKETS; count++)
		for (uint32_t i = 0; i <= count; i++) {
			uint32_t expected = i;

			while (expected < count && !is_chosen(expected))
				expected++;
			assert_int_equal(ce_selection_next(selected, i, count), expected);
		}
	assert_int_equal(ce_selection_next(selected, PACKETS + 5, PACKETS), PACKETS);
}

static void next_looks_at_no_word_beyond_count(void **state)
{
	uint64_t *none = test_calloc(1, sizeof(*none)); /* for a sanitizer to guard */

	(void)state;
	assert_int_equal(ce_selection_next(none, 0, 64), 64);
	assert_int_equal(ce_selection_next(none, 64, 64), 64);
	test_free(none);
}

static void range_has_the_bits_of_its_packets(void **state)
{
	(void)state;
	for (uint32_t first = 0; first <= 130; first++)
		for (uint32_t end = first; end <= 130; end++)
			for (uint32_t word = 0; word < 3; word++) {
				uint64_t expected = 0;

				for (uint32_t i = 0; i < 64; i++)
					if (word * 64 + i >= first && word * 64 + i < end)
						expected |= UINT64_C(1) << i;
				assert_int_equal(ce_selection_range(word, first, end),
				                 expected);
			}
}

static void count_is_of_the_range(void **state)
{
	uint64_t selected[WORDS];

	(void)state;
	choose(selected);
	for (uint32_t first = 0; first <= PACKETS; first++) {
		uint32_t expected = 0;

		for (uint32_t end = first; end <= PACKETS; end++) {
			assert_int_equal(ce_selection_count(selected, first, end),
			                 expected);
			expected += end < PACKETS && is_chosen(end);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_tells_what_is_set),
		cmocka_unit_test(next_finds_each_and_then_gives_count),
		cmocka_unit_test(next_looks_at_no_word_beyond_count),
		cmocka_unit_test(range_has_the_bits_of_its_packets),
		cmocka_unit_test(count_is_of_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
