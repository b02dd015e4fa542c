/* SPDX-License-Identifier: BSD-3-Clause */
/* test_group.c - what group.h promises, against counting the plain way. */
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
#include "group/group_keys_int.h"
#include "support/flows.h"

enum { SOURCES = 300, PORTS = 4, KEYS = SOURCES * PORTS, MOST = 1 << 20 };

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1700000000) * SECOND)

static bool armed; /* the calls below are counted, and one fails */
static int calls, fails_at;
static long allocated; /* bytes of pages, and blocks */

static bool fails(void)
{
	return armed && ++calls == fails_at;
}

#define WRAP(type, name, ...)            \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

static void *counted(void *block)
{
	allocated += armed && block;
	return block;
}

WRAP(void *, malloc, size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, size_t count, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(count, size));
}

WRAP(void *, realloc, void *block, size_t size)
{
	if (fails())
		return NULL;
	return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

WRAP(void, free, void *block)
{
	allocated -= armed && block;
	__real_free(block);
}

WRAP(void *, mmap, void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	if (fails())
		return MAP_FAILED;
	allocated += armed ? (long)size : 0;
	return __real_mmap(at, size, access, flags, fd, offset);
}

/* To where it says, memory is counted already. */
WRAP(void *, mremap, void *at, size_t old, size_t size, int flags, ...)
{
	const bool fixed = flags & MREMAP_FIXED;
	va_list more;
	void *to;

	va_start(more, flags);
	to = fixed ? va_arg(more, void *) : NULL;
	va_end(more);
	if (fails())
		return MAP_FAILED;
	allocated += armed ? (fixed ? 0 : (long)size) - (long)old : 0;
	return __real_mremap(at, old, size, flags, to);
}

WRAP(int, munmap, void *at, size_t size)
{
	allocated -= armed ? (long)size : 0;
	return __real_munmap(at, size);
}

/* A row, counted the plain way. */
struct plain {
	uint64_t count, sum, min, max, first, last;
};

static struct flows flows;
static struct ce_decode *decode;
static unsigned seed;

static const struct ce_field *by[2];
static struct ce_group_column values[6];

static int open_fields(void **state)
{
	(void)state;
	by[0] = ce_field_find("ip.src");
	by[1] = ce_field_find("udp.srcport");
	values[0] = (struct ce_group_column){CE_GROUP_SUM, ce_field_find("frame.len")};
	values[1] = (struct ce_group_column){CE_GROUP_MIN, ce_field_find("frame.len")};
	values[2] =
		(struct ce_group_column){CE_GROUP_MAX, ce_field_find("frame.time_epoch")};
	values[3] = (struct ce_group_column){CE_GROUP_FIRST, ce_field_find("ip.dst")};
	values[4] = (struct ce_group_column){CE_GROUP_LAST, ce_field_find("udp.dstport")};
	values[5] = (struct ce_group_column){CE_GROUP_DISTINCT, ce_field_find("ip.dst")};
	seed = flows_seed();
	return ce_decode_open(&decode, 0);
}

static int close_fields(void **state)
{
	(void)state;
	ce_decode_close(decode);
	return 0;
}

static struct ce_group *open_group(struct ce_group_options options)
{
	struct ce_group *group = NULL;
	struct ce_err err;

	options.by = options.by ? options.by : by;
	options.by_count = options.by_count ? options.by_count : 2;
	if (!options.values) {
		options.values = values;
		options.value_count = 6;
	}
	if (ce_group_open(&group, &options, &err) < 0)
		fail_msg("%s", err.text);
	return group;
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)rand_r(&seed) % below;
}

static struct flows_packet random_packet(int64_t ts_ns)
{
	return (struct flows_packet){
		.src = pick(pick(4) ? 20 : SOURCES),
		.dst = pick(1000),
		.sport = (uint16_t)pick(PORTS),
		.dport = (uint16_t)pick(65536),
		.len = 60 + pick(1440),
		.ts_ns = ts_ns,
		.arp = pick(50) == 0,
	};
}

static uint32_t key_of(const struct flows_packet *packet)
{
	return packet->src * PORTS + packet->sport;
}

static void count_plainly(struct plain *rows, const struct flows_packet *packet)
{
	struct plain *row = &rows[key_of(packet)];

	if (!row->count++) {
		row->first = packet->dst;
		row->min = packet->len;
	}
	row->sum += packet->len;
	row->min = packet->len < row->min ? packet->len : row->min;
	row->max = (uint64_t)packet->ts_ns > row->max ? (uint64_t)packet->ts_ns
	                                              : row->max;
	row->last = packet->dport;
}

static void add_batch(struct ce_group *group, const uint64_t *selected)
{
	ce_decode_begin(decode, &flows.batch, flows.all);
	assert_int_equal(ce_group_add(group, decode, selected), 0);
}

/* Add batches of random packets, of which a random part is selected, to both; each is a
   second later than the one before. */
static void add_random(struct ce_group *group, struct plain *rows, uint32_t batches,
                       uint64_t *skipped)
{
	static int64_t now_ns = START;

	for (; batches--; now_ns += SECOND) {
		uint64_t selected[CE_BATCH_WORDS];

		flows_begin(&flows);
		for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
			selected[word] = pick(3) ? UINT64_MAX
			                         : (uint64_t)pick(UINT32_MAX) << 31;
		for (uint32_t i = 0, count = 1 + pick(CE_BATCH_PACKETS); i < count; i++) {
			struct flows_packet packet = random_packet(now_ns + pick(1000));

			flows_add(&flows, &packet);
			if (!(selected[i / 64] >> i % 64 & 1))
				continue;
			if (packet.arp)
				++*skipped;
			else
				count_plainly(rows, &packet);
		}
		for (uint32_t i = flows.batch.count; i < CE_BATCH_PACKETS; i++)
			selected[i / 64] &= ~((uint64_t)1 << i % 64);
		add_batch(group, selected);
	}
}

static uint64_t number(const struct ce_group *group, const struct ce_group_row *row,
                       size_t column)
{
	struct ce_group_cell cell;
	const struct ce_field *field = ce_group_column(group, column)->field;

	assert_true(ce_group_cell(group, row, column, &cell));
	if (cell.wide)
		memcpy(&cell.number, cell.value, field->width);
	return cell.number;
}

/* The key of a row, as key_of says it. */
static uint32_t row_key(const struct ce_group *group, const struct ce_group_row *row)
{
	return (uint32_t)(number(group, row, 0) & 0xffffff) * PORTS +
	       (uint32_t)number(group, row, 1);
}

static void assert_row(const struct ce_group *group, const struct ce_group_row *row,
                       const struct plain *plain)
{
	assert_int_equal(number(group, row, 2), plain->count);
	assert_int_equal(number(group, row, 3), plain->sum);
	assert_int_equal(number(group, row, 4), plain->min);
	assert_int_equal(number(group, row, 5), plain->max);
	assert_int_equal(number(group, row, 6) & 0xffffff, plain->first);
	assert_int_equal(number(group, row, 7), plain->last);
}

static const struct ce_group_row *get(const struct ce_group *group, uint32_t key)
{
	unsigned char bytes[64] = {0};
	uint32_t src = 10u << 24 | key / PORTS;
	uint16_t sport = (uint16_t)(key % PORTS);

	memcpy(bytes + ce_group_key_offset(group, 0), &src, sizeof(src));
	memcpy(bytes + ce_group_key_offset(group, 1), &sport, sizeof(sport));
	return ce_group_get(group, bytes);
}

/* The group has these rows and no other. */
static void assert_rows(const struct ce_group *group, const struct plain *rows)
{
	uint32_t count = 0;

	for (uint32_t key = 0; key < KEYS; key++) {
		const struct ce_group_row *row = get(group, key);

		if (rows[key].count) {
			assert_non_null(row);
			assert_int_equal(row_key(group, row), key);
			assert_row(group, row, &rows[key]);
			count++;
		} else {
			assert_null(row);
		}
	}
	assert_int_equal(ce_group_len(group), count);
}

static void rows_are_what_counting_plainly_gives(void **state)
{
	struct ce_group *group = open_group((struct ce_group_options){0});
	struct plain rows[KEYS] = {0};
	uint64_t skipped = 0;

	(void)state;
	add_random(group, rows, 20, &skipped);
	assert_rows(group, rows);
	assert_int_equal(ce_group_counts(group).skipped, skipped);
	assert_true(skipped > 0);
	assert_null(ce_group_other(group));
	ce_group_close(group);
}

static void clear_forgets_everything(void **state)
{
	struct ce_group *group = open_group((struct ce_group_options){.capacity = 50});
	struct plain rows[KEYS] = {0};
	uint64_t skipped = 0;

	(void)state;
	add_random(group, rows, 3, &skipped);
	assert_non_null(ce_group_other(group));
	memset(rows, 0, sizeof(rows));
	ce_group_clear(group);
	assert_rows(group, rows);
	assert_null(ce_group_other(group));
	assert_int_equal(ce_group_counts(group).skipped, 0);
	ce_group_close(group);
}

/* Count a packet of this source, port 0, at this time. */
static void add_one(struct ce_group *group, uint32_t src, int64_t ts_ns)
{
	const struct flows_packet packet = {.src = src, .len = 100, .ts_ns = ts_ns};

	flows_begin(&flows);
	flows_add(&flows, &packet);
	add_batch(group, flows.all);
}

static void select_only_what_is_there(void)
{
	for (uint32_t i = flows.batch.count; i < CE_BATCH_PACKETS; i++)
		flows.all[i / 64] &= ~((uint64_t)1 << i % 64);
}

static void a_value_that_no_packet_has_is_missing(void **state)
{
	const struct ce_field *length = ce_field_find("frame.len");
	const struct ce_group_column ports = {CE_GROUP_MAX, ce_field_find("udp.dstport")};
	struct ce_group *group = open_group((struct ce_group_options){
		.by = &length, .by_count = 1, .values = &ports, .value_count = 1});
	const struct flows_packet packets[] = {{.len = 60, .arp = true},
	                                       {.len = 70, .dport = 9},
	                                       {.len = 70, .arp = true}};
	const uint32_t lengths[2] = {60, 70};
	struct ce_group_cell cell;
	uint64_t key;

	(void)state;
	flows_begin(&flows);
	for (size_t i = 0; i < 3; i++)
		flows_add(&flows, &packets[i]);
	select_only_what_is_there();
	add_batch(group, flows.all);
	key = lengths[0];
	assert_false(ce_group_cell(group, ce_group_get(group, &key), 2, &cell));
	key = lengths[1];
	assert_true(ce_group_cell(group, ce_group_get(group, &key), 2, &cell));
	assert_int_equal(cell.number, 9);
	assert_int_equal(number(group, ce_group_get(group, &key), 1), 2);
	ce_group_close(group);
}

static void a_table_grows_to_any_number_of_keys(void **state)
{
	const struct ce_field *field = ce_field_find("ip.src");
	struct ce_group *group = open_group((struct ce_group_options){
		.by = &field, .by_count = 1, .values = values, .value_count = 1});
	uint32_t count = 0;

	(void)state;
	for (uint32_t from = 0; from < MOST; from += CE_BATCH_PACKETS) {
		flows_begin(&flows);
		for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
			struct flows_packet packet = {.src = from + i, .len = from + i};

			flows_add(&flows, &packet);
		}
		add_batch(group, flows.all);
	}
	assert_int_equal(ce_group_len(group), MOST);
	for (uint32_t src = 0; src < MOST; src++) {
		uint64_t key = 10u << 24 | src;
		const struct ce_group_row *row = ce_group_get(group, &key);

		count += row && number(group, row, 2) == src &&
		         number(group, row, 1) == 1;
	}
	assert_int_equal(count, MOST);
	assert_in_range(ce_group_memory(group), MOST * 16, MOST * 100);
	ce_group_close(group);
}

/* By count, then by key; for qsort. */
static const struct plain *compared;

static int compare_keys(const void *one, const void *two)
{
	const uint32_t *a = one, *b = two;

	if (compared[*a].sum != compared[*b].sum)
		return compared[*a].sum > compared[*b].sum ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static void order_and_limit_are_those_of_a_full_sort(void **state)
{
	struct ce_group *group = open_group((struct ce_group_options){0});
	struct plain rows[KEYS] = {0};
	uint32_t sorted[KEYS], *found, length = 0;
	uint64_t skipped = 0;

	(void)state;
	add_random(group, rows, 2, &skipped);
	for (uint32_t key = 0; key < KEYS; key++)
		if (rows[key].count)
			sorted[length++] = key;
	compared = rows;
	qsort(sorted, length, sizeof(*sorted), compare_keys);
	for (uint32_t limit = 0; limit <= length + 1; limit += 1 + limit * pick(4)) {
		for (int ascending = 0; ascending < 2; ascending++) {
			struct ce_group_order order = {.column = 3,
			                               .ordered = true,
			                               .ascending = ascending,
			                               .limit = limit};
			int64_t count = ce_group_order(group, &order, &found);

			assert_int_equal(count, limit && limit < length ? limit : length);
			for (int64_t i = 0; i < count; i++) {
				uint32_t at = (uint32_t)(ascending ? length - 1 - i : i);
				uint32_t key =
					row_key(group, ce_group_row(group, found[i]));

				assert_int_equal(rows[key].sum, rows[sorted[at]].sum);
				assert_true(ascending || key == sorted[at]);
			}
			free(found);
		}
	}
	ce_group_close(group);
}

static void rows_without_a_value_come_last_in_both_orders(void **state)
{
	const struct ce_field *length = ce_field_find("frame.len");
	const struct ce_group_column ports = {CE_GROUP_MIN, ce_field_find("udp.dstport")};
	struct ce_group *group = open_group((struct ce_group_options){
		.by = &length, .by_count = 1, .values = &ports, .value_count = 1});
	const struct flows_packet packets[] = {
		{.len = 61, .arp = true}, {.len = 62}, {.len = 63, .dport = 65535}};
	static const uint64_t expected[2][3] = {{63, 62, 61}, {62, 63, 61}};

	(void)state;
	flows_begin(&flows);
	for (size_t i = 0; i < 3; i++)
		flows_add(&flows, &packets[i]);
	select_only_what_is_there();
	add_batch(group, flows.all);
	for (int ascending = 0; ascending < 2; ascending++) {
		struct ce_group_order order = {
			.column = 2, .ordered = true, .ascending = ascending};
		uint32_t *found;

		assert_int_equal(ce_group_order(group, &order, &found), 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(number(group, ce_group_row(group, found[i]), 0),
			                 expected[ascending][i]);
		free(found);
	}
	ce_group_close(group);
}

static void at_capacity_new_keys_count_in_one_other_row(void **state)
{
	struct ce_group *group = open_group((struct ce_group_options){.capacity = 100});
	struct plain rows[KEYS] = {0};
	uint64_t skipped = 0, count = 0, sum = 0, all = 0, all_sum = 0;

	(void)state;
	add_random(group, rows, 4, &skipped);
	assert_int_equal(ce_group_len(group), 100);
	for (uint32_t key = 0; key < KEYS; key++) {
		const struct ce_group_row *row = get(group, key);

		all += rows[key].count;
		all_sum += rows[key].sum;
		if (!row)
			continue;
		assert_row(group, row, &rows[key]); /* first come, wholly counted */
		count += rows[key].count;
		sum += rows[key].sum;
	}
	assert_int_equal(number(group, ce_group_other(group), 2), all - count);
	assert_int_equal(number(group, ce_group_other(group), 3), all_sum - sum);
	ce_group_close(group);
}

/* Take all rows that are over into `rows`, summed up by key; gives how many. */
static uint64_t take_all(struct ce_group *group, struct plain *rows)
{
	const struct ce_group_row *row;
	uint64_t taken = 0;

	for (; (row = ce_group_take(group)); taken++) {
		struct plain *plain = &rows[row_key(group, row)];

		plain->count += number(group, row, 2);
		plain->sum += number(group, row, 3);
	}
	return taken;
}

/* Add random packets, take what is over, flush: then all packets were in some row. */
static void assert_nothing_is_lost(uint32_t capacity, int64_t idle_ns)
{
	struct ce_group *group = open_group((struct ce_group_options){
		.capacity = capacity, .evict = true, .keep = true, .idle_ns = idle_ns});
	static struct plain rows[KEYS], taken[KEYS];
	uint64_t skipped = 0, count = 0, left;

	memset(rows, 0, sizeof(rows));
	memset(taken, 0, sizeof(taken));
	for (int k = 0; k < 10; k++) {
		add_random(group, rows, 1, &skipped);
		assert_true(ce_group_len(group) <= capacity);
		if (k % 3)
			count += take_all(group, taken);
	}
	count += take_all(group, taken);
	assert_true(count > 100);
	assert_int_equal(ce_group_counts(group).evicted + ce_group_counts(group).expired,
	                 count);
	assert_null(ce_group_other(group));
	left = ce_group_len(group);
	ce_group_flush(group);
	assert_int_equal(take_all(group, taken), left);
	assert_int_equal(ce_group_len(group), 0);
	for (uint32_t key = 0; key < KEYS; key++) {
		assert_int_equal(taken[key].count, rows[key].count);
		assert_int_equal(taken[key].sum, rows[key].sum);
	}
	ce_group_close(group);
}

static void evicted_rows_are_taken_and_nothing_is_lost(void **state)
{
	(void)state;
	assert_nothing_is_lost(1, 0);
	assert_nothing_is_lost(3, 0);
	assert_nothing_is_lost(64, 0);
	assert_nothing_is_lost(500, 0);
}

static void idle_and_evicted_rows_go_well_together(void **state)
{
	(void)state;
	assert_nothing_is_lost(2, 1);
	assert_nothing_is_lost(50, 100);
	assert_nothing_is_lost(200, 500);
	assert_nothing_is_lost(5000, SECOND / 2);
}

static void the_idlest_row_makes_room(void **state)
{
	struct ce_group *group =
		open_group((struct ce_group_options){.capacity = 4, .evict = true});

	(void)state;
	for (uint32_t src = 0; src < 4; src++)
		add_one(group, src, START);
	add_one(group, 0, START);
	add_one(group, 1, START);
	add_one(group, 3, START);
	add_one(group, 9, START);
	assert_null(get(group, 2 * PORTS));
	assert_non_null(get(group, 9 * PORTS));
	assert_int_equal(number(group, get(group, 0), 2), 2);
	ce_group_close(group);
}

/* Add packets of these sources and times, cut into batches of so many. */
static void add_cut(struct ce_group *group, const struct flows_packet *packets,
                    uint32_t count, uint32_t cut)
{
	for (uint32_t i = 0; i < count;) {
		flows_begin(&flows);
		for (uint32_t k = 0; k < cut && i < count; k++)
			flows_add(&flows, &packets[i++]);
		select_only_what_is_there();
		add_batch(group, flows.all);
	}
}

/* Both groups have the same rows, and the same in `other`. */
static void assert_same(const struct ce_group *one, const struct ce_group *two)
{
	const struct ce_group_row *other = ce_group_other(one);

	for (uint32_t key = 0; key < KEYS; key++) {
		const struct ce_group_row *row = get(one, key), *same = get(two, key);

		assert_int_equal(row != NULL, same != NULL);
		for (size_t k = 2; row && k < ce_group_columns(one); k++)
			assert_int_equal(number(one, row, k), number(two, same, k));
	}
	assert_int_equal(other != NULL, ce_group_other(two) != NULL);
	if (other)
		assert_int_equal(number(one, other, 2),
		                 number(two, ce_group_other(two), 2));
}

static void the_idlest_row_makes_room_within_a_batch(void **state)
{
	const struct flows_packet packets[] = {
		{.src = 1}, {.src = 2}, {.src = 1}, {.src = 3}};

	(void)state;
	for (uint32_t cut = 1; cut <= 4; cut++) {
		struct ce_group *group = open_group(
			(struct ce_group_options){.capacity = 2, .evict = true});

		add_cut(group, packets, 4, cut);
		assert_int_equal(number(group, get(group, 1 * PORTS), 2), 2);
		assert_null(get(group, 2 * PORTS));
		assert_int_equal(number(group, get(group, 3 * PORTS), 2), 1);
		ce_group_close(group);
	}
}

static struct flows_packet many[4 * CE_BATCH_PACKETS];

enum { MANY = sizeof(many) / sizeof(*many) };

/* Packets of few enough keys that some come again, in bursts and after silence. */
static void make_many(int64_t step_ns)
{
	int64_t ts_ns = START;

	for (uint32_t i = 0; i < MANY; i++) {
		ts_ns += pick((uint32_t)step_ns) * (pick(500) ? 1 : 200);
		many[i] = random_packet(ts_ns);
		many[i].arp = false;
	}
}

static void what_is_evicted_does_not_depend_on_batches(void **state)
{
	static const uint32_t cuts[] = {1, 7, 64, 100, 1000, CE_BATCH_PACKETS};
	struct ce_group_options options = {.capacity = 50, .evict = true};
	struct ce_group *one = open_group(options);

	(void)state;
	make_many(1000);
	add_cut(one, many, MANY, 1);
	for (size_t k = 1; k < sizeof(cuts) / sizeof(*cuts); k++) {
		struct ce_group *two = open_group(options);

		add_cut(two, many, MANY, cuts[k]);
		assert_same(one, two);
		assert_int_equal(ce_group_counts(one).evicted,
		                 ce_group_counts(two).evicted);
		ce_group_close(two);
	}
	ce_group_close(one);
}

static void merged_rows_are_touched_after_what_was_there(void **state)
{
	struct ce_group_options options = {.capacity = 2, .evict = true};
	struct ce_group *one = open_group(options), *two = open_group(options);

	(void)state;
	add_one(two, 1, START);
	add_one(one, 1, START);
	add_one(one, 2, START);
	assert_int_equal(ce_group_merge(one, two), 0);
	add_one(one, 3, START);
	assert_int_equal(number(one, get(one, 1 * PORTS), 2), 2);
	assert_null(get(one, 2 * PORTS));
	ce_group_close(one);
	ce_group_close(two);
}

/* Packets of a key whose distance is more than `idle` are in different rows, and only
   those, whenever rows are taken. */
static void idle_rows_are_those_of_plain_sessions(void **state)
{
	const int64_t idle_ns = SECOND / 2;
	struct ce_group *group =
		open_group((struct ce_group_options){.idle_ns = idle_ns, .keep = true});
	static int64_t seen[KEYS];
	static struct plain rows[KEYS], taken[KEYS];
	int64_t ts_ns = START;
	uint64_t sessions = 0, count = 0;

	(void)state;
	memset(rows, 0, sizeof(rows));
	memset(taken, 0, sizeof(taken));
	memset(seen, 0, sizeof(seen));
	for (int k = 0; k < 40; k++) {
		flows_begin(&flows);
		for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
			struct flows_packet packet;
			uint32_t key;

			ts_ns += pick(400000) + (pick(2000) == 0) * SECOND;
			packet = random_packet(ts_ns);
			flows_add(&flows, &packet);
			if (packet.arp)
				continue;
			key = key_of(&packet);
			sessions += ts_ns - seen[key] > idle_ns;
			seen[key] = ts_ns;
			count_plainly(rows, &packet);
		}
		add_batch(group, flows.all);
		if (pick(3) == 0)
			count += take_all(group, taken);
	}
	count += take_all(group, taken);
	assert_int_equal(ce_group_counts(group).expired, count);
	count += ce_group_len(group);
	assert_int_equal(count, sessions);
	ce_group_flush(group);
	take_all(group, taken);
	assert_int_equal(ce_group_counts(group).expired, sessions);
	for (uint32_t key = 0; key < KEYS; key++)
		assert_int_equal(taken[key].count, rows[key].count);
	ce_group_close(group);
}

static void a_row_that_nothing_comes_to_is_over_in_bounded_time(void **state)
{
	struct ce_group *group = open_group(
		(struct ce_group_options){.idle_ns = 10 * SECOND, .keep = true});
	int64_t ts_ns = START;

	(void)state;
	for (uint32_t src = 0; src < SOURCES; src++)
		add_one(group, src, START);
	for (; ts_ns <= START + 9 * SECOND; ts_ns += SECOND / 10)
		add_one(group, 0, ts_ns);
	assert_int_equal(ce_group_len(group), SOURCES);
	for (; ts_ns <= START + 16 * SECOND; ts_ns += SECOND / 10)
		add_one(group, 0, ts_ns);
	assert_int_equal(ce_group_len(group), 1);
	assert_int_equal(ce_group_counts(group).expired, SOURCES - 1);
	ce_group_close(group);
}

static void a_corrupt_stamp_ends_no_row(void **state)
{
	struct ce_group *group =
		open_group((struct ce_group_options){.idle_ns = SECOND, .keep = true});

	(void)state;
	for (uint32_t src = 0; src < SOURCES; src++)
		add_one(group, src, START);
	add_one(group, 0, START + 1000000 * SECOND);
	for (uint32_t src = 0; src < SOURCES; src++)
		add_one(group, src, START + 1);
	assert_int_equal(ce_group_counts(group).expired, 0);
	assert_null(ce_group_take(group));
	ce_group_close(group);
}

/* The clock begins anew: see packet_time.h. */
static void a_corrupt_first_stamp_keeps_no_row_for_ever(void **state)
{
	struct ce_group *group =
		open_group((struct ce_group_options){.idle_ns = SECOND, .keep = true});

	(void)state;
	add_one(group, 1, START + 1000000 * SECOND);
	for (int i = 0; i < 40; i++)
		add_one(group, 2, START + i * SECOND / 10);
	assert_int_equal(ce_group_len(group), 1);
	assert_int_equal(row_key(group, ce_group_take(group)), PORTS);
	assert_null(ce_group_take(group));
	ce_group_close(group);
}

static void rows_end_without_packets_when_the_time_is_said(void **state)
{
	struct ce_group *group =
		open_group((struct ce_group_options){.idle_ns = SECOND, .keep = true});

	(void)state;
	add_one(group, 1, START);
	assert_int_equal(ce_group_expire(group, START + SECOND), 0);
	assert_null(ce_group_take(group));
	assert_int_equal(ce_group_expire(group, START + 3 * SECOND), 0);
	assert_int_equal(row_key(group, ce_group_take(group)), PORTS);
	assert_null(ce_group_take(group));
	ce_group_close(group);
}

static void rows_that_are_over_give_their_places_within_a_batch(void **state)
{
	const struct flows_packet packets[] = {{.src = 1, .ts_ns = START},
	                                       {.src = 1, .ts_ns = START + SECOND / 10},
	                                       {.src = 2, .ts_ns = START + 100 * SECOND},
	                                       {.src = 2, .ts_ns = START + 101 * SECOND}};

	(void)state;
	for (uint32_t cut = 1; cut <= 4; cut++) {
		for (int evict = 0; evict < 2; evict++) {
			struct ce_group *group = open_group((struct ce_group_options){
				.capacity = 1, .evict = evict, .idle_ns = SECOND});

			add_cut(group, packets, 4, cut);
			assert_int_equal(number(group, get(group, 2 * PORTS), 2), 2);
			assert_null(ce_group_other(group));
			assert_int_equal(ce_group_counts(group).expired, 1);
			assert_int_equal(ce_group_counts(group).evicted, 0);
			ce_group_close(group);
		}
	}
}

/* What a group with these options gives of `many`: rows by key; gives the sessions, and
   in *others what had no row. */
static uint64_t count_sessions(const struct ce_group_options *options, struct plain *rows,
                               uint64_t *others)
{
	static int64_t seen[KEYS];
	uint64_t sessions = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < MANY; i++) {
		const int64_t now_ns = many[i].ts_ns;
		const uint32_t key = key_of(&many[i]);
		uint32_t live = 0;

		if (now_ns - seen[key] > options->idle_ns) {
			for (uint32_t k = 0; k < KEYS; k++)
				live += now_ns - seen[k] <= options->idle_ns;
			if (live >= options->capacity) {
				++*others;
				continue;
			}
			sessions++;
		}
		seen[key] = now_ns;
		count_plainly(rows, &many[i]);
	}
	return sessions;
}

static void rows_of_a_full_group_do_not_depend_on_batches(void **state)
{
	static const uint32_t cuts[] = {1, 7, 64, 100, 1000, CE_BATCH_PACKETS};
	const struct ce_group_options options = {
		.capacity = 60, .idle_ns = 100000, .keep = true};
	static struct plain rows[KEYS], taken[KEYS];
	uint64_t sessions, others = 0;

	(void)state;
	make_many(1000);
	memset(rows, 0, sizeof(rows));
	sessions = count_sessions(&options, rows, &others);
	assert_in_range(others, 100, MANY - 1000);
	for (size_t k = 0; k < sizeof(cuts) / sizeof(*cuts); k++) {
		struct ce_group *group = open_group(options);

		memset(taken, 0, sizeof(taken));
		add_cut(group, many, MANY, cuts[k]);
		ce_group_flush(group);
		assert_int_equal(take_all(group, taken), sessions);
		for (uint32_t key = 0; key < KEYS; key++) {
			assert_int_equal(taken[key].count, rows[key].count);
			assert_int_equal(taken[key].sum, rows[key].sum);
		}
		assert_int_equal(number(group, ce_group_other(group), 2), others);
		ce_group_close(group);
	}
}

/* How to go on after a part of a flush was taken. */
static void go_on(struct ce_group *group, int how)
{
	struct ce_group *other = open_group((struct ce_group_options){.idle_ns = SECOND});

	if (how == 0)
		add_one(group, 3, START + 1);
	add_one(other, 3, START + 1);
	if (how == 1)
		assert_int_equal(ce_group_merge(group, other), 0);
	if (how == 2) {
		assert_int_equal(ce_group_expire(group, START + 1), 0);
		add_one(group, 3, START + 1);
	}
	ce_group_close(other);
}

static void what_comes_within_a_flush_begins_new_rows(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct ce_group *group = open_group(
			(struct ce_group_options){.idle_ns = SECOND, .keep = true});
		static struct plain taken[KEYS];

		memset(taken, 0, sizeof(taken));
		for (uint32_t src = 0; src < 5; src++)
			add_one(group, src, START);
		ce_group_flush(group);
		assert_int_equal(row_key(group, ce_group_take(group)), 0);
		go_on(group, how);
		assert_int_equal(ce_group_len(group), 1);
		assert_int_equal(take_all(group, taken), 4);
		for (uint32_t src = 1; src < 5; src++)
			assert_int_equal(taken[src * PORTS].count, 1);
		assert_int_equal(number(group, get(group, 3 * PORTS), 2), 1);
		assert_int_equal(ce_group_counts(group).expired, 5);
		ce_group_close(group);
	}
}

static void merging_is_adding_both(void **state)
{
	struct ce_group *one = open_group((struct ce_group_options){0});
	struct ce_group *two =
		open_group((struct ce_group_options){.idle_ns = 1000 * SECOND});
	struct plain rows[KEYS] = {0}, none[KEYS] = {0};
	uint64_t skipped = 0;

	(void)state;
	add_random(one, rows, 3, &skipped);
	add_random(two, rows, 3, &skipped);
	assert_int_equal(ce_group_merge(one, two), 0);
	assert_rows(one, rows);
	assert_int_equal(ce_group_counts(one).skipped, skipped);
	ce_group_clear(two);
	assert_int_equal(ce_group_merge(two, one), 0);
	assert_rows(two, rows);
	ce_group_clear(one);
	assert_int_equal(ce_group_merge(two, one), 0);
	assert_rows(two, rows);
	assert_rows(one, none);
	ce_group_close(one);
	ce_group_close(two);
}

static void merging_at_capacity_counts_in_the_other_row(void **state)
{
	struct ce_group *one = open_group((struct ce_group_options){.capacity = 10});
	struct ce_group *two = open_group((struct ce_group_options){.capacity = 20});
	struct plain rows[KEYS] = {0};
	uint64_t skipped = 0, all = 0, count = 0;

	(void)state;
	add_random(one, rows, 1, &skipped);
	add_random(two, rows, 1, &skipped);
	assert_int_equal(ce_group_merge(one, two), 0);
	assert_int_equal(ce_group_len(one), 10);
	for (uint32_t key = 0; key < KEYS; key++) {
		all += rows[key].count;
		count += get(one, key) ? number(one, get(one, key), 2) : 0;
	}
	assert_int_equal(count + number(one, ce_group_other(one), 2), all);
	ce_group_close(one);
	ce_group_close(two);
}

static void groups_of_other_columns_do_not_merge(void **state)
{
	struct ce_group *one = open_group((struct ce_group_options){0});
	struct ce_group *two = open_group((struct ce_group_options){.by_count = 1});
	struct ce_group *three = open_group(
		(struct ce_group_options){.values = values + 1, .value_count = 5});

	(void)state;
	assert_int_equal(ce_group_merge(one, two), -EINVAL);
	assert_int_equal(ce_group_merge(one, three), -EINVAL);
	assert_int_equal(ce_group_merge(one, one), -EINVAL);
	ce_group_close(one);
	ce_group_close(two);
	ce_group_close(three);
}

static void different_values_are_estimated(void **state)
{
	struct ce_group *group = open_group((struct ce_group_options){0});
	double found;

	(void)state;
	for (uint32_t n = 0; n < 3; n++) {
		flows_begin(&flows);
		for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
			struct flows_packet packet = {.dst = n * 1000 + i % 1000,
			                              .src = i % 1000 < 20,
			                              .len = 60};

			flows_add(&flows, &packet);
		}
		add_batch(group, flows.all);
	}
	found = (double)number(group, get(group, 0), 8);
	assert_true(found > 2940 * 0.8 && found < 2940 * 1.2);
	found = (double)number(group, get(group, PORTS), 8);
	assert_true(found > 60 * 0.8 && found < 60 * 1.2);
	ce_group_close(group);
}

/* Keys that are chosen to collide under one seed are spread by another. */
static void colliding_keys_need_the_seed(void **state)
{
	const struct ce_field *field = ce_field_find("ip.src");
	struct ceint_keys known, unknown;
	uint64_t one = 1, chosen = 0;
	uint8_t places[1 << 12] = {0};
	uint32_t different = 0;

	(void)state;
	assert_int_equal(ceint_keys_open(&known, &field, 1, &one, NULL), 0);
	assert_int_equal(ceint_keys_open(&unknown, &field, 1, NULL, NULL), 0);
	for (uint64_t key = 0; chosen < 500; key++) {
		if (ceint_keys_hash_one(&known, &key) & 0xfff)
			continue;
		chosen++;
		different += !places[ceint_keys_hash_one(&unknown, &key) & 0xfff]++;
	}
	assert_true(different > 400);
}

static void wrong_columns_are_refused_with_words(void **state)
{
	static const struct {
		const char *by;
		struct ce_group_column value;
		const char *name;
		const char *words;
	} cases[] = {
		{"tcp.port", {0}, NULL, "tcp.srcport or tcp.dstport"},
		{"ip.src", {.op = CE_GROUP_SUM}, "ip.dst", "not a number"},
		{"ip.src",
	         {.op = CE_GROUP_MAX},
	         "flow.key",
	         "neither a number nor a time"},
		{"ip.src", {.op = CE_GROUP_SUM}, "frame.time_epoch", "not a number"},
		{"ip.src", {.op = CE_GROUP_FIRST}, "ip.addr", "ip.src or ip.dst"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct ce_field *field = ce_field_find(cases[i].by);
		struct ce_group_column value = cases[i].value;
		struct ce_group_options options = {.by = &field,
		                                   .by_count = 1,
		                                   .values = &value,
		                                   .value_count = cases[i].name != NULL};
		struct ce_group *group = NULL;
		struct ce_err err;

		if (cases[i].name)
			value.field = ce_field_find(cases[i].name);
		assert_int_equal(ce_group_open(&group, &options, &err), -EINVAL);
		assert_null(group);
		if (!strstr(err.text, cases[i].words))
			fail_msg("said \"%s\", not \"%s\"", err.text, cases[i].words);
	}
}

/* Everything that allocates, once. 0, or the first error. */
static int use_all(void)
{
	struct ce_group_options options = {.by = by,
	                                   .by_count = 2,
	                                   .values = values,
	                                   .value_count = 6,
	                                   .idle_ns = 1,
	                                   .keep = true};
	struct ce_group *one = NULL, *two = NULL;
	uint32_t *rows = NULL;
	struct ce_err err;
	int rc = ce_group_open(&one, &options, &err);

	options.capacity = 500;
	if (rc == 0)
		rc = ce_group_open(&two, &options, &err);
	for (int k = 0; k < 2 && rc == 0; k++)
		rc = ce_group_add(one, decode, flows.all);
	if (rc == 0)
		rc = ce_group_merge(two, one);
	if (rc == 0) {
		ce_group_flush(two);
		rc = ce_group_expire(two, START);
	}
	if (rc == 0)
		rc = (int)ce_group_order(one, &(struct ce_group_order){0}, &rows);
	free(rows);
	ce_group_close(one);
	ce_group_close(two);
	return rc < 0 ? rc : 0;
}

static void every_failure_to_allocate_is_said(void **state)
{
	int n = 0, rc;

	(void)state;
	flows_begin(&flows);
	for (uint32_t i = 0; i < CE_BATCH_PACKETS; i++) {
		struct flows_packet packet = {
			.src = i % 700, .len = 60, .ts_ns = START + i};

		flows_add(&flows, &packet);
	}
	ce_decode_begin(decode, &flows.batch, flows.all);
	assert_int_equal(use_all(), 0); /* the columns are there now */
	do {
		calls = 0;
		allocated = 0;
		fails_at = ++n;
		armed = true;
		rc = use_all();
		armed = false;
		assert_int_equal(allocated, 0);
		assert_int_equal(rc, calls >= n ? -ENOMEM : 0);
	} while (rc < 0);
	print_message("%d calls failed\n", n - 1);
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_what_counting_plainly_gives),
		cmocka_unit_test(clear_forgets_everything),
		cmocka_unit_test(a_value_that_no_packet_has_is_missing),
		cmocka_unit_test(a_table_grows_to_any_number_of_keys),
		cmocka_unit_test(order_and_limit_are_those_of_a_full_sort),
		cmocka_unit_test(rows_without_a_value_come_last_in_both_orders),
		cmocka_unit_test(at_capacity_new_keys_count_in_one_other_row),
		cmocka_unit_test(evicted_rows_are_taken_and_nothing_is_lost),
		cmocka_unit_test(idle_and_evicted_rows_go_well_together),
		cmocka_unit_test(the_idlest_row_makes_room),
		cmocka_unit_test(the_idlest_row_makes_room_within_a_batch),
		cmocka_unit_test(what_is_evicted_does_not_depend_on_batches),
		cmocka_unit_test(merged_rows_are_touched_after_what_was_there),
		cmocka_unit_test(idle_rows_are_those_of_plain_sessions),
		cmocka_unit_test(a_row_that_nothing_comes_to_is_over_in_bounded_time),
		cmocka_unit_test(a_corrupt_stamp_ends_no_row),
		cmocka_unit_test(a_corrupt_first_stamp_keeps_no_row_for_ever),
		cmocka_unit_test(rows_end_without_packets_when_the_time_is_said),
		cmocka_unit_test(rows_that_are_over_give_their_places_within_a_batch),
		cmocka_unit_test(rows_of_a_full_group_do_not_depend_on_batches),
		cmocka_unit_test(what_comes_within_a_flush_begins_new_rows),
		cmocka_unit_test(merging_is_adding_both),
		cmocka_unit_test(merging_at_capacity_counts_in_the_other_row),
		cmocka_unit_test(groups_of_other_columns_do_not_merge),
		cmocka_unit_test(different_values_are_estimated),
		cmocka_unit_test(colliding_keys_need_the_seed),
		cmocka_unit_test(wrong_columns_are_refused_with_words),
		cmocka_unit_test(every_failure_to_allocate_is_said),
	};

	return cmocka_run_group_tests(tests, open_fields, close_fields);
}
