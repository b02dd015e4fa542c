/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_records.c - what records_int.h and lanes_int.h promise: however headers are
 * fetched, the same packets; and no byte is read behind the end, where no page is.
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

static void expect_same(const struct columns *a, const struct columns *b)
{
	uint32_t count = a->batch.count;

	assert_int_equal(count, b->batch.count);
	assert_int_equal(a->batch.layout, b->batch.layout);
	assert_memory_equal(a->ts_ns, b->ts_ns, count * sizeof(*a->ts_ns));
	assert_memory_equal(a->caplen, b->caplen, count * sizeof(*a->caplen));
	assert_memory_equal(a->len, b->len, count * sizeof(*a->len));
	assert_memory_equal(a->data, b->data, count * sizeof(*a->data));
}

/* Walk all of it, parts of `part` bytes, in every way. Gives the number of packets. */
static uint32_t expect_same_packets(const struct ceint_records *records,
                                    const struct packets_bytes *from, size_t part,
                                    uint32_t capacity)
{
	static struct columns near, other;
	struct bytes bytes = guard(from);
	struct ceint_run run = {.at = bytes.begin, .end = bytes.end};
	uint32_t total = 0;

	do {
		const unsigned char *ends[3];

		run.last = (size_t)(run.end - run.at) < part ? run.end : run.at + part;
		for (int reach = CEINT_NEAR; reach <= CEINT_SPARSE; reach++) {
			struct columns *columns = reach == CEINT_NEAR ? &near : &other;

			run.reach = (enum ceint_reach)reach;
			clear(columns, capacity);
			ends[reach] = ceint_records_walk(records, &columns->batch, &run);
			assert_ptr_equal(ends[reach], ends[CEINT_NEAR]);
			expect_same(columns, &near);
		}
		run.at = ends[CEINT_NEAR];
		total += near.batch.count;
	} while (near.batch.count);
	unguard(&bytes);
	return total;
}

static void same_packets_however_headers_are_fetched(void **state)
{
	static const size_t parts[] = {100000, 300000, 1 << 20};
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 3; k++) {
			struct packets_bytes bytes =
				some_records(&layouts[i], COUNT, data);
			uint32_t capacity = any(2) ? CE_BATCH_PACKETS : 1 + any(2000);

			assert_int_equal(expect_same_packets(&layouts[i], &bytes,
			                                     parts[k], capacity),
			                 COUNT);
			free(bytes.data);
		}
	free(data);
}

/* Do lanes find so many packets, or go all the way? */
static bool lanes_find(const struct ceint_records *records,
                       const struct packets_bytes *from, uint32_t capacity)
{
	static struct columns columns;
	struct bytes bytes = guard(from);
	const struct ceint_run run = {bytes.begin, bytes.end, bytes.end - 2 * MOST,
	                              CEINT_SPARSE};
	const unsigned char *end;

	clear(&columns, capacity);
	end = ceint_lanes_walk(records, &columns.batch, &run);
	unguard(&bytes);
	return columns.batch.count == capacity || end >= run.last;
}

/* Else the test above would show nothing. */
static void lanes_go_all_the_way(void **state)
{
	unsigned char *data = noise();

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packets_bytes bytes = {0};

		for (uint32_t k = 0; k < COUNT; k++)
			add(&bytes, &layouts[i], k, 40 + any(600), data);
		assert_true(lanes_find(&layouts[i], &bytes, CE_BATCH_PACKETS));
		assert_true(lanes_find(&layouts[i], &bytes, 100));
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
		assert_int_equal(expect_same_packets(&layouts[i], &bytes, 300000,
		                                     CE_BATCH_PACKETS),
		                 COUNT);
		/* They do mislead the guess. */
		assert_false(lanes_find(&layouts[i], &bytes, CE_BATCH_PACKETS));
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
			assert_int_equal(expect_same_packets(&layouts[i], &bytes, 1 << 20,
			                                     CE_BATCH_PACKETS),
			                 good);
			free(bytes.data);
			free(more.data);
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
		assert_in_range(expect_same_packets(&layouts[0], &bytes, 1 << 20,
		                                    CE_BATCH_PACKETS),
		                500, cut ? 599 : 600);
	}
	free(bytes.data);
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
			assert_ptr_equal(ceint_records_guess(&layouts[i], &run, SEC),
			                 bytes.begin + second);
		/* Fewer than four are none; nor are those of another day; nor is one
		   that begins behind the last place. */
		assert_null(ceint_records_guess(&layouts[i], &run, SEC));
		run.at = bytes.begin + 1;
		assert_null(ceint_records_guess(&layouts[i], &run, SEC + 86400));
		run.last = bytes.begin + second;
		assert_null(ceint_records_guess(&layouts[i], &run, SEC));
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

		assert_null(ceint_records_guess(&layouts[i], &run, SEC));
	}
	unguard(&bytes);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_packets_however_headers_are_fetched),
		cmocka_unit_test(lanes_go_all_the_way),
		cmocka_unit_test(records_within_packets_mislead_nobody),
		cmocka_unit_test(record_that_is_not_plain_ends_the_walk),
		cmocka_unit_test(bytes_may_end_anywhere),
		cmocka_unit_test(guess_finds_where_a_record_begins),
		cmocka_unit_test(there_is_nothing_to_guess_in_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
