/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_plain.c - what plain_int.h promises: in batches of all sizes, so that records
 * straddle the ends of many parts; and whoever helps.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/ring.h"
#include "source/plain_int.h"
#include "support/packets.h"

enum {
	COUNT = 700,
	MANY = 40000,
	HUGE = 262144, /* longest plain packet */
	SLACK = 4096,  /* what is read behind a part */
	SMALL = 3 * SLACK,
	HELPED = 128 << 10, /* an arena of which parts are offered */
};

static const struct packets_kind micro;
static const struct ce_ring_options one = {.slots = 1}, few = {.slots = 3};

/* A savefile being read. */
struct reading {
	struct packets_file file;
	pcap_t *pcap;
	struct ceint_plain plain;
	struct ceint_pieces pieces;
	struct ceint_ways ways;
	struct ce_ring *ring;
	uint32_t packets;
	uint32_t batches;
};

static void open_reading(struct reading *reading, const struct packets_bytes *bytes,
                         const struct ce_ring_options *options)
{
	char message[PCAP_ERRBUF_SIZE];

	*reading = (struct reading){.file = packets_file_open(bytes->data, bytes->size)};
	reading->pcap = pcap_open_offline(reading->file.path, message);
	assert_non_null(reading->pcap);
	assert_int_equal(ce_ring_open(&reading->ring, options), 0);
	ceint_ways_init(&reading->ways);
	ceint_plain_open(&reading->plain, reading->pcap, reading->file.fd, 0, bytes->data,
	                 "a file", &reading->pieces, &reading->ways);
}

static void close_reading(struct reading *reading)
{
	ceint_plain_close(&reading->plain);
	ce_ring_close(reading->ring);
	ceint_pieces_close(&reading->pieces);
	pcap_close(reading->pcap);
	packets_file_close(&reading->file);
}

/* The next batch, until the ring has gone round; NULL: no plain record. */
static struct ce_batch *next(struct reading *reading)
{
	struct ce_batch *batch = ce_ring_reserve(reading->ring);
	uint32_t count;

	if (!batch) {
		ce_ring_release(reading->ring, ce_ring_peek(reading->ring));
		batch = ce_ring_reserve(reading->ring);
	}
	count = ceint_plain_read(&reading->plain, batch);
	assert_int_equal(count, batch->count);
	ce_ring_commit(reading->ring);
	reading->batches += count > 0;
	return count ? batch : NULL;
}

/* Packet after packet stands behind its header in the arena, as the file has them. */
static void expect_place(const struct ce_batch *batch)
{
	const size_t header = batch->layout >= CE_LAYOUT_MODIFIED ? CEINT_MODIFIED
	                                                          : CEINT_RECORD;
	const unsigned char *at = batch->data[0] - header;

	assert_true(at >= batch->arena);
	for (uint32_t i = 0; i < batch->count; i++) {
		assert_ptr_equal(batch->data[i], at + header);
		at = batch->data[i] + batch->caplen[i];
	}
	assert_ptr_equal(at, batch->arena + batch->arena_used);
	assert_true(batch->arena_used <= batch->arena_bytes);
}

/* Read packets.h's packets until there is none, and look at each. */
static void read_packets(struct reading *reading)
{
	struct ce_batch *batch;

	while ((batch = next(reading))) {
		expect_place(batch);
		for (uint32_t i = 0; i < batch->count; i++) {
			struct ce_record record = ce_batch_record(batch, i);

			assert_true(packets_is(batch, i, reading->packets));
			assert_int_equal(record.sec, batch->ts_ns[i] / 1000000000);
			assert_int_equal(record.caplen, batch->caplen[i]);
			assert_int_equal(record.len, batch->len[i]);
			reading->packets++;
		}
	}
}

static void expect_all(const struct packets_bytes *bytes, uint32_t count)
{
	static const size_t arenas[] = {300, 1000, SLACK, SMALL, 0};

	for (int i = 0; i < 5; i++) {
		const struct ce_ring_options options = {.slots = 1,
		                                        .arena_bytes = arenas[i]};
		struct reading reading;

		open_reading(&reading, bytes, &options);
		read_packets(&reading);
		assert_int_equal(reading.packets, count);
		assert_true(reading.plain.at == (off_t)bytes->size);
		if (arenas[i])
			assert_true(reading.batches > bytes->size / arenas[i]);
		close_reading(&reading);
	}
}

static void every_kind_is_read_over_many_parts(void **state)
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

/* Packets of these lengths; each has other bytes. */
struct lengths {
	uint32_t count;
	uint32_t of[64];
};

static unsigned char noise[HUGE + 65];

static struct packets_bytes savefile_of(const struct lengths *lengths)
{
	struct packets_bytes bytes = {0};

	for (size_t i = 0; !noise[0] && i < sizeof(noise); i++)
		noise[i] = (unsigned char)(1 + i * 7 + i / 256);
	packets_add_header(&bytes, &micro);
	for (uint32_t i = 0; i < lengths->count; i++) {
		const struct ce_record record = {i, 0, lengths->of[i], lengths->of[i]};

		packets_add_record(&bytes, &micro, &record, noise + i);
	}
	return bytes;
}

/* The first `plain` packets are read, and nothing more. */
static void expect_lengths(const struct lengths *lengths, uint32_t plain,
                           const struct ce_ring_options *options)
{
	struct packets_bytes bytes = savefile_of(lengths);
	off_t end = PACKETS_FILE_HEADER;
	struct reading reading;
	struct ce_batch *batch;
	uint32_t count = 0;

	open_reading(&reading, &bytes, options);
	while ((batch = next(&reading))) {
		expect_place(batch);
		for (uint32_t i = 0; i < batch->count; i++, count++) {
			assert_int_equal(batch->caplen[i], lengths->of[count]);
			assert_int_equal(batch->ts_ns[i] / 1000000000, count);
			assert_memory_equal(batch->data[i], noise + count,
			                    batch->caplen[i]);
			end += PACKETS_RECORD + batch->caplen[i];
		}
	}
	assert_int_equal(count, plain);
	assert_true(reading.plain.at == end);
	close_reading(&reading);
	free(bytes.data);
}

/* Of a part, of what is read behind it, and of the arena; at any distance, either way. */
static void record_may_end_anywhere_around_an_end(void **state)
{
	static const uint32_t ends[] = {SMALL / 2, SMALL / 2 + SLACK, SMALL};
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = SMALL};

	(void)state;
	for (int i = 0; i < 3; i++)
		for (uint32_t end = ends[i] - 150; end < ends[i] + 50; end++) {
			const uint32_t length = end - PACKETS_RECORD;
			const struct lengths first = {4, {length, 46, 0, 99}};
			const struct lengths second = {
				4, {100, length - PACKETS_RECORD - 100, 46, 0}};

			expect_lengths(&first, end <= SMALL ? 4 : 0, &options);
			expect_lengths(&second, 4, &options);
		}
}

/* So they do not come in one piece with others. */
static void records_are_read_as_long_as_the_arena_has_room_for_one(void **state)
{
	static const uint32_t arenas[] = {200, SLACK, SMALL, HELPED};

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct ce_ring_options options = {.slots = 1,
		                                        .arena_bytes = arenas[i]};
		const uint32_t most = arenas[i] - PACKETS_RECORD, half = arenas[i] / 2;

		expect_lengths(&(struct lengths){6, {most, most, most, 0, most, most}}, 6,
		               &options);
		expect_lengths(&(struct lengths){6, {half, half, 1, half, half, most}}, 6,
		               &options);
		expect_lengths(&(struct lengths){3, {most, most + 1, 1}}, 1, &options);
		expect_lengths(&(struct lengths){3, {0, 0, most + 1}}, 2, &options);
		expect_lengths(&(struct lengths){2, {arenas[i] * 2 - 1, 1}}, 0, &options);
	}
}

static uint32_t random_state;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* Wherever a part ends within them, and whatever is left of the arena there. */
static void records_of_any_length_come_in_any_order(void **state)
{
	static const uint32_t arenas[] = {SMALL, HELPED, 300 << 10};

	(void)state;
	for (int round = 0; round < 600; round++) {
		const struct ce_ring_options options = {.slots = 1,
		                                        .arena_bytes = arenas[round % 3]};
		const uint32_t most = arenas[round % 3] < HUGE
		                              ? arenas[round % 3] - PACKETS_RECORD
		                              : HUGE;
		struct lengths lengths = {.count = 20};

		for (uint32_t i = 0; i < lengths.count; i++)
			lengths.of[i] = any(3) ? any(most / 3) : most - any(most / 4);
		expect_lengths(&lengths, lengths.count, &options);
	}
}

static void longest_packets_are_plain_and_longer_ones_are_not(void **state)
{
	static const struct ce_ring_options large = {.slots = 1, .arena_bytes = 1 << 20};
	const struct lengths lengths = {7, {HUGE, 1, HUGE, HUGE - 1, 0, HUGE, HUGE + 1}};

	(void)state;
	expect_lengths(&lengths, 6, &one);
	expect_lengths(&lengths, 6, &large);
}

/* At every byte of the last records, and of the first. */
static void cut_file_gives_its_whole_records(void **state)
{
	static const size_t arenas[] = {1000, SMALL};
	struct packets_bytes bytes = packets_savefile(&micro, 0, 100);
	size_t ends[101], end = PACKETS_FILE_HEADER;

	(void)state;
	for (uint32_t i = 0; i <= 100; i++) {
		ends[i] = end;
		end += PACKETS_RECORD + packets_length(i);
	}
	for (size_t size = PACKETS_FILE_HEADER; size <= bytes.size; size++) {
		const struct packets_bytes cut = {bytes.data, size};
		const struct ce_ring_options options = {.slots = 1,
		                                        .arena_bytes = arenas[size % 2]};
		struct reading reading;
		uint32_t whole = 100;

		if (size > ends[3] && size < ends[97])
			continue;
		while (ends[whole] > size)
			whole--;
		open_reading(&reading, &cut, &options);
		read_packets(&reading);
		assert_int_equal(reading.packets, whole);
		assert_true(reading.plain.at == (off_t)ends[whole]);
		close_reading(&reading);
	}
	free(bytes.data);
}

static void file_may_grow_until_its_end_is_reached(void **state)
{
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = SMALL};
	struct packets_bytes bytes = packets_savefile(&micro, 0, COUNT);

	(void)state;
	for (size_t third = bytes.size / 3; third < bytes.size / 3 + 300; third++) {
		const struct packets_bytes first = {bytes.data, third};
		struct reading reading;

		open_reading(&reading, &first, &options);
		read_packets(&reading);
		assert_in_range(reading.packets, COUNT / 4, COUNT / 2);
		assert_true(pwrite(reading.file.fd, bytes.data, bytes.size, 0) ==
		            (ssize_t)bytes.size);
		read_packets(&reading);
		assert_int_equal(reading.packets, COUNT);
		close_reading(&reading);
	}
	free(bytes.data);
}

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

/* They were read once, and are no more looked at in the file. */
static void packets_stay_what_they_were_when_their_file_is_truncated(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);
	struct reading reading;
	struct ce_batch *batches[3];
	uint64_t hashes[3];

	(void)state;
	open_reading(&reading, &bytes, &(struct ce_ring_options){.slots = 4});
	for (int i = 0; i < 3; i++) {
		ceint_pieces_help(&reading.pieces);
		batches[i] = next(&reading);
		assert_non_null(batches[i]);
		hashes[i] = look(batches[i], 0);
	}
	assert_int_equal(ftruncate(reading.file.fd, 1000), 0);
	for (int i = 0; i < 3; i++)
		assert_true(look(batches[i], 0) == hashes[i]);
	assert_null(next(&reading)); /* whose part would begin beyond the end */
	close_reading(&reading);
	free(bytes.data);
}

/* How a file was read: by batches, and who helped. */
struct helped {
	uint32_t counts[MANY];
	uint64_t hash; /* of all columns, and of the packets' bytes */
	uint32_t batches, packets;
	uint32_t helps, taken; /* pieces that were read; batches that came of them */
};

static void see(struct helped *seen, const struct ce_batch *batch)
{
	expect_place(batch);
	seen->hash = look(batch, seen->hash);
	seen->packets += batch->count;
	seen->taken += !batch->near;
	seen->counts[seen->batches++] = batch->count;
}

/* Somebody helps before a read with this chance. */
static void read_helped(const struct packets_bytes *bytes,
                        const struct ce_ring_options *options, uint32_t percent,
                        struct helped *seen)
{
	struct reading reading;
	struct ce_batch *batch;

	memset(seen, 0, sizeof(*seen));
	random_state = percent;
	open_reading(&reading, bytes, options);
	while ((batch = next(&reading))) {
		see(seen, batch);
		if (any(100) < percent)
			seen->helps += ceint_pieces_help(&reading.pieces);
	}
	close_reading(&reading);
}

static void expect_same(const struct helped *seen, const struct helped *alone)
{
	assert_int_equal(seen->batches, alone->batches);
	assert_memory_equal(seen->counts, alone->counts, sizeof(alone->counts));
	assert_true(seen->hash == alone->hash);
}

static void expect_help_is_not_seen(const struct packets_bytes *bytes, uint32_t packets,
                                    const struct ce_ring_options *options)
{
	static struct helped alone, seen;

	read_helped(bytes, options, 0, &alone);
	assert_int_equal(alone.packets, packets);
	for (uint32_t percent = 30; percent <= 100; percent += 35) {
		read_helped(bytes, options, percent, &seen);
		expect_same(&seen, &alone);
		assert_true(percent < 100 || seen.helps > alone.batches / 4);
		/* What was read behind the end is not, nor are fewer than four records. */
		assert_true(seen.taken + 2 > seen.helps * 3 / 4);
	}
}

static void who_helps_is_not_seen_in_the_batches(void **state)
{
	static const struct ce_ring_options rooms[] = {
		{.slots = 3},
		{.slots = 1, .arena_bytes = HELPED},
		{.slots = 3, .packets = 1000, .arena_bytes = 1 << 20},
		{.slots = 2, .packets = 4001, .arena_bytes = 333333},
	};

	(void)state;
	for (int i = 0; i < 8; i++) {
		const struct packets_kind kind = {.nano = i & 1, .swapped = i & 2};
		struct packets_bytes bytes = i < 4 ? packets_savefile(&kind, 0, MANY)
		                                   : modified(&kind, MANY);

		if (i < 4 || !kind.nano)
			expect_help_is_not_seen(&bytes, MANY, &rooms[i % 4]);
		free(bytes.data);
	}
}

/* Records in records, as a capture of a file transfer may have them. */
static const unsigned char *records_within(uint32_t bytes)
{
	static struct packets_bytes inner;

	for (uint32_t i = 0; inner.size < bytes; i++) {
		const struct ce_record record = {1700000000 + i / 100, i % 100, 30, 30};

		packets_add_record(&inner, &micro, &record, noise);
	}
	return inner.data;
}

/* `count` packets, of [least, least + range) bytes each; `inner`: what they hold. */
static struct packets_bytes long_packets(uint32_t count, uint32_t least, uint32_t range,
                                         const unsigned char *inner)
{
	struct packets_bytes bytes = {0};

	packets_add_header(&bytes, &micro);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t caplen = least + i * 7919 % range;
		const struct ce_record record = {1700000000 + i / 100, i % 100, caplen,
		                                 least + range};

		packets_add_record(&bytes, &micro, &record,
		                   inner ? inner : noise + i % 64);
	}
	return bytes;
}

static void nor_is_it_seen_where_packets_are_long(void **state)
{
	static const struct ce_ring_options rooms[] = {
		{.slots = 3},
		{.slots = 3, .packets = 101},
		{.slots = 3, .packets = 333, .arena_bytes = 1 << 20},
	};
	struct packets_bytes bytes = long_packets(7000, 300, 1200, NULL);
	struct packets_bytes longer = long_packets(600, 3000, 7000, NULL);

	(void)state;
	for (int i = 0; i < 3; i++) {
		expect_help_is_not_seen(&bytes, 7000, &rooms[i]);
		expect_help_is_not_seen(&longer, 600, &rooms[i]);
	}
	free(bytes.data);
	free(longer.data);
}

/* Which the arena has room for or not, as whoever helps has it. */
static void nor_is_it_seen_where_few_are_very_long(void **state)
{
	enum { FEW = 2000 };
	static const size_t arenas[] = {266240, 300000, 512 << 10};
	struct packets_bytes bytes = {0};

	(void)state;
	packets_add_header(&bytes, &micro);
	for (uint32_t i = 0; i < FEW; i++) {
		const uint32_t length = i % 30 == 29 ? 140000 + i * 7919 % 122000
		                                     : 1 + i * 7919 % 2000;
		const struct ce_record record = {1700000000 + i / 100, i % 100, length,
		                                 length};

		packets_add_record(&bytes, &micro, &record, noise + i % 64);
	}
	for (int i = 0; i < 3; i++) {
		const struct ce_ring_options options = {.slots = 3,
		                                        .arena_bytes = arenas[i]};
		static struct helped alone, seen;

		read_helped(&bytes, &options, 0, &alone);
		assert_int_equal(alone.packets, FEW);
		read_helped(&bytes, &options, 100, &seen);
		assert_true(seen.taken > seen.batches / 8);
		expect_same(&seen, &alone);
	}
	free(bytes.data);
}

static void who_is_misled_by_records_in_packets_is_not_seen(void **state)
{
	static struct helped alone, seen;
	struct packets_bytes bytes = long_packets(7000, 300, 1200, records_within(1500));

	(void)state;
	read_helped(&bytes, &few, 0, &alone);
	assert_int_equal(alone.packets, 7000);
	read_helped(&bytes, &few, 100, &seen);
	assert_true(seen.helps > alone.batches / 4);
	assert_true(seen.taken < seen.helps / 4);
	expect_same(&seen, &alone);
	free(bytes.data);
}

static _Atomic bool over;

static void *help_until_over(void *pieces)
{
	uintptr_t helps = 0;

	while (!atomic_load_explicit(&over, memory_order_relaxed))
		helps += ceint_pieces_help(pieces);
	return (void *)helps;
}

static void another_thread_that_helps_is_not_seen(void **state)
{
	static struct helped alone, seen;
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);
	uintptr_t helps = 0;

	(void)state;
	read_helped(&bytes, &few, 0, &alone);
	for (int round = 0; round < 10 || helps < 10; round++) {
		struct reading reading;
		struct ce_batch *batch;
		pthread_t thread;
		void *helped;

		memset(&seen, 0, sizeof(seen));
		open_reading(&reading, &bytes, &few);
		atomic_store_explicit(&over, false, memory_order_relaxed);
		assert_int_equal(
			pthread_create(&thread, NULL, help_until_over, &reading.pieces),
			0);
		while ((batch = next(&reading)))
			see(&seen, batch);
		atomic_store_explicit(&over, true, memory_order_relaxed);
		pthread_join(thread, &helped);
		helps += (uintptr_t)helped;
		expect_same(&seen, &alone);
		close_reading(&reading);
	}
	free(bytes.data);
}

/* No batch is cleared: then nobody helps any more, once all loans are lent. */
static void batches_that_are_held_keep_their_packets(void **state)
{
	enum { HELD = 200 };
	static const struct ce_ring_options all = {.slots = HELD, .arena_bytes = HELPED};
	static struct helped alone, seen;
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);
	struct ce_batch *batches[HELD];
	struct reading reading;
	uint64_t hash = 0;

	(void)state;
	read_helped(&bytes, &all, 0, &alone);
	assert_true(alone.batches < HELD); /* so the ring does not go round */
	memset(&seen, 0, sizeof(seen));
	open_reading(&reading, &bytes, &all);
	while ((batches[seen.batches] = next(&reading))) {
		see(&seen, batches[seen.batches]);
		seen.helps += ceint_pieces_help(&reading.pieces);
	}
	assert_int_equal(seen.helps, CEINT_LOANS);
	assert_int_equal(seen.taken, CEINT_LOANS);
	expect_same(&seen, &alone);
	for (uint32_t i = 0; i < seen.batches; i++)
		hash = look(batches[i], hash);
	assert_true(hash == alone.hash);
	close_reading(&reading);
	free(bytes.data);
}

/* Before whoever helps has read, or behind its back. */
static void truncation_under_who_helps_ends_the_reading(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, MANY);

	(void)state;
	for (int read_before = 0; read_before < 2; read_before++) {
		struct reading reading;
		struct ce_batch *batch;

		open_reading(&reading, &bytes, &few);
		while (reading.batches < 2) /* the first part was not offered */
			assert_non_null(next(&reading));
		assert_true(!read_before || ceint_pieces_help(&reading.pieces));
		assert_int_equal(ftruncate(reading.file.fd, 5000), 0);
		assert_true(read_before || ceint_pieces_help(&reading.pieces));
		batch = next(&reading);
		assert_true((batch != NULL) == read_before);
		if (batch)
			expect_place(batch);
		assert_null(next(&reading));
		close_reading(&reading);
	}
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

		open_reading(&reading, &bytes, &one);
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
		cmocka_unit_test(every_kind_is_read_over_many_parts),
		cmocka_unit_test(modified_headers_are_skipped),
		cmocka_unit_test(record_may_end_anywhere_around_an_end),
		cmocka_unit_test(records_are_read_as_long_as_the_arena_has_room_for_one),
		cmocka_unit_test(records_of_any_length_come_in_any_order),
		cmocka_unit_test(longest_packets_are_plain_and_longer_ones_are_not),
		cmocka_unit_test(cut_file_gives_its_whole_records),
		cmocka_unit_test(file_may_grow_until_its_end_is_reached),
		cmocka_unit_test(
			packets_stay_what_they_were_when_their_file_is_truncated),
		cmocka_unit_test(who_helps_is_not_seen_in_the_batches),
		cmocka_unit_test(nor_is_it_seen_where_packets_are_long),
		cmocka_unit_test(nor_is_it_seen_where_few_are_very_long),
		cmocka_unit_test(who_is_misled_by_records_in_packets_is_not_seen),
		cmocka_unit_test(another_thread_that_helps_is_not_seen),
		cmocka_unit_test(batches_that_are_held_keep_their_packets),
		cmocka_unit_test(truncation_under_who_helps_ends_the_reading),
		cmocka_unit_test(link_types_that_libpcap_corrects_are_not_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
