/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mapping.c - what mapping_int.h promises, of a file in memory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/mapping_int.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum {
	PAGE = 4096,
	WINDOW = CEINT_WINDOW,
	WINDOWS = 16,
	SLACK = 10 * PAGE,
	SIZE = WINDOWS * WINDOW + SLACK,
};

static sigjmp_buf jump; /* where a SIGBUS that is not ours leads */

static void jump_out(int number)
{
	siglongjmp(jump, number);
}

/* Each time: cmocka puts its own handlers around every test. */
static void stand_guard(void)
{
	assert_int_equal(ceint_mapping_guard(), 0);
	assert_int_equal(ceint_mapping_guard(), 0); /* and not in front of itself */
}

/* What faults are said to have been since the question before, question by question; or,
   where there is none, the truth. */
static struct {
	const int *answers;
	int count;
	long sum;
	long of_disk; /* one was, when so many answers are left; -1: none */
} said = {.of_disk = -1};

int __real_getrusage(int who, struct rusage *usage);
int __wrap_getrusage(int who, struct rusage *usage);

int __wrap_getrusage(int who, struct rusage *usage)
{
	int rc = __real_getrusage(who, usage);

	if (!said.answers)
		return rc;
	said.sum += said.count ? *said.answers++ : 0;
	said.count -= said.count > 0;
	usage->ru_minflt = said.sum;
	usage->ru_majflt = said.count <= said.of_disk;
	return rc;
}

static int asked; /* how often for the file's size */
int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);

int __wrap_fstat(int fd, struct stat *status)
{
	asked++;
	return __real_fstat(fd, status);
}

static int file; /* each page begins with the number of its window, from 1 */
static unsigned char *contents;

static int open_file(void **state)
{
	unsigned char *room;

	(void)state;
	file = memfd_create("mapping", MFD_CLOEXEC);
	if (ftruncate(file, SIZE) < 0)
		return -1;
	room = mmap(NULL, SIZE + WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	contents = room + -(uintptr_t)room % WINDOW;
	contents = mmap(contents, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
	                file, 0);
	if (contents == MAP_FAILED)
		return -1;
	for (int page = 0; page < SIZE; page += PAGE)
		contents[page] = (unsigned char)(page / WINDOW + 1);
	return 0;
}

static int close_file(void **state)
{
	(void)state;
	munmap(contents, SIZE);
	return close(file);
}

/* Have the windows [from, to) in huge pages. */
static void make_huge(int from, int to)
{
	if (madvise(contents + (size_t)from * WINDOW, (size_t)(to - from) * WINDOW,
	            MADV_COLLAPSE) < 0) {
		print_message("no huge pages for files: %s\n", strerror(errno));
		skip();
	}
}

static struct ceint_mapping *open_mapping(void)
{
	struct ceint_mapping *mapping;

	stand_guard();
	mapping = ceint_mapping_open(file, SLACK, "a file");
	assert_non_null(mapping);
	return mapping;
}

static const unsigned char *find(struct ceint_mapping *mapping, int from, int to)
{
	return ceint_mapping_find(mapping, (off_t)from * WINDOW, (off_t)to * WINDOW,
	                          CEINT_LARGE);
}

static unsigned byte_at(const unsigned char *bytes, size_t i)
{
	return ((const volatile unsigned char *)bytes)[i];
}

static bool is_mapped(const void *page)
{
	return msync((void *)(uintptr_t)page, PAGE, MS_ASYNC) == 0;
}

/* Of the file, in this process, in KiB. */
static long resident(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (kib < 0 && fgets(line, sizeof(line), status))
		sscanf(line, "RssShmem: %ld", &kib);
	fclose(status);
	return kib;
}

static void shrink(off_t size)
{
	assert_int_equal(ftruncate(file, size), 0);
}

static void nothing_is_mapped_before_the_guard_stands(void **state)
{
	(void)state;
	assert_null(ceint_mapping_open(file, SLACK, "unguarded"));
}

static void small_and_sparse_files_and_pipes_are_not_mapped(void **state)
{
	int pipes[2];

	(void)state;
	stand_guard();
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 1000; i++) /* and take no place in the table */
		assert_null(ceint_mapping_open(pipes[0], SLACK, "a pipe"));
	close(pipes[0]);
	close(pipes[1]);
	shrink(WINDOW + SLACK - 1);
	assert_null(ceint_mapping_open(file, SLACK, "small"));
	shrink(WINDOW + SLACK);
	ceint_mapping_release(open_mapping());
	shrink(SIZE); /* with a hole, which faults would fill */
	assert_null(ceint_mapping_open(file, SLACK, "sparse"));
	ceint_mapping_release(NULL);
}

static void huge_windows_are_found(void **state)
{
	struct ceint_mapping *mapping;
	const unsigned char *bytes;

	(void)state;
	make_huge(0, 3);
	mapping = open_mapping();
	bytes = find(mapping, 0, 3);
	assert_non_null(bytes);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(byte_at(bytes, i * WINDOW), i + 1);
	assert_ptr_equal(find(mapping, 1, 2), bytes + WINDOW);
	assert_ptr_equal(ceint_mapping_find(mapping, 24, 100, CEINT_LARGE), bytes + 24);
	assert_int_equal(ceint_mapping_check(mapping, SIZE, NULL), 0);
	ceint_mapping_release(mapping);
}

static void others_are_not_found(void **state)
{
	struct ceint_mapping *mapping;

	(void)state;
	make_huge(0, 1);
	mapping = open_mapping();
	assert_non_null(find(mapping, 0, 1));
	assert_null(find(mapping, 0, 2)); /* the second is not */
	assert_null(find(mapping, 1, 2));
	assert_null(find(mapping, 1, 2)); /* also where it was looked at before */
	assert_non_null(find(mapping, 0, 1));
	ceint_mapping_release(mapping);
}

/* A window is touched at two places in each of four blocks. */
static void pages_are_small_where_two_blocks_take_two_faults(void **state)
{
	static const struct {
		int faults[4];
		enum ceint_pages pages;
	} windows[] = {
		{{0, 0, 0, 0}, CEINT_LARGE}, {{1, 0, 0, 0}, CEINT_LARGE},
		{{1, 1, 1, 1}, CEINT_LARGE}, {{2, 1, 1, 1}, CEINT_LARGE},
		{{1, 0, 1, 2}, CEINT_LARGE}, {{2, 2, 1, 1}, CEINT_SMALL},
		{{2, 0, 0, 2}, CEINT_SMALL}, {{1, 2, 2, 1}, CEINT_SMALL},
		{{2, 2, 2, 2}, CEINT_SMALL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++)
		for (enum ceint_pages least = CEINT_SMALL; least <= CEINT_LARGE;
		     least++) {
			struct ceint_mapping *mapping = open_mapping();
			int answers[6] = {3, 0};

			memcpy(answers + 2, windows[i].faults, sizeof(windows[i].faults));
			said.answers = answers;
			said.count = 6;
			assert_int_equal(ceint_mapping_find(mapping, 0, WINDOW, least) !=
			                         NULL,
			                 windows[i].pages >= least);
			said.answers = NULL;
			ceint_mapping_release(mapping);
		}
}

static void pages_that_come_from_the_disk_are_not_found(void **state)
{
	static const int answers[6] = {3, 0, 1, 1, 1, 1};

	(void)state;
	for (int of_disk = -1; of_disk < 4; of_disk++) {
		struct ceint_mapping *mapping = open_mapping();

		said.answers = answers;
		said.count = 6;
		said.of_disk = of_disk;
		assert_int_equal(ceint_mapping_find(mapping, 0, WINDOW, CEINT_SMALL) !=
		                         NULL,
		                 of_disk < 0);
		said.answers = NULL;
		ceint_mapping_release(mapping);
	}
	said.of_disk = -1;
}

/* A thread that came while it is looked at would not find it. */
static void next_window_is_looked_at_ahead(void **state)
{
	struct ceint_mapping *mapping;
	long before;

	(void)state;
	make_huge(0, 3);
	munmap(contents, SIZE);
	before = resident();
	mapping = open_mapping();
	assert_int_equal(resident() - before, 0);
	for (int i = 0; i < 2; i++)
		assert_non_null(find(mapping, 0, 1));
	assert_int_equal(resident() - before, 2 * WINDOW / 1024);
	ceint_mapping_release(mapping);
}

static void nothing_is_found_without_slack_behind_it(void **state)
{
	struct ceint_mapping *mapping;

	(void)state;
	make_huge(0, WINDOWS);
	mapping = open_mapping();
	assert_non_null(find(mapping, WINDOWS - 1, WINDOWS));
	assert_null(ceint_mapping_find(mapping, (off_t)(WINDOWS - 1) * WINDOW,
	                               (off_t)WINDOWS * WINDOW + 1, CEINT_LARGE));
	ceint_mapping_release(mapping);
	shrink(SIZE - 1);
	mapping = open_mapping();
	assert_null(find(mapping, WINDOWS - 1, WINDOWS));
	ceint_mapping_release(mapping);
}

static void it_stays_until_opener_and_users_are_done(void **state)
{
	struct ceint_mapping *mapping;
	const unsigned char *bytes;

	(void)state;
	make_huge(0, 1);
	mapping = open_mapping();
	bytes = find(mapping, 0, 1);
	ceint_mapping_use(mapping);
	ceint_mapping_use(mapping);
	ceint_mapping_done(mapping, 0);
	ceint_mapping_release(mapping);
	assert_true(is_mapped(bytes));
	assert_int_equal(byte_at(bytes, 0), 1);
	ceint_mapping_done(mapping, WINDOW);
	assert_false(is_mapped(bytes));
}

static void what_nobody_needs_is_given_back(void **state)
{
	struct ceint_mapping *mapping;
	long before;

	(void)state;
	make_huge(0, WINDOWS);
	munmap(contents, SIZE);
	before = resident();
	mapping = open_mapping();
	for (int i = 0; i < WINDOWS; i++) {
		assert_int_equal(byte_at(find(mapping, i, i + 1), 0), i + 1);
		ceint_mapping_use(mapping);
		ceint_mapping_done(mapping, (off_t)i * WINDOW);
		assert_true(resident() - before <= 8 * WINDOW / 1024);
	}
	ceint_mapping_release(mapping);
}

static void truncated_pages_are_zeros_and_it_is_told(void **state)
{
	struct ceint_mapping *mapping;
	const unsigned char *bytes;
	struct ce_err err = {0};

	(void)state;
	make_huge(0, 2);
	mapping = open_mapping();
	bytes = find(mapping, 0, 2);
	assert_non_null(bytes);
	shrink(9 * PAGE);
	for (size_t i = 0; i < SLACK; i += PAGE)
		assert_int_equal(byte_at(bytes, i), i < 9 * PAGE);
	assert_int_equal(byte_at(bytes, WINDOW), 0);
	assert_int_equal(ceint_mapping_check(mapping, SIZE, &err), -EBADMSG);
	assert_string_equal(err.text,
	                    "a file: truncated while it was read (to 36864 bytes)");
	assert_int_equal(ceint_mapping_check(mapping, 9 * PAGE, NULL), 0);
	shrink(SIZE); /* that it has its size again makes nothing good */
	assert_int_equal(ceint_mapping_check(mapping, SIZE, &err), -EIO);
	assert_int_equal(ceint_mapping_check(mapping, 9 * PAGE + 1, NULL), -EIO);
	assert_int_equal(ceint_mapping_check(mapping, 9 * PAGE, NULL), 0);
	ceint_mapping_release(mapping);
	assert_int_equal(posix_fallocate(file, 0, SIZE), 0);
	mapping = open_mapping(); /* and the next one is whole */
	assert_int_equal(ceint_mapping_check(mapping, SIZE, NULL), 0);
	ceint_mapping_release(mapping);
}

/* Then no page is gone, and no signal comes. */
static void cut_within_a_page_is_noticed(void **state)
{
	struct ceint_mapping *mapping = open_mapping();

	(void)state;
	shrink(SIZE - 1);
	assert_int_equal(ceint_mapping_check(mapping, SIZE, NULL), -EBADMSG);
	ceint_mapping_release(mapping);
}

/* What stands behind says whether it is whole, without a system call; unless that is zeros
   anyway. */
static void only_zeros_behind_the_end_are_asked_about(void **state)
{
	struct ceint_mapping *mapping;

	(void)state;
	memset(contents + 100, 1, 4);
	mapping = open_mapping();
	asked = 0;
	assert_int_equal(ceint_mapping_check(mapping, 100, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, 103, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, WINDOW, NULL), 0);
	assert_int_equal(asked, 0);
	assert_int_equal(ceint_mapping_check(mapping, 104, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, SIZE - 3, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, SIZE, NULL), 0);
	assert_int_equal(asked, 3);
	shrink(101);
	assert_int_equal(ceint_mapping_check(mapping, 100, NULL), 0);
	assert_int_equal(asked, 3);
	assert_int_equal(ceint_mapping_check(mapping, 101, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, 102, NULL), -EBADMSG);
	assert_int_equal(ceint_mapping_check(mapping, WINDOW, NULL), -EBADMSG);
	shrink(100);
	assert_int_equal(ceint_mapping_check(mapping, 100, NULL), 0);
	assert_int_equal(ceint_mapping_check(mapping, 101, NULL), -EBADMSG);
	assert_int_equal(asked, 8);
	ceint_mapping_release(mapping);
}

static void more_than_there_are_places_are_refused_until_one_closes(void **state)
{
	struct ceint_mapping *mappings[1000];
	int count = 0;

	(void)state;
	make_huge(0, 1);
	stand_guard();
	while (count < 1000 && (mappings[count] = ceint_mapping_open(file, SLACK, "one")))
		count++;
	assert_int_equal(count, 256); /* so none was left open before */
	ceint_mapping_release(mappings[7]);
	mappings[7] = open_mapping();
	assert_non_null(find(mappings[255], 0, 1));
	shrink(0);
	assert_int_equal(byte_at(find(mappings[255], 0, 1), 0), 0);
	while (count--)
		ceint_mapping_release(mappings[count]);
}

static void fault_elsewhere_goes_to_the_handler_before(void **state)
{
	const struct sigaction action = {.sa_handler = jump_out};
	struct ceint_mapping *mapping;

	(void)state;
	make_huge(0, 1);
	sigaction(SIGBUS, &action, NULL);
	mapping = open_mapping();
	assert_non_null(find(mapping, 0, 1));
	shrink(0);
	if (sigsetjmp(jump, 1) == 0) {
		(void)byte_at(contents, 0);
		fail_msg("nobody heard of the fault");
	}
	assert_int_equal(byte_at(find(mapping, 0, 1), 0), 0);
	ceint_mapping_release(mapping);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(nothing_is_mapped_before_the_guard_stands), /* first */
		with_file(small_and_sparse_files_and_pipes_are_not_mapped),
		with_file(huge_windows_are_found),
		with_file(others_are_not_found),
		with_file(pages_are_small_where_two_blocks_take_two_faults),
		with_file(pages_that_come_from_the_disk_are_not_found),
		with_file(next_window_is_looked_at_ahead),
		with_file(nothing_is_found_without_slack_behind_it),
		with_file(it_stays_until_opener_and_users_are_done),
		with_file(what_nobody_needs_is_given_back),
		with_file(truncated_pages_are_zeros_and_it_is_told),
		with_file(cut_within_a_page_is_noticed),
		with_file(only_zeros_behind_the_end_are_asked_about),
		with_file(more_than_there_are_places_are_refused_until_one_closes),
		with_file(fault_elsewhere_goes_to_the_handler_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
