/* SPDX-License-Identifier: BSD-3-Clause */
/* test_packer.c - what file/packer_int.h promises, and dumps that are compressed by it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "file/packer_int.h"
#include "support/packets.h"

enum { FRAMES = 40, BYTES = 100000 };

static bool no_threads;
static atomic_size_t refused; /* sizes from which malloc has no memory; 0: it has */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

void *__wrap_malloc(size_t size)
{
	size_t least = atomic_load(&refused);

	return least && size >= least ? NULL : __real_malloc(size);
}

static void give(struct ceint_packer *packer, uint64_t number)
{
	struct ceint_frame *frame = ceint_packer_new(packer);

	assert_non_null(frame);
	assert_true(ceint_frame_grow(frame, BYTES));
	memset(frame->data, (int)number, BYTES);
	frame->used = BYTES;
	frame->packets = number;
	ceint_packer_give(packer, frame);
}

static void frames_come_back_in_order(void)
{
	struct ceint_packer *packer;
	struct ceint_frame *frame;

	for (int how = CEINT_GZIP; how <= CEINT_ZSTD; how++) {
		uint64_t taken = 0;

		assert_int_equal(ceint_packer_open(&packer, (enum ceint_compression)how),
		                 0);
		assert_null(ceint_packer_take(packer, true));
		for (uint64_t i = 0; i < FRAMES; i++)
			give(packer, i);
		assert_int_equal(ceint_packer_given(packer), FRAMES);
		for (; (frame = ceint_packer_take(packer, taken % 2)) || taken < FRAMES;
		     ceint_packer_put(packer, frame)) {
			if (!frame)
				continue;
			assert_int_equal(frame->packets, taken++);
			assert_in_range(frame->length, 10, BYTES / 10);
		}
		assert_int_equal(taken, FRAMES);
		assert_int_equal(ceint_packer_given(packer), 0);
		ceint_packer_close(packer);
	}
}

static void frames_are_compressed_behind_the_back(void **state)
{
	(void)state;
	frames_come_back_in_order();
}

static void without_a_thread_they_are_compressed_all_the_same(void **state)
{
	(void)state;
	no_threads = true;
	frames_come_back_in_order();
	no_threads = false;
}

static int write_one(struct ce_dump *dump, struct ce_err *err)
{
	static const struct ce_origin origin = {.linktype = DLT_EN10MB};
	static const unsigned char bytes[1000];
	const struct ce_record record = {.caplen = sizeof(bytes), .len = sizeof(bytes)};

	return ce_dump_write_packet(dump, &origin, &record, bytes, err);
}

/* A frame for which there is no memory is said, and its packets are not counted. */
static void frame_without_memory_is_no_silent_loss(void **state)
{
	struct ce_dump_options options = {.linktype = DLT_EN10MB,
	                                  .compression = CE_DUMP_ZSTD};
	struct packets_file file = packets_file_open("", 0);
	struct ce_dump_counters counters;
	struct ce_dump *dump;
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(write_one(dump, NULL), 0);
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(write_one(dump, NULL), 0);
	atomic_store(&refused, 200000); /* what the larger frame may need */
	assert_int_equal(ce_dump_flush(dump, &err), -ENOMEM);
	atomic_store(&refused, 0);
	assert_non_null(strstr(err.text, "it holds 20 packets"));
	ce_dump_count(dump, &counters);
	assert_int_equal(counters.written, 20);
	assert_int_equal(counters.failed, 200);
	assert_int_equal(ce_dump_close(dump, NULL), -ENOMEM);
	packets_file_close(&file);
}

/* What is compressed when nothing is written any more goes to the file all the same. */
static void all_that_was_compressed_is_pushed_in_the_end(void **state)
{
	struct ce_dump_options options = {
		.linktype = DLT_EN10MB, .compression = CE_DUMP_GZIP, .queue = 64 << 20};
	struct packets_file file = packets_file_open("", 0);
	struct ce_dump *dump;
	int64_t pushed;

	(void)state;
	assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
	for (int i = 0; i < 30000; i++)
		assert_int_equal(write_one(dump, NULL), 0);
	assert_int_equal(ce_dump_push(dump, NULL), 0);
	do { /* as long as it grows within a tenth of a second */
		pushed = ce_dump_tell(dump);
		usleep(100000);
		assert_int_equal(ce_dump_push(dump, NULL), 0);
	} while (ce_dump_tell(dump) != pushed);
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	assert_int_equal(ce_dump_tell(dump), pushed);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	packets_file_close(&file);
}

/* Many dumps share the thread, and each gets its own frames. */
static void dumps_share_the_thread(void **state)
{
	enum { DUMPS = 20, EACH = 300 };
	struct ce_dump_options options = {.linktype = DLT_EN10MB,
	                                  .compression = CE_DUMP_GZIP};
	struct ce_dump *dumps[DUMPS];
	struct packets_file files[DUMPS];
	struct ce_dump_counters counters;

	(void)state;
	assert_int_equal(ce_dump_pool_open(&options.pool, 3), 0);
	for (int i = 0; i < DUMPS; i++) {
		files[i] = packets_file_open("", 0);
		assert_int_equal(ce_dump_open(&dumps[i], files[i].path, &options, NULL),
		                 0);
	}
	for (int packet = 0; packet < EACH; packet++)
		for (int i = 0; i < DUMPS; i++)
			assert_int_equal(write_one(dumps[i], NULL), 0);
	for (int i = 0; i < DUMPS; i++) {
		ce_dump_count(dumps[i], &counters);
		assert_int_equal(counters.written, EACH);
		assert_int_equal(ce_dump_close(dumps[i], NULL), 0);
		packets_file_close(&files[i]);
	}
	ce_dump_pool_close(options.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_compressed_behind_the_back),
		cmocka_unit_test(without_a_thread_they_are_compressed_all_the_same),
		cmocka_unit_test(frame_without_memory_is_no_silent_loss),
		cmocka_unit_test(all_that_was_compressed_is_pushed_in_the_end),
		cmocka_unit_test(dumps_share_the_thread),
	};

	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
