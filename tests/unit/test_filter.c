/* SPDX-License-Identifier: BSD-3-Clause */
/* test_filter.c - what <capengine/filter.h> promises. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/batch.h"
#include "capengine/filter.h"
#include "capengine/ring.h"
#include "support/packets.h"

enum { SNAPLEN = 262144, MANY = 200 };

static const struct ce_origin on_ethernet = {.linktype = DLT_EN10MB, .snaplen = SNAPLEN};
static const struct ce_origin on_raw = {.linktype = DLT_RAW, .snaplen = SNAPLEN};

static struct ce_ring *ring; /* owns the batches of the test that runs */

static int open_ring(void **state)
{
	const struct ce_ring_options options = {.slots = 2};

	(void)state;
	return ce_ring_open(&ring, &options);
}

static int close_ring(void **state)
{
	(void)state;
	ce_ring_close(ring);
	return 0;
}

/* Packets 0 to count - 1 as the frame's bytes from `skip` on, all selected. */
static struct ce_batch *batch_of(uint32_t count, const struct ce_origin *origin, uint32_t skip)
{
	struct ce_batch *batch = ce_ring_reserve(ring);

	batch->origin = *origin;
	for (uint32_t i = 0; i < count; i++) {
		unsigned char bytes[PACKETS_MOST];
		uint32_t length = packets_format(bytes, i) - skip;
		const struct ce_record record = {.caplen = length, .len = length};

		assert_int_equal(ce_batch_append(batch, &record, 0, bytes + skip), 0);
	}
	ce_batch_select_all(batch);
	return batch;
}

static struct ce_batch *ethernet(uint32_t count)
{
	return batch_of(count, &on_ethernet, 0);
}

static struct ce_filter *filter_of(const char *expression)
{
	struct ce_filter *filter;

	assert_int_equal(ce_filter_open(&filter, expression, CE_FILTER_NETMASK_UNKNOWN), 0);
	return filter;
}

static void select_with(const char *expression, struct ce_batch *batch)
{
	struct ce_filter *filter = filter_of(expression);

	assert_int_equal(ce_filter_select(filter, batch, NULL), 0);
	ce_filter_close(filter);
}

static uint32_t selected(const struct ce_batch *batch)
{
	return ce_batch_count_selected(batch, 0, batch->count);
}

/* Does a filter want packet 3 of packets.h? */
static int match(const char *expression)
{
	struct ce_filter *filter = filter_of(expression);
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, 3);
	int rc = ce_filter_match(filter, &on_ethernet, length, length, bytes, NULL);

	ce_filter_close(filter);
	return rc;
}

static void open_copies_the_expression(void **state)
{
	char expression[] = "udp";
	struct ce_filter *filter = filter_of(expression);

	(void)state;
	memset(expression, 'x', 3);
	assert_string_equal(ce_filter_expression(filter), "udp");
	ce_filter_close(filter);
}

static void filter_keeps_its_netmask(void **state)
{
	struct ce_filter *filter;

	(void)state;
	assert_int_equal(ce_filter_open(&filter, "ip", 0xffff8000), 0);
	assert_int_equal(ce_filter_netmask(filter), 0xffff8000);
	ce_filter_close(filter);
}

static void close_takes_null(void **state)
{
	(void)state;
	ce_filter_close(NULL);
}

static void select_leaves_those_that_match(void **state)
{
	struct ce_batch *batch = ethernet(MANY);

	(void)state;
	select_with("udp dst port 1003", batch);
	assert_int_equal(selected(batch), MANY / 10);
	for (uint32_t i = ce_batch_next(batch, 0); i < MANY; i = ce_batch_next(batch, i + 1))
		assert_int_equal(i % 10, 3);
}

static void select_deletes_nothing(void **state)
{
	struct ce_batch *batch = ethernet(MANY);

	(void)state;
	select_with("udp dst port 1003", batch);
	assert_int_equal(batch->count, MANY);
	ce_batch_select_all(batch);
	select_with("udp dst port 1004", batch);
	assert_int_equal(selected(batch), MANY / 10);
	assert_int_equal(ce_batch_next(batch, 0), 4);
}

static void select_wants_nothing_anew(void **state)
{
	struct ce_batch *batch = ethernet(MANY);

	(void)state;
	select_with("udp dst port 1003", batch);
	select_with("udp", batch);
	assert_int_equal(selected(batch), MANY / 10);
	select_with("udp dst port 1004", batch);
	assert_int_equal(selected(batch), 0);
}

static void select_changes_nothing_before_the_cursor(void **state)
{
	struct ce_batch *batch = ethernet(MANY);

	(void)state;
	batch->at = 77;
	select_with("udp dst port 1003", batch);
	assert_int_equal(ce_batch_count_selected(batch, 0, 77), 77);
	assert_int_equal(ce_batch_count_selected(batch, 77, MANY), 12);
}

static void select_takes_an_empty_batch(void **state)
{
	struct ce_batch *batch = ethernet(0);

	(void)state;
	select_with("udp", batch);
	assert_int_equal(selected(batch), 0);
}

static void one_filter_serves_every_link_type(void **state)
{
	struct ce_filter *filter = filter_of("udp dst port 1003");

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct ce_batch *frames = ethernet(MANY);
		struct ce_batch *datagrams = batch_of(MANY, &on_raw, 14);

		assert_int_equal(ce_filter_select(filter, frames, NULL), 0);
		assert_int_equal(ce_filter_select(filter, datagrams, NULL), 0);
		assert_int_equal(selected(frames), MANY / 10);
		assert_int_equal(selected(datagrams), MANY / 10);
		close_ring(NULL);
		open_ring(NULL);
	}
	ce_filter_close(filter);
}

static void expression_is_compiled_for_the_batch_that_it_meets(void **state)
{
	struct ce_filter *filter = filter_of("ether host 02:00:00:00:00:01");
	struct ce_batch *frames = ethernet(MANY);
	struct ce_batch *datagrams = batch_of(MANY, &on_raw, 14);
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_filter_select(filter, frames, &err), 0);
	assert_int_equal(selected(frames), MANY);
	assert_int_equal(ce_filter_select(filter, datagrams, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.text, "ethernet"));
	assert_int_equal(ce_filter_select(filter, frames, &err), 0);
	ce_filter_close(filter);
}

static void open_compiles_nothing(void **state)
{
	struct ce_filter *filter = filter_of("no such thing");
	struct ce_batch *batch = ethernet(1);

	(void)state;
	assert_int_equal(ce_filter_select(filter, batch, NULL), -EINVAL);
	assert_int_equal(selected(batch), 1);
	ce_filter_close(filter);
}

static void check_says_what_libpcap_says(void **state)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	struct bpf_program program;
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(ce_filter_check(&on_ethernet, "tcp port 80",
	                                 CE_FILTER_NETMASK_UNKNOWN, &err), 0);
	assert_int_equal(ce_filter_check(&on_ethernet, "tcp prt 80",
	                                 CE_FILTER_NETMASK_UNKNOWN, &err), -EINVAL);
	assert_int_equal(pcap_compile(dead, &program, "tcp prt 80", 1, PCAP_NETMASK_UNKNOWN), -1);
	assert_string_equal(err.text, pcap_geterr(dead));
	assert_int_equal(ce_filter_check(&on_raw, "ether host 02:00:00:00:00:01",
	                                 CE_FILTER_NETMASK_UNKNOWN, &err), -EINVAL);
	pcap_close(dead);
}

static void match_answers_for_one_packet(void **state)
{
	(void)state;
	assert_int_equal(match("udp dst port 1003"), 1);
	assert_int_equal(match("udp dst port 1004"), 0);
	assert_int_equal(match("no such thing"), -EINVAL);
}

static void empty_expression_matches_everything(void **state)
{
	struct ce_batch *batch = ethernet(MANY);

	(void)state;
	select_with("", batch);
	assert_int_equal(selected(batch), MANY);
	assert_int_equal(match(""), 1);
}

static void bytes_behind_the_captured_ones_match_nothing(void **state)
{
	struct ce_filter *filter = filter_of("udp dst port 1003");
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, 3);

	(void)state;
	for (uint32_t caplen = 0; caplen < 38; caplen++)
		assert_int_equal(ce_filter_match(filter, &on_ethernet, caplen, length,
		                                 bytes, NULL), 0);
	assert_int_equal(ce_filter_match(filter, &on_ethernet, 38, length, bytes, NULL),
	                 1);
	ce_filter_close(filter);
}

static void length_is_that_on_the_wire(void **state)
{
	struct ce_filter *filter = filter_of("greater 1000");
	unsigned char bytes[PACKETS_MOST] = {0};

	(void)state;
	assert_int_equal(ce_filter_match(filter, &on_ethernet, 60, 1000, bytes, NULL), 1);
	assert_int_equal(ce_filter_match(filter, &on_ethernet, 60, 999, bytes, NULL), 0);
	ce_filter_close(filter);
}

static void what_only_the_kernel_knows_matches_nothing(void **state)
{
	(void)state;
	assert_int_equal(match("inbound"), 0);
	assert_int_equal(match("outbound"), 0);
}

static void first_octet_of_the_netmask_is_the_most_significant(void **state)
{
	static const char expression[] = "ip broadcast";
	struct ce_filter *wide, *narrow;
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, 0);

	(void)state;
	memcpy(bytes + 30, "\x0a\0\0\xff", 4); /* 10.0.0.255 */
	assert_int_equal(ce_filter_open(&wide, expression, 0xffffff00), 0);
	assert_int_equal(ce_filter_open(&narrow, expression, 0xffff0000), 0);
	assert_int_equal(ce_filter_match(wide, &on_ethernet, length, length, bytes, NULL),
	                 1);
	assert_int_equal(ce_filter_match(narrow, &on_ethernet, length, length, bytes,
	                                 NULL), 0);
	assert_int_equal(match(expression), -EINVAL); /* not known */
	ce_filter_close(wide);
	ce_filter_close(narrow);
}

struct compiling {
	pthread_t thread;
	const char *expression;
	int expected;
	int wrong;
};

static void *compile_often(void *arg)
{
	struct compiling *compiling = arg;

	for (int i = 0; i < 200; i++)
		if (ce_filter_check(&on_ethernet, compiling->expression,
		                    CE_FILTER_NETMASK_UNKNOWN, NULL) != compiling->expected)
			compiling->wrong++;
	return NULL;
}

static void threads_may_compile_at_once(void **state)
{
	struct compiling all[] = {
		{.expression = "tcp port 80 or (udp and net 10.0.0.0/8)"},
		{.expression = "tcp prt 80", .expected = -EINVAL},
		{.expression = "vlan 7 and (ip6 or arp) and not port 53"},
		{.expression = "((((ip", .expected = -EINVAL},
	};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&all[i].thread, NULL, compile_often, &all[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(all[i].thread, NULL);
		assert_int_equal(all[i].wrong, 0);
	}
}

#define with_ring(test) cmocka_unit_test_setup_teardown(test, open_ring, close_ring)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_copies_the_expression),
		cmocka_unit_test(filter_keeps_its_netmask),
		cmocka_unit_test(close_takes_null),
		with_ring(select_leaves_those_that_match),
		with_ring(select_deletes_nothing),
		with_ring(select_wants_nothing_anew),
		with_ring(select_changes_nothing_before_the_cursor),
		with_ring(select_takes_an_empty_batch),
		with_ring(one_filter_serves_every_link_type),
		with_ring(expression_is_compiled_for_the_batch_that_it_meets),
		with_ring(open_compiles_nothing),
		cmocka_unit_test(check_says_what_libpcap_says),
		cmocka_unit_test(match_answers_for_one_packet),
		with_ring(empty_expression_matches_everything),
		cmocka_unit_test(bytes_behind_the_captured_ones_match_nothing),
		cmocka_unit_test(length_is_that_on_the_wire),
		cmocka_unit_test(what_only_the_kernel_knows_matches_nothing),
		cmocka_unit_test(first_octet_of_the_netmask_is_the_most_significant),
		cmocka_unit_test(threads_may_compile_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
