/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pages.c - what pages_int.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pages_int.h"

enum { SMALL = 5000, LARGE = 5 << 20 };

static bool refused;        /* whatever is asked for */
static bool mremap_refused; /* only that pages are moved */
static size_t wanted_huge;  /* bytes, of the last wish */
static size_t closed_bytes; /* of the last pages closed */

void *__real_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__real_mremap(void *at, size_t old, size_t size, int flags, ...);
void *__wrap_mremap(void *at, size_t old, size_t size, int flags, ...);
int __wrap_madvise(void *at, size_t size, int advice);
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);

void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	return refused ? MAP_FAILED : __real_mmap(at, size, access, flags, fd, offset);
}

void *__wrap_mremap(void *at, size_t old, size_t size, int flags, ...)
{
	va_list more;
	void *to;

	va_start(more, flags);
	to = flags & MREMAP_FIXED ? va_arg(more, void *) : NULL;
	va_end(more);
	return refused || mremap_refused ? MAP_FAILED
	                                 : __real_mremap(at, old, size, flags, to);
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
	refused = mremap_refused = false;
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
		assert_int_equal(closed_bytes, ceint_pages_room(sizes[i]));
	}
}

static bool begins_huge(const void *pages)
{
	return (uintptr_t)pages % CEINT_HUGE_PAGE == 0;
}

static void huge_ones_are_wished_for_where_they_are_worth_it(void **state)
{
	void *pages = ceint_pages_open(CEINT_HUGE_FROM - 1);

	(void)state;
	assert_int_equal(wanted_huge, 0);
	pages = ceint_pages_grow(pages, CEINT_HUGE_FROM - 1, CEINT_HUGE_FROM);
	assert_int_equal(wanted_huge, CEINT_HUGE_PAGE);
	assert_true(begins_huge(pages));
	ceint_pages_close(pages, CEINT_HUGE_FROM);
	assert_int_equal(closed_bytes, CEINT_HUGE_PAGE);
	pages = ceint_pages_open(LARGE);
	assert_non_null(pages); /* although the wish was refused */
	assert_int_equal(wanted_huge, ceint_pages_room(LARGE));
	assert_true(begins_huge(pages));
	ceint_pages_close(pages, LARGE);
}

/* Also where they have to move, since something stands behind them. */
static void huge_ones_begin_at_such_an_address_wherever_they_are(void **state)
{
	void *pages[8] = {NULL};

	(void)state;
	for (size_t size = CEINT_HUGE_FROM; size < 8 * LARGE; size *= 2)
		for (int i = 0; i < 8; i++) {
			pages[i] = pages[i] ? ceint_pages_grow(pages[i], size / 2, size)
			                    : ceint_pages_open(size);
			assert_true(begins_huge(pages[i]));
			((unsigned char *)pages[i])[ceint_pages_room(size) - 1] = 1;
		}
	for (int i = 0; i < 8; i++)
		ceint_pages_close(pages[i], CEINT_HUGE_FROM << 7);
}

static void grown_pages_keep_what_was_in_them(void **state)
{
	unsigned char *pages = ceint_pages_open(SMALL);

	(void)state;
	memset(pages, 1, SMALL);
	pages = ceint_pages_grow(pages, SMALL, LARGE);
	assert_non_null(pages);
	for (int i = 0; i < SMALL; i++)
		assert_int_equal(pages[i], 1);
	assert_true(are_zero(pages + SMALL, LARGE - SMALL));
	pages[LARGE - 1] = 2;
	pages = ceint_pages_grow(pages, LARGE, 2 * LARGE);
	assert_int_equal(pages[SMALL - 1], 1);
	assert_int_equal(pages[LARGE - 1], 2);
	assert_true(are_zero(pages + LARGE, LARGE));
	ceint_pages_close(pages, 2 * LARGE);
}

static void without_memory_there_are_none_and_old_ones_stay(void **state)
{
	unsigned char *pages = ceint_pages_open(SMALL);

	(void)state;
	pages[SMALL - 1] = 1;
	refused = true;
	assert_null(ceint_pages_open(LARGE));
	assert_null(ceint_pages_grow(pages, SMALL, LARGE));
	assert_int_equal(wanted_huge, 0);
	assert_int_equal(pages[SMALL - 1], 1);
	ceint_pages_close(pages, SMALL);
}

static void pages_that_cannot_be_moved_stay(void **state)
{
	unsigned char *small = ceint_pages_open(SMALL), *large = ceint_pages_open(LARGE);

	(void)state;
	small[SMALL - 1] = large[LARGE - 1] = 1;
	mremap_refused = true;
	assert_null(ceint_pages_grow(small, SMALL, 2 * SMALL));
	assert_null(ceint_pages_grow(large, LARGE, 2 * LARGE));
	assert_int_equal(small[SMALL - 1] + large[LARGE - 1], 2);
	ceint_pages_close(small, SMALL);
	ceint_pages_close(large, LARGE);
}

static void close_takes_null(void **state)
{
	(void)state;
	ceint_pages_close(NULL, SMALL);
	assert_int_equal(closed_bytes, 0);
}

static void there_is_room_for_whole_huge_pages(void **state)
{
	(void)state;
	assert_int_equal(ceint_pages_room(1), 1);
	assert_int_equal(ceint_pages_room(CEINT_HUGE_FROM - 1), CEINT_HUGE_FROM - 1);
	assert_int_equal(ceint_pages_room(CEINT_HUGE_FROM), CEINT_HUGE_PAGE);
	assert_int_equal(ceint_pages_room(CEINT_HUGE_PAGE), CEINT_HUGE_PAGE);
	assert_int_equal(ceint_pages_room(CEINT_HUGE_PAGE + 1), 2 * CEINT_HUGE_PAGE);
}

/* Nothing is there, and nothing else comes there; in whole small pages. */
static void addresses_are_reserved(void **state)
{
	static const size_t sizes[] = {1, SMALL, LARGE, LARGE + 1};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < 4; i++) {
		unsigned char *at = ceint_pages_reserve(sizes[i]);
		unsigned char *last = at + sizes[i] - 1;

		assert_true(begins_huge(at));
		assert_int_equal(write(ends[1], at, 1), -1);
		assert_int_equal(mprotect(at, sizes[i], PROT_READ | PROT_WRITE), 0);
		*at = *last = 1;
		munmap(at, sizes[i]);
	}
	close(ends[0]);
	close(ends[1]);
	refused = true;
	assert_null(ceint_pages_reserve(SMALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pages_are_zero_and_may_be_written, forget),
		cmocka_unit_test_setup(huge_ones_are_wished_for_where_they_are_worth_it,
	                               forget),
		cmocka_unit_test_setup(
			huge_ones_begin_at_such_an_address_wherever_they_are, forget),
		cmocka_unit_test_setup(grown_pages_keep_what_was_in_them, forget),
		cmocka_unit_test_setup(without_memory_there_are_none_and_old_ones_stay,
	                               forget),
		cmocka_unit_test_setup(pages_that_cannot_be_moved_stay, forget),
		cmocka_unit_test_setup(close_takes_null, forget),
		cmocka_unit_test(there_is_room_for_whole_huge_pages),
		cmocka_unit_test_setup(addresses_are_reserved, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
