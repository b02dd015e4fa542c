/* SPDX-License-Identifier: BSD-3-Clause */
/* test_part.c - what part_int.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/ring.h"
#include "source/part_int.h"
#include "support/packets.h"

enum { COUNT = 300, FIRST = 100, ARENA = 32768, SLACK = 4096 };

static const struct packets_kind micro;
static const struct ceint_records records = {262144, 1000, CE_LAYOUT_RECORD};

/* So long is the file while it is read: what is behind is zeros, as the system makes them of
   what it is about to copy. 0: as it is. */
static off_t cut;

ssize_t __real_pread(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at);

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at)
{
	const ssize_t got = __real_pread(fd, to, size, at);
	const size_t kept = cut > at ? (size_t)(cut - at) : 0;

	if (cut && ftruncate(fd, cut) == 0 && got > (ssize_t)kept)
		memset((char *)to + kept, 0, (size_t)got - kept);
	return got;
}

/* A savefile, where its records begin, and a batch for them. */
struct reading {
	struct packets_bytes bytes;
	struct packets_file file;
	struct ce_ring *ring;
	struct ce_batch *batch;
	off_t starts[COUNT + 1];
};

static void open_bytes(struct reading *reading, struct packets_bytes bytes, size_t arena)
{
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = arena};

	reading->bytes = bytes;
	reading->file = packets_file_open(bytes.data, bytes.size);
	assert_int_equal(ce_ring_open(&reading->ring, &options), 0);
	reading->batch = ce_ring_reserve(reading->ring);
}

static void open_reading(struct reading *reading, size_t arena)
{
	off_t at = PACKETS_FILE_HEADER;

	for (uint32_t i = 0; i <= COUNT; i++) {
		reading->starts[i] = at;
		at += PACKETS_RECORD + packets_length(i);
	}
	open_bytes(reading, packets_savefile(&micro, 0, COUNT), arena);
}

static void close_reading(struct reading *reading)
{
	ce_ring_close(reading->ring);
	packets_file_close(&reading->file);
	free(reading->bytes.data);
}

static off_t read_part(struct reading *reading, off_t from, off_t last, off_t at)
{
	const struct ceint_part part = {
		.fd = reading->file.fd, .from = from, .last = last};

	ce_batch_clear(reading->batch);
	reading->batch->arena_used = reading->batch->arena_bytes -
	                             1; /* once, elsewhere */
	return ceint_part_read(&part, &records, at, reading->batch);
}

/* The batch has packets [from, to), of a part that begins at `begin`, where the file has
   them. */
static void expect_packets(const struct reading *reading, uint32_t from, uint32_t to,
                           off_t begin)
{
	const struct ce_batch *batch = reading->batch;

	assert_int_equal(batch->count, to - from);
	assert_int_equal(batch->layout, CE_LAYOUT_RECORD);
	for (uint32_t i = from; i < to; i++) {
		assert_true(packets_is(batch, i - from, i));
		assert_ptr_equal(batch->data[i - from], batch->arena + PACKETS_RECORD +
		                                                reading->starts[i] -
		                                                begin);
	}
	assert_int_equal(batch->arena_used, reading->starts[to] - begin);
	assert_memory_equal(batch->arena, reading->bytes.data + begin, batch->arena_used);
}

static void records_that_begin_in_the_part_are_read(void **state)
{
	struct reading reading;
	off_t *starts = reading.starts;

	(void)state;
	open_reading(&reading, ARENA);
	for (off_t last = starts[200] - 200; last <= starts[200]; last++) {
		uint32_t end = 197;

		while (starts[end] < last)
			end++;
		assert_true(read_part(&reading, starts[FIRST], last, starts[FIRST]) ==
		            starts[end]);
		expect_packets(&reading, FIRST, end, starts[FIRST]);
		/* The same where bytes before the first record are read, too. */
		assert_true(read_part(&reading, starts[FIRST] - 100, last,
		                      starts[FIRST]) == starts[end]);
		expect_packets(&reading, FIRST, end, starts[FIRST] - 100);
	}
	close_reading(&reading);
}

static void part_may_end_behind_the_file(void **state)
{
	struct reading reading;
	off_t end;

	(void)state;
	open_reading(&reading, ARENA);
	end = reading.starts[COUNT];
	assert_true(read_part(&reading, reading.starts[200], end + 5000,
	                      reading.starts[200]) == end);
	expect_packets(&reading, 200, COUNT, reading.starts[200]);
	assert_true(read_part(&reading, end, end + 5000, end) == end);
	assert_int_equal(reading.batch->count, 0);
	assert_true(read_part(&reading, end, end + 5000, end + 100) == end + 100);
	assert_int_equal(reading.batch->count, 0);
	assert_int_equal(ftruncate(reading.file.fd, end - 1), 0);
	assert_true(read_part(&reading, reading.starts[200], end, reading.starts[200]) ==
	            reading.starts[COUNT - 1]);
	expect_packets(&reading, 200, COUNT - 1, reading.starts[200]);
	close_reading(&reading);
}

/* Zeros would be records without packets. */
static void nothing_is_read_that_is_gone_by_then(void **state)
{
	(void)state;
	for (uint32_t left = FIRST - 2; left < FIRST + 3; left++)
		for (off_t more = 0; more < PACKETS_RECORD + 10; more++) {
			struct reading reading;
			const off_t *starts = reading.starts;
			const uint32_t end = left > FIRST ? left : FIRST;

			open_reading(&reading, ARENA);
			cut = starts[left] + more;
			assert_true(read_part(&reading, starts[FIRST], starts[200],
			                      starts[FIRST]) == starts[end]);
			cut = 0;
			assert_int_equal(reading.batch->count, end - FIRST);
			if (end > FIRST)
				expect_packets(&reading, FIRST, end, starts[FIRST]);
			close_reading(&reading);
		}
}

static void add_zeros(struct packets_bytes *bytes, uint32_t length)
{
	static const unsigned char zeros[ARENA + 100];
	const struct ce_record record = {.caplen = length, .len = length};

	packets_add_record(bytes, &micro, &record, zeros);
}

/* However far behind the part it ends: at once, behind what is read there, not at all. */
static void last_record_is_read_as_far_as_the_arena_has_room(void **state)
{
	enum { PART = 1000, MIDDLE = PART + SLACK, END = ARENA };
	static const struct {
		int from, to;
	} ends[] = {
		{PART - 20, PART + 20}, {MIDDLE - 20, MIDDLE + 20}, {END - 20, END + 20}};
	const off_t begin = PACKETS_FILE_HEADER, second = begin + PACKETS_RECORD + 100;

	(void)state;
	for (int i = 0; i < 3; i++)
		for (int end = ends[i].from; end < ends[i].to; end++) {
			const uint32_t length = (uint32_t)end - 100 - 2 * PACKETS_RECORD;
			const bool fits = end <= ARENA;
			struct packets_bytes bytes = {0};
			struct reading reading;
			off_t at;

			packets_add_header(&bytes, &micro);
			add_zeros(&bytes, 100);
			add_zeros(&bytes, length);
			add_zeros(&bytes, 100);
			open_bytes(&reading, bytes, ARENA);
			at = read_part(&reading, begin, begin + PART, begin);
			assert_int_equal(reading.batch->count, fits + 1 + (end < PART));
			assert_int_equal(at, end >= PART ? (fits ? begin + end : second)
			                                 : begin + end + 100 +
			                                           PACKETS_RECORD);
			if (fits)
				assert_int_equal(reading.batch->caplen[1], length);
			if (!fits) /* alone it has as little */
				assert_true(read_part(&reading, begin, begin + PART,
				                      second) == second);
			close_reading(&reading);
		}
}

static void record_that_is_not_plain_is_not_read(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 5);
	const off_t end = (off_t)bytes.size;
	struct reading reading;

	(void)state;
	packets_add32(&bytes, 0, false);
	packets_add32(&bytes, 0, false);
	packets_add32(&bytes, records.most + 1, false);
	packets_add32(&bytes, 0, false);
	open_bytes(&reading, bytes, ARENA);
	assert_true(read_part(&reading, PACKETS_FILE_HEADER, end + 100,
	                      PACKETS_FILE_HEADER) == end);
	assert_int_equal(reading.batch->count, 5);
	assert_true(read_part(&reading, PACKETS_FILE_HEADER, end + 100, end) == end);
	assert_int_equal(reading.batch->count, 0);
	assert_int_equal(reading.batch->arena_used, 0);
	close_reading(&reading);
}

static void full_batch_ends_the_reading(void **state)
{
	struct reading reading;
	const off_t *starts = reading.starts;

	(void)state;
	open_reading(&reading, ARENA);
	reading.batch->capacity = 10;
	assert_true(read_part(&reading, starts[0], starts[100], starts[0]) == starts[10]);
	expect_packets(&reading, 0, 10, starts[0]);
	close_reading(&reading);
}

static void guess_reads_from_where_a_record_begins(void **state)
{
	struct reading reading;
	const off_t *starts = reading.starts;
	const uint32_t sec = (uint32_t)(packets_ts_ns(FIRST) / 1000000000);

	(void)state;
	open_reading(&reading, ARENA);
	for (off_t from = starts[FIRST - 1] + 1; from <= starts[FIRST]; from++) {
		const struct ceint_part part = {
			.fd = reading.file.fd, .from = from, .last = starts[200]};
		off_t begun = 0;

		ce_batch_clear(reading.batch);
		assert_true(ceint_part_guess(&part, &records, sec, &begun,
		                             reading.batch) == starts[200]);
		assert_true(begun == starts[FIRST]);
		expect_packets(&reading, FIRST, 200, from);
	}
	close_reading(&reading);
}

static void no_guess_reads_nothing(void **state)
{
	struct reading reading;
	const uint32_t sec = (uint32_t)(packets_ts_ns(FIRST) / 1000000000);
	off_t begun = 0;

	(void)state;
	open_reading(&reading, ARENA);
	for (int i = 0; i < 3; i++) { /* another day, too short, behind the end */
		const off_t from = reading.starts[i == 2 ? COUNT : FIRST] + (i == 2);
		const struct ceint_part part = {.fd = reading.file.fd,
		                                .from = from,
		                                .last = from + (i == 1 ? 0 : 5000)};

		ceint_part_guess(&part, &records, i ? sec : sec + 86400, &begun,
		                 reading.batch);
		assert_true(begun == -1);
		assert_int_equal(reading.batch->count, 0);
	}
	close_reading(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_that_begin_in_the_part_are_read),
		cmocka_unit_test(part_may_end_behind_the_file),
		cmocka_unit_test(nothing_is_read_that_is_gone_by_then),
		cmocka_unit_test(last_record_is_read_as_far_as_the_arena_has_room),
		cmocka_unit_test(record_that_is_not_plain_is_not_read),
		cmocka_unit_test(full_batch_ends_the_reading),
		cmocka_unit_test(guess_reads_from_where_a_record_begins),
		cmocka_unit_test(no_guess_reads_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
