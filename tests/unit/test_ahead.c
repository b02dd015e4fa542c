/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ahead.c - what <capengine/ahead.h> promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/ahead.h"
#include "capengine/decode.h"

enum { PACKETS = 200, BYTES = 60, ETHERNET = 1, SEED = 7, PATIENCE = 16 };

/* Batches of TCP packets, each from a port of its own. */
struct test {
	struct ce_ahead *ahead;
	struct ce_decode *decode;
	struct ce_batch batch;
	uint64_t wanted[CE_BATCH_WORDS];
	int64_t ts_ns[PACKETS];
	uint32_t lens[PACKETS];
	const unsigned char *data[PACKETS];
	unsigned char bytes[PACKETS][BYTES];
};

static int allowed = -1; /* calls that get memory; negative: all do */

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	if (allowed == 0)
		return NULL;
	allowed--;
	return __real_calloc(count, bytes);
}

static int open_test(void **state)
{
	static const unsigned char packet[BYTES] =
		"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0"
		"\x45\0\0\x2e\0\7\0\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2"
		"\0\0\1\xbb\0\0\0\1\0\0\0\2\x50\2\x10\0\0\0\0\0hello";
	struct test *test = calloc(1, sizeof(*test));

	for (int i = 0; i < PACKETS; i++) {
		memcpy(test->bytes[i], packet, BYTES);
		test->bytes[i][35] = (unsigned char)i;
		test->data[i] = test->bytes[i];
		test->lens[i] = BYTES;
	}
	test->batch = (struct ce_batch){.ts_ns = test->ts_ns,
	                                .caplen = test->lens,
	                                .len = test->lens,
	                                .data = test->data,
	                                .count = PACKETS,
	                                .origin.linktype = ETHERNET};
	memset(test->wanted, 0xff, sizeof(test->wanted));
	*state = test;
	allowed = -1;
	if (ce_ahead_open(&test->ahead, SEED) < 0 ||
	    ce_decode_open(&test->decode, SEED) < 0)
		return -1;
	ce_decode_follow(test->decode, test->ahead);
	return 0;
}

static int close_test(void **state)
{
	struct test *test = *state;

	ce_decode_close(test->decode);
	ce_ahead_close(test->ahead);
	free(test);
	return 0;
}

/* Fill the batch, have it decoded ahead, and begin to read it. */
static void next_batch(struct test *test)
{
	test->batch.decoded = false;
	ce_ahead_decode(test->ahead, &test->batch);
	test->batch.sequence++;
	ce_decode_begin(test->decode, &test->batch, test->wanted);
}

static const struct ce_column *column(struct ce_decode *decode, const char *name)
{
	const struct ce_column *found = ce_decode_column(decode, ce_field_find(name));

	assert_non_null(found);
	return found;
}

/* The ports that packets have are those of the packets that are wanted. */
static void assert_ports(struct test *test)
{
	const struct ce_column *ports = column(test->decode, "tcp.srcport");

	for (uint32_t i = 0; i < PACKETS; i++) {
		bool is_wanted = test->wanted[i / 64] >> i % 64 & 1;

		assert_int_equal(ce_column_has(ports, i), is_wanted);
		if (is_wanted)
			assert_int_equal(((const uint16_t *)ports->values)[i], i);
	}
}

/* Two batches whose ports somebody asks for: those of the next are made ahead. */
static void ask_for_ports(struct test *test)
{
	for (int i = 0; i < 2; i++) {
		next_batch(test);
		assert_ports(test);
	}
}

/* By a decode that has made none itself. */
static void all_that_a_column_says_is_made_ahead(void **state)
{
	struct test *test = *state;
	const struct ce_column *src;
	struct ce_decode *other;

	for (int i = 0; i < 3; i++) {
		next_batch(test);
		column(test->decode, "flow.src");
	}
	assert_true(test->batch.decoded);
	assert_int_equal(ce_decode_open(&other, 0), 0);
	ce_decode_begin(other, &test->batch, test->wanted);
	src = column(other, "flow.src");
	assert_ptr_equal(src->values, column(test->decode, "flow.src")->values);
	for (uint32_t i = 0; i < PACKETS; i++)
		if (ce_column_has(src, i))
			assert_true(src->ipv4[i / 64] >> i % 64 & 1);
	ce_decode_close(other);
}

static void nothing_is_made_that_nobody_asks_for(void **state)
{
	struct test *test = *state;

	for (int i = 0; i < 3; i++) {
		next_batch(test);
		assert_false(test->batch.decoded);
		column(test->decode, "frame.len"); /* the batch's own */
	}
}

static void what_was_asked_for_last_is_made_ahead(void **state)
{
	struct test *test = *state;
	const void *values;

	ask_for_ports(test);
	next_batch(test);
	assert_true(test->batch.decoded);
	values = column(test->batch.ahead, "tcp.srcport")->values;
	assert_ptr_equal(column(test->decode, "tcp.srcport")->values, values);
	assert_ports(test);
	test->bytes[3][34] = 1; /* it is not looked at again */
	assert_int_equal(
		((const uint16_t *)column(test->decode, "tcp.srcport")->values)[3], 3);
}

static void what_is_missing_is_made_when_asked_for(void **state)
{
	struct test *test = *state;
	const struct ce_column *ports;

	ask_for_ports(test);
	next_batch(test);
	ports = column(test->decode, "tcp.dstport");
	assert_int_equal(((const uint16_t *)ports->values)[PACKETS - 1], 443);
	assert_ports(test);
}

static void only_wanted_packets_have_what_was_made_ahead(void **state)
{
	struct test *test = *state;

	ask_for_ports(test);
	next_batch(test);
	memset(test->wanted, 0x55, sizeof(test->wanted));
	ce_decode_begin(test->decode, &test->batch, test->wanted);
	assert_ports(test);
	memset(test->wanted, 0xff, sizeof(test->wanted));
	ce_decode_begin(test->decode, &test->batch, test->wanted);
	assert_ports(test);
}

static void where_few_packets_are_wanted_nothing_is_made_ahead(void **state)
{
	struct test *test = *state;

	memset(test->wanted, 0x11, sizeof(test->wanted));
	ask_for_ports(test);
	next_batch(test);
	assert_false(test->batch.decoded);
	assert_ports(test);
}

static void a_field_that_is_asked_for_no_more_is_made_no_more(void **state)
{
	struct test *test = *state;

	ask_for_ports(test);
	for (int i = 0; i < 2; i++) {
		next_batch(test);
		column(test->decode, "ip.ttl");
	}
	next_batch(test);
	assert_true(test->batch.decoded);
	column(test->decode, "tcp.srcport");
	next_batch(test);
	test->bytes[3][34] = 1; /* so it is looked at now */
	assert_int_equal(
		((const uint16_t *)column(test->decode, "tcp.srcport")->values)[3],
		256 + 3);
}

static void nobody_asks_for_long_and_nothing_is_made(void **state)
{
	struct test *test = *state;

	ask_for_ports(test);
	next_batch(test);
	for (int i = 0; i < PATIENCE; i++) {
		test->batch.decoded = false;
		ce_ahead_decode(test->ahead, &test->batch);
		assert_true(test->batch.decoded);
	}
	test->batch.decoded = false;
	ce_ahead_decode(test->ahead, &test->batch);
	assert_false(test->batch.decoded);
	ask_for_ports(test);
	next_batch(test);
	assert_true(test->batch.decoded);
}

static void each_slot_keeps_its_columns(void **state)
{
	struct test *test = *state;
	struct ce_batch other = test->batch;
	const uint16_t *ports;

	ask_for_ports(test);
	next_batch(test);
	ports = column(test->decode, "tcp.srcport")->values;
	test->bytes[3][35] = 99;
	other.ahead = NULL;
	ce_ahead_decode(test->ahead, &other);
	assert_true(other.decoded);
	assert_int_equal(ports[3], 3);
	assert_int_equal(
		((const uint16_t *)column(other.ahead, "tcp.srcport")->values)[3], 99);
}

/* Whether the first call gets no memory, or the second, and so on. */
static void want_of_memory_is_no_harm(void **state)
{
	struct test *test = *state;
	struct ce_ahead *ahead;
	int n;

	for (int i = 0; i < 2; i++) {
		next_batch(test);
		assert_ports(test);
		column(test->decode, "ip.ttl");
	}
	test->batch.decoded = false;
	for (n = 0; !test->batch.decoded; n++) {
		allowed = n;
		ce_ahead_decode(test->ahead, &test->batch);
		allowed = -1;
		test->batch.sequence++;
		ce_decode_begin(test->decode, &test->batch, test->wanted);
		assert_ports(test);
		column(test->decode, "ip.ttl");
	}
	assert_true(n > 4); /* the decode, its fields, and for each of two its values */
	allowed = 0;
	assert_int_equal(ce_ahead_open(&ahead, SEED), -ENOMEM);
	allowed = -1;
	ce_ahead_close(NULL);
}

/* A large ring has no more of them. */
static void sixteen_slots_have_columns(void **state)
{
	struct test *test = *state;

	ask_for_ports(test);
	next_batch(test);
	assert_ports(test);
	for (int i = 1; i < 20; i++) {
		struct ce_batch other = test->batch;

		test->batch.sequence++;
		ce_decode_begin(test->decode, &test->batch, test->wanted);
		assert_ports(test);
		other.ahead = NULL;
		other.decoded = false;
		ce_ahead_decode(test->ahead, &other);
		assert_int_equal(other.decoded, i < 16);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_made_that_nobody_asks_for),
		TEST(all_that_a_column_says_is_made_ahead),
		TEST(what_was_asked_for_last_is_made_ahead),
		TEST(what_is_missing_is_made_when_asked_for),
		TEST(only_wanted_packets_have_what_was_made_ahead),
		TEST(where_few_packets_are_wanted_nothing_is_made_ahead),
		TEST(a_field_that_is_asked_for_no_more_is_made_no_more),
		TEST(nobody_asks_for_long_and_nothing_is_made),
		TEST(each_slot_keeps_its_columns),
		TEST(want_of_memory_is_no_harm),
		TEST(sixteen_slots_have_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
