/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dump_pcapng.c - what a pcapng dump says beside its packets, block for block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "capengine/ring.h"
#include "support/blocks.h"
#include "support/packets.h"

/* The memory file that the test writes to, and what was found in it. */
static struct packets_file out;
static struct blocks found;

static int open_out(void **state)
{
	(void)state;
	out = packets_file_open("", 0);
	return 0;
}

static int close_out(void **state)
{
	(void)state;
	packets_file_close(&out);
	free(found.data);
	found.data = NULL;
	return 0;
}

static struct ce_dump *open_dump(struct ce_dump_options options)
{
	struct ce_dump *dump = NULL;
	struct ce_err err = {0};

	options.format = CE_DUMP_PCAPNG;
	if (ce_dump_open(&dump, out.path, &options, &err) < 0)
		fail_msg("%s", err.text);
	return dump;
}

/* Close, and read what there is. */
static void finish(struct ce_dump *dump)
{
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	found = blocks_read(out.fd);
}

static const unsigned char *block(uint32_t type, int n)
{
	return blocks_find(&found, type, n);
}

static int write_packet(struct ce_dump *dump, int linktype, uint32_t sec)
{
	const struct ce_origin origin = {.linktype = linktype, .snaplen = 500};
	const struct ce_record record = {.sec = sec, .frac = 7, .caplen = 5, .len = 9};

	return ce_dump_write_packet(dump, &origin, &record, "abcde", NULL);
}

static void file_names_the_application_and_the_interface(void **state)
{
	struct ce_dump *dump = open_dump((struct ce_dump_options){
		.linktype = DLT_EN10MB, .from = {.name = "eth7", .filter = "port 53"}});

	(void)state;
	assert_int_equal(write_packet(dump, DLT_EN10MB, 1), 0);
	finish(dump);
	assert_true(blocks_say(block(BLOCKS_SECTION, 0), "capengine "));
	assert_true(blocks_say(block(BLOCKS_INTERFACE, 0), "eth7"));
	assert_true(blocks_say(block(BLOCKS_INTERFACE, 0), "port 53"));
	assert_int_equal(blocks_word(block(BLOCKS_INTERFACE, 0) + 12), 500);
	assert_null(block(BLOCKS_INTERFACE, 1));
}

static void packet_stands_there_with_stamp_and_lengths(void **state)
{
	for (int nano = 0; nano < 2; nano++) {
		struct ce_dump *dump = open_dump(
			(struct ce_dump_options){.linktype = DLT_EN10MB, .nano = nano});
		uint64_t stamp = UINT64_C(4000000000) * 1000000 + 7;
		const unsigned char *packet;

		assert_int_equal(write_packet(dump, DLT_EN10MB, 4000000000), 0);
		finish(dump);
		packet = block(BLOCKS_PACKET, 0);
		stamp *= nano ? 1000 : 1;
		assert_int_equal(blocks_word(packet + 12), stamp >> 32);
		assert_int_equal(blocks_word(packet + 16), (uint32_t)stamp);
		assert_int_equal(blocks_word(packet + 20), 5);
		assert_int_equal(blocks_word(packet + 24), 9);
		assert_memory_equal(packet + 28, "abcde\0\0\0", 8);
		close_out(state);
		open_out(state);
	}
}

static void each_link_type_is_an_interface(void **state)
{
	struct ce_dump *dump =
		open_dump((struct ce_dump_options){.linktype = DLT_EN10MB});
	static const uint32_t expected[] = {0, 1, 0, 1};

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(write_packet(dump, i % 2 ? DLT_RAW : DLT_EN10MB, i), 0);
	finish(dump);
	assert_int_equal(blocks_word(block(BLOCKS_INTERFACE, 1) + 8) & 0xffff,
	                 PACKETS_RAW_IN_FILE);
	assert_null(block(BLOCKS_INTERFACE, 2));
	for (int i = 0; i < 4; i++)
		assert_int_equal(blocks_word(block(BLOCKS_PACKET, i) + 8), expected[i]);
}

static void file_without_packets_has_an_interface(void **state)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;

	(void)state;
	finish(open_dump((struct ce_dump_options){.linktype = DLT_RAW, .snapshot = 99}));
	assert_int_equal(blocks_word(block(BLOCKS_INTERFACE, 0) + 8) & 0xffff,
	                 PACKETS_RAW_IN_FILE);
	pcap = pcap_open_offline(out.path, message);
	assert_non_null(pcap);
	assert_int_equal(pcap_snapshot(pcap), 99);
	pcap_close(pcap);
}

static void file_can_be_read_before_its_first_packet(void **state)
{
	struct ce_dump *dump = open_dump(
		(struct ce_dump_options){.linktype = DLT_EN10MB, .snapshot = 500});
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;

	(void)state;
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	pcap = pcap_open_offline(out.path, message);
	assert_non_null(pcap);
	pcap_close(pcap);
	assert_int_equal(write_packet(dump, DLT_EN10MB, 1), 0);
	finish(dump);
	assert_null(block(BLOCKS_INTERFACE, 1));
}

static void comment_is_of_the_next_packet_alone(void **state)
{
	struct ce_dump *dump =
		open_dump((struct ce_dump_options){.linktype = DLT_EN10MB});

	(void)state;
	assert_int_equal(ce_dump_comment(dump, "look here", 9), 0);
	assert_int_equal(write_packet(dump, DLT_EN10MB, 1), 0);
	assert_int_equal(write_packet(dump, DLT_EN10MB, 2), 0);
	finish(dump);
	assert_true(blocks_say(block(BLOCKS_PACKET, 0), "look here"));
	assert_false(blocks_say(block(BLOCKS_PACKET, 1), "look here"));
}

static void gap_is_a_comment_on_the_packet_behind_it(void **state)
{
	struct ce_dump *dump =
		open_dump((struct ce_dump_options){.linktype = DLT_EN10MB});
	const struct ce_record record = {.sec = 1, .caplen = 5, .len = 5};
	struct ce_ring *ring;
	struct ce_batch *batch;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = ce_ring_reserve(ring);
	batch->origin.linktype = DLT_EN10MB;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ce_batch_append(batch, &record, 0, "abcde"), 0);
	batch->gap = (struct ce_gap){.kernel_drops = 12, .interface_drops = 34};
	batch->sequence = 1;
	ce_batch_select_all(batch);
	ce_batch_deselect(batch, 0); /* so the gap is before packet 1 */
	assert_int_equal(ce_dump_write_batch(dump, batch, batch->selected, 0, 2, NULL),
	                 0);
	assert_int_equal(ce_dump_write_batch(dump, batch, batch->selected, 2, 3, NULL),
	                 0);
	ce_ring_close(ring);
	finish(dump);
	assert_true(blocks_say(block(BLOCKS_PACKET, 0),
	                       "12 dropped by the kernel, 34 by the interface"));
	assert_false(blocks_say(block(BLOCKS_PACKET, 1), "dropped"));
}

static void end_says_what_the_interface_has_counted(void **state)
{
	struct ce_dump *dump =
		open_dump((struct ce_dump_options){.linktype = DLT_EN10MB});
	const struct ce_stats stats = {
		.received = 100, .kernel_drops = 20, .interface_drops = 3};

	(void)state;
	assert_int_equal(write_packet(dump, DLT_EN10MB, 5), 0);
	assert_int_equal(write_packet(dump, DLT_RAW, 5), 0);
	ce_dump_stats(dump, 0, &stats);
	finish(dump);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 0), BLOCKS_RECEIVED), 100);
	assert_int_equal(
		blocks_count(block(BLOCKS_STATISTICS, 0), BLOCKS_INTERFACE_DROPS), 3);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 0), BLOCKS_KERNEL_DROPS),
	                 20);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 0), BLOCKS_WRITTEN), 1);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 1), BLOCKS_WRITTEN), 1);
	assert_true(blocks_count(block(BLOCKS_STATISTICS, 1), BLOCKS_RECEIVED) ==
	            UINT64_MAX);
}

/* Two sources of one link type are two interfaces, each with its name and its counters. */
static void each_source_is_an_interface(void **state)
{
	const struct ce_dump_from one = {.source = 1, .name = "eth1"};
	const struct ce_dump_from two = {.source = 2, .name = "eth2", .filter = "udp"};
	static const uint32_t expected[] = {0, 1, 0};
	const struct ce_stats stats = {.received = 7, .kernel_drops = 2};
	struct ce_dump *dump =
		open_dump((struct ce_dump_options){.linktype = DLT_EN10MB, .from = one});

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(ce_dump_from(dump, i == 1 ? &two : &one), 0);
		assert_int_equal(write_packet(dump, DLT_EN10MB, i), 0);
	}
	assert_true(ce_dump_has(dump, 2));
	assert_false(ce_dump_has(dump, 3));
	ce_dump_stats(dump, 2, &stats);
	ce_dump_stats(dump, 3, &stats);
	finish(dump);
	assert_true(blocks_say(block(BLOCKS_INTERFACE, 0), "eth1"));
	assert_true(blocks_say(block(BLOCKS_INTERFACE, 1), "eth2"));
	assert_false(blocks_say(block(BLOCKS_INTERFACE, 0), "udp"));
	assert_true(blocks_say(block(BLOCKS_INTERFACE, 1), "udp"));
	assert_null(block(BLOCKS_INTERFACE, 2));
	for (int i = 0; i < 3; i++)
		assert_int_equal(blocks_word(block(BLOCKS_PACKET, i) + 8), expected[i]);
	assert_true(blocks_count(block(BLOCKS_STATISTICS, 0), BLOCKS_RECEIVED) ==
	            UINT64_MAX);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 1), BLOCKS_RECEIVED), 7);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 1), BLOCKS_KERNEL_DROPS),
	                 2);
	assert_int_equal(blocks_count(block(BLOCKS_STATISTICS, 1), BLOCKS_WRITTEN), 1);
}

static void name_says_format_and_compression(void **state)
{
	static const struct {
		const char *path;
		enum ce_dump_format format;
		enum ce_dump_compression compression;
	} names[] = {
		{"a", CE_DUMP_PCAP, CE_DUMP_PLAIN},
		{"a.pcapng", CE_DUMP_PCAPNG, CE_DUMP_PLAIN},
		{"a.pcapng.gz", CE_DUMP_PCAPNG, CE_DUMP_GZIP},
		{"a.pcap.zst", CE_DUMP_PCAP, CE_DUMP_ZSTD},
		{".gz", CE_DUMP_PCAP, CE_DUMP_GZIP},
		{"pcapng", CE_DUMP_PCAP, CE_DUMP_PLAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		enum ce_dump_format format;
		enum ce_dump_compression compression;

		ce_dump_by_name(names[i].path, &format, &compression);
		assert_int_equal(format, names[i].format);
		assert_int_equal(compression, names[i].compression);
	}
}

#define with_out(test) cmocka_unit_test_setup_teardown(test, open_out, close_out)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_out(file_names_the_application_and_the_interface),
		with_out(packet_stands_there_with_stamp_and_lengths),
		with_out(each_link_type_is_an_interface),
		with_out(file_without_packets_has_an_interface),
		with_out(file_can_be_read_before_its_first_packet),
		with_out(comment_is_of_the_next_packet_alone),
		with_out(gap_is_a_comment_on_the_packet_behind_it),
		with_out(end_says_what_the_interface_has_counted),
		with_out(each_source_is_an_interface),
		cmocka_unit_test(name_says_format_and_compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
