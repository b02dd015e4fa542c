/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_failures.c - every call of the engine that may run out of something does,
 * one after the other: each time there is an error with words, and nothing is left
 * allocated or open. The linker puts the functions below in place of the real ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "capengine/filter.h"
#include "capengine/reader.h"
#include "capengine/ring.h"
#include "capengine/rotate.h"
#include "support/own_network.h"
#include "support/packets.h"

enum { COUNT = 30, DEADLINE_MS = 5000, MOST_CALLS = 1000, HUGE = 300000 };

static atomic_bool armed;    /* only the engine's calls are counted, not the test's */
static atomic_int calls;     /* so far */
static atomic_int fails_at;  /* the call that fails */
static atomic_int allocated; /* blocks of memory that nobody freed */

static bool fails(int code)
{
	if (!armed || ++calls != fails_at)
		return false;
	errno = code;
	return true;
}

static void *counted(void *block)
{
	allocated += armed && block;
	return block;
}

#define WRAP(type, name, ...)            \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

WRAP(void *, malloc, size_t size)
{
	return fails(ENOMEM) ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, size_t count, size_t size)
{
	return fails(ENOMEM) ? NULL : counted(__real_calloc(count, size));
}

WRAP(void *, aligned_alloc, size_t alignment, size_t size)
{
	return fails(ENOMEM) ? NULL : counted(__real_aligned_alloc(alignment, size));
}

WRAP(void *, realloc, void *block, size_t size)
{
	if (fails(ENOMEM))
		return NULL;
	return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

WRAP(char *, strdup, const char *text)
{
	return fails(ENOMEM) ? NULL : counted(__real_strdup(text));
}

WRAP(void, free, void *block)
{
	allocated -= armed && block;
	__real_free(block);
}

WRAP(void *, mmap, void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	return fails(ENOMEM) ? (void *)-1
	                     : __real_mmap(at, size, access, flags, fd, offset);
}

WRAP(int, eventfd, unsigned value, int flags)
{
	return fails(EMFILE) ? -1 : __real_eventfd(value, flags);
}

WRAP(FILE *, fdopen, int fd, const char *mode)
{
	return fails(ENOMEM) ? NULL : __real_fdopen(fd, mode);
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
	return fails(EMFILE) ? NULL : __real_fopen(path, mode);
}

WRAP(FILE *, fmemopen, void *bytes, size_t size, const char *mode)
{
	return fails(ENOMEM) ? NULL : __real_fmemopen(bytes, size, mode);
}

WRAP(FILE *, fopencookie, void *cookie, const char *mode, cookie_io_functions_t functions)
{
	return fails(ENOMEM) ? NULL : __real_fopencookie(cookie, mode, functions);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
     void *(*run)(void *), void *arg)
{
	return fails(EAGAIN) ? EAGAIN
	                     : __real_pthread_create(thread, attributes, run, arg);
}

WRAP(pcap_t *, pcap_open_dead, int linktype, int snaplen)
{
	return fails(ENOMEM) ? NULL : __real_pcap_open_dead(linktype, snaplen);
}

WRAP(pcap_t *, pcap_fopen_offline_with_tstamp_precision, FILE *file, u_int precision,
     char *message)
{
	if (!fails(ENOMEM))
		return __real_pcap_fopen_offline_with_tstamp_precision(file, precision,
		                                                       message);
	strcpy(message, "malloc: Cannot allocate memory");
	return NULL;
}

static uint32_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	uint32_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* Take all packets; gives 0 at their end. */
static int take_all(struct ce_reader *reader, struct ce_err *err)
{
	int rc;

	while ((rc = ce_reader_fetch(reader, DEADLINE_MS, err)) == 1)
		ce_batch_take(ce_reader_batch(reader));
	assert_int_not_equal(rc, 0);
	return rc == -ENODATA ? 0 : rc;
}

/* Open, filter, read to the end and close. 0, or the first error; who copes with a failure
   has read all `packets`. */
static int read_with(const struct ce_reader_options *options, const char *expression,
                     uint64_t packets, struct ce_err *err)
{
	struct ce_reader *reader = NULL;
	struct ce_stats stats = {0};
	int rc = ce_reader_open(&reader, options, err);

	if (rc < 0) {
		assert_null(reader);
		return rc;
	}
	rc = ce_reader_setfilter(reader, expression, 0, err);
	if (rc == 0)
		rc = take_all(reader, err);
	ce_reader_close(reader, &stats, NULL);
	assert_true(stats.captured ==
	            stats.filtered + stats.delivered + stats.undelivered);
	assert_true(rc < 0 || stats.captured == packets);
	return rc;
}

static struct packets_file files[2];

/* Two files in small batches, so that packets are carried from one to the next. */
static int read_files(struct ce_err *err)
{
	const char *const paths[] = {files[0].path, files[1].path};
	const struct ce_reader_options options = {
		.kind = &ce_source_savefile,
		.source = {.files = paths, .file_count = 2},
		.capture.batch = 3,
		.filter = "udp",
	};

	return read_with(&options, "udp dst portrange 1000-1008", 2 * COUNT, err);
}

static struct packets_bytes piped;

static int read_pipe(struct ce_err *err)
{
	const char *path;
	char name[32];
	const struct ce_reader_options options = {
		.kind = &ce_source_savefile,
		.source = {.files = &path, .file_count = 1},
		.capture.batch = 3,
	};
	int ends[2], rc;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], piped.data, piped.size), piped.size);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	path = name;
	rc = read_with(&options, "udp", COUNT, err);
	close(ends[0]);
	return rc;
}

/* One packet is larger than any arena. */
static int read_memory(struct ce_err *err)
{
	static const unsigned char bytes[HUGE];
	static const struct ce_memory_packet packets[] = {
		{.caplen = 60, .len = 60, .data = bytes},
		{.caplen = HUGE, .len = HUGE, .data = bytes}};
	const struct ce_reader_options options = {
		.kind = &ce_source_memory,
		.source = {.packets = packets,
	                   .packet_count = 2,
	                   .linktype = DLT_EN10MB,
	                   .snaplen = HUGE},
	};

	return read_with(&options, "ether[0] = 0", 2, err);
}

/* On lo, without a packet: what can fail is before the first. */
static int read_live(struct ce_err *err)
{
	const struct ce_reader_options options = {
		.kind = &ce_source_live,
		.source.device = "lo",
	};
	struct ce_reader *reader = NULL;
	int rc = ce_reader_open(&reader, &options, err);

	if (rc < 0) {
		assert_null(reader);
		return rc;
	}
	rc = ce_reader_setfilter(reader, "udp dst port 9", 0, err);
	if (rc == 0)
		rc = ce_reader_fetch(reader, 0, err);
	ce_reader_close(reader, NULL, NULL);
	return rc;
}

static int write_dump(struct ce_err *err)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB};
	const struct ce_origin origin = {.linktype = DLT_EN10MB};
	const struct ce_record record = {.caplen = 3, .len = 3};
	struct ce_dump *dump = NULL;
	int rc = ce_dump_open(&dump, "/dev/null", &options, err);

	if (rc < 0) {
		assert_null(dump);
		return rc;
	}
	rc = ce_dump_write_packet(dump, &origin, &record, "abc", err);
	if (rc < 0) {
		ce_dump_close(dump, NULL);
		return rc;
	}
	return ce_dump_close(dump, err);
}

/* All that a dump may have. */
static int write_compressed(enum ce_dump_compression compression, struct ce_err *err)
{
	const struct ce_dump_options options = {
		.format = CE_DUMP_PCAPNG,
		.compression = compression,
		.linktype = CE_DUMP_ANY_LINKTYPE,
		.from = {.name = "eth0", .filter = "udp"}};
	static const struct ce_origin origins[] = {{.linktype = DLT_EN10MB},
	                                           {.linktype = DLT_RAW}};
	const struct ce_record record = {.caplen = 3, .len = 3};
	struct ce_dump *dump = NULL;
	int rc = ce_dump_open(&dump, "/dev/null", &options, err);

	for (int i = 0; rc == 0 && i < 2; i++)
		rc = ce_dump_write_packet(dump, &origins[i], &record, "abc", err);
	if (rc < 0) {
		ce_dump_close(dump, NULL);
		return rc;
	}
	return ce_dump_close(dump, err);
}

static int write_gzip(struct ce_err *err)
{
	return write_compressed(CE_DUMP_GZIP, err);
}

static int write_zstd(struct ce_err *err)
{
	return write_compressed(CE_DUMP_ZSTD, err);
}

static struct ce_batch *to_rotate;

static int write_rotated(struct ce_err *err)
{
	const struct ce_rotate_options options = {
		.dump.linktype = DLT_EN10MB, .packets = 2, .files = 2};
	struct ce_rotate *rotate = NULL;
	int rc = ce_rotate_open(&rotate, "/tmp/test_failures.pcap", &options, err);

	if (rc == 0)
		rc = ce_rotate_write_batch(rotate, to_rotate, to_rotate->selected, 0,
		                           to_rotate->count, err);
	if (rc < 0) {
		ce_rotate_close(rotate, NULL);
		return rc;
	}
	return ce_rotate_close(rotate, err);
}

/*
 * Let call 1, 2, ... fail until all succeed; the test's own calls are not counted.
 * may_cope: the story may do without what failed.
 */
static void let_each_call_fail(int (*story)(struct ce_err *err), bool may_cope)
{
	uint32_t open = open_descriptors();
	int n = 0, rc;

	do {
		struct ce_err err = {0};

		calls = allocated = 0;
		fails_at = ++n;
		armed = true;
		rc = story(&err);
		armed = false;
		if (allocated)
			fail_msg("%d blocks are left after call %d failed", allocated, n);
		assert_int_equal(open_descriptors(), open);
		if (calls >= n && rc == 0 && !may_cope)
			fail_msg("call %d failed, and nobody said so", n);
		if (rc < 0 && (err.code != rc || !*err.text))
			fail_msg("call %d: %d, but said %d \"%s\"", n, rc, err.code,
			         err.text);
	} while (calls >= n && n < MOST_CALLS);
	assert_int_equal(rc, 0);
	assert_true(n > 2);
	print_message("%d calls failed\n", n - 1);
}

static void reading_files_survives_every_failure(void **state)
{
	(void)state;
	files[0] = packets_file_of(&(struct packets_kind){0}, 0, COUNT);
	files[1] = packets_file_of(&(struct packets_kind){.swapped = true}, 0, COUNT);
	let_each_call_fail(read_files, true); /* it reads into the ring then */
	packets_file_close(&files[0]);
	packets_file_close(&files[1]);
}

static void reading_a_pipe_survives_every_failure(void **state)
{
	(void)state;
	piped = packets_savefile(&(struct packets_kind){0}, 0, COUNT);
	let_each_call_fail(read_pipe, false);
	free(piped.data);
}

static void huge_packet_survives_every_failure(void **state)
{
	(void)state;
	let_each_call_fail(read_memory, false);
}

/* Where memory for the kernel's filter lacks, packets are chosen on our side. */
static void reading_an_interface_survives_every_failure(void **state)
{
	struct ce_err err;

	(void)state;
	if (read_live(&err) == -EPERM)
		skip();
	let_each_call_fail(read_live, true);
}

static void writing_survives_every_failure(void **state)
{
	(void)state;
	let_each_call_fail(write_dump, false);
	let_each_call_fail(write_gzip, true); /* it waits until there is memory again */
	let_each_call_fail(write_zstd, true);
}

static void rotating_survives_every_failure(void **state)
{
	static const unsigned char bytes[60];
	const struct ce_record record = {.caplen = 60, .len = 60};
	struct ce_ring *ring;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	to_rotate = ce_ring_reserve(ring);
	to_rotate->origin.linktype = DLT_EN10MB;
	for (int i = 0; i < 7; i++)
		ce_batch_append(to_rotate, &record, 0, bytes);
	ce_batch_select_all(to_rotate);
	let_each_call_fail(write_rotated, false);
	ce_ring_close(ring);
	assert_int_equal(system("rm /tmp/test_failures-0000*"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_files_survives_every_failure),
		cmocka_unit_test(reading_a_pipe_survives_every_failure),
		cmocka_unit_test(huge_packet_survives_every_failure),
		cmocka_unit_test(reading_an_interface_survives_every_failure),
		cmocka_unit_test(writing_survives_every_failure),
		cmocka_unit_test(rotating_survives_every_failure),
	};

	own_network();
	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
