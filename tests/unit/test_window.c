/* SPDX-License-Identifier: BSD-3-Clause */
/* test_window.c - what window_int.h promises. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/window_int.h"

enum { PAGE = 4096, PAGES = 40, SIZE = PAGES * PAGE };

static sigjmp_buf jump; /* where a SIGBUS that is not ours leads */

static void jump_out(int number)
{
	siglongjmp(jump, number);
}

/* Each time: cmocka puts its own handlers around every test. */
static void stand_guard(void)
{
	assert_int_equal(ceint_window_guard(), 0);
	assert_int_equal(ceint_window_guard(), 0); /* and not in front of itself */
}

static int file; /* of PAGES pages; each has its number in all bytes */

static int open_file(void **state)
{
	(void)state;
	file = memfd_create("window", MFD_CLOEXEC);
	for (int i = 0; i < PAGES; i++) {
		unsigned char page[PAGE];

		memset(page, i + 1, sizeof(page));
		if (write(file, page, sizeof(page)) != sizeof(page))
			return -1;
	}
	return 0;
}

static int close_file(void **state)
{
	(void)state;
	return close(file);
}

static struct ceint_window *open_window(off_t offset, size_t size)
{
	struct ceint_window *window;

	stand_guard();
	window = ceint_window_open(file, offset, size, "a file");
	assert_non_null(window);
	return window;
}

static unsigned byte_at(const struct ceint_window *window, size_t i)
{
	return *(const volatile unsigned char *)(window->bytes + i);
}

static bool is_mapped(const void *page)
{
	return msync((void *)(uintptr_t)page, PAGE, MS_ASYNC) == 0;
}

static void shrink(off_t size)
{
	assert_int_equal(ftruncate(file, size), 0);
}

static void nothing_is_mapped_before_the_guard_stands(void **state)
{
	(void)state;
	assert_null(ceint_window_open(file, 0, PAGE, "unguarded"));
}

static void window_shows_the_file(void **state)
{
	struct ceint_window *window = open_window(4 * PAGE, 3 * PAGE + 1);

	(void)state;
	assert_int_equal(byte_at(window, 0), 5);
	assert_int_equal(byte_at(window, 3 * PAGE), 8);
	assert_int_equal(ceint_window_check(window, NULL), 0);
	ceint_window_release(window);
}

static void window_stays_until_opener_and_batches_are_done(void **state)
{
	struct ceint_window *window = open_window(0, SIZE);
	const unsigned char *bytes = window->bytes;
	struct ce_batch batches[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		ceint_window_lend(window, &batches[i]);
		assert_int_equal(ce_batch_check(&batches[i], NULL), 0);
	}
	ce_batch_clear(&batches[1]); /* in any order */
	ceint_window_release(window);
	ce_batch_clear(&batches[1]); /* which has nothing to give back any more */
	ce_batch_clear(&batches[0]);
	assert_true(is_mapped(bytes));
	ce_batch_clear(&batches[2]);
	assert_false(is_mapped(bytes));
	ceint_window_release(NULL);
}

static void truncated_pages_are_zeros_and_the_window_is_torn(void **state)
{
	struct ceint_window *window = open_window(0, SIZE);
	struct ce_batch batch = {0};
	struct ce_err err = {0};

	(void)state;
	ceint_window_lend(window, &batch);
	shrink(9 * PAGE);
	for (size_t i = 0; i < SIZE; i += PAGE / 2)
		assert_int_equal(byte_at(window, i), i < 9 * PAGE ? i / PAGE + 1 : 0);
	assert_int_equal(ce_batch_check(&batch, &err), -EBADMSG);
	assert_string_equal(err.text, "a file: truncated while it was read (to 36864 bytes)");
	shrink(SIZE); /* that it has its size again makes nothing good */
	assert_int_equal(ce_batch_check(&batch, &err), -EIO);
	ceint_window_release(window);
	ce_batch_clear(&batch);
}

/* Then no page is gone, and no signal comes. */
static void cut_within_the_last_page_is_noticed(void **state)
{
	struct ceint_window *window = open_window(0, SIZE);

	(void)state;
	shrink(SIZE - 1);
	assert_int_equal(byte_at(window, SIZE - 1), 0);
	assert_int_equal(ceint_window_check(window, NULL), -EBADMSG);
	ceint_window_release(window);
}

static void next_window_at_the_same_place_is_whole(void **state)
{
	struct ceint_window *window = open_window(0, SIZE);

	(void)state;
	shrink(0);
	assert_int_equal(byte_at(window, 0), 0);
	ceint_window_release(window);
	shrink(SIZE);
	window = open_window(0, SIZE);
	assert_int_equal(ceint_window_check(window, NULL), 0);
	ceint_window_release(window);
}

static void window_of_what_is_not_there_opens_and_is_torn(void **state)
{
	struct ceint_window *window;

	(void)state;
	shrink(PAGE);
	window = open_window(0, SIZE);
	assert_int_equal(ceint_window_check(window, NULL), -EBADMSG);
	ceint_window_release(window);
}

static void descriptor_without_a_file_cannot_be_mapped(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 1000; i++) /* and takes no place in the table */
		assert_null(ceint_window_open(pipes[0], 0, SIZE, "a pipe"));
	close(pipes[0]);
	close(pipes[1]);
	ceint_window_release(open_window(0, SIZE));
}

static void more_windows_than_places_are_refused_until_one_closes(void **state)
{
	struct ceint_window *windows[1000];
	int count = 0;

	(void)state;
	stand_guard();
	while (count < 1000 && (windows[count] = ceint_window_open(file, 0, PAGE, "one")))
		count++;
	assert_int_equal(count, 256); /* so none was left open before */
	ceint_window_release(windows[7]);
	windows[7] = open_window(0, PAGE);
	shrink(0);
	assert_int_equal(byte_at(windows[255], 0), 0);
	while (count--)
		ceint_window_release(windows[count]);
}

static void fault_outside_of_windows_goes_to_the_handler_before(void **state)
{
	const struct sigaction action = {.sa_handler = jump_out};
	const volatile unsigned char *other =
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
	struct ceint_window *window;

	(void)state;
	sigaction(SIGBUS, &action, NULL);
	window = open_window(0, PAGE);
	shrink(0);
	if (sigsetjmp(jump, 1) == 0) {
		(void)*other;
		fail_msg("nobody heard of the fault");
	}
	assert_int_equal(byte_at(window, 0), 0);
	munmap((void *)(uintptr_t)other, PAGE);
	ceint_window_release(window);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(nothing_is_mapped_before_the_guard_stands), /* first */
		with_file(window_shows_the_file),
		with_file(window_stays_until_opener_and_batches_are_done),
		with_file(truncated_pages_are_zeros_and_the_window_is_torn),
		with_file(cut_within_the_last_page_is_noticed),
		with_file(next_window_at_the_same_place_is_whole),
		with_file(window_of_what_is_not_there_opens_and_is_torn),
		with_file(descriptor_without_a_file_cannot_be_mapped),
		with_file(more_windows_than_places_are_refused_until_one_closes),
		with_file(fault_outside_of_windows_goes_to_the_handler_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
