/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_plain.c - what plain_int.h promises: with windows of a page, so that records
 * straddle many, and without windows.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/ring.h"
#include "capengine/source.h"
#include "source/plain_int.h"
#include "support/packets.h"

enum { PAGE = 4096, COUNT = 700, HUGE = 262144, SLOTS = 3 };

static const struct packets_kind micro;
static bool mapped; /* in the second round of all tests */

/* A savefile being read. */
struct reading {
	struct packets_file file;
	pcap_t *pcap;
	struct ceint_plain plain;
	struct ceint_piece piece;
	struct ce_ring *ring;
	struct ce_err err;
	uint32_t packets;
	uint32_t batches;
};

static uint32_t most; /* packets in a batch; 0: as many as may be */

static void open_reading(struct reading *reading, const struct packets_bytes *bytes)
{
	const struct ce_ring_options options = {.slots = SLOTS, .packets = most};
	char message[PCAP_ERRBUF_SIZE];

	if (mapped) /* each time: cmocka puts its own handlers around every test */
		assert_int_equal(ce_source_guard(), 0);
	*reading = (struct reading){.file = packets_file_open(bytes->data, bytes->size)};
	reading->pcap = pcap_open_offline(reading->file.path, message);
	assert_non_null(reading->pcap);
	assert_int_equal(ce_ring_open(&reading->ring, &options), 0);
	ceint_plain_open(&reading->plain, reading->pcap, reading->file.fd, 0, bytes->data,
	                 "a file", &reading->piece);
	reading->plain.window_bytes = PAGE;
}

static void close_reading(struct reading *reading)
{
	ceint_plain_close(&reading->plain);
	ce_ring_close(reading->ring);
	ceint_piece_close(&reading->piece);
	pcap_close(reading->pcap);
	packets_file_close(&reading->file);
}

/* The next batch, lent until the ring has gone round; NULL: no plain record. */
static struct ce_batch *next(struct reading *reading, int *rc)
{
	struct ce_batch *batch = ce_ring_reserve(reading->ring);

	if (!batch) {
		ce_ring_release(reading->ring, ce_ring_peek(reading->ring));
		batch = ce_ring_reserve(reading->ring);
	}
	*rc = ceint_plain_read(&reading->plain, batch, &reading->err);
	assert_true(*rc < 0 || (uint32_t)*rc == batch->count);
	assert_true((batch->lender != NULL) == (mapped && *rc > 0));
	ce_ring_commit(reading->ring);
	reading->batches += *rc > 0;
	return *rc > 0 ? batch : NULL;
}

/* Read packets.h's packets until there is none, and look at each. */
static int read_packets(struct reading *reading)
{
	struct ce_batch *batch;
	int rc;

	while ((batch = next(reading, &rc)))
		for (uint32_t i = 0; i < batch->count; i++) {
			struct ce_record record = ce_batch_record(batch, i);

			assert_true(packets_is(batch, i, reading->packets));
			assert_int_equal(record.sec, batch->ts_ns[i] / 1000000000);
			assert_int_equal(record.caplen, batch->caplen[i]);
			assert_int_equal(record.len, batch->len[i]);
			reading->packets++;
		}
	return rc;
}

static void expect_all(const struct packets_bytes *bytes, uint32_t count)
{
	struct reading reading;

	open_reading(&reading, bytes);
	assert_int_equal(read_packets(&reading), 0);
	assert_int_equal(reading.packets, count);
	assert_true(reading.plain.at == (off_t)bytes->size);
	if (mapped && count == COUNT)
		assert_true(reading.batches > bytes->size / PAGE / 2);
	close_reading(&reading);
}

static void every_kind_is_read_over_many_windows(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct packets_kind kind = {.nano = i & 1, .swapped = i & 2};
		struct packets_bytes bytes = packets_savefile(&kind, 0, COUNT);

		expect_all(&bytes, COUNT);
		free(bytes.data);
	}
}

/* The same savefile with the magic number and eight bytes more in each header. */
static struct packets_bytes modified(const struct packets_kind *kind, uint32_t count)
{
	struct packets_bytes plain = packets_savefile(kind, 0, count), bytes = {0};
	size_t at = PACKETS_FILE_HEADER;

	packets_add32(&bytes, 0xa1b2cd34, kind->swapped);
	packets_add(&bytes, plain.data + 4, PACKETS_FILE_HEADER - 4);
	for (uint32_t i = 0; i < count; i++) {
		packets_add(&bytes, plain.data + at, PACKETS_RECORD);
		packets_add(&bytes, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
		packets_add(&bytes, plain.data + at + PACKETS_RECORD, packets_length(i));
		at += PACKETS_RECORD + packets_length(i);
	}
	free(plain.data);
	return bytes;
}

static void modified_headers_are_skipped(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct packets_kind kind = {.swapped = i};
		struct packets_bytes bytes = modified(&kind, COUNT);

		expect_all(&bytes, COUNT);
		free(bytes.data);
	}
}

/* Any distance of a record from the end of its window, to either side. */
static void record_may_end_anywhere_around_the_end_of_a_window(void **state)
{
	(void)state;
	for (uint32_t length = PAGE - 150; length < PAGE + 10; length++) {
		static const unsigned char zeros[2 * PAGE];
		const struct ce_record record = {.caplen = length, .len = length};
		struct packets_bytes bytes = {0};
		struct reading reading;
		struct ce_batch *batch;
		int rc;

		packets_add_header(&bytes, &micro);
		packets_add_record(&bytes, &micro, &record, zeros);
		packets_add_packet(&bytes, &micro, 0);
		packets_add_packet(&bytes, &micro, 1);
		open_reading(&reading, &bytes);
		batch = next(&reading, &rc);
		assert_non_null(batch);
		assert_int_equal(batch->caplen[0], length);
		for (uint32_t i = 1; i < batch->count; i++)
			assert_true(packets_is(batch, i, reading.packets++));
		assert_int_equal(read_packets(&reading), 0);
		assert_int_equal(reading.packets, 2);
		close_reading(&reading);
		free(bytes.data);
	}
}

static void longest_packets_are_plain_and_longer_ones_are_not(void **state)
{
	static const uint32_t lengths[] = {HUGE, 1, HUGE, HUGE - 1, 0, HUGE};
	unsigned char *data = calloc(1, HUGE + 1);
	struct ce_record record = {0};
	struct packets_bytes bytes = {0};
	struct reading reading;
	struct ce_batch *batch;
	int rc, count = 0;

	(void)state;
	packets_add_header(&bytes, &micro);
	for (int i = 0; i < 6; i++) {
		record.caplen = record.len = lengths[i];
		packets_add_record(&bytes, &micro, &record, data);
	}
	record.caplen = HUGE + 1;
	packets_add_record(&bytes, &micro, &record, data);
	open_reading(&reading, &bytes);
	while ((batch = next(&reading, &rc)))
		for (uint32_t i = 0; i < batch->count; i++)
			assert_int_equal(batch->caplen[i], lengths[count++]);
	assert_int_equal(rc, 0);
	assert_int_equal(count, 6);
	assert_true(reading.plain.at == (off_t)(bytes.size - HUGE - 1 - PACKETS_RECORD));
	close_reading(&reading);
	free(bytes.data);
	free(data);
}

/* At every byte of the last records, and of the first. */
static void cut_file_gives_its_whole_records(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 100);
	size_t ends[101], end = PACKETS_FILE_HEADER;

	(void)state;
	for (uint32_t i = 0; i <= 100; i++) {
		ends[i] = end;
		end += PACKETS_RECORD + packets_length(i);
	}
	for (size_t size = PACKETS_FILE_HEADER; size <= bytes.size; size++) {
		const struct packets_bytes cut = {bytes.data, size};
		struct reading reading;
		uint32_t whole = 100;

		if (size > ends[3] && size < ends[97])
			continue;
		while (ends[whole] > size)
			whole--;
		open_reading(&reading, &cut);
		assert_int_equal(read_packets(&reading), 0);
		assert_int_equal(reading.packets, whole);
		assert_true(reading.plain.at == (off_t)ends[whole]);
		close_reading(&reading);
	}
	free(bytes.data);
}

static void file_may_grow_until_its_end_is_reached(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, COUNT);
	struct packets_bytes first = {bytes.data, bytes.size / 3};
	struct reading reading;

	(void)state;
	open_reading(&reading, &first);
	assert_int_equal(read_packets(&reading), 0);
	assert_in_range(reading.packets, COUNT / 4, COUNT / 2);
	assert_true(pwrite(reading.file.fd, bytes.data, bytes.size, 0) ==
	            (ssize_t)bytes.size);
	assert_int_equal(read_packets(&reading), 0);
	assert_int_equal(reading.packets, COUNT);
	close_reading(&reading);
	free(bytes.data);
}

static void batches_over_a_file_that_was_truncated_are_refused(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, COUNT);
	struct reading reading;
	struct ce_batch *batch;
	int rc;

	(void)state;
	open_reading(&reading, &bytes);
	reading.plain.window_bytes = 16 * PAGE;
	batch = next(&reading, &rc);
	assert_non_null(batch);
	assert_int_equal(ce_batch_check(batch, NULL), 0);
	assert_int_equal(ftruncate(reading.file.fd, PAGE), 0);
	assert_int_equal(ce_batch_check(batch, &reading.err), mapped ? -EBADMSG : 0);
	if (mapped) {
		for (uint32_t i = 0; i < batch->count; i++)
			(void)*(const volatile unsigned char *)batch->data[i];
		assert_non_null(strstr(reading.err.text, "truncated"));
	}
	assert_null(next(&reading, &rc)); /* whose window would begin beyond the end */
	assert_int_equal(rc, 0);
	close_reading(&reading);
	free(bytes.data);
}

enum { MANY = 40000 };

/* How a file was read: by batches, and who helped. */
struct helped {
	uint32_t counts[MANY];
	uint64_t hash; /* of all columns, and of the packets' bytes */
	uint32_t batches, packets, helps;
};

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t look(const struct ce_batch *batch, uint64_t hash)
{
	hash = mix(hash, batch->ts_ns, batch->count * sizeof(*batch->ts_ns));
	hash = mix(hash, batch->caplen, batch->count * sizeof(*batch->caplen));
	hash = mix(hash, batch->len, batch->count * sizeof(*batch->len));
	for (uint32_t i = 0; i < batch->count; i++)
		hash = mix(hash, batch->data[i], batch->caplen[i]);
	return hash;
}

/* Somebody helps before a read with this chance. */
static void read_helped(const struct packets_bytes *bytes, uint32_t percent,
                        struct helped *seen)
{
	struct reading reading;
	struct ce_batch *batch;
	uint32_t chance = 1;
	int rc;

	memset(seen, 0, sizeof(*seen));
	open_reading(&reading, bytes);
	reading.plain.window_bytes = 256 * PAGE;
	while ((batch = next(&reading, &rc))) {
		seen->hash = look(batch, seen->hash);
		seen->packets += batch->count;
		seen->counts[seen->batches++] = batch->count;
		chance = chance * 1664525 + 1013904223;
		if ((chance >> 16) % 100 < percent)
			seen->helps += ceint_piece_help(&reading.piece);
	}
	assert_int_equal(rc, 0);
	close_reading(&reading);
}

static void expect_help_is_not_seen(const struct packets_bytes *bytes, uint32_t packets)
{
	static struct helped alone, seen;

	read_helped(bytes, 0, &alone);
	assert_int_equal(alone.packets, packets);
	for (uint32_t percent = 30; percent <= 100; percent += 35) {
		read_helped(bytes, percent, &seen);
		assert_int_equal(seen.batches, alone.batches);
		assert_memory_equal(seen.counts, alone.counts, sizeof(alone.counts));
		assert_true(seen.hash == alone.hash);
		assert_true(!mapped || seen.helps > alone.batches * percent / 400);
	}
}

static void who_helps_is_not_seen_in_the_batches(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);

	(void)state;
	expect_help_is_not_seen(&bytes, MANY);
	free(bytes.data);
}

/* Which are walked in lanes once somebody has helped; in batches of an odd size, too. */
static void nor_is_it_seen_where_packets_are_long(void **state)
{
	enum { LONG = 7000 };
	static unsigned char data[1500];
	struct packets_bytes bytes = {0};

	(void)state;
	packets_add_header(&bytes, &micro);
	for (uint32_t i = 0; i < LONG; i++) {
		const struct ce_record record = {1700000000 + i / 100, i % 100,
		                                 300 + i * 7919 % 1200, 1500};

		memcpy(data, &i, sizeof(i));
		packets_add_record(&bytes, &micro, &record, data);
	}
	expect_help_is_not_seen(&bytes, LONG);
	most = 100;
	expect_help_is_not_seen(&bytes, LONG);
	most = 0;
	free(bytes.data);
}

/* Who helps reads zeros where the file was, and may guess what they like. */
static void truncation_under_who_helps_is_told(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);
	struct reading reading;
	int rc;

	(void)state;
	if (!mapped) {
		free(bytes.data);
		return;
	}
	open_reading(&reading, &bytes);
	reading.plain.window_bytes = 256 * PAGE;
	assert_non_null(next(&reading, &rc)); /* which has no piece: nothing is known */
	assert_non_null(next(&reading, &rc));
	assert_true(reading.piece.offered);
	assert_int_equal(ftruncate(reading.file.fd, 2 * PAGE), 0);
	assert_true(ceint_piece_help(&reading.piece));
	assert_null(next(&reading, &rc));
	assert_int_equal(rc, -EBADMSG);
	close_reading(&reading);
	free(bytes.data);
}

static void link_types_that_libpcap_corrects_are_not_plain(void **state)
{
	static const struct {
		uint32_t linktype;
		bool plain, plain_when_swapped;
	} types[] = {
		{1, true, true},     {101, true, true}, {113, true, false}, /* SLL */
		{117, true, false},                                         /* PFLOG */
		{189, true, false},                                         /* USB */
		{220, false, false}, /* USB, mapped */
		{239, true, false},  /* NFLOG */
		{276, true, true},   /* SLL2 */
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(types) / sizeof(*types); i++) {
		const struct packets_kind kind = {.linktype = types[i / 2].linktype,
		                                  .swapped = i % 2};
		struct packets_bytes bytes = packets_savefile(&kind, 0, 1);
		struct reading reading;

		open_reading(&reading, &bytes);
		assert_int_equal(reading.plain.fd >= 0,
		                 i % 2 ? types[i / 2].plain_when_swapped
		                       : types[i / 2].plain);
		close_reading(&reading);
		free(bytes.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_read_over_many_windows),
		cmocka_unit_test(modified_headers_are_skipped),
		cmocka_unit_test(record_may_end_anywhere_around_the_end_of_a_window),
		cmocka_unit_test(longest_packets_are_plain_and_longer_ones_are_not),
		cmocka_unit_test(cut_file_gives_its_whole_records),
		cmocka_unit_test(file_may_grow_until_its_end_is_reached),
		cmocka_unit_test(batches_over_a_file_that_was_truncated_are_refused),
		cmocka_unit_test(who_helps_is_not_seen_in_the_batches),
		cmocka_unit_test(nor_is_it_seen_where_packets_are_long),
		cmocka_unit_test(truncation_under_who_helps_is_told),
		cmocka_unit_test(link_types_that_libpcap_corrects_are_not_plain),
	};
	int failed = cmocka_run_group_tests_name("read", tests, NULL, NULL);

	mapped = true;
	return failed + cmocka_run_group_tests_name("mapped", tests, NULL, NULL);
}
