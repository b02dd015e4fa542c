/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dump_pool.c - what a pool of dumps promises: writes that are over are seen to
 * without waiting, and a pipe that takes nothing is waited for only as long as is wanted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "support/faults.h"
#include "support/packets.h"

enum {
	COUNT = 15000,   /* packets of several pieces */
	PIPE = 64 << 10, /* bytes that a pipe takes, */
	OVERFULL = 800   /* and packets that are more */
};

static const int64_t SECOND_NS = 1000000000;

static struct ce_dump_pool *pool;

static int open_pool(void **state)
{
	(void)state;
	faults = (struct faults){0};
	faults_install();
	return ce_dump_pool_open(&pool, 0);
}

/* One that is refused io_uring, as its first write finds out. */
static int open_plain_pool(void **state)
{
	int rc = open_pool(state);

	faults.plain = true;
	return rc;
}

static int close_pool(void **state)
{
	(void)state;
	ce_dump_pool_close(pool);
	ceint_io = faults_real;
	return 0;
}

static struct ce_dump *open_dump(const char *path, size_t queue)
{
	const struct ce_dump_options options = {
		.pool = pool, .linktype = DLT_EN10MB, .queue = queue};
	struct ce_dump *dump = NULL;
	struct ce_err err = {0};

	if (ce_dump_open(&dump, path, &options, &err) < 0)
		fail_msg("%s", err.text);
	return dump;
}

static void write_packets(struct ce_dump *dump, uint32_t count)
{
	static const struct ce_origin ethernet = {.linktype = DLT_EN10MB};
	unsigned char bytes[PACKETS_MOST];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = packets_format(bytes, i);
		const struct ce_record record = {.caplen = length, .len = length};

		assert_int_equal(
			ce_dump_write_packet(dump, &ethernet, &record, bytes, NULL), 0);
	}
}

static off_t size_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_size;
}

/* The test's disk: no write is over before it says so. */
static bool stuck;

static int stuck_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	if (wait_ms)
		fail_msg("it waits");
	*over = NULL;
	return stuck ? 0 : faults_real.reap(uring, wait_ms, over);
}

static int64_t hastened; /* bytes that were sent on to the disk */

/* In order, and nothing twice; and that it fails harms nothing. */
static int count_hasten(int fd, int64_t offset, int64_t size)
{
	(void)fd;
	assert_true(offset == hastened);
	hastened += size;
	return -EIO;
}

static void what_is_synced_in_the_end_is_on_its_way_before(void **state)
{
	enum { MANY = 200000, LEAST = 16 << 20 };

	(void)state;
	ceint_io.hasten = count_hasten;
	for (int i = 0; i < 4; i++) {
		const bool sync = i & 1, may_wait = i & 2;
		const struct ce_dump_options options = {
			.pool = pool, .linktype = DLT_EN10MB, .sync = sync};
		struct packets_file file = packets_file_open("", 0);
		struct ce_dump *dump = NULL;

		hastened = 0;
		ce_dump_pool_may_wait(pool, may_wait);
		assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
		write_packets(dump, MANY);
		assert_int_equal(ce_dump_close(dump, NULL), 0);
		assert_true(size_of(file.fd) > LEAST);
		assert_true(sync && may_wait ? hastened >= LEAST : hastened == 0);
		packets_file_close(&file);
	}
	ceint_io.hasten = faults_real.hasten;
}

static void reap_of_a_pool_without_writes_says_so(void **state)
{
	struct packets_file file = packets_file_open("", 0);
	struct ce_dump *dump;

	(void)state;
	assert_false(ce_dump_pool_reap(pool));
	dump = open_dump(file.path, 0);
	assert_false(ce_dump_pool_reap(pool)); /* it has a header, that is gathered */
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	assert_false(ce_dump_pool_reap(pool));
	packets_file_close(&file);
}

/* Nobody but reap looks after the dumps. */
static void reap_begins_the_writes_that_wait_for_others(void **state)
{
	struct packets_file files[2];
	struct ce_dump *dumps[2];

	(void)state;
	if (ce_dump_pool_refused(pool)) /* then each write is over at once */
		skip();
	ceint_io.reap = stuck_reap;
	stuck = true;
	for (int i = 0; i < 2; i++) {
		files[i] = packets_file_open("", 0);
		dumps[i] = open_dump(files[i].path, 64 << 20);
		write_packets(dumps[i], COUNT);
		assert_int_equal(ce_dump_push(dumps[i], NULL), 0);
	}
	assert_true(ce_dump_pool_reap(pool));
	stuck = false;
	for (int i = 0; i < 5000 && ce_dump_pool_reap(pool); i++)
		usleep(1000);
	assert_false(ce_dump_pool_reap(pool));
	for (int i = 0; i < 2; i++)
		assert_int_equal(size_of(files[i].fd), ce_dump_tell(dumps[i]));
	ceint_io.reap = faults_reap;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ce_dump_close(dumps[i], NULL), 0);
		packets_file_close(&files[i]);
	}
}

/* Who is asked whether to hurry. Only that lets time go by; and it reads the pipe. */
static struct asker {
	int answer;
	int64_t step_ns; /* goes by each time */
	int first, last; /* the times that it reads, from 1, */
	size_t bytes;    /* so much */
	int asked;
	int fd;
	int64_t now_ns;
} asker;

int64_t __wrap_ce_clock_mono_ns(void);

int64_t __wrap_ce_clock_mono_ns(void)
{
	return asker.now_ns;
}

static int hurry(void)
{
	static unsigned char bytes[PIPE];

	asker.now_ns += asker.step_ns;
	asker.asked++;
	if (asker.asked >= asker.first && asker.asked <= asker.last)
		assert_true(read(asker.fd, bytes, asker.bytes) > 0);
	return asker.answer;
}

/* The dump writes its header, and then waits for the pipe. */
static int flush_overfull(int to)
{
	struct ce_dump *dump;
	struct ce_err err = {0};
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	dump = open_dump(path, 1 << 20);
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	write_packets(dump, OVERFULL);
	rc = ce_dump_flush(dump, &err);
	if (rc < 0)
		assert_non_null(strstr(err.text, "its reader takes no more"));
	assert_int_equal(ce_dump_close(dump, NULL), rc);
	return rc;
}

static void open_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, PIPE), PIPE);
}

/* What flush says of a pipe that has no room for all, while this one is asked. */
static int flush_asking(struct asker how)
{
	int ends[2], rc;

	open_pipe(ends);
	asker = how;
	asker.now_ns = 1;
	asker.fd = ends[0];
	ce_dump_pool_hurry(pool, hurry);
	rc = flush_overfull(ends[1]);
	close(ends[0]);
	close(ends[1]);
	return rc;
}

static void who_does_not_hurry_waits_for_ever(void **state)
{
	(void)state;
	assert_int_equal(
		flush_asking((struct asker){
			.step_ns = 10 * SECOND_NS, .first = 4, .last = 5, .bytes = PIPE}),
		0);
	assert_true(asker.asked >= 4);
}

static void who_is_in_a_hurry_waits_two_seconds(void **state)
{
	(void)state;
	assert_int_equal(
		flush_asking((struct asker){.answer = 1, .step_ns = SECOND_NS / 2}),
		-ETIMEDOUT);
	assert_in_range(asker.asked, 1 + 4, 2 + 4); /* a look more or less */
}

/* Though the pipe has room for a write only when all of a page was read. */
static void two_seconds_are_those_in_which_nobody_reads(void **state)
{
	static const size_t sizes[] = {500, 4096};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(flush_asking((struct asker){.answer = 1,
		                                             .step_ns = SECOND_NS,
		                                             .first = 2,
		                                             .last = 6,
		                                             .bytes = sizes[i]}),
		                 -ETIMEDOUT);
		assert_in_range(asker.asked, 6 + 1, 6 + 4);
	}
}

static void who_cannot_wait_gives_a_pipe_up_at_once(void **state)
{
	(void)state;
	assert_int_equal(flush_asking((struct asker){.answer = 2}), -ETIMEDOUT);
	assert_int_equal(asker.asked, 1);
}

static void *read_later(void *arg)
{
	static unsigned char bytes[PIPE];
	int *fd = arg;

	usleep(300000);
	while (read(*fd, bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

static void null_means_that_nobody_is_asked(void **state)
{
	pthread_t reader;
	int ends[2];

	(void)state;
	open_pipe(ends);
	asker = (struct asker){.answer = 2};
	ce_dump_pool_hurry(pool, hurry);
	ce_dump_pool_hurry(pool, NULL);
	assert_int_equal(pthread_create(&reader, NULL, read_later, &ends[0]), 0);
	assert_int_equal(flush_overfull(ends[1]), 0);
	assert_int_equal(asker.asked, 0);
	close(ends[1]);
	pthread_join(reader, NULL);
	close(ends[0]);
}

/* Through io_uring, and by plain calls. */
#define with_both(test)                                               \
	cmocka_unit_test_setup_teardown(test, open_pool, close_pool), \
		cmocka_unit_test_setup_teardown(test, open_plain_pool, close_pool)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_both(what_is_synced_in_the_end_is_on_its_way_before),
		with_both(reap_of_a_pool_without_writes_says_so),
		cmocka_unit_test_setup_teardown(
			reap_begins_the_writes_that_wait_for_others, open_pool,
			close_pool),
		with_both(who_does_not_hurry_waits_for_ever),
		with_both(who_is_in_a_hurry_waits_two_seconds),
		with_both(two_seconds_are_those_in_which_nobody_reads),
		with_both(who_cannot_wait_gives_a_pipe_up_at_once),
		with_both(null_means_that_nobody_is_asked),
	};

	alarm(60); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
