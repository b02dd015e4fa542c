/* SPDX-License-Identifier: BSD-3-Clause */
/* test_where.c - what <capengine/where.h> promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/decode.h"
#include "capengine/ring.h"
#include "capengine/where.h"
#include "support/packets.h"

struct octets {
	const char *at;
	uint32_t bytes;
};

#define OCTETS(text)                   \
	{                              \
		text, sizeof(text) - 1 \
	}

#define TO_FROM        \
	"\2\0\0\0\0\1" \
	"\2\0\0\0\0\7"

/* Packets a, b, c ... of the tests. */
static const struct octets examples[] = {
	/* a: TCP over IPv4, 10.0.0.7:5000 to 192.168.1.9:443, SYN, id 0x1234 */
	OCTETS(TO_FROM "\x08\0"
                       "\x45\0\0\x28\x12\x34\x40\0\x40\6\0\0\x0a\0\0\7\xc0\xa8\1\x09"
                       "\x13\x88\1\xbb\xff\xff\xff\xff\0\0\0\0\x50\2\xfa\xf0\0\0\0\0"),
	/* b: TCP over IPv6, 2001:db8::1:80 to 2001:db8::2:5001, ACK, "GET /" */
	OCTETS(TO_FROM "\x86\xdd"
                       "\x60\0\0\0\0\x19\6\x3f"
                       "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                       "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
                       "\0\x50\x13\x89\0\0\0\1\0\0\0\2\x50\x10\0\x64\0\0\0\0GET /"),
	/* c: UDP in VLAN 30, 10.0.0.7:53 to 10.0.0.8:53, four octets and padding */
	OCTETS(TO_FROM "\x81\0\0\x1e\x08\0"
                       "\x45\0\0\x20\0\1\0\0\x3f\x11\0\0\x0a\0\0\7\x0a\0\0\x08"
                       "\0\x35\0\x35\0\x0c\0\0GET?\0\0\0\0"),
	/* d: ARP, a request */
	OCTETS("\xff\xff\xff\xff\xff\xff\2\0\0\0\0\7\x08\6"
               "\0\1\x08\0\6\4\0\1\2\0\0\0\0\7\x0a\0\0\7\0\0\0\0\0\0\x0a\0\0\1"),
	/* e: no more than a part of an Ethernet header */
	OCTETS("\2\0\0\0\0\1\2"),
};

enum { EXAMPLES = sizeof(examples) / sizeof(*examples) };

static struct ce_ring *ring; /* owns the batch of the test that runs */
static struct ce_decode *decode;

/* So many allocations succeed, less one, and no further one; below 0: all do. */
static int allowed = -1;

void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static bool refused(void)
{
	if (allowed > 0)
		allowed--;
	return allowed == 0;
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return refused() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return refused() ? NULL : __real_calloc(count, bytes);
}

static int open_decode(void **state)
{
	const struct ce_ring_options options = {.slots = 1, .arena_bytes = 1 << 20};
	int rc = ce_ring_open(&ring, &options);

	*state = rc == 0 ? ce_ring_reserve(ring) : NULL;
	return rc == 0 ? ce_decode_open(&decode, 1) : rc;
}

static int close_decode(void **state)
{
	(void)state;
	ce_decode_close(decode);
	ce_ring_close(ring);
	return 0;
}

/* Packet k was captured k seconds and k nanoseconds after 1700000000. */
static void append(struct ce_batch *batch, uint32_t k, const void *data, uint32_t bytes)
{
	const struct ce_record record = {.caplen = bytes, .len = bytes};

	assert_int_equal(ce_batch_append(batch, &record,
	                                 (1700000000 + k) * INT64_C(1000000000) + k,
	                                 data),
	                 0);
}

static void begin(struct ce_batch *batch)
{
	batch->origin.linktype = PACKETS_ETHERNET;
	batch->first_number = 1;
	ce_batch_select_all(batch);
	ce_decode_begin(decode, batch, batch->selected);
}

static int open_examples(void **state)
{
	int rc = open_decode(state);

	for (uint32_t k = 0; rc == 0 && k < EXAMPLES; k++)
		append(*state, k, examples[k].at, examples[k].bytes);
	begin(*state);
	return rc;
}

static struct ce_where *where_of(const char *expression)
{
	struct ce_where *where;
	struct ce_err err = {0};

	if (ce_where_open(&where, expression, &err) < 0)
		fail_msg("%s", err.text);
	return where;
}

static void run(const char *expression, uint64_t selected[CE_BATCH_WORDS])
{
	struct ce_where *where = where_of(expression);

	assert_int_equal(ce_where_select(where, decode, selected), 0);
	ce_where_close(where);
}

/* The examples' letters that an expression selects are these. */
static void selects(const char *expression, const char *expected)
{
	uint64_t selected[CE_BATCH_WORDS] = {(1 << EXAMPLES) - 1};
	char letters[EXAMPLES + 1] = "", *to = letters;

	run(expression, selected);
	for (int k = 0; k < EXAMPLES; k++)
		if (selected[0] >> k & 1)
			*to++ = (char)('a' + k);
	if (strcmp(letters, expected) != 0)
		fail_msg("%s: \"%s\" and not \"%s\"", expression, letters, expected);
}

static void select_all(const char *const cases[][2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		selects(cases[i][0], cases[i][1]);
}

#define SELECT_ALL(...)                                              \
	do {                                                         \
		static const char *const cases[][2] = {__VA_ARGS__}; \
		(void)state;                                         \
		select_all(cases, sizeof(cases) / sizeof(*cases));   \
	} while (0)

static void empty_expression_selects_all(void **state)
{
	SELECT_ALL({"", "abcde"}, {" \t\n", "abcde"});
}

static void name_alone_is_presence(void **state)
{
	SELECT_ALL({"frame", "abcde"}, {"eth.src", "abcd"}, {"ip", "ac"}, {"ipv6", "b"},
	           {"tcp", "ab"}, {"udp", "c"}, {"vlan.id", "c"}, {"arp", "d"},
	           {"tcp.flags.syn", "ab"}, {"tcp.port", "ab"}, {"flow.src", "abc"});
}

static void numbers_compare_as_numbers(void **state)
{
	SELECT_ALL({"tcp.srcport == 5000", "a"}, {"tcp.srcport eq 0x1388", "a"},
	           {"tcp.srcport == 011610", "a"},
	           {"tcp.srcport == 0b1001110001000", "a"}, {"ip.ttl == '@'", "a"},
	           {"ip.ttl == '\\x40'", "a"}, {"tcp.srcport != 5000", "b"},
	           {"tcp.srcport < 5000", "b"}, {"tcp.srcport lt 80", ""},
	           {"tcp.srcport <= 80", "b"}, {"tcp.srcport > 80", "a"},
	           {"tcp.srcport gt 5000", ""}, {"tcp.srcport >= 5000", "a"},
	           {"tcp.srcport ge 0", "ab"}, {"tcp.srcport < 0", ""},
	           {"tcp.srcport > 65535", ""}, {"tcp.seq_raw == 4294967295", "a"},
	           {"tcp.seq_raw > 1", "a"}, {"ip.id == 0x1234", "a"},
	           {"frame.number == 3", "c"});
}

static void booleans_compare_with_words_and_numbers(void **state)
{
	SELECT_ALL({"tcp.flags.syn == 1", "a"}, {"tcp.flags.syn == True", "a"},
	           {"tcp.flags.syn == 7", "a"}, {"tcp.flags.syn == FALSE", "b"},
	           {"tcp.flags.syn != 0", "a"}, {"ip.flags.df < 1", "c"});
}

static void times_compare_to_the_nanosecond(void **state)
{
	SELECT_ALL(
		{"frame.time_epoch == 1700000001.000000001", "b"},
		{"frame.time_epoch > 1700000001", "bcde"},
		{"frame.time_epoch > 1700000001.5", "cde"},
		{"frame.time_epoch <= 1700000001.000000001", "ab"},
		{"frame.time_epoch > -1", "abcde"}, {"frame.time_epoch < -0.5", ""},
		{"frame.time_epoch in {-1..1700000000.2}", "a"},
		{"frame.time_epoch in {0..1, 2..3, 4..5, 6..7, 1700000004..1700000005}",
	         "e"});
}

static void addresses_compare_by_prefix(void **state)
{
	SELECT_ALL({"ip.src == 10.0.0.7", "ac"}, {"ip.src == 10.0.0.0/8", "ac"},
	           {"ip.dst == 10.0.0.0/8", "c"}, {"ip.dst != 10.0.0.0/8", "a"},
	           {"ip.dst > 10.0.0.0/8", "a"}, {"ip.dst <= 10.0.0.0/8", "c"},
	           {"ip.dst == 1.2.3.4/0", "ac"}, {"ipv6.src == 2001:db8::1", "b"},
	           {"ipv6.src == 2001:db8::/32", "b"}, {"ipv6.src == 2001:db9::/32", ""},
	           {"ipv6.dst > 2001:db8::1", "b"}, {"ipv6.src > ::", "b"},
	           {"eth.dst == ff:ff:ff:ff:ff:ff", "d"},
	           {"eth.src == 02-00-00-00-00-07", "abcd"},
	           {"eth.src == 0200.0000.0007", "abcd"},
	           {"eth.dst < 02:00:00:00:00:02", "abc"});
}

static void flow_addresses_are_of_either_version(void **state)
{
	SELECT_ALL({"flow.src == 10.0.0.7", "ac"}, {"flow.src == ::ffff:10.0.0.7", "ac"},
	           {"flow.src == 10.0.0.0/8", "ac"}, {"flow.src == 0.0.0.0/0", "ac"},
	           {"flow.src == 2001:db8::/32", "b"}, {"flow.src == ipv6.src", "b"},
	           {"flow.srcport == 53", "c"}, {"flow.proto == 6", "ab"},
	           {"flow.key", "abc"});
}

static void of_several_parts_one_is_enough(void **state)
{
	SELECT_ALL({"tcp.port == 443", "a"}, {"tcp.port == 80 or tcp.port == 5000", "ab"},
	           {"tcp.port > 5000", "b"}, {"any tcp.port != 443", "ab"},
	           {"tcp.port !== 443", "ab"}, {"tcp.port ~= 443", "ab"},
	           {"ip.addr == 10.0.0.8", "c"}, {"tcp.port & 1", "ab"},
	           {"tcp.port == tcp.dstport", "ab"}, {"tcp.port < tcp.port", "ab"});
}

static void not_equal_wants_all_parts_to_differ(void **state)
{
	SELECT_ALL({"tcp.port != 443", "b"}, {"tcp.port ne 1", "ab"},
	           {"all tcp.port > 100", "a"}, {"tcp.port === 443", ""},
	           {"udp.port === 53", "c"}, {"all ip.addr == 10.0.0.0/8", "c"},
	           {"tcp.port != tcp.port", ""}, {"ip.addr[0] != 0a", ""});
}

static void masks_leave_bits(void **state)
{
	SELECT_ALL({"tcp.flags & 2", "a"}, {"tcp.flags & 0x12 == 0x10", "b"},
	           {"tcp.flags bitwise_and 1", ""},
	           {"ip.src & 255.0.0.0 == 10.0.0.0", "ac"},
	           {"eth.dst & 01:00:00:00:00:00", "d"}, {"eth.dst[0] & 1", "d"},
	           {"tcp[13] & 2", "a"}, {"tcp[12:2] & 00:02 == 00:02", "a"},
	           {"tcp.srcport & 1 == tcp.dstport & 1", ""});
}

static void sets_have_values_ranges_and_fields(void **state)
{
	SELECT_ALL(
		{"tcp.port in {443}", "a"}, {"tcp.port in {1..79, 81..100}", ""},
		{"tcp.port in {1 .. 80}", "b"}, {"tcp.port in {9..1}", ""},
		{"tcp.srcport in {1,3,5,7,9,80}", "b"},
		{"tcp.srcport not in {80}", "acde"},
		{"ip.src in {192.168.0.0/16, 10.0.0.1..10.0.0.9}", "ac"},
		{"flow.src in {1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5, 2001:db8::1}",
	         "b"},
		{"eth.dst in {02:00:00:00:00:00..02:00:00:00:00:01}", "abc"},
		{"frame.number in {1,3,5,7,9,11}", "ace"},
		{"tcp.port in {tcp.srcport}", "ab"}, {"udp.port in {tcp.port, 53}", "c"},
		{"eth in {01:02, 02:00:00:00:00:01:02:00:00:00:00:07:08:00}", "a"});
}

static void large_set_is_searched(void **state)
{
	char expression[1 << 16] = "tcp.seq_raw in {";
	size_t used = strlen(expression);

	(void)state;
	for (int i = 0; i < 4000; i++)
		used += (size_t)sprintf(expression + used, "%d,", 10 + 2 * i);
	strcpy(expression + used, "1}");
	selects(expression, "b");
	strcpy(expression + used, "0xffffffff}");
	selects(expression, "a");
	strcpy(expression + used, "2..9}");
	selects(expression, "");
}

static void slices_are_octets(void **state)
{
	SELECT_ALL({"eth.src[0:3] == 02:00:00", "abcd"}, {"frame[12:2] == 08:06", "d"},
	           {"frame[12-13] == 0806", "d"}, {"frame[-5:] == \"GET /\"", "b"},
	           {"frame[-5:3] == \"GET\"", "b"}, {"frame[-5--3] == 47.45.54", "b"},
	           {"frame[:2] == 02:00", "abce"}, {"frame[0,12-13] == 02:08:00", "a"},
	           {"frame[0,100,1] == 02", "abce"}, {"ip.src[3] == 07", "ac"},
	           {"ip.src[0:2] > 09:ff", "ac"}, {"ipv6.src[0:2] == 20:01", "b"},
	           {"frame[12:2] == \"\\x08\\006\"", "d"}, {"frame[0] == 0xff", "d"},
	           {"frame[0:6] == eth.dst", "abcd"}, {"ip.src == ip[12:4]", "ac"},
	           {"frame[6:6] == eth.dst[0:6]", ""});
}

static void slice_beyond_the_value_is_empty(void **state)
{
	SELECT_ALL({"frame[7]", "abcd"}, {"frame[5:3]", "abcd"},
	           {"frame[7] == 00", "abcd"}, {"frame[7] != 00", "e"}, {"tcp[20:1]", ""},
	           {"udp[8]", ""}, {"ip[20:]", ""}, {"eth[14]", ""}, {"arp[28]", ""});
}

static void contains_finds_octets_in_header_and_payload(void **state)
{
	SELECT_ALL({"frame contains \"GET\"", "bc"}, {"tcp contains \"GET /\"", "b"},
	           {"udp contains 47:45:54:3f", "c"}, {"ip contains \"GET\"", "c"},
	           {"udp contains 3f:00", ""}, {"vlan contains 3f:00", "c"},
	           {"eth.src contains 00:07", "abcd"}, {"frame contains \"\"", ""},
	           {"frame contains 'G'", "bc"}, {"frame[0:6] contains ff:ff", "d"});
}

static void quote_after_a_backslash_ends_no_string(void **state)
{
	SELECT_ALL({"tcp contains \"GET\\\"\"", ""}, {"tcp contains r\"GET\\\"\"", ""},
	           {"tcp contains \"GE\\x54\"", "b"}, {"frame[0] == \"\\\\\"", ""},
	           {"tcp contains r\"\\\\\"", ""}, {"ip.ttl == '\\''", ""});
}

static void whole_protocols_compare(void **state)
{
	SELECT_ALL({"frame == 02:00:00:00:00:01:02", "e"}, {"tcp == tcp[0:]", "ab"},
	           {"eth > 00", "abcde"}, {"frame < eth", ""}, {"frame >= eth", "abcde"});
}

static void and_binds_closer_than_or(void **state)
{
	SELECT_ALL({"udp or tcp and ip", "ac"}, {"(udp or tcp) and ip", "ac"},
	           {"ipv6 or tcp and ip", "ab"}, {"tcp && ipv6 || arp", "bd"},
	           {"not tcp and ip", "c"}, {"not (tcp and ip)", "bcde"}, {"!!tcp", "ab"},
	           {"not not not tcp", "cde"}, {"tcp and not(ip)or arp", "bd"},
	           {"arp or udp or ipv6 or vlan", "bcd"},
	           {"ip.src==10.0.0.7&&!udp", "a"});
}

static void fields_compare_in_chains(void **state)
{
	SELECT_ALL({"udp.srcport == udp.dstport", "c"},
	           {"tcp.srcport < tcp.dstport", "b"}, {"tcp.srcport > tcp.dstport", "a"},
	           {"ip.src < ip.dst", "ac"}, {"ip.src >= ip.dst", ""},
	           {"ipv6.src < ipv6.dst", "b"}, {"ipv6.src != ipv6.dst", "b"},
	           {"udp.srcport == udp.dstport == 53", "c"},
	           {"frame.len > ip.len", "ac"},
	           {"frame.time_epoch == frame.time_epoch", "abcde"});
}

static void only_what_was_selected_stays(void **state)
{
	uint64_t selected[CE_BATCH_WORDS] = {0};

	(void)state;
	selected[0] = 1 << 1 | 1 << 3;
	run("tcp", selected);
	assert_int_equal(selected[0], 1 << 1);
	run("not frame", selected);
	assert_int_equal(selected[0], 0);
}

/* What is selected behind the batch's packets is no packet. */
static void selection_ends_with_the_batch(void **state)
{
	uint64_t selected[CE_BATCH_WORDS];

	(void)state;
	memset(selected, 0xff, sizeof(selected));
	run("", selected);
	assert_int_equal(selected[0], (1 << EXAMPLES) - 1);
	for (int word = 1; word < CE_BATCH_WORDS; word++)
		assert_int_equal(selected[word], 0);
}

static void every_packet_of_a_full_batch_is_asked(void **state)
{
	struct ce_batch *batch = *state;
	uint64_t selected[CE_BATCH_WORDS];
	unsigned char bytes[PACKETS_MOST];

	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++)
		append(batch, i, bytes, packets_format(bytes, i));
	begin(batch);
	memset(selected, 0xff, sizeof(selected));
	run("udp.dstport == 1003 or udp.dstport in {1005..1006}", selected);
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++)
		assert_int_equal(ce_selection_has(selected, i),
		                 i % 10 == 3 || i % 10 == 5 || i % 10 == 6);
}

static void one_where_serves_every_batch(void **state)
{
	struct ce_where *where = where_of("udp.dstport == 1001");
	unsigned char bytes[PACKETS_MOST];

	for (uint32_t round = 0; round < 3; round++) {
		uint64_t selected[CE_BATCH_WORDS] = {UINT64_MAX};

		ce_batch_clear(*state);
		for (uint32_t i = 0; i < 20; i++)
			append(*state, i, bytes, packets_format(bytes, i + round));
		begin(*state);
		assert_int_equal(ce_where_select(where, decode, selected), 0);
		assert_int_equal(selected[0],
		                 (UINT64_C(1) << 1 | UINT64_C(1) << 11) >> round |
		                         (round > 1 ? 1u << 19 : 0));
	}
	ce_where_close(where);
}

/* What is wrong, and the column of the caret, from 0. */
struct refusal {
	const char *expression;
	int column;
	const char *words;
};

static void refuses(const struct refusal *refusal)
{
	struct ce_where *where = NULL;
	struct ce_err err = {0};
	char *line, *caret;

	if (ce_where_open(&where, refusal->expression, &err) != -EINVAL)
		fail_msg("%s is not refused", refusal->expression);
	assert_null(where);
	assert_int_equal(err.code, -EINVAL);
	line = strchr(err.text, '\n');
	caret = line ? strchr(line + 1, '\n') : NULL;
	if (!caret)
		fail_msg("no three lines: %s", err.text);
	if ((size_t)(caret - line - 1) != strlen(refusal->expression) ||
	    strncmp(line + 1, refusal->expression, strlen(refusal->expression)) != 0)
		fail_msg("not the expression: %s", err.text);
	if (strchr(caret, '^') - caret - 1 != refusal->column)
		fail_msg("not below column %d: %s", refusal->column, err.text);
	*line = '\0';
	if (!strstr(err.text, refusal->words))
		fail_msg("%s: \"%s\" and not \"%s\"", refusal->expression, err.text,
		         refusal->words);
}

static void mistakes_are_shown_where_they_are(void **state)
{
	static const struct refusal refusals[] = {
		{"tcp.prt == 80", 0,
	         "there is no field tcp.prt; did you mean tcp.port?"},
		{"tcp and udq", 8, "did you mean udp?"},
		{"TCP", 0, "no field TCP"},
		{"tcp.port == ", 12, "ends too early"},
		{"tcp and", 7, "ends too early"},
		{"tcp udp", 4, "\"udp\" is not expected here"},
		{"tcp AND udp", 4, "\"AND\" is not expected here"},
		{"and tcp", 0, "\"and\" is not expected"},
		{"(tcp and (udp)", 0, "the parenthesis is not closed"},
		{"tcp) or udp", 3, "the parenthesis closes nothing"},
		{"()", 1, "\")\" is not expected"},
		{"(tcp.port) == 80", 11, "\"==\" is not expected"},
		{"tcp.port = 80", 9, "\"=\" is not expected"},
		{"80 == tcp.port", 0, "80 is not a field"},
		{"tcp.port == 80 || 443", 18, "443 is not a field"},
		{"tcp and \"x\"", 8, "\"x\" is not a field"},
		{"ip.ttl == 256", 10,
	         "\"256\" is too big for ip.ttl, whose largest value is 255"},
		{"ip.ttl == 99999999999999999999", 10, "too big"},
		{"ip.ttl == 08", 10, "\"08\" is not a number"},
		{"ip.ttl == 0x", 10, "not a number"},
		{"ip.ttl == 6.5", 10, "not a number"},
		{"ip.ttl == -1", 10, "ip.ttl is never below 0"},
		{"ip.ttl == \"64\"", 10, "without quotes"},
		{"ip.ttl == 'ab'", 10, "more than one character"},
		{"ip.ttl == ''", 10, "is not a character"},
		{"ip.ttl == '\\'", 10, "'\\' is not a character"},
		{"ip.ttl == 'a\\'", 10, "'a\\' is not a character"},
		{"ip.src == 5", 10, "\"5\" is not an IPv4 address, as ip.src is"},
		{"ip.src == 10.0.0.256", 10, "not an IPv4 address"},
		{"ip.src == 10.0.0.0/33", 10, "a prefix has 0 to 32 bits"},
		{"ipv6.src == 10.0.0.1", 12, "not an IPv6 address"},
		{"ipv6.src == 2001:db8::/129", 12, "a prefix has 0 to 128 bits"},
		{"flow.src == 1", 12, "not an IPv4 or IPv6 address"},
		{"flow.src == 10.0.0.0/64", 12, "a prefix has 0 to 32 bits"},
		{"eth.src == 02:00", 11, "too few bytes for an Ethernet address"},
		{"eth.src == 2:0:0:0:0:7", 11, "not an Ethernet address"},
		{"eth.src == 01:02:03:04:05:06:07", 11, "too many bytes"},
		{"tcp.flags.syn == true", 17, "not True, False or a number"},
		{"frame.time_epoch > 1.", 19, "not a time in seconds"},
		{"frame.time_epoch > 1.0123456789", 19, "not a time in seconds"},
		{"frame.time_epoch > 99999999999", 19, "too big"},
		{"ip.src == eth.src", 10, "cannot be compared with eth.src"},
		{"tcp.srcport == tcp.flags.syn", 15, "cannot be compared"},
		{"frame == ip.src", 9, "cannot be compared"},
		{"tcp[0:2] == tcp.srcport", 12, "not a sequence of bytes"},
		{"flow.key == 1", 0, "only present"},
		{"ip.src contains 0a", 0,
	         "contains looks into bytes: ip.src is an IPv4 address"},
		{"tcp contains xyz", 13, "\"xyz\" is not a sequence of bytes"},
		{"tcp contains 1:2", 13, "not a sequence of bytes"},
		{"tcp contains \"a\\q\"", 15, "\\q is not an escape sequence"},
		{"tcp contains \"abc", 13, "the string does not end"},
		{"tcp contains \"abc\\\"", 13, "the string does not end"},
		{"tcp contains \"\\\\\\\"", 13, "the string does not end"},
		{"tcp contains r\"\\\"", 13, "the string does not end"},
		{"tcp contains \"", 13, "the string does not end"},
		{"tcp contains '\\'", 13, "'\\' is not a character"},
		{"eth.src contains \"a\"", 17, "without quotes"},
		{"tcp.port[0] == 1", 0, "cannot be sliced"},
		{"frame[] == 00", 6, "a slice is numbers"},
		{"frame[5-2] == 00", 6, "the end of a slice is behind its start"},
		{"ip[-5-2147483647] == 00", 3, "the end of a slice is behind its start"},
		{"ip[-2147483647-", 15, "the slice does not end"},
		{"frame[5:0] == 00", 6, "the length of a slice is above 0"},
		{"frame[1:2:3] == 00", 9, "\"]\" is missing"},
		{"frame[1", 7, "\"]\" is missing"},
		{"frame[99999999999]", 6, "too big for a slice"},
		{"tcp & 2", 0, "no bits for a mask"},
		{"tcp.flags.syn & 1", 0, "no bits for a mask"},
		{"tcp.flags & tcp.srcport", 12, "a mask (&) is a literal"},
		{"tcp.port in {}", 13, "\"}\" is not expected"},
		{"tcp.port in {1,}", 15, "\"}\" is not expected"},
		{"tcp.port in {1 2}", 15, "\"2\" is not expected"},
		{"tcp.port in 80", 12, "\"80\" is not expected"},
		{"tcp.port in {1..}", 16, "\"}\" is not expected"},
		{"tcp.port in {1..70000}", 16, "too big"},
		{"frame[0] in {02}", 0, "only a whole field may be in a set"},
		{"all tcp.port in {1}", 0, "all is not there for sets"},
		{"any tcp", 7, "ends too early"},
		{"tcp matches \"GET\"", 4, "use contains"},
		{"tcp ~ \"GET\"", 4, "use contains"},
		{"len(tcp) > 3", 0, "functions are not there"},
		{"tcp.port + 1 == 2", 9, "arithmetic is not there"},
		{"ip.src#1 == 10.0.0.1", 6, "layers (#) are not there"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		refuses(&refusals[i]);
}

static void caret_counts_characters(void **state)
{
	const struct refusal refusal = {"tcp contains \"\xc3\xa4\xe2\x82\xac\" + 1", 18,
	                                "arithmetic"};

	(void)state;
	refuses(&refusal);
}

/* `count` times `part`, and then `last`; free it. */
static char *repeated(const char *part, size_t count, const char *last)
{
	char *text = malloc(strlen(part) * count + strlen(last) + 1), *to = text;

	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, part);
	strcpy(to, last);
	return text;
}

static void long_expression_shows_what_surrounds_the_mistake(void **state)
{
	char *text = repeated("tcp or ", 150000, "udq or udp");
	struct ce_where *where;
	struct ce_err err = {0};
	char *line;

	(void)state;
	assert_int_equal(ce_where_open(&where, text, &err), -EINVAL);
	line = strchr(err.text, '\n') + 1;
	assert_memory_equal(line, "...", 3);
	assert_memory_equal(line + (strchr(err.text, '^') - strchr(line, '\n') - 1),
	                    "udq", 3);
	free(text);
}

static void long_expressions_are_run(void **state)
{
	char *any = repeated("arp or ", 150000, "udp");
	char *all = repeated("(ip or arp) and ", 60000, "udp");

	(void)state;
	selects(any, "cd");
	selects(all, "c");
	free(any);
	free(all);
}

static void slices_have_a_limit(void **state)
{
	char *most = repeated("0,", 99, "0] == 02"),
	     *more = repeated("0,", 100, "0] == 02");
	char text[300];
	struct ce_where *where;
	struct ce_err err;

	(void)state;
	snprintf(text, sizeof(text), "frame[%s", most);
	selects(text, "");
	snprintf(text, sizeof(text), "frame[%s", more);
	assert_int_equal(ce_where_open(&where, text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at most 100 slices"));
	free(most);
	free(more);
}

static void nesting_has_a_limit(void **state)
{
	char *deep = repeated("not(", 100, "tcp"), *deeper = repeated("(", 201, "tcp");
	char *endless = repeated("!", 1 << 20, "tcp");
	char *closed = malloc(strlen(deep) + 101);
	struct ce_where *where;
	struct ce_err err;

	(void)state;
	strcpy(closed, deep);
	memset(closed + strlen(deep), ')', 100);
	closed[strlen(deep) + 100] = '\0';
	selects(closed, "ab");
	assert_int_equal(ce_where_open(&where, deeper, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nested deeper than 200"));
	assert_int_equal(ce_where_open(&where, endless, NULL), -EINVAL);
	free(deep);
	free(deeper);
	free(endless);
	free(closed);
}

static void refused_memory_is_an_error(void **state)
{
	static const char expression[] =
		"frame[0,2-3] & ff:ff == 02:00 or tcp.port in {1,3,5,7,9} and not ip.addr != "
		"10.0.0.7 or udp contains \"GET\" or tcp.flags & 2";
	uint64_t selected[CE_BATCH_WORDS] = {UINT64_MAX};
	int rc = -ENOMEM, limit = 0;

	(void)state;
	for (; rc == -ENOMEM; limit++) {
		struct ce_where *where = NULL;
		struct ce_err err = {0};

		allowed = limit + 1;
		rc = ce_where_open(&where, expression, &err);
		if (rc == 0)
			rc = ce_where_select(where, decode, selected);
		allowed = -1;
		ce_where_close(where);
	}
	assert_int_equal(rc, 0);
	assert_in_range(limit, 10, 1000);
	assert_int_equal(selected[0], 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4);
}

static void close_takes_null(void **state)
{
	(void)state;
	ce_where_close(NULL);
}

#define with_examples(test) \
	cmocka_unit_test_setup_teardown(test, open_examples, close_decode)
#define with_decode(test) cmocka_unit_test_setup_teardown(test, open_decode, close_decode)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_examples(empty_expression_selects_all),
		with_examples(name_alone_is_presence),
		with_examples(numbers_compare_as_numbers),
		with_examples(booleans_compare_with_words_and_numbers),
		with_examples(times_compare_to_the_nanosecond),
		with_examples(addresses_compare_by_prefix),
		with_examples(flow_addresses_are_of_either_version),
		with_examples(of_several_parts_one_is_enough),
		with_examples(not_equal_wants_all_parts_to_differ),
		with_examples(masks_leave_bits),
		with_examples(sets_have_values_ranges_and_fields),
		with_examples(large_set_is_searched),
		with_examples(slices_are_octets),
		with_examples(slice_beyond_the_value_is_empty),
		with_examples(contains_finds_octets_in_header_and_payload),
		with_examples(quote_after_a_backslash_ends_no_string),
		with_examples(whole_protocols_compare),
		with_examples(and_binds_closer_than_or),
		with_examples(fields_compare_in_chains),
		with_examples(only_what_was_selected_stays),
		with_examples(selection_ends_with_the_batch),
		with_decode(every_packet_of_a_full_batch_is_asked),
		with_decode(one_where_serves_every_batch),
		cmocka_unit_test(mistakes_are_shown_where_they_are),
		cmocka_unit_test(caret_counts_characters),
		cmocka_unit_test(long_expression_shows_what_surrounds_the_mistake),
		with_examples(long_expressions_are_run),
		with_examples(slices_have_a_limit),
		with_examples(nesting_has_a_limit),
		with_examples(refused_memory_is_an_error),
		cmocka_unit_test(close_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
