/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_decode.c - what <capengine/decode.h> promises.
 *
 * Each packet's bytes are a block of their own, so that a sanitizer sees a read past
 * its captured bytes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/decode.h"

enum { MOST = 512, ETHERNET = 1, OTHER = 127, SEED = 7 };

#define ETHER_TO    "\2\0\0\0\0\2\2\0\0\0\0\1"
#define IPV4(proto) "\x45\x29\0\x2d\0\7\x40\0\x40" proto "\xab\xcd\x0a\0\0\1\x0a\0\0\2"
#define TCP         "\x1f\x90\1\xbb\0\0\0\1\0\0\0\2\x50\x18\x10\0\x12\x34\0\5hello"
#define UDP         "\x9c\x41\x9c\x42\0\x0d\xbe\xefhello"
#define IPV6(nxt, bytes)                      \
	"\x6b\x51\x23\x45\0" bytes nxt "\x3f" \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"

struct test {
	struct ce_batch batch;
	struct ce_decode *decode;
	uint64_t wanted[CE_BATCH_WORDS];
	int64_t ts_ns[CE_BATCH_PACKETS];
	uint32_t caplen[CE_BATCH_PACKETS];
	uint32_t len[CE_BATCH_PACKETS];
	const unsigned char *data[CE_BATCH_PACKETS];
};

static bool refuse_memory;

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	return refuse_memory ? NULL : __real_calloc(count, bytes);
}

static int open_test(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->batch = (struct ce_batch){.ts_ns = test->ts_ns,
	                                .caplen = test->caplen,
	                                .len = test->len,
	                                .data = test->data,
	                                .first_number = 1,
	                                .origin.linktype = ETHERNET};
	*state = test;
	return ce_decode_open(&test->decode, SEED);
}

static void clear(struct test *test)
{
	for (uint32_t i = 0; i < test->batch.count; i++)
		free((void *)(uintptr_t)test->data[i]);
	test->batch.count = 0;
	memset(test->wanted, 0, sizeof(test->wanted));
}

static int close_test(void **state)
{
	struct test *test = *state;

	clear(test);
	ce_decode_close(test->decode);
	free(test);
	return 0;
}

static void add(struct test *test, const void *bytes, uint32_t caplen, uint32_t len)
{
	uint32_t i = test->batch.count++;
	unsigned char *copy = malloc(caplen ? caplen : 1);

	memcpy(copy, bytes, caplen);
	test->data[i] = copy;
	test->caplen[i] = caplen;
	test->len[i] = len;
	test->ts_ns[i] = INT64_C(1700000000000000000) + i;
	test->wanted[i / 64] |= UINT64_C(1) << i % 64;
}

/* A packet from a literal, whole. */
#define ADD(test, literal) add(test, literal, sizeof(literal) - 1, sizeof(literal) - 1)

static void begin(struct test *test)
{
	ce_decode_begin(test->decode, &test->batch, test->wanted);
}

/* A batch of this packet alone. */
#define BEGIN(test, literal)        \
	do {                        \
		clear(test);        \
		ADD(test, literal); \
		begin(test);        \
	} while (0)

static const struct ce_column *column(struct test *test, const char *name)
{
	const struct ce_field *field = ce_field_find(name);
	const struct ce_column *found = ce_decode_column(test->decode, field);

	assert_non_null(found);
	assert_ptr_equal(found->field, field);
	return found;
}

/* Packet i's value as text; NULL: it has none. */
static const char *text(struct test *test, uint32_t i, const char *name)
{
	static char texts[4][CE_FIELD_TEXT];
	static int turn;
	const struct ce_column *found = column(test, name);

	if (!ce_column_has(found, i))
		return NULL;
	turn = (turn + 1) % 4;
	ce_field_format(found->field, ce_column_value(found, i), texts[turn]);
	return texts[turn];
}

#define assert_field(test, i, name, expected) \
	assert_string_equal(text(test, i, name), expected)
#define assert_lacks(test, i, name) assert_null(text(test, i, name))

static void assert_range(struct test *test, const char *name, uint32_t offset,
                         uint32_t bytes)
{
	const struct ce_column *found = column(test, name);
	const struct ce_range *range = ce_column_value(found, 0);

	assert_true(ce_column_has(found, 0));
	assert_int_equal(range->offset, offset);
	assert_int_equal(range->bytes, bytes);
}

static void fields_of_tcp_over_ipv4(void **state)
{
	struct test *test = *state;

	BEGIN(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	assert_field(test, 0, "frame.number", "1");
	assert_field(test, 0, "frame.len", "59");
	assert_field(test, 0, "frame.time_epoch", "1700000000.000000000");
	assert_field(test, 0, "eth.dst", "02:00:00:00:00:02");
	assert_field(test, 0, "eth.src", "02:00:00:00:00:01");
	assert_field(test, 0, "eth.type", "2048");
	assert_field(test, 0, "ip.version", "4");
	assert_field(test, 0, "ip.hdr_len", "20");
	assert_field(test, 0, "ip.dsfield", "41");
	assert_field(test, 0, "ip.dsfield.dscp", "10");
	assert_field(test, 0, "ip.dsfield.ecn", "1");
	assert_field(test, 0, "ip.len", "45");
	assert_field(test, 0, "ip.id", "7");
	assert_field(test, 0, "ip.flags.df", "1");
	assert_field(test, 0, "ip.flags.mf", "0");
	assert_field(test, 0, "ip.frag_offset", "0");
	assert_field(test, 0, "ip.ttl", "64");
	assert_field(test, 0, "ip.proto", "6");
	assert_field(test, 0, "ip.src", "10.0.0.1");
	assert_field(test, 0, "ip.dst", "10.0.0.2");
	assert_field(test, 0, "tcp.srcport", "8080");
	assert_field(test, 0, "tcp.dstport", "443");
	assert_field(test, 0, "tcp.seq_raw", "1");
	assert_field(test, 0, "tcp.ack_raw", "2");
	assert_field(test, 0, "tcp.hdr_len", "20");
	assert_field(test, 0, "tcp.flags", "24");
	assert_field(test, 0, "tcp.flags.ack", "1");
	assert_field(test, 0, "tcp.flags.push", "1");
	assert_field(test, 0, "tcp.flags.syn", "0");
	assert_field(test, 0, "tcp.window_size_value", "4096");
	assert_field(test, 0, "tcp.len", "5");
	assert_range(test, "tcp.payload", 54, 5);
	assert_range(test, "ip", 14, 45);
	assert_lacks(test, 0, "udp.srcport");
	assert_lacks(test, 0, "ipv6.src");
	assert_lacks(test, 0, "vlan.id");
}

static void fields_of_udp_over_ipv6(void **state)
{
	struct test *test = *state;

	BEGIN(test, ETHER_TO "\x86\xdd" IPV6("\x11", "\x0d") UDP);
	assert_field(test, 0, "ip.version", "6");
	assert_field(test, 0, "ipv6.tclass", "181");
	assert_field(test, 0, "ipv6.flow", "74565");
	assert_field(test, 0, "ipv6.plen", "13");
	assert_field(test, 0, "ipv6.nxt", "17");
	assert_field(test, 0, "ipv6.hlim", "63");
	assert_field(test, 0, "ipv6.src", "2001:db8::1");
	assert_field(test, 0, "flow.dst", "2001:db8::2");
	assert_field(test, 0, "flow.srcport", "40001");
	assert_field(test, 0, "flow.proto", "17");
	assert_field(test, 0, "udp.length", "13");
	assert_range(test, "udp.payload", 62, 5);
	assert_lacks(test, 0, "ip.src");
}

static void fields_of_arp_icmp_and_sctp(void **state)
{
	struct test *test = *state;

	clear(test);
	ADD(test, ETHER_TO
	    "\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2");
	ADD(test, ETHER_TO "\x08\0" IPV4("\1") "\x08\0\x12\x34\0\3\0\4ping");
	ADD(test, ETHER_TO "\x08\0" IPV4("\1") "\3\1\x12\x34\0\3\0\4ping");
	ADD(test, ETHER_TO "\x86\xdd" IPV6("\x3a", "\x08") "\x80\0\x12\x34\0\3\0\4");
	ADD(test, ETHER_TO "\x08\0" IPV4("\x84") "\x0b\x59\x0b\x5a\0\0\0\x63\0\0\0\x64");
	begin(test);
	assert_field(test, 0, "arp.opcode", "1");
	assert_field(test, 0, "arp.src.hw_mac", "02:00:00:00:00:01");
	assert_field(test, 0, "arp.src.proto_ipv4", "10.0.0.1");
	assert_field(test, 0, "arp.dst.proto_ipv4", "10.0.0.2");
	assert_field(test, 1, "icmp.type", "8");
	assert_field(test, 1, "icmp.ident", "3");
	assert_field(test, 1, "icmp.seq", "4");
	assert_field(test, 2, "icmp.code", "1");
	assert_lacks(test, 2, "icmp.ident");
	assert_field(test, 3, "icmpv6.type", "128");
	assert_field(test, 4, "sctp.dstport", "2906");
	assert_field(test, 4, "sctp.verification_tag", "99");
}

/* Every field of a packet that is cut is the whole packet's, or is not there. */
static void check_cuts(struct test *test, const void *bytes, uint32_t length)
{
	const struct ce_field *field;

	clear(test);
	for (uint32_t caplen = 0; caplen <= length; caplen++)
		add(test, bytes, caplen, length);
	begin(test);
	for (size_t i = 0; (field = ce_field_at(i)); i++) {
		const struct ce_column *found;

		if (!field->width || field->type == CE_FIELD_BYTES ||
		    !strncmp(field->name, "flow.", 5) ||
		    !strncmp(field->name, "frame.", 6))
			continue;
		found = column(test, field->name);
		assert_false(ce_column_has(found, 0));
		for (uint32_t k = 1; k <= length; k++)
			if (ce_column_has(found, k))
				assert_memory_equal(ce_column_value(found, k),
				                    ce_column_value(found, length),
				                    field->width);
	}
}

#define CHECK_CUTS(test, literal) check_cuts(test, literal, sizeof(literal) - 1)

static void a_cut_packet_has_right_fields_or_none(void **state)
{
	struct test *test = *state;

	CHECK_CUTS(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	CHECK_CUTS(test, ETHER_TO "\x08\0" IPV4("\x11") UDP);
	CHECK_CUTS(test, ETHER_TO "\x86\xdd" IPV6("\6", "\x19") TCP);
	CHECK_CUTS(test, ETHER_TO "\x86\xdd" IPV6("\0", "\x15") "\x11\0\1\4\0\0\0\0" UDP);
	CHECK_CUTS(test, ETHER_TO "\x81\0\xb0\5\x88\xa8\0\6\x08\0" IPV4("\6") TCP);
	CHECK_CUTS(test, ETHER_TO "\x88\x64\x11\0\0\1\0\x2f\0\x21" IPV4("\6") TCP);
	CHECK_CUTS(test, ETHER_TO "\0\x35\xaa\xaa\3\0\0\0\x08\0" IPV4("\6") TCP);
	CHECK_CUTS(
		test, ETHER_TO
		"\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2");
}

static void padding_is_no_payload(void **state)
{
	struct test *test = *state;

	clear(test);
	ADD(test, ETHER_TO "\x08\0" IPV4("\6") TCP "padding padding");
	add(test, ETHER_TO "\x08\0" IPV4("\6") TCP, 56, 59);
	begin(test);
	assert_field(test, 0, "tcp.len", "5");
	assert_range(test, "tcp.payload", 54, 5);
	assert_field(test, 1, "tcp.len", "5"); /* IP says so, captured or not */
}

static void length_zero_is_all_that_follows(void **state)
{
	struct test *test = *state;

	BEGIN(test, ETHER_TO
	      "\x08\0\x45\0\0\0\0\7\x40\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2" TCP " and more");
	assert_field(test, 0, "ip.len", "54");
	assert_field(test, 0, "tcp.len", "14");
}

/* The same where a savefile says that there was less on the wire than it has. */
static void length_zero_is_never_less_than_captured(void **state)
{
	struct test *test = *state;

	clear(test);
	add(test, ETHER_TO "\x08\0\x45\0\0\0\0\7\x40\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2" TCP,
	    59, 3);
	add(test, ETHER_TO "\x08\0\x45\0\0\0\0\7", 20, 3);
	begin(test);
	assert_field(test, 0, "ip.len", "45");
	assert_field(test, 0, "tcp.len", "5");
	assert_field(test, 1, "ip.len", "6");
}

static void source_routes_end_at_ip_dst(void **state)
{
	struct test *test = *state;

	BEGIN(test,
	      ETHER_TO "\x08\0\x47\0\0\x29\0\7\x40\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"
	               "\x83\7\4\x0a\x09\x09\x09\0" UDP);
	assert_field(test, 0, "ip.dst", "10.9.9.9");
	assert_field(test, 0, "flow.dst", "10.0.0.2");
	BEGIN(test,
	      ETHER_TO "\x08\0\x47\0\0\x29\0\7\x40\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"
	               "\x83\7\x08\x0a\x09\x09\x09\0" UDP);
	assert_field(test, 0, "ip.dst", "10.0.0.2"); /* the route's end is reached */
}

/* The same IP packet behind the header of each link type. */
static void every_link_type_leads_to_ip(void **state)
{
	static const struct {
		int linktype;
		const char *header;
		uint32_t bytes;
	} links[] = {
		{1, ETHER_TO "\x08\0", 14},
		{12, "", 0},
		{101, "", 0},
		{228, "", 0},
		{113, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 16},
		{276, "\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0", 20},
		{0, "\2\0\0\0", 4},
		{0, "\0\0\0\2", 4},
		{108, "\0\0\0\2", 4},
	};
	struct test *test = *state;

	for (size_t k = 0; k < sizeof(links) / sizeof(*links); k++) {
		unsigned char bytes[MOST];

		memcpy(bytes, links[k].header, links[k].bytes);
		memcpy(bytes + links[k].bytes, IPV4("\6") TCP, 45);
		clear(test);
		test->batch.origin.linktype = links[k].linktype;
		add(test, bytes, links[k].bytes + 45, links[k].bytes + 45);
		begin(test);
		assert_field(test, 0, "ip.src", "10.0.0.1");
		assert_field(test, 0, "tcp.len", "5");
	}
}

static void another_link_type_has_frame_fields_only(void **state)
{
	struct test *test = *state;
	const struct ce_field *field;

	test->batch.origin.linktype = OTHER;
	BEGIN(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	for (size_t i = 0; (field = ce_field_at(i)); i++)
		if (field->width)
			assert_int_equal(ce_column_has(column(test, field->name), 0),
			                 !strncmp(field->name, "frame", 5));
}

static void tags_and_labels_are_stepped_over(void **state)
{
	struct test *test = *state;

	BEGIN(test, ETHER_TO "\x88\xa8\x10\6\x81\0\xb0\5\x81\0\0\7\x08\0" IPV4("\6") TCP);
	assert_field(test, 0, "ieee8021ad.id", "6");
	assert_field(test, 0, "vlan.id", "5");
	assert_field(test, 0, "vlan.id#2", "7");
	assert_field(test, 0, "vlan.priority", "5");
	assert_field(test, 0, "vlan.dei", "1");
	assert_field(test, 0, "vlan.etype", "33024");
	assert_field(test, 0, "ip.src", "10.0.0.1");
	BEGIN(test, ETHER_TO "\x88\x47\0\1\0\x40\0\1\1\x40" IPV4("\6") TCP);
	assert_field(test, 0, "ip.src", "10.0.0.1");
	BEGIN(test, ETHER_TO "\x88\x64\x11\0\0\1\0\x2f\0\x21" IPV4("\6") TCP);
	assert_field(test, 0, "tcp.len", "5");
	BEGIN(test, ETHER_TO "\0\x35\xaa\xaa\3\0\0\0\x08\0" IPV4("\6") TCP);
	assert_field(test, 0, "eth.len", "53");
	assert_lacks(test, 0, "eth.type");
	assert_field(test, 0, "tcp.len", "5");
}

static void a_hundred_tags_are_no_harm(void **state)
{
	unsigned char bytes[MOST] = ETHER_TO;
	struct test *test = *state;
	uint32_t at = 12;

	for (int i = 0; i < 100; i++, at += 4)
		memcpy(bytes + at, "\x81\0\0\5", 4);
	memcpy(bytes + at, "\x08\0" IPV4("\6") TCP, 47);
	clear(test);
	add(test, bytes, at + 47, at + 47);
	begin(test);
	assert_field(test, 0, "vlan.id", "5");
	assert_field(test, 0, "ip.src", "10.0.0.1");
}

static void extension_headers_are_stepped_over(void **state)
{
	struct test *test = *state;

	BEGIN(test,
	      ETHER_TO "\x86\xdd" IPV6("\0", "\x2d") "\x2b\0\1\4\0\0\0\0"
	                                             "\x3c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	                                             "\x11\0\1\4\0\0\0\0" UDP);
	assert_field(test, 0, "udp.dstport", "40002");
	assert_field(test, 0, "ipv6.nxt", "0");
	assert_field(test, 0, "flow.proto", "17");
	BEGIN(test,
	      ETHER_TO "\x86\xdd" IPV6("\x33", "\x19") "\x11\1\0\0\0\0\0\1\0\0\0\2" UDP);
	assert_field(test, 0, "udp.dstport", "40002");
}

static void a_chain_of_extension_headers_may_be_long_but_not_endless(void **state)
{
	unsigned char bytes[MOST];
	struct test *test = *state;
	uint32_t at = 40;

	memcpy(bytes, IPV6("\x3c", "\0"), 40);
	for (; at < 440; at += 8)
		memcpy(bytes + at,
		       at == 432 ? "\x11\0\1\4\0\0\0\0" : "\x3c\0\1\4\0\0\0\0", 8);
	memcpy(bytes + at, UDP, 13);
	test->batch.origin.linktype = 229;
	clear(test);
	add(test, bytes, at + 13, at + 13);
	add(test, bytes, at - 8, at - 8); /* ends within the chain */
	begin(test);
	assert_field(test, 0, "udp.dstport", "40002");
	assert_lacks(test, 1, "udp.dstport");
}

static void only_a_first_fragment_has_a_transport(void **state)
{
	struct test *test = *state;

	clear(test);
	ADD(test, ETHER_TO "\x86\xdd" IPV6("\x2c", "\x15") "\x11\0\0\1\0\0\0\x4d" UDP);
	ADD(test, ETHER_TO "\x86\xdd" IPV6("\x2c", "\x15") "\x11\0\1\0\0\0\0\x4d" UDP);
	ADD(test,
	    ETHER_TO "\x08\0\x45\0\0\x2d\0\7\x20\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2" TCP);
	ADD(test,
	    ETHER_TO "\x08\0\x45\0\0\x2d\0\7\x20\1\x40\6\0\0\x0a\0\0\1\x0a\0\0\2" TCP);
	begin(test);
	assert_field(test, 0, "udp.srcport", "40001");
	assert_lacks(test, 1, "udp.srcport");
	assert_field(test, 2, "tcp.srcport", "8080");
	assert_lacks(test, 3, "tcp.srcport");
	assert_field(test, 3, "ip.frag_offset", "1");
	for (uint32_t i = 0; i < 4; i++)
		assert_field(test, i, "flow.proto", i < 2 ? "17" : "6");
}

static void both_directions_of_a_flow_have_one_key(void **state)
{
	struct test *test = *state;

	clear(test);
	ADD(test, ETHER_TO "\x08\0" IPV4("\x11") "\x9c\x41\0\x35\0\x08\0\0");
	ADD(test, ETHER_TO "\x08\0\x45\0\0\x1c\0\0\0\0\x40\x11\0\0\x0a\0\0\2\x0a\0\0\1"
	                   "\0\x35\x9c\x41\0\x08\0\0");
	ADD(test, ETHER_TO "\x08\0" IPV4("\x11") "\x9c\x42\0\x35\0\x08\0\0");
	begin(test);
	assert_field(test, 0, "flow.key", "10.0.0.1:40001 10.0.0.2:53 17");
	assert_field(test, 1, "flow.key", "10.0.0.1:40001 10.0.0.2:53 17");
	assert_string_equal(text(test, 0, "flow.hash"), text(test, 1, "flow.hash"));
	assert_string_not_equal(text(test, 0, "flow.hash"), text(test, 2, "flow.hash"));
}

static void a_flows_hash_is_seeded(void **state)
{
	struct test *test = *state;
	struct ce_decode *other;
	const struct ce_column *found;

	assert_int_equal(ce_decode_open(&other, SEED + 1), 0);
	BEGIN(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	ce_decode_begin(other, &test->batch, test->wanted);
	found = ce_decode_column(other, ce_field_find("flow.hash"));
	assert_memory_not_equal(found->values, column(test, "flow.hash")->values, 8);
	ce_decode_close(other);
}

static void the_batchs_own_columns_are_borrowed(void **state)
{
	struct test *test = *state;

	BEGIN(test, "short");
	assert_ptr_equal(column(test, "frame.len")->values, test->len);
	assert_ptr_equal(column(test, "frame.cap_len")->values, test->caplen);
	assert_ptr_equal(column(test, "frame.time_epoch")->values, test->ts_ns);
}

static void begin_goes_on_to_the_next_batch(void **state)
{
	struct test *test = *state;
	const struct ce_column *before;

	BEGIN(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	before = column(test, "tcp.srcport");
	assert_ptr_equal(ce_decode_batch(test->decode), &test->batch);
	assert_ptr_equal(column(test, "tcp.srcport"), before);
	BEGIN(test, ETHER_TO "\x08\0" IPV4("\x11") UDP);
	assert_lacks(test, 0, "tcp.srcport");
	assert_field(test, 0, "udp.srcport", "40001");
}

static void only_wanted_packets_have_fields(void **state)
{
	struct test *test = *state;
	const struct ce_field *field;

	clear(test);
	for (int i = 0; i < 130; i++)
		ADD(test, ETHER_TO "\x81\0\0\5\x08\0" IPV4("\6") TCP);
	memset(test->wanted, 0, sizeof(test->wanted));
	test->wanted[1] = 1;
	begin(test);
	for (size_t i = 0; (field = ce_field_at(i)); i++)
		for (uint32_t k = 0; field->width && k < 130; k++)
			if (k != 64)
				assert_false(ce_column_has(column(test, field->name), k));
	assert_field(test, 64, "tcp.srcport", "8080");
	assert_field(test, 64, "frame.number", "65");
}

static void a_full_batch_has_all_its_packets(void **state)
{
	struct test *test = *state;
	const struct ce_column *ports;

	clear(test);
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
		unsigned char bytes[] = ETHER_TO "\x08\0" IPV4("\6") TCP;

		bytes[34] = (unsigned char)(i >> 8);
		bytes[35] = (unsigned char)i;
		bytes[23] = i % 5 ? 6 : 17;
		add(test, bytes, sizeof(bytes) - 1, sizeof(bytes) - 1);
	}
	begin(test);
	ports = column(test, "tcp.srcport");
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
		assert_int_equal(ce_column_has(ports, i), i % 5 != 0);
		if (i % 5)
			assert_int_equal(((const uint16_t *)ports->values)[i], i);
	}
}

static void less_on_the_wire_than_captured_hides_nothing(void **state)
{
	struct test *test = *state;

	clear(test);
	add(test, ETHER_TO "\x08\0" IPV4("\6") TCP, 59, 0);
	begin(test);
	assert_field(test, 0, "tcp.srcport", "8080");
	assert_field(test, 0, "tcp.len", "5");
	assert_field(test, 0, "frame.len", "0");
}

static void want_of_memory_is_told_and_may_pass(void **state)
{
	struct test *test = *state;
	struct ce_decode *decode;

	BEGIN(test, ETHER_TO "\x08\0" IPV4("\6") TCP);
	refuse_memory = true;
	assert_int_equal(ce_decode_open(&decode, 0), -ENOMEM);
	assert_null(ce_decode_column(test->decode, ce_field_find("tcp.srcport")));
	refuse_memory = false;
	assert_field(test, 0, "tcp.srcport", "8080");
	ce_decode_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_of_tcp_over_ipv4),
		TEST(fields_of_udp_over_ipv6),
		TEST(fields_of_arp_icmp_and_sctp),
		TEST(a_cut_packet_has_right_fields_or_none),
		TEST(padding_is_no_payload),
		TEST(length_zero_is_all_that_follows),
		TEST(length_zero_is_never_less_than_captured),
		TEST(source_routes_end_at_ip_dst),
		TEST(every_link_type_leads_to_ip),
		TEST(another_link_type_has_frame_fields_only),
		TEST(tags_and_labels_are_stepped_over),
		TEST(a_hundred_tags_are_no_harm),
		TEST(extension_headers_are_stepped_over),
		TEST(a_chain_of_extension_headers_may_be_long_but_not_endless),
		TEST(only_a_first_fragment_has_a_transport),
		TEST(both_directions_of_a_flow_have_one_key),
		TEST(a_flows_hash_is_seeded),
		TEST(the_batchs_own_columns_are_borrowed),
		TEST(begin_goes_on_to_the_next_batch),
		TEST(only_wanted_packets_have_fields),
		TEST(a_full_batch_has_all_its_packets),
		TEST(less_on_the_wire_than_captured_hides_nothing),
		TEST(want_of_memory_is_told_and_may_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
