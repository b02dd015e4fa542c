/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_records.c - what records_int.h and lanes_int.h promise; and no byte is read behind
 * the end, where no page is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/lanes_int.h"
#include "support/packets.h"

enum {
	PAGE = 4096,
	COUNT = 3000,
	MOST = 65535, /* longest plain packet */
	SEC = 1700000000,
	ENOUGH = 4, /* records, for a guess */
};

/* Columns of their own. */
struct columns {
	struct ce_batch batch;
	int64_t ts_ns[CE_BATCH_PACKETS];
	uint32_t caplen[CE_BATCH_PACKETS], len[CE_BATCH_PACKETS];
	const unsigned char *data[CE_BATCH_PACKETS];
};

static void clear(struct columns *columns, uint32_t capacity)
{
	columns->batch = (struct ce_batch){.ts_ns = columns->ts_ns,
	                                   .caplen = columns->caplen,
	                                   .len = columns->len,
	                                   .data = columns->data,
	                                   .capacity = capacity};
}

/* Bytes that end where a page ends behind which there is none. */
struct bytes {
	unsigned char *pages;
	size_t mapped;
	const unsigned char *begin, *end;
};

static struct bytes guard(const struct packets_bytes *from)
{
	size_t pages = (from->size + PAGE - 1) / PAGE;
	struct bytes bytes = {.mapped = (pages + 1) * PAGE};

	bytes.pages = mmap(NULL, bytes.mapped, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(bytes.pages != MAP_FAILED);
	bytes.end = bytes.pages + pages * PAGE;
	bytes.begin = bytes.end - from->size;
	memcpy(bytes.pages + (bytes.begin - bytes.pages), from->data, from->size);
	assert_int_equal(mprotect(bytes.pages + pages * PAGE, PAGE, PROT_NONE), 0);
	return bytes;
}

static void unguard(struct bytes *bytes)
{
	munmap(bytes->pages, bytes->mapped);
}

static uint32_t random_state;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static const struct ceint_records layouts[] = {
	{MOST, 1000, CE_LAYOUT_RECORD},
	{MOST, 1, CE_LAYOUT_SWAPPED},
	{MOST, 1000, CE_LAYOUT_MODIFIED},
	{MOST, 1, CE_LAYOUT_MODIFIED_SWAPPED},
};

static void add(struct packets_bytes *bytes, const struct ceint_records *records,
                uint32_t i, uint32_t caplen, const unsigned char *data)
{
	const bool swapped = records->layout & CE_LAYOUT_SWAPPED;

	packets_add32(bytes, SEC + i / 1000, swapped);
	packets_add32(bytes, i % 1000, swapped);
	packets_add32(bytes, caplen, swapped);
	packets_add32(bytes, caplen + i % 5, swapped);
	if (records->layout >= CE_LAYOUT_MODIFIED)
		packets_add(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	packets_add(bytes, data, caplen);
}

/* Mostly some hundreds of bytes, sometimes none, and sometimes very many. */
static uint32_t some_length(void)
{
	switch (any(100)) {
	case 0:
		return 0;
	case 1:
		return any(MOST);
	default:
		return 40 + any(600);
	}
}

static struct packets_bytes some_records(const struct ceint_records *records,
                                         uint32_t count, const unsigned char *data)
{
	struct packets_bytes bytes = {0};

	for (uint32_t i = 0; i < count; i++)
		add(&bytes, records, i, some_length(), data);
	return bytes;
}

static unsigned char *noise(void)
{
	unsigned char *data = malloc(MOST);

	for (int i = 0; i < MOST; i++)
		data[i] = (unsigned char)any(256);
	return data;
}

/* Records in records, as a capture of a file transfer may have them. */
static unsigned char *records_within(const struct ceint_records *records)
{
	static const unsigned char zeros[30];
	struct packets_bytes bytes = {0};

	while (bytes.size < MOST)
		add(&bytes, records, (uint32_t)bytes.size % 1000, sizeof(zeros), zeros);
	return bytes.data;
}

static uint32_t word_at(const unsigned char *at, bool swapped)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return swapped ? __builtin_bswap32(word) : word;
}

/* Record i of a batch is the one at `at`; gives where it ends. */
static const unsigned char *expect_record(const struct ceint_records *records,
                                          const struct ce_batch *batch, uint32_t i,
                                          const unsigned char *at)
{
	const bool swapped = records->layout & CE_LAYOUT_SWAPPED;
	const size_t header = records->layout >= CE_LAYOUT_MODIFIED ? 24 : 16;

	assert_true(batch->ts_ns[i] ==
	            word_at(at, swapped) * INT64_C(1000000000) +
	                    word_at(at + 4, swapped) * records->unit_ns);
	assert_int_equal(batch->caplen[i], word_at(at + 8, swapped));
	assert_int_equal(batch->len[i], word_at(at + 12, swapped));
	assert_ptr_equal(batch->data[i], at + header);
	return at + header + batch->caplen[i];
}

/* Walk in lanes, of which no record is behind `last`, and go on from there. Gives how many
   packets lanes have found. */
static uint32_t walk_lanes(const struct ceint_records *records,
                           const struct packets_bytes *from, size_t last,
                           uint32_t capacity)
{
	static struct columns columns;
	struct bytes bytes = guard(from);
	struct ceint_run run = {bytes.begin, bytes.end, bytes.begin + last};
	const unsigned char *seen = bytes.begin;
	uint32_t found, walked;

	clear(&columns, capacity);
	run.at = ceint_lanes_walk(records, &columns.batch, &run);
	found = columns.batch.count;
	assert_int_equal(columns.batch.layout, records->layout);
	ceint_records_walk(records, &columns.batch, &run);
	walked = columns.batch.count;
	for (uint32_t i = 0; i < walked; i++) {
		assert_ptr_equal(i == found ? run.at : seen, seen);
		assert_true(seen < run.last);
		seen = expect_record(records, &columns.batch, i, seen);
	}
	assert_true(walked == capacity || seen >= run.last);
	unguard(&bytes);
	return found;
}

/* Walk all of it, in runs of at most `part` bytes. Gives the number of packets. */
static uint32_t walk_all(const struct ceint_records *records,
                         const struct packets_bytes *from, size_t part, uint32_t capacity)
{
	static struct columns columns;
	struct bytes bytes = guard(from);
	struct ceint_run run = {.at = bytes.begin, .end = bytes.end};
	const unsigned char *seen = bytes.begin;
	uint32_t total = 0, count;

	clear(&columns, capacity);
	do {
		count = columns.batch.count;
		if (count == capacity) {
			clear(&columns, capacity);
			count = 0;
		}
		run.last = (size_t)(run.end - run.at) < part ? run.end : run.at + part;
		run.at = ceint_records_walk(records, &columns.batch, &run);
		assert_int_equal(columns.batch.layout, records->layout);
		for (uint32_t i = count; i < columns.batch.count; i++, total++) {
			assert_true(seen < run.last);
			seen = expect_record(records, &columns.batch, i, seen);
		}
		assert_ptr_equal(run.at, seen);
		if (columns.batch.count < capacity && run.at < run.last)
			break; /* not plain, or not whole */
	} while (columns.batch.count > count);
	unguard(&bytes);
	return total;
}

static void runs_are_walked_one_behind_the_other(void **state)
{
	static const size_t parts[] = {1, 100, 10000, 1 << 20};
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++) {
			struct packets_bytes bytes =
				some_records(&layouts[i], COUNT, data);
			uint32_t capacity = any(2) ? CE_BATCH_PACKETS : 1 + any(2000);

			assert_int_equal(
				walk_all(&layouts[i], &bytes, parts[k], capacity), COUNT);
			free(bytes.data);
		}
	free(data);
}

/* Wherever a run ends, and however long records are. */
static void lanes_find_the_same_packets(void **state)
{
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 20; k++) {
			struct packets_bytes bytes =
				some_records(&layouts[i], COUNT, data);
			uint32_t last = any((uint32_t)bytes.size);

			walk_lanes(&layouts[i], &bytes, last, CE_BATCH_PACKETS);
			walk_lanes(&layouts[i], &bytes, last, 1 + any(2000));
			free(bytes.data);
		}
	free(data);
}

/* Else the test above would show nothing. */
static void lanes_find_nearly_all(void **state)
{
	enum { MEAN = 340 };
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packets_bytes bytes = {0};
		size_t last;

		for (uint32_t k = 0; k < COUNT; k++)
			add(&bytes, &layouts[i], k, 40 + any(600), data);
		last = bytes.size - 2 * MOST;
		assert_true(walk_lanes(&layouts[i], &bytes, last, CE_BATCH_PACKETS) >
		            COUNT - 3 * MOST / MEAN);
		assert_int_equal(walk_lanes(&layouts[i], &bytes, last, 100), 100);
		free(bytes.data);
	}
	free(data);
}

static void records_within_packets_mislead_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		unsigned char *data = records_within(&layouts[i]);
		struct packets_bytes bytes = {0};

		for (uint32_t k = 0; k < COUNT; k++)
			add(&bytes, &layouts[i], k, 200 + any(600), data);
		/* They do mislead a lane's guess. */
		assert_true(walk_lanes(&layouts[i], &bytes, bytes.size,
		                       CE_BATCH_PACKETS) < COUNT / 4);
		assert_int_equal(walk_all(&layouts[i], &bytes, 300000, CE_BATCH_PACKETS),
		                 COUNT);
		free(bytes.data);
		free(data);
	}
}

static void record_that_is_not_plain_ends_the_walk(void **state)
{
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (uint32_t good = 0; good < COUNT; good += 1 + any(700)) {
			struct packets_bytes bytes =
				some_records(&layouts[i], good, data);
			struct packets_bytes more =
				some_records(&layouts[i], COUNT, data);

			packets_add32(&bytes, SEC, false);
			packets_add32(&bytes, 0, false);
			packets_add32(&bytes, UINT32_MAX, false);
			packets_add(&bytes, more.data, more.size);
			assert_int_equal(
				walk_all(&layouts[i], &bytes, 1 << 20, CE_BATCH_PACKETS),
				good);
			free(bytes.data);
			free(more.data);
		}
	free(data);
}

/* Those of `like` bytes each, but for the one at `odd`. */
static struct packets_bytes alike(const struct ceint_records *records, uint32_t count,
                                  uint32_t like, uint32_t odd, uint32_t length,
                                  const unsigned char *data)
{
	struct packets_bytes bytes = {0};

	for (uint32_t i = 0; i < count; i++)
		add(&bytes, records, i, i == odd ? length : like, data + i % 100);
	return bytes;
}

/* They are looked at eight at a time: wherever parts and batches end among them. */
static void records_of_one_length_are_walked_like_others(void **state)
{
	static const uint32_t lengths[] = {0, 1, 64, 333};
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++) {
			struct packets_bytes bytes =
				alike(&layouts[i], COUNT, lengths[k], COUNT, 0, data);

			for (uint32_t capacity = 1; capacity < 40; capacity++)
				assert_int_equal(
					walk_all(&layouts[i], &bytes, 1 << 20, capacity),
					COUNT);
			for (size_t part = 1; part < 4000; part += 1 + any(100))
				assert_int_equal(walk_all(&layouts[i], &bytes, part,
				                          CE_BATCH_PACKETS),
				                 COUNT);
			free(bytes.data);
		}
	free(data);
}

/* Shorter, longer, or not plain at all: at each place among the eight. */
static void one_that_differs_is_found_among_those_of_one_length(void **state)
{
	enum { FEW = 60, LIKE = 64 };
	static const uint32_t lengths[] = {0, 63, 65, 5000};
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (uint32_t odd = 0; odd < FEW; odd++) {
			const bool swapped = layouts[i].layout & CE_LAYOUT_SWAPPED;
			struct packets_bytes bytes;
			size_t header;

			for (int k = 0; k < 4; k++) {
				bytes = alike(&layouts[i], FEW, LIKE, odd, lengths[k],
				              data);
				assert_int_equal(walk_all(&layouts[i], &bytes, 1 << 20,
				                          CE_BATCH_PACKETS),
				                 FEW);
				free(bytes.data);
			}
			bytes = alike(&layouts[i], FEW, LIKE, odd, LIKE, data);
			header = bytes.size / FEW - LIKE;
			bytes.data[odd * (header + LIKE) + (swapped ? 8 : 11)] = 0x7f;
			assert_int_equal(
				walk_all(&layouts[i], &bytes, 1 << 20, CE_BATCH_PACKETS),
				odd);
			free(bytes.data);
		}
	free(data);
}

static void those_of_one_length_may_be_cut_anywhere(void **state)
{
	enum { FEW = 30, LIKE = 64 };
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packets_bytes bytes = alike(&layouts[i], FEW, LIKE, FEW, 0, data);
		const size_t record = bytes.size / FEW;

		for (size_t size = 0; size <= FEW * record; size++) {
			bytes.size = size;
			assert_int_equal(
				walk_all(&layouts[i], &bytes, 1 << 20, CE_BATCH_PACKETS),
				size / record);
		}
		free(bytes.data);
	}
	free(data);
}

static void bytes_may_end_anywhere(void **state)
{
	unsigned char *data = noise();
	struct packets_bytes bytes = some_records(&layouts[0], 600, data);
	size_t whole = bytes.size;

	(void)state;
	for (size_t cut = 0; cut < 2000; cut += 1 + cut / 40) {
		bytes.size = whole - cut;
		assert_in_range(walk_all(&layouts[0], &bytes, 1 << 20, CE_BATCH_PACKETS),
		                500, cut ? 599 : 600);
	}
	free(bytes.data);
	free(data);
}

/* First the header's, then the packet's. */
static void missing_bytes_are_told_until_the_record_is_whole(void **state)
{
	enum { LENGTH = 300 };
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++) {
		const size_t header = i < 2 ? CEINT_RECORD : CEINT_MODIFIED;
		struct packets_bytes from = {0};

		add(&from, &layouts[i], 0, LENGTH, data);
		for (from.size = 1; from.size <= header + LENGTH; from.size++) {
			struct bytes bytes = guard(&from);

			assert_int_equal(ceint_records_missing(&layouts[i], bytes.begin,
			                                       bytes.end),
			                 (from.size < header ? header : header + LENGTH) -
			                         from.size);
			unguard(&bytes);
		}
		assert_int_equal(ceint_records_missing(&layouts[i], from.data, from.data),
		                 header);
		free(from.data);
	}
	free(data);
}

static void nothing_is_missing_of_what_is_not_plain(void **state)
{
	unsigned char *data = calloc(1, MOST + 1);

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packets_bytes from = {0};

		add(&from, &layouts[i], 0, MOST, data);
		assert_int_equal(
			ceint_records_missing(&layouts[i], from.data, from.data + 30),
			from.size - 30);
		from.size = 0;
		add(&from, &layouts[i], 0, MOST + 1, data);
		assert_int_equal(
			ceint_records_missing(&layouts[i], from.data, from.data + 30), 0);
		free(from.data);
	}
	free(data);
}

static void guess_finds_where_a_record_begins(void **state)
{
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packets_bytes from = {0};
		struct bytes bytes;
		struct ceint_run run;
		size_t second;

		add(&from, &layouts[i], 0, 300, data);
		second = from.size;
		for (uint32_t k = 1; k < 5; k++)
			add(&from, &layouts[i], k, 100, data);
		bytes = guard(&from);
		run = (struct ceint_run){.end = bytes.end, .last = bytes.end};
		for (run.at = bytes.begin + 1; run.at <= bytes.begin + second; run.at++)
			assert_ptr_equal(
				ceint_records_guess(&layouts[i], &run, SEC, ENOUGH),
				bytes.begin + second);
		/* Fewer than four are none; nor are those of another day; nor is one
		   that begins behind the last place. */
		assert_null(ceint_records_guess(&layouts[i], &run, SEC, ENOUGH));
		run.at = bytes.begin + 1;
		assert_null(ceint_records_guess(&layouts[i], &run, SEC + 86400, ENOUGH));
		run.last = bytes.begin + second;
		assert_null(ceint_records_guess(&layouts[i], &run, SEC, ENOUGH));
		unguard(&bytes);
		free(from.data);
	}
	free(data);
}

static void there_is_nothing_to_guess_in_noise(void **state)
{
	unsigned char *data = noise();
	const struct packets_bytes from = {data, MOST};
	struct bytes bytes = guard(&from);

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct ceint_run run = {
			.at = bytes.begin, .end = bytes.end, .last = bytes.end};

		assert_null(ceint_records_guess(&layouts[i], &run, SEC, ENOUGH));
	}
	unguard(&bytes);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_walked_one_behind_the_other),
		cmocka_unit_test(lanes_find_the_same_packets),
		cmocka_unit_test(lanes_find_nearly_all),
		cmocka_unit_test(records_within_packets_mislead_nobody),
		cmocka_unit_test(record_that_is_not_plain_ends_the_walk),
		cmocka_unit_test(records_of_one_length_are_walked_like_others),
		cmocka_unit_test(one_that_differs_is_found_among_those_of_one_length),
		cmocka_unit_test(those_of_one_length_may_be_cut_anywhere),
		cmocka_unit_test(bytes_may_end_anywhere),
		cmocka_unit_test(missing_bytes_are_told_until_the_record_is_whole),
		cmocka_unit_test(nothing_is_missing_of_what_is_not_plain),
		cmocka_unit_test(guess_finds_where_a_record_begins),
		cmocka_unit_test(there_is_nothing_to_guess_in_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
