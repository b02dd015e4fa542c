/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pages.c - what pages_int.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/pages_int.h"

enum { SMALL = 5000, LARGE = 5 << 20 };

static bool refused;        /* whatever is asked for */
static size_t wanted_huge;  /* bytes, of the last wish */
static size_t closed_bytes; /* of the last pages closed */

void *__real_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__real_mremap(void *at, size_t old, size_t size, int flags);
void *__wrap_mremap(void *at, size_t old, size_t size, int flags);
int __wrap_madvise(void *at, size_t size, int advice);
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);

void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	return refused ? MAP_FAILED : __real_mmap(at, size, access, flags, fd, offset);
}

void *__wrap_mremap(void *at, size_t old, size_t size, int flags)
{
	return refused ? MAP_FAILED : __real_mremap(at, old, size, flags);
}

/* A system without huge pages. */
int __wrap_madvise(void *at, size_t size, int advice)
{
	assert_non_null(at);
	assert_int_equal(advice, MADV_HUGEPAGE);
	wanted_huge = size;
	return -1;
}

int __wrap_munmap(void *at, size_t size)
{
	closed_bytes = size;
	return __real_munmap(at, size);
}

static int forget(void **state)
{
	(void)state;
	refused = false;
	wanted_huge = closed_bytes = 0;
	return 0;
}

static bool are_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void pages_are_zero_and_may_be_written(void **state)
{
	static const size_t sizes[] = {1, SMALL, LARGE};

	(void)state;
	for (int i = 0; i < 3; i++) {
		unsigned char *pages = ceint_pages_open(sizes[i]);

		assert_non_null(pages);
		assert_true(are_zero(pages, sizes[i]));
		memset(pages, 1, sizes[i]);
		ceint_pages_close(pages, sizes[i]);
		assert_int_equal(closed_bytes, sizes[i]);
	}
}

static void huge_ones_are_wished_for_where_there_is_enough_for_one(void **state)
{
	void *pages = ceint_pages_open(CEINT_HUGE_PAGE - 1);

	(void)state;
	assert_int_equal(wanted_huge, 0);
	pages = ceint_pages_resize(pages, CEINT_HUGE_PAGE - 1, CEINT_HUGE_PAGE);
	assert_int_equal(wanted_huge, CEINT_HUGE_PAGE);
	ceint_pages_close(pages, CEINT_HUGE_PAGE);
	pages = ceint_pages_open(LARGE);
	assert_non_null(pages); /* although the wish was refused */
	assert_int_equal(wanted_huge, LARGE);
	ceint_pages_close(pages, LARGE);
}

static void resized_pages_keep_what_was_in_them(void **state)
{
	unsigned char *pages = ceint_pages_open(SMALL);

	(void)state;
	memset(pages, 1, SMALL);
	pages = ceint_pages_resize(pages, SMALL, LARGE);
	assert_non_null(pages);
	for (int i = 0; i < SMALL; i++)
		assert_int_equal(pages[i], 1);
	assert_true(are_zero(pages + SMALL, LARGE - SMALL));
	memset(pages, 2, LARGE);
	pages = ceint_pages_resize(pages, LARGE, SMALL);
	for (int i = 0; i < SMALL; i++)
		assert_int_equal(pages[i], 2);
	ceint_pages_close(pages, SMALL);
}

static void without_memory_there_are_none_and_old_ones_stay(void **state)
{
	unsigned char *pages = ceint_pages_open(SMALL);

	(void)state;
	pages[SMALL - 1] = 1;
	refused = true;
	assert_null(ceint_pages_open(LARGE));
	assert_null(ceint_pages_resize(pages, SMALL, LARGE));
	assert_int_equal(wanted_huge, 0);
	assert_int_equal(pages[SMALL - 1], 1);
	ceint_pages_close(pages, SMALL);
}

static void close_takes_null(void **state)
{
	(void)state;
	ceint_pages_close(NULL, SMALL);
	assert_int_equal(closed_bytes, 0);
}

static void bytes_are_rounded_up_to_huge_pages(void **state)
{
	(void)state;
	assert_int_equal(ceint_pages_huge(1), CEINT_HUGE_PAGE);
	assert_int_equal(ceint_pages_huge(CEINT_HUGE_PAGE), CEINT_HUGE_PAGE);
	assert_int_equal(ceint_pages_huge(CEINT_HUGE_PAGE + 1), 2 * CEINT_HUGE_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pages_are_zero_and_may_be_written, forget),
		cmocka_unit_test_setup(
			huge_ones_are_wished_for_where_there_is_enough_for_one, forget),
		cmocka_unit_test_setup(resized_pages_keep_what_was_in_them, forget),
		cmocka_unit_test_setup(without_memory_there_are_none_and_old_ones_stay,
	                               forget),
		cmocka_unit_test_setup(close_takes_null, forget),
		cmocka_unit_test(bytes_are_rounded_up_to_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
