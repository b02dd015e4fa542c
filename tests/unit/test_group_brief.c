/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_group_brief.c - a group whose keys are short as long as all addresses are of IPv4:
 * nobody sees when they become longer but by the memory that it takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "capengine/decode.h"
#include "capengine/group.h"
#include "support/flows.h"

enum { FLOWS = 500, PACKETS = 3000 };

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1700000000) * SECOND)

static int mmaps_left = -1; /* until memory is refused; -1: it is not */

void *__real_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	if (mmaps_left == 0)
		return MAP_FAILED;
	mmaps_left -= mmaps_left > 0;
	return __real_mmap(at, size, access, flags, fd, offset);
}

static struct flows flows;
static struct ce_decode *decode;
static unsigned seed;
static int64_t now_ns = START;

static const struct ce_field *tuple[5], *key[1];
static struct ce_group_column values[2];

/* What may be a key of addresses. */
static const struct {
	const struct ce_field *const *by;
	size_t count;
} keys[] = {{tuple, 5}, {key, 1}};

static int open_fields(void **state)
{
	static const char *const names[] = {"flow.src", "flow.dst", "flow.srcport",
	                                    "flow.dstport", "flow.proto"};

	(void)state;
	for (size_t k = 0; k < 5; k++)
		tuple[k] = ce_field_find(names[k]);
	key[0] = ce_field_find("flow.key");
	values[0] = (struct ce_group_column){CE_GROUP_SUM, ce_field_find("frame.len")};
	values[1] = (struct ce_group_column){CE_GROUP_FIRST, ce_field_find("flow.src")};
	seed = flows_seed();
	return ce_decode_open(&decode, 0);
}

static int close_fields(void **state)
{
	(void)state;
	ce_decode_close(decode);
	return 0;
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)rand_r(&seed) % below;
}

/* A flow's packets: flow i of IPv4, and of IPv6. */
static struct flows_packet packet_of(uint32_t i, enum flows_version version)
{
	return (struct flows_packet){.version = version,
	                             .src = i % 7,
	                             .dst = i + 10,
	                             .sport = (uint16_t)(i % 3),
	                             .dport = 53,
	                             .len = 60 + pick(1000)};
}

/* Counted the plain way: [0] of IPv4, [1] of IPv6. */
struct plain {
	uint64_t count[2][FLOWS], sum[2][FLOWS];
};

static int try_batch(struct ce_group *group)
{
	ce_decode_begin(decode, &flows.batch, flows.all);
	return ce_group_add(group, decode, flows.all);
}

/* Add random packets: of IPv4, or of all versions. */
static void add(struct ce_group *group, struct plain *plain, bool ipv6)
{
	flows_begin(&flows);
	for (int n = 0; n < PACKETS; n++) {
		uint32_t i = pick(pick(2) ? 20 : FLOWS);
		enum flows_version version = ipv6 ? pick(3) : FLOWS_IPV4;
		struct flows_packet packet = packet_of(i, version);

		packet.ts_ns = now_ns += SECOND / 1000;
		flows_add(&flows, &packet);
		plain->count[version == FLOWS_IPV6][i]++;
		plain->sum[version == FLOWS_IPV6][i] += packet.len;
	}
	assert_int_equal(try_batch(group), 0);
}

static struct ce_group *open_group(size_t k, struct ce_group_options options)
{
	struct ce_group *group = NULL;
	struct ce_err err;

	options.by = keys[k].by;
	options.by_count = keys[k].count;
	options.values = values;
	options.value_count = 2;
	if (ce_group_open(&group, &options, &err) < 0)
		fail_msg("%s", err.text);
	return group;
}

static struct ce_group_cell cell_of(const struct ce_group *group,
                                    const struct ce_group_row *row, size_t column)
{
	struct ce_group_cell cell;

	assert_true(ce_group_cell(group, row, column, &cell));
	return cell;
}

/* Which flow it is: its number, and whether of IPv6, as the row's key says; both ways. */
static uint32_t flow_of(const struct ce_group *group, const struct ce_group_row *row,
                        bool *ipv6)
{
	static const unsigned char mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	static const unsigned char other[13] = {
		0xfd, [10] = 0xff, [11] = 0xff, [12] = 10};
	const size_t columns = ce_group_columns(group) - 3;
	unsigned char address[2][16];
	struct ce_flow_key flow;
	struct ce_group_cell cell;

	ce_group_cell(group, row, 0, &cell);
	if (columns == 1) {
		memcpy(&flow, cell.value, sizeof(flow));
		memcpy(address, flow.address, sizeof(address));
		assert_int_equal(flow.proto, 17);
		assert_int_equal(flow.port[1], 53);
		assert_memory_equal(flow.zero, "\0\0\0", 3);
	} else {
		memcpy(address[0], cell.value, 16);
		ce_group_cell(group, row, 1, &cell);
		memcpy(address[1], cell.value, 16);
		ce_group_cell(group, row, 4, &cell);
		assert_memory_equal(cell.value, "\x11", 1);
	}
	*ipv6 = address[0][0] == 0xfd;
	for (int end = 0; end < 2; end++)
		assert_memory_equal(address[end], *ipv6 ? other : mapped, 13);
	/* What was first in the row is of the same packet. */
	ce_group_cell(group, row, columns + 2, &cell);
	assert_memory_equal(cell.value, address[0], 16);
	return (uint32_t)(address[1][14] << 8 | address[1][15]) - 10;
}

/* Take what the row has from the plain counts. */
static void take_away(const struct ce_group *group, const struct ce_group_row *row,
                      struct plain *plain)
{
	const size_t columns = ce_group_columns(group) - 3;
	bool ipv6;
	uint32_t i = flow_of(group, row, &ipv6);

	assert_true(i < FLOWS);
	plain->count[ipv6][i] -= cell_of(group, row, columns).number;
	plain->sum[ipv6][i] -= cell_of(group, row, columns + 1).number;
}

static void assert_nothing_left(const struct plain *plain)
{
	static const struct plain nothing;

	assert_memory_equal(plain, &nothing, sizeof(nothing));
}

/* The rows are found by their keys, and are what counting plainly gives. */
static void assert_rows(const struct ce_group *group, const struct plain *plain)
{
	static struct plain left;
	const struct ce_group_order order = {0};
	unsigned char bytes[256] = {0};
	uint32_t *rows = NULL;
	int64_t count = ce_group_order(group, &order, &rows);

	left = *plain;
	assert_int_equal(count, ce_group_len(group));
	for (int64_t n = 0; n < count; n++) {
		const struct ce_group_row *row = ce_group_row(group, rows[n]);

		for (size_t k = 0; k < ce_group_columns(group) - 3; k++)
			memcpy(bytes + ce_group_key_offset(group, k),
			       cell_of(group, row, k).value,
			       ce_group_column(group, k)->field->width);
		assert_ptr_equal(ce_group_get(group, bytes), row);
		take_away(group, row, &left);
	}
	free(rows);
	assert_nothing_left(&left);
	bytes[0] = 0xfe; /* an address that no packet had */
	assert_null(ce_group_get(group, bytes));
}

static void rows_are_the_same_before_and_after(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct ce_group *group = open_group(k, (struct ce_group_options){0});
		struct plain plain = {0};

		for (int n = 0; n < 8; n++) {
			add(group, &plain, n > 3 && n != 6);
			assert_rows(group, &plain);
		}
		ce_group_clear(group);
		plain = (struct plain){0};
		add(group, &plain, false);
		assert_rows(group, &plain);
		ce_group_close(group);
	}
}

static void take_all(struct ce_group *group, struct plain *left)
{
	const struct ce_group_row *row;

	while ((row = ce_group_take(group)))
		take_away(group, row, left);
}

/* Rows that wait to be taken, entries that are free, and the row that is lent. */
static void rows_that_are_over_become_longer_too(void **state)
{
	const struct ce_group_options all[] = {
		{.idle_ns = SECOND / 10, .keep = true},
		{.capacity = 60, .evict = true, .keep = true},
		{.idle_ns = SECOND / 10, .capacity = 60, .evict = true, .keep = true},
	};

	(void)state;
	for (size_t n = 0; n < 6; n++) {
		struct ce_group *group = open_group(n % 2, all[n / 2]);
		const struct ce_group_row *lent;
		struct plain plain = {0}, again;

		add(group, &plain, false);
		add(group, &plain, false);
		lent = ce_group_take(group);
		assert_non_null(lent);
		take_away(group, lent, &plain);
		again = plain;
		add(group, &plain, true);
		take_away(group, lent, &again);
		add(group, &plain, true);
		take_all(group, &plain);
		add(group, &plain, true);
		ce_group_flush(group);
		take_all(group, &plain);
		assert_nothing_left(&plain);
		assert_true(ce_group_counts(group).expired +
		                    ce_group_counts(group).evicted >
		            100);
		ce_group_close(group);
	}
}

/* What had no row of its own. */
static void the_other_row_becomes_longer_too(void **state)
{
	struct ce_group *group = open_group(0, (struct ce_group_options){.capacity = 10});
	struct plain plain = {0};
	uint64_t bytes = 0, sum = 0;
	struct ce_group_cell cell;
	uint32_t *rows = NULL;

	(void)state;
	add(group, &plain, false);
	add(group, &plain, true);
	for (size_t n = 0; n < FLOWS; n++)
		bytes += plain.sum[0][n] + plain.sum[1][n];
	assert_int_equal(ce_group_order(group, &(struct ce_group_order){0}, &rows), 10);
	for (int n = 0; n < 10; n++)
		sum += cell_of(group, ce_group_row(group, rows[n]), 6).number;
	free(rows);
	sum += cell_of(group, ce_group_other(group), 6).number;
	assert_int_equal(sum, bytes);
	cell = cell_of(group, ce_group_other(group), 7);
	assert_memory_equal(cell.value, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a", 13);
	ce_group_close(group);
}

static void groups_of_both_kinds_merge(void **state)
{
	(void)state;
	for (size_t n = 0; n < 8; n++) {
		struct ce_group *one = open_group(n / 4, (struct ce_group_options){0});
		struct ce_group *two = open_group(n / 4, (struct ce_group_options){0});
		struct plain plain = {0};

		add(one, &plain, n & 1);
		add(two, &plain, n & 2);
		assert_int_equal(ce_group_merge(one, two), 0);
		assert_rows(one, &plain);
		add(one, &plain, true);
		assert_rows(one, &plain);
		ce_group_close(one);
		ce_group_close(two);
	}
}

/* Rows are what they are for. */
static void memory_is_less_while_keys_are_short(void **state)
{
	struct ce_group *group;
	size_t brief;

	(void)state;
	values[1].field = ce_field_find("frame.number");
	group = open_group(0, (struct ce_group_options){0});
	for (uint32_t n = 0; n < 100; n++) {
		flows_begin(&flows);
		for (uint32_t i = 0; i < 1000; i++) {
			struct flows_packet packet = {.dst = n * 1000 + i, .len = 60};

			flows_add(&flows, &packet);
		}
		assert_int_equal(try_batch(group), 0);
	}
	brief = ce_group_memory(group);
	flows_begin(&flows);
	flows_add(&flows, &(struct flows_packet){.version = FLOWS_IPV6, .len = 60});
	assert_int_equal(try_batch(group), 0);
	assert_int_equal(ce_group_len(group), 100001);
	print_message("%zu bytes, then %zu\n", brief, ce_group_memory(group));
	assert_true(brief * 3 < ce_group_memory(group) * 2);
	ce_group_close(group);
	values[1].field = ce_field_find("flow.src");
}

/* Begin a batch of packets of these versions; gives which of them are of IPv4. */
static void mix(uint32_t versions, uint64_t ipv4[CE_BATCH_WORDS])
{
	memset(ipv4, 0, CE_BATCH_WORDS * sizeof(*ipv4));
	flows_begin(&flows);
	for (uint32_t n = 0; n < FLOWS * versions; n++) {
		struct flows_packet packet = packet_of(n / versions, n % versions);

		packet.len = 100;
		flows_add(&flows, &packet);
		if (packet.version == FLOWS_IPV4)
			ipv4[n / 64] |= (uint64_t)1 << n % 64;
	}
	ce_decode_begin(decode, &flows.batch, flows.all);
}

static void columns_of_addresses_say_which_are_of_ipv4(void **state)
{
	static const char *const names[] = {"flow.src", "flow.dst", "flow.key"};
	uint64_t ipv4[CE_BATCH_WORDS];

	(void)state;
	for (uint32_t versions = 1; versions <= 3; versions++) {
		mix(versions, ipv4);
		for (size_t k = 0; k < 3; k++) {
			const struct ce_column *column =
				ce_decode_column(decode, ce_field_find(names[k]));

			for (uint32_t i = 0; i < flows.batch.count; i++) {
				assert_true(ce_column_has(column, i));
				assert_int_equal(column->ipv4[i / 64] >> i % 64 & 1,
				                 ipv4[i / 64] >> i % 64 & 1);
			}
		}
	}
}

/* Keys are as long as those that are added ask for. */
static void packets_that_are_not_selected_change_nothing(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct ce_group *mixed = open_group(k, (struct ce_group_options){0});
		struct ce_group *alone = open_group(k, (struct ce_group_options){0});
		uint64_t ipv4[CE_BATCH_WORDS];
		struct plain plain = {0};

		for (uint32_t i = 0; i < FLOWS; i++) {
			plain.count[0][i] = 1;
			plain.sum[0][i] = 100;
		}
		mix(1, ipv4);
		assert_int_equal(ce_group_add(alone, decode, ipv4), 0);
		mix(3, ipv4);
		assert_int_equal(ce_group_add(mixed, decode, ipv4), 0);
		assert_rows(mixed, &plain);
		assert_int_equal(ce_group_memory(mixed), ce_group_memory(alone));
		add(mixed, &plain, true);
		assert_rows(mixed, &plain);
		ce_group_close(mixed);
		ce_group_close(alone);
	}
}

static void without_memory_nothing_has_changed(void **state)
{
	struct ce_group *group = open_group(0, (struct ce_group_options){0});
	struct plain plain = {0};
	struct flows_packet packet = packet_of(1, FLOWS_IPV6);

	(void)state;
	add(group, &plain, false);
	flows_begin(&flows);
	flows_add(&flows, &packet);
	for (int mmaps = 0; mmaps < 2; mmaps++) {
		mmaps_left = mmaps;
		assert_int_equal(try_batch(group), -ENOMEM);
		mmaps_left = -1;
		assert_rows(group, &plain);
	}
	add(group, &plain, false);
	assert_rows(group, &plain);
	add(group, &plain, true);
	assert_rows(group, &plain);
	ce_group_close(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_same_before_and_after),
		cmocka_unit_test(rows_that_are_over_become_longer_too),
		cmocka_unit_test(the_other_row_becomes_longer_too),
		cmocka_unit_test(groups_of_both_kinds_merge),
		cmocka_unit_test(memory_is_less_while_keys_are_short),
		cmocka_unit_test(columns_of_addresses_say_which_are_of_ipv4),
		cmocka_unit_test(packets_that_are_not_selected_change_nothing),
		cmocka_unit_test(without_memory_nothing_has_changed),
	};

	return cmocka_run_group_tests(tests, open_fields, close_fields);
}
