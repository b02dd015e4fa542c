/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mapped.c - what plain_int.h and piece_int.h promise of files that are mapped: the
 * same batches as where they are read, whoever helps, and also when a file is truncated.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/ring.h"
#include "source/plain_int.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum {
	WINDOW = CEINT_WINDOW,
	SIZE = 6 * WINDOW, /* of a file, or a little more */
	LONGEST = 262144,
	MOST = 1 << 20, /* packets */
	BATCHES = 4096,
	KINDS = 5,
	FILE_HEADER = 24,
};

static uint32_t random_state = 1;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(random_state >> 8) * below >> 24);
}

/* Lengths of packets, by how they change over a file. */
static uint32_t sparse(uint32_t i)
{
	(void)i;
	return 40 + any(1400);
}

static uint32_t dense(uint32_t i)
{
	(void)i;
	return any(100);
}

static uint32_t alike(uint32_t i)
{
	(void)i;
	return 64;
}

/* So that some parts of records of no bytes are taken for such of long ones. */
static uint32_t in_turns(uint32_t i)
{
	return i / 3000 % 2 ? any(3) : 1500;
}

/* So that some begin at the end of a part and are longer than what is read. */
static uint32_t now_and_then_huge(uint32_t i)
{
	(void)i;
	return any(30) ? any(70) : LONGEST - any(200000);
}

static uint32_t (*const kinds[KINDS])(uint32_t) = {sparse, dense, alike, in_turns,
                                                   now_and_then_huge};

/* A savefile in memory, but for its end in huge pages. */
struct file {
	int fd;
	unsigned char *bytes;
	size_t size, room;
	uint32_t count;
	uint32_t ends[MOST]; /* of packets */
};

static void put32(struct file *file, uint32_t value)
{
	memcpy(file->bytes + file->size, &value, sizeof(value));
	file->size += sizeof(value);
}

static void put_packet(struct file *file, uint32_t length)
{
	put32(file, 1700000000 + file->count / 1000);
	put32(file, file->count % 1000);
	put32(file, length);
	put32(file, length + any(3));
	for (uint32_t i = 0; i < length; i += 64)
		file->bytes[file->size + i] = (unsigned char)any(256);
	file->size += length;
	file->ends[file->count++] = (uint32_t)file->size;
}

static void map(struct file *file)
{
	unsigned char *room = mmap(NULL, file->room + WINDOW, PROT_NONE,
	                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	file->bytes = mmap(room + -(uintptr_t)room % WINDOW, file->room,
	                   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file->fd, 0);
	assert_true(file->bytes != MAP_FAILED);
}

/* In small pages. */
static struct file *open_small(uint32_t (*length)(uint32_t), size_t size)
{
	struct file *file = calloc(1, sizeof(*file));

	file->room = size + 2 * WINDOW;
	file->fd = memfd_create("mapped", MFD_CLOEXEC);
	assert_int_equal(ftruncate(file->fd, (off_t)file->room), 0);
	map(file);
	put32(file, 0xa1b2c3d4);
	put32(file, 4 << 16 | 2);
	put32(file, 0);
	put32(file, 0);
	put32(file, LONGEST);
	put32(file, DLT_EN10MB);
	while (file->size < size)
		put_packet(file, length(file->count));
	assert_int_equal(ftruncate(file->fd, (off_t)file->size), 0);
	assert_int_equal(posix_fallocate(file->fd, 0, (off_t)file->size), 0);
	return file;
}

static struct file *open_file(uint32_t (*length)(uint32_t))
{
	struct file *file = open_small(length, SIZE);

	if (madvise(file->bytes, file->size / WINDOW * WINDOW, MADV_COLLAPSE) < 0) {
		print_message("no huge pages for files: %s\n", strerror(errno));
		skip();
	}
	return file;
}

static void close_file(struct file *file)
{
	munmap(file->bytes, file->room);
	close(file->fd);
	free(file);
}

/* Its savefile being read. */
struct reading {
	pcap_t *pcap;
	struct ceint_plain plain;
	struct ceint_pieces pieces;
	struct ceint_ways ways;
	struct ce_ring *ring;
};

static void open_reading(struct reading *reading, const struct file *file)
{
	const struct ce_ring_options options = {.slots = 6, .arena_bytes = 512 << 10};
	char path[64], message[PCAP_ERRBUF_SIZE];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	*reading = (struct reading){.pcap = pcap_open_offline(path, message)};
	assert_non_null(reading->pcap);
	assert_int_equal(ce_ring_open(&reading->ring, &options), 0);
	ceint_ways_init(&reading->ways);
	ceint_plain_open(&reading->plain, reading->pcap, file->fd, 0, file->bytes,
	                 "a file", &reading->pieces, &reading->ways);
	/* As behind the beginning of a longer file. */
	ceint_ways_begin(&reading->ways, -CEINT_WARMING);
	reading->ways.now = CEINT_MAP_LARGE;
}

static void close_reading(struct reading *reading)
{
	ceint_plain_close(&reading->plain);
	ce_ring_close(reading->ring);
	ceint_pieces_close(&reading->pieces);
	pcap_close(reading->pcap);
}

/* The next batch, which some others helped with; NULL: there is none. */
static struct ce_batch *next(struct reading *reading)
{
	struct ce_batch *batch;

	while (!(batch = ce_ring_reserve(reading->ring)))
		ce_ring_release(reading->ring, ce_ring_peek(reading->ring));
	for (uint32_t helps = any(4); helps; helps--)
		ceint_pieces_help(&reading->pieces);
	if (!ceint_plain_read(&reading->plain, batch))
		return NULL;
	ce_ring_commit(reading->ring);
	return batch;
}

/* Packet i of the file is packet k of the batch. */
static void expect_packet(const struct file *file, uint32_t i,
                          const struct ce_batch *batch, uint32_t k)
{
	const size_t begin = (i ? file->ends[i - 1] : FILE_HEADER) + CEINT_RECORD;

	assert_int_equal(batch->caplen[k], file->ends[i] - begin);
	assert_true(batch->ts_ns[k] ==
	            (1700000000 + i / 1000) * INT64_C(1000000000) + i % 1000 * 1000);
	assert_memory_equal(batch->data[k], file->bytes + begin, batch->caplen[k]);
}

/* Read all of it: where batches end. Gives how many were mapped. */
static uint32_t read_all(const struct file *file, uint32_t ends[BATCHES])
{
	struct reading reading;
	struct ce_batch *batch;
	uint32_t packets = 0, batches = 0, mapped = 0;

	open_reading(&reading, file);
	while ((batch = next(&reading))) {
		for (uint32_t k = 0; k < batch->count; k++)
			expect_packet(file, packets++, batch, k);
		assert_int_equal(ce_batch_check(batch, NULL), 0);
		assert_true(batches < BATCHES);
		ends[batches++] = packets;
		mapped += batch->mapped;
	}
	assert_int_equal(packets, file->count);
	close_reading(&reading);
	ends[batches] = 0;
	return mapped;
}

/* The first test, since nobody may stand guard at first. */
static void batches_are_those_that_would_be_read(void **state)
{
	static uint32_t read[KINDS][BATCHES + 1], mapped[BATCHES + 1];
	struct file *files[KINDS];

	(void)state;
	for (int i = 0; i < KINDS; i++) {
		files[i] = open_file(kinds[i]);
		assert_int_equal(read_all(files[i], read[i]), 0);
	}
	assert_int_equal(ceint_mapping_guard(), 0);
	for (int i = 0; i < KINDS; i++) {
		uint32_t count = read_all(files[i], mapped), k = 0;

		for (; read[i][k] || mapped[k]; k++)
			assert_int_equal(mapped[k], read[i][k]);
		assert_in_range(count, 6, k - 6); /* of the second stretch none is */
		close_file(files[i]);
	}
}

/* Where it is tried: in the third stretch. */
static void small_pages_are_mapped_by_one_way_only(void **state)
{
	const size_t size = 3 * CEINT_STRETCH - 2 * WINDOW;
	struct file *file = open_small(sparse, size);
	struct reading reading;
	struct ce_batch *batch;
	uint32_t packets = 0, mapped = 0;

	(void)state;
	assert_int_equal(ceint_mapping_guard(), 0);
	open_reading(&reading, file);
	while ((batch = next(&reading))) {
		packets += batch->count;
		if (file->ends[packets - 1] < 2 * CEINT_STRETCH)
			assert_false(batch->mapped);
		mapped += batch->mapped;
	}
	assert_int_equal(packets, file->count);
	assert_true(mapped > 2);
	close_reading(&reading);
	close_file(file);
}

/* The packets that end before it. */
static uint32_t packets_before(const struct file *file, uint32_t size)
{
	uint32_t count = 0;

	while (file->ends[count] <= size)
		count++;
	return count;
}

/* In the first stretch: what was read ahead, in the second, is there though it is cut. */
static void truncated_file_is_read_to_its_end(void **state)
{
	enum { LAST = CEINT_STRETCH - WINDOW };

	(void)state;
	assert_int_equal(ceint_mapping_guard(), 0);
	for (int i = 0; i < KINDS; i++)
		for (uint32_t cut = WINDOW; cut < LAST; cut += WINDOW / 2 + any(WINDOW)) {
			struct file *file = open_file(kinds[i]);
			uint32_t packets = 0, before = packets_before(file, cut);
			struct reading reading;
			struct ce_batch *batch;

			open_reading(&reading, file);
			while (file->ends[packets] + WINDOW / 8 < cut &&
			       (batch = next(&reading)))
				packets += batch->count;
			if (before < packets)
				before = packets; /* they came before it was cut */
			assert_int_equal(ftruncate(file->fd, cut), 0);
			while ((batch = next(&reading))) {
				for (uint32_t k = 0; k < batch->count; k++)
					expect_packet(file, packets++, batch, k);
				assert_int_equal(ce_batch_check(batch, NULL), 0);
			}
			assert_int_equal(packets, before);
			close_reading(&reading);
			close_file(file);
		}
}

static void batch_whose_packets_are_gone_says_so(void **state)
{
	struct file *file = open_file(alike);
	struct ce_batch *first, *second;
	struct reading reading;
	struct ce_err err;

	(void)state;
	assert_int_equal(ceint_mapping_guard(), 0);
	open_reading(&reading, file);
	first = next(&reading);
	second = next(&reading);
	assert_true(first->mapped && second->mapped);
	assert_int_equal(ftruncate(file->fd, file->ends[first->count]), 0);
	assert_int_equal(ce_batch_check(first, NULL), 0);
	assert_int_equal(ce_batch_check(second, &err), -EBADMSG);
	expect_packet(file, 0, first, 0);
	assert_int_equal(second->data[second->count - 1][0], 0);
	assert_null(next(&reading));
	close_reading(&reading);
	close_file(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_are_those_that_would_be_read),
		cmocka_unit_test(small_pages_are_mapped_by_one_way_only),
		cmocka_unit_test(truncated_file_is_read_to_its_end),
		cmocka_unit_test(batch_whose_packets_are_gone_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
