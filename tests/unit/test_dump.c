/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dump.c - what <capengine/dump.h> promises; pcap_dump is the oracle. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "capengine/ring.h"
#include "capengine/source.h"
#include "support/packets.h"

enum { COUNT = 50, FLUSHED = 10 };

static const struct packets_kind micro;
static const struct ce_origin ethernet = {.linktype = DLT_EN10MB};
static const struct ce_origin raw = {.linktype = DLT_RAW};

/* The memory file that the test writes to. */
static struct packets_file out;

static int open_out(void **state)
{
	(void)state;
	out = packets_file_open("old content of the file", 23);
	return 0;
}

static int close_out(void **state)
{
	(void)state;
	packets_file_close(&out);
	return 0;
}

static struct packets_bytes content(int fd)
{
	struct packets_bytes bytes = {0};
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	bytes.size = (size_t)status.st_size;
	bytes.data = malloc(bytes.size + 1);
	assert_int_equal(pread(fd, bytes.data, bytes.size, 0), bytes.size);
	return bytes;
}

static struct ce_dump *dump_to(const char *path, struct ce_dump_options options)
{
	struct ce_dump *dump = NULL;
	struct ce_err err = {0};

	if (!options.linktype)
		options.linktype = DLT_EN10MB;
	if (ce_dump_open(&dump, path, &options, &err) < 0)
		fail_msg("%s", err.text);
	return dump;
}

/* Write packet i of packets.h. */
static int write_packet(struct ce_dump *dump, uint32_t i, struct ce_err *err)
{
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, i);
	int64_t ts_ns = packets_ts_ns(i);
	const struct ce_record record = {
		.sec = (uint32_t)(ts_ns / 1000000000),
		.frac = (uint32_t)(ts_ns % 1000000000 / 1000),
		.caplen = length,
		.len = length,
	};

	return ce_dump_write_packet(dump, &ethernet, &record, bytes, err);
}

static void expect_bytes(const struct packets_bytes *expected)
{
	struct packets_bytes found = content(out.fd);

	assert_int_equal(found.size, expected->size);
	assert_memory_equal(found.data, expected->data, found.size);
	free(found.data);
}

static void expect_savefile(const struct packets_kind *kind, uint32_t count)
{
	struct packets_bytes expected = packets_savefile(kind, 0, count);

	expect_bytes(&expected);
	free(expected.data);
}

static void open_truncates_the_file_to_a_header(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});

	(void)state;
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	expect_savefile(&micro, 0);
}

static void header_tells_precision_link_type_and_snapshot(void **state)
{
	const struct ce_dump_options options = {
		.linktype = DLT_RAW, .snapshot = 96, .nano = true};
	const struct packets_kind kind = {
		.linktype = PACKETS_RAW_IN_FILE, .snaplen = 96, .nano = true};

	(void)state;
	assert_int_equal(ce_dump_close(dump_to(out.path, options), NULL), 0);
	expect_savefile(&kind, 0);
}

static void packets_follow_in_order(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(ce_dump_packets(dump), i);
		assert_int_equal(write_packet(dump, i, NULL), 0);
	}
	assert_int_equal(ce_dump_packets(dump), COUNT);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	expect_savefile(&micro, COUNT);
}

static void write_copies_the_bytes(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	const struct ce_record record = {.caplen = 3, .len = 3};
	struct packets_bytes found;
	char bytes[] = "abc";

	(void)state;
	assert_int_equal(ce_dump_write_packet(dump, &ethernet, &record, bytes, NULL), 0);
	memset(bytes, 'x', 3);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	found = content(out.fd);
	assert_memory_equal(found.data + PACKETS_FILE_HEADER + PACKETS_RECORD, "abc", 3);
	free(found.data);
}

/* The record that stands in the file after one was written. */
static struct ce_record written(bool nano_file, bool nano_packet, uint32_t sec,
                                uint32_t frac)
{
	struct ce_dump *dump =
		dump_to(out.path, (struct ce_dump_options){.nano = nano_file});
	const struct ce_record record = {
		.sec = sec, .frac = frac, .caplen = 2, .len = 1500};
	const struct ce_origin origin = {.linktype = DLT_EN10MB, .nano = nano_packet};
	struct packets_bytes found;
	struct ce_record read;

	assert_int_equal(ce_dump_write_packet(dump, &origin, &record, "ab", NULL), 0);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	found = content(out.fd);
	assert_int_equal(found.size, PACKETS_FILE_HEADER + PACKETS_RECORD + 2);
	memcpy(&read, found.data + PACKETS_FILE_HEADER, sizeof(read));
	free(found.data);
	return read;
}

static void record_stands_in_the_file_as_it_was_given(void **state)
{
	static const bool precisions[] = {false, true};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ce_record record =
			written(precisions[i], precisions[i], UINT32_MAX, 4000000000);

		assert_int_equal(record.sec, UINT32_MAX);
		assert_int_equal(record.frac, 4000000000);
		assert_int_equal(record.caplen, 2);
		assert_int_equal(record.len, 1500);
	}
}

static void nanoseconds_are_cut_off_to_microseconds(void **state)
{
	struct ce_record record = written(false, true, 7, 999999999);

	(void)state;
	assert_int_equal(record.sec, 7);
	assert_int_equal(record.frac, 999999);
}

static void microseconds_become_nanoseconds(void **state)
{
	struct ce_record record = written(true, false, 7, 999999);

	(void)state;
	assert_int_equal(record.sec, 7);
	assert_int_equal(record.frac, 999999000);
}

static void fraction_over_a_second_keeps_the_time(void **state)
{
	static const uint32_t fractions[] = {1000000, 4294967};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ce_record record = written(true, false, 7, fractions[i]);

		assert_int_equal(record.sec, 7);
		assert_int_equal(record.frac, fractions[i] * 1000);
	}
}

static void batch_of_another_link_type_is_refused_and_nothing_else_happens(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	const struct ce_record record = {.caplen = 1, .len = 1};
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(write_packet(dump, 0, &err), 0);
	assert_int_equal(ce_dump_write_packet(dump, &raw, &record, "a", &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.text, "pcapng"));
	assert_int_equal(ce_dump_packets(dump), 1);
	assert_int_equal(write_packet(dump, 1, &err), 0);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	expect_savefile(&micro, 2);
}

/* What a source says of a file goes from its batches into a dump. */
static void dump_source(struct ce_source *source, struct ce_dump *dump)
{
	struct ce_ring *ring;
	struct ce_batch *batch;
	int rc;

	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = source->batch = ce_ring_reserve(ring);
	do {
		rc = source->ops->read(source, batch, NULL);
		if (rc == CE_SOURCE_MORE)
			continue;
		for (uint32_t i = 0; i < batch->count; i++)
			assert_int_equal(ce_dump_write(dump, batch, i, NULL), 0);
		ce_batch_clear(batch);
	} while (rc >= 0);
	assert_int_equal(rc, -ENODATA);
	ce_ring_close(ring);
}

static void dump_file(const char *path, bool nano_dump)
{
	const struct ce_source_options options = {.files = &path, .file_count = 1};
	struct ce_source *source;
	struct ce_dump *dump;

	assert_int_equal(ce_source_open(&source, &ce_source_savefile, &options, NULL), 0);
	dump = dump_to(out.path, (struct ce_dump_options){
					 .linktype = source->origin.linktype,
					 .linktype_ext = source->linktype_ext,
					 .snapshot = source->snapshot,
					 .nano = nano_dump,
				 });
	dump_source(source, dump);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	ce_source_close(source);
}

/* The same through libpcap alone. */
static struct packets_bytes dumped_by_libpcap(const char *path, bool nano_dump)
{
	struct packets_file file = packets_file_open("", 0);
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(
		path,
		nano_dump ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO,
		message);
	pcap_dumper_t *dumper = pcap_dump_open(pcap, file.path);
	struct packets_bytes bytes;

	assert_non_null(dumper);
	assert_int_equal(pcap_loop(pcap, -1, pcap_dump, (unsigned char *)dumper), 0);
	pcap_dump_close(dumper);
	pcap_close(pcap);
	bytes = content(file.fd);
	packets_file_close(&file);
	return bytes;
}

static void expect_as_libpcap(const struct packets_kind *kind)
{
	struct packets_file in = packets_file_of(kind, 0, COUNT);

	for (int nano_dump = 0; nano_dump < 2; nano_dump++) {
		struct packets_bytes expected = dumped_by_libpcap(in.path, nano_dump);

		dump_file(in.path, nano_dump);
		expect_bytes(&expected);
		free(expected.data);
	}
	packets_file_close(&in);
}

static void dump_is_byte_for_byte_that_of_libpcap(void **state)
{
	static const uint32_t linktypes[] = {PACKETS_ETHERNET, PACKETS_RAW_IN_FILE, 113,
	                                     147, 276};

	(void)state;
	for (size_t i = 0; i < sizeof(linktypes) / sizeof(*linktypes); i++)
		for (unsigned how = 0; how < 4; how++) {
			const struct packets_kind kind = {.linktype = linktypes[i],
			                                  .snaplen = 1000 + how,
			                                  .nano = how & 1,
			                                  .swapped = how >> 1};

			expect_as_libpcap(&kind);
		}
}

static void length_of_the_frame_check_sequence_is_kept(void **state)
{
	/* In the header's upper six bits: it is there, and two 16-bit words long. */
	const struct packets_kind kind = {.linktype = UINT32_C(0x24000000) |
	                                              PACKETS_ETHERNET};

	(void)state;
	expect_as_libpcap(&kind);
}

static void link_type_without_a_savefile_is_refused_and_no_file_touched(void **state)
{
	const struct ce_dump_options options = {.linktype = 65536};
	struct packets_bytes old = {
		(unsigned char *)(uintptr_t) "old content of the file", 23};
	struct ce_dump *dump = NULL;
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_dump_open(&dump, out.path, &options, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_null(dump);
	expect_bytes(&old);
}

static void open_says_what_the_system_said(void **state)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB};
	struct ce_dump *dump = NULL;
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_dump_open(&dump, "/nowhere/a.pcap", &options, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/a.pcap"));
	assert_int_equal(ce_dump_open(&dump, "/tmp", &options, &err), -EISDIR);
	assert_int_equal(ce_dump_open(&dump, "/tmp", &options, NULL), -EISDIR);
	assert_null(dump);
}

static void file_is_not_left_to_programs_that_are_started(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	struct stat wanted, found;
	int seen = 0;

	(void)state;
	assert_int_equal(fstat(out.fd, &wanted), 0);
	for (int fd = 3; fd < 64; fd++)
		if (fd != out.fd && fstat(fd, &found) == 0 &&
		    found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev) {
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			seen++;
		}
	assert_int_equal(seen, 1);
	ce_dump_close(dump, NULL);
}

static void flush_hands_everything_to_the_kernel(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		write_packet(dump, i, NULL);
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	expect_savefile(&micro, COUNT);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	expect_savefile(&micro, COUNT);
}

/* It waits for nothing, so it is looked at until it is there. */
static void push_begins_to_write_what_was_gathered(void **state)
{
	struct packets_bytes expected = packets_savefile(&micro, 0, COUNT);
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	struct stat status = {0};

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		write_packet(dump, i, NULL);
	assert_int_equal(fstat(out.fd, &status), 0);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(ce_dump_push(dump, NULL), 0);
	for (int i = 0; i < 2000 && (size_t)status.st_size < expected.size; i++) {
		usleep(1000);
		assert_int_equal(fstat(out.fd, &status), 0);
	}
	expect_bytes(&expected);
	assert_int_equal(ce_dump_push(dump, NULL), 0);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	expect_bytes(&expected);
	free(expected.data);
}

static void push_says_what_became_of_earlier_writes(void **state)
{
	struct ce_dump *dump = dump_to("/dev/full", (struct ce_dump_options){0});
	struct ce_err err = {0};
	int rc = 0;

	(void)state;
	write_packet(dump, 0, NULL);
	for (int i = 0; i < 2000 && rc == 0; i++) {
		rc = ce_dump_push(dump, &err);
		usleep(1000);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_non_null(strstr(err.text, "/dev/full"));
	assert_int_equal(ce_dump_close(dump, NULL), -ENOSPC);
}

static void tell_gives_the_bytes_of_the_file_so_far(void **state)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	int64_t expected = PACKETS_FILE_HEADER;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_true(ce_dump_tell(dump) == expected);
		write_packet(dump, i, NULL);
		expected += PACKETS_RECORD + packets_length(i);
	}
	assert_true(ce_dump_tell(dump) == expected);
	ce_dump_close(dump, NULL);
}

static void tell_of_a_pipe_is_an_error(void **state)
{
	struct ce_dump *dump;
	char path[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	dump = dump_to(path, (struct ce_dump_options){0});
	assert_true(ce_dump_tell(dump) == -ESPIPE);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

/* "it holds N packets": N. */
static unsigned long packets_in(const struct ce_err *err)
{
	const char *holds = strstr(err->text, "holds ");

	assert_non_null(holds);
	return strtoul(holds + 6, NULL, 10);
}

static void full_disk_is_an_error_that_sticks(void **state)
{
	struct ce_dump *dump = dump_to("/dev/full", (struct ce_dump_options){0});
	struct ce_err err = {0};
	uint32_t i = 0;
	uint64_t packets;
	int rc;

	(void)state;
	do
		rc = write_packet(dump, i++, &err);
	while (rc == 0 && i < 1000000);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(err.code, -ENOSPC);
	assert_non_null(strstr(err.text, "/dev/full"));
	packets = ce_dump_packets(dump);
	assert_int_equal(packets_in(&err), packets);
	for (int again = 0; again < 3; again++) {
		assert_int_equal(write_packet(dump, i, &err), -ENOSPC);
		assert_int_equal(packets_in(&err), packets);
	}
	assert_int_equal(ce_dump_packets(dump), packets);
	assert_int_equal(ce_dump_flush(dump, &err), -ENOSPC);
	assert_int_equal(ce_dump_close(dump, &err), -ENOSPC);
}

static void close_says_that_the_rest_was_not_written(void **state)
{
	struct ce_dump *dump = dump_to("/dev/full", (struct ce_dump_options){0});
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(write_packet(dump, 0, NULL), 0);
	assert_int_equal(ce_dump_close(dump, &err), -ENOSPC);
	assert_int_equal(err.code, -ENOSPC);
}

static void flush_says_that_the_rest_was_not_written(void **state)
{
	struct ce_dump *dump = dump_to("/dev/full", (struct ce_dump_options){0});

	(void)state;
	assert_int_equal(ce_dump_flush(dump, NULL), -ENOSPC);
	assert_int_equal(write_packet(dump, 0, NULL), -ENOSPC);
	assert_int_equal(ce_dump_close(dump, NULL), -ENOSPC);
}

static off_t size_of_out(void)
{
	struct stat status;

	assert_int_equal(fstat(out.fd, &status), 0);
	return status.st_size;
}

/* Whole records that a reader finds in the file. */
static uint64_t whole_records(void)
{
	struct packets_bytes found = content(out.fd);
	size_t at = PACKETS_FILE_HEADER;
	uint64_t count = 0;

	while (at + PACKETS_RECORD <= found.size) {
		struct ce_record record;

		memcpy(&record, found.data + at, sizeof(record));
		at += PACKETS_RECORD + record.caplen;
		count += at <= found.size;
	}
	free(found.data);
	return count;
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A dump that has failed at 100,000 bytes, after FLUSHED packets went out for sure. */
static struct ce_dump *failed_dump(struct ce_err *err)
{
	struct ce_dump *dump = dump_to(out.path, (struct ce_dump_options){0});
	uint32_t i = 0;
	int rc;

	while (i < FLUSHED)
		assert_int_equal(write_packet(dump, i++, err), 0);
	assert_int_equal(ce_dump_flush(dump, err), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit_file_size(100000);
	do
		rc = write_packet(dump, i++, err);
	while (rc == 0 && i < 100000);
	limit_file_size(RLIM_INFINITY); /* there is room again */
	assert_int_equal(rc, -EFBIG);
	return dump;
}

static void first_error_is_the_last_thing_that_happens_to_the_file(void **state)
{
	struct ce_dump *dump = failed_dump(NULL);
	off_t size = size_of_out();

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(write_packet(dump, i, NULL), -EFBIG);
	assert_int_equal(ce_dump_flush(dump, NULL), -EFBIG);
	assert_int_equal(ce_dump_close(dump, NULL), -EFBIG);
	assert_int_equal(size_of_out(), size);
}

static void packets_that_may_be_lost_are_not_counted(void **state)
{
	struct ce_err err = {0};
	struct ce_dump *dump = failed_dump(&err);
	uint64_t packets = ce_dump_packets(dump);

	(void)state;
	assert_int_equal(packets_in(&err), packets);
	assert_int_equal(ce_dump_close(dump, NULL), -EFBIG);
	assert_true(packets >= FLUSHED);
	assert_true(packets <= whole_records());
}

static void close_takes_null(void **state)
{
	(void)state;
	assert_int_equal(ce_dump_close(NULL, NULL), 0);
}

/* In a process of its own, whose standard output is the file. */
static void dump_to_stdout(void)
{
	struct ce_dump *dump = NULL;
	const struct ce_dump_options options = {.linktype = DLT_EN10MB};
	int failed = dup2(out.fd, STDOUT_FILENO) < 0 || ftruncate(STDOUT_FILENO, 0) < 0 ||
	             lseek(STDOUT_FILENO, 0, SEEK_SET) < 0 ||
	             ce_dump_open(&dump, "-", &options, NULL) < 0;

	for (uint32_t i = 0; i < COUNT && !failed; i++)
		failed = write_packet(dump, i, NULL) < 0;
	_exit(failed || ce_dump_close(dump, NULL) < 0);
}

static void minus_is_standard_output(void **state)
{
	pid_t child;
	int status;

	(void)state;
	fflush(stdout);
	child = fork();
	if (child == 0)
		dump_to_stdout();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect_savefile(&micro, COUNT);
}

#define with_out(test) cmocka_unit_test_setup_teardown(test, open_out, close_out)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_out(open_truncates_the_file_to_a_header),
		with_out(header_tells_precision_link_type_and_snapshot),
		with_out(packets_follow_in_order),
		with_out(write_copies_the_bytes),
		with_out(record_stands_in_the_file_as_it_was_given),
		with_out(nanoseconds_are_cut_off_to_microseconds),
		with_out(microseconds_become_nanoseconds),
		with_out(fraction_over_a_second_keeps_the_time),
		with_out(batch_of_another_link_type_is_refused_and_nothing_else_happens),
		with_out(dump_is_byte_for_byte_that_of_libpcap),
		with_out(length_of_the_frame_check_sequence_is_kept),
		with_out(link_type_without_a_savefile_is_refused_and_no_file_touched),
		cmocka_unit_test(open_says_what_the_system_said),
		with_out(file_is_not_left_to_programs_that_are_started),
		with_out(flush_hands_everything_to_the_kernel),
		with_out(push_begins_to_write_what_was_gathered),
		cmocka_unit_test(push_says_what_became_of_earlier_writes),
		with_out(tell_gives_the_bytes_of_the_file_so_far),
		cmocka_unit_test(tell_of_a_pipe_is_an_error),
		cmocka_unit_test(full_disk_is_an_error_that_sticks),
		cmocka_unit_test(close_says_that_the_rest_was_not_written),
		cmocka_unit_test(flush_says_that_the_rest_was_not_written),
		with_out(first_error_is_the_last_thing_that_happens_to_the_file),
		with_out(packets_that_may_be_lost_are_not_counted),
		cmocka_unit_test(close_takes_null),
		with_out(minus_is_standard_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
