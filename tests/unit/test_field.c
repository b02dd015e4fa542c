/* SPDX-License-Identifier: BSD-3-Clause */
/* test_field.c - what <capengine/field.h> promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/field.h"

static void every_field_is_found_by_its_name(void **state)
{
	const struct ce_field *field;
	size_t count = 0;

	(void)state;
	for (; (field = ce_field_at(count)); count++)
		assert_ptr_equal(ce_field_find(field->name), field);
	assert_true(count > 100);
	assert_null(ce_field_at(count + 1));
	assert_null(ce_field_find("tcp.sport"));
	assert_null(ce_field_find(""));
	assert_null(ce_field_find("TCP.SRCPORT"));
}

static void a_field_has_a_column_of_its_types_width_or_parts(void **state)
{
	static const uint32_t widths[] = {
		[CE_FIELD_BOOLEAN] = 1, [CE_FIELD_TIME] = 8,  [CE_FIELD_ETHER] = 8,
		[CE_FIELD_IPV4] = 4,    [CE_FIELD_IPV6] = 16, [CE_FIELD_ADDRESS] = 16,
		[CE_FIELD_FLOW] = 40,   [CE_FIELD_BYTES] = 8,
	};
	const struct ce_field *field;

	(void)state;
	for (size_t i = 0; (field = ce_field_at(i)); i++) {
		if (field->width == 0)
			assert_non_null(field->parts);
		else if (field->type == CE_FIELD_NUMBER)
			assert_true(field->width <= 8);
		else
			assert_int_equal(field->width, widths[field->type]);
	}
}

static void parts_have_columns_and_the_fields_type(void **state)
{
	const struct ce_field *field, *part;

	(void)state;
	for (size_t i = 0; (field = ce_field_at(i)); i++) {
		size_t k;

		for (k = 0; (part = ce_field_part(field, k)); k++) {
			assert_true(part->width > 0);
			assert_int_equal(part->type, field->type);
			if (!field->parts)
				assert_ptr_equal(part, field);
		}
		assert_int_equal(k, field->parts ? 2 : 1);
		assert_null(ce_field_part(field, k + 1));
	}
	field = ce_field_find("tcp.port");
	assert_int_equal(field->width, 0);
	assert_string_equal(ce_field_part(field, 0)->name, "tcp.srcport");
	assert_string_equal(ce_field_part(field, 1)->name, "tcp.dstport");
}

static void near_suggests_what_looks_like_it_and_nothing_else(void **state)
{
	(void)state;
	assert_string_equal(ce_field_near("tcp.scrport"), "tcp.srcport");
	assert_string_equal(ce_field_near("ip.scr"), "ip.src");
	assert_string_equal(ce_field_near("udp.lenght"), "udp.length");
	assert_string_equal(ce_field_near("tcp.flags.sin"), "tcp.flags.syn");
	assert_null(ce_field_near("http.request.method"));
	assert_null(ce_field_near(""));
	assert_null(ce_field_near(
		"a name that is much longer than that of any field could be"));
}

static void assert_text(const char *name, const void *value, const char *expected)
{
	char text[CE_FIELD_TEXT];
	size_t length = ce_field_format(ce_field_find(name), value, text);

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void numbers_and_booleans_are_decimal(void **state)
{
	(void)state;
	assert_text("ip.ttl", &(uint8_t){255}, "255");
	assert_text("tcp.srcport", &(uint16_t){65535}, "65535");
	assert_text("tcp.seq_raw", &(uint32_t){UINT32_MAX}, "4294967295");
	assert_text("flow.hash", &(uint64_t){UINT64_MAX}, "18446744073709551615");
	assert_text("tcp.flags.syn", &(uint8_t){1}, "1");
	assert_text("tcp.flags.syn", &(uint8_t){0}, "0");
}

static void times_are_seconds_with_nine_digits(void **state)
{
	(void)state;
	assert_text("frame.time_epoch", &(int64_t){INT64_C(1700000000000000001)},
	            "1700000000.000000001");
	assert_text("frame.time_epoch", &(int64_t){0}, "0.000000000");
	assert_text("frame.time_epoch", &(int64_t){-1500000000}, "-1.500000000");
	assert_text("frame.time_epoch", &(int64_t){INT64_MIN}, "-9223372036.854775808");
}

static void addresses_are_as_inet_ntop_has_them(void **state)
{
	static const unsigned char ipv6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
	static const unsigned char mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 255};

	(void)state;
	assert_text("eth.src", &(uint64_t){0x0200000000ff}, "02:00:00:00:00:ff");
	assert_text("ip.src", &(uint32_t){0x0a0000ff}, "10.0.0.255");
	assert_text("ipv6.src", ipv6, "2001:db8::1");
	assert_text("ipv6.src", mapped, "::ffff:192.0.2.255");
	assert_text("flow.src", ipv6, "2001:db8::1");
	assert_text("flow.src", mapped, "192.0.2.255");
}

static void a_flow_is_two_ends_and_a_protocol(void **state)
{
	struct ce_flow_key key = {.port = {443, 50000}, .proto = 6};

	(void)state;
	memcpy(key.address[0], "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	memcpy(key.address[1], "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2", 16);
	assert_text("flow.key", &key, "10.0.0.1:443 10.0.0.2:50000 6");
	memset(key.address, 0xff, sizeof(key.address));
	key.port[0] = key.port[1] = 65535;
	key.proto = 255;
	assert_text("flow.key", &key,
	            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 "
	            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_found_by_its_name),
		cmocka_unit_test(a_field_has_a_column_of_its_types_width_or_parts),
		cmocka_unit_test(parts_have_columns_and_the_fields_type),
		cmocka_unit_test(near_suggests_what_looks_like_it_and_nothing_else),
		cmocka_unit_test(numbers_and_booleans_are_decimal),
		cmocka_unit_test(times_are_seconds_with_nine_digits),
		cmocka_unit_test(addresses_are_as_inet_ntop_has_them),
		cmocka_unit_test(a_flow_is_two_ends_and_a_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
