/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_rows.c - reading a group: its rows, in order, and what is in them.
 *
 * Rows are ordered by a number made of the column's value where it has one, so that
 * most comparisons do not touch the rows. With a limit, the best so far stand in a
 * heap with the worst on top: one pass over the rows, whatever their number.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group/group_int.h"
#include "group/hll_int.h"

/* A row among others. */
struct ranked {
	uint64_t rank; /* the larger comes first */
	uint32_t number;
	bool lacking; /* it has no value in the column, and comes last */
};

size_t ce_group_columns(const struct ce_group *group)
{
	return group->columns;
}

const struct ce_group_column *ce_group_column(const struct ce_group *group, size_t k)
{
	return &group->column[k];
}

uint32_t ce_group_len(const struct ce_group *group)
{
	return group->table.live;
}

struct ce_group_counts ce_group_counts(const struct ce_group *group)
{
	return group->counts;
}

uint64_t ce_group_version(const struct ce_group *group)
{
	return group->version;
}

size_t ce_group_memory(const struct ce_group *group)
{
	return sizeof(*group) + ceint_table_memory(&group->table) +
	       (size_t)CEINT_STAGES * CEINT_BLOCK * group->long_keys.bytes +
	       (group->over.room + 2) * group->row_bytes +
	       group->due.room * sizeof(*group->due.rows);
}

size_t ce_group_key_offset(const struct ce_group *group, size_t k)
{
	return group->long_keys.offset[k];
}

size_t ce_group_key_bytes(const struct ce_group *group)
{
	return group->long_keys.bytes;
}

const struct ce_group_row *ce_group_get(const struct ce_group *group, const void *key)
{
	unsigned char as_kept[CE_GROUP_BY * CE_GROUP_VALUE_BYTES];
	uint64_t hash;

	if (!ceint_keys_convert(&group->long_keys, key, &group->keys, as_kept))
		return NULL;
	hash = ceint_keys_hash_one(&group->keys, as_kept);
	return (const void *)ceint_table_find(&group->table, hash, as_kept);
}

const struct ce_group_row *ce_group_other(const struct ce_group *group)
{
	return ceint_count(group->other) ? (const void *)group->other : NULL;
}

const struct ce_group_row *ce_group_row(const struct ce_group *group, uint32_t number)
{
	return (const void *)ceint_table_entry(&group->table, number);
}

static const unsigned char *entry_of(const struct ce_group_row *row)
{
	return (const void *)row;
}

static uint64_t number_at(const unsigned char *entry, uint32_t offset)
{
	uint64_t number;

	memcpy(&number, entry + offset, sizeof(number));
	return number;
}

/* A value's cell in a row that has it. */
static void fill_cell(const struct ceint_value *value, const unsigned char *entry,
                      struct ce_group_cell *cell)
{
	const unsigned char *at = entry + value->offset;

	switch (value->op) {
	case CE_GROUP_FIRST:
	case CE_GROUP_LAST:
		cell->wide = true;
		memcpy(cell->value, at, value->field->width);
		break;
	case CE_GROUP_DISTINCT:
		cell->number =
			(uint64_t)(ceint_hll_estimate(at, CEINT_DISTINCT_PRECISION) +
		                   0.5);
		break;
	case CE_GROUP_SUM:
		cell->number = number_at(at, 0);
		break;
	default:
		cell->number = number_at(at, 0) ^ value->bias;
	}
}

static bool lacks(const struct ce_group *group, const unsigned char *entry, size_t k)
{
	enum ce_group_op op = group->value[k].op;

	return op != CE_GROUP_SUM && op != CE_GROUP_DISTINCT &&
	       !(number_at(entry, group->has_offset) >> k & 1);
}

bool ce_group_cell(const struct ce_group *group, const struct ce_group_row *row, size_t k,
                   struct ce_group_cell *cell)
{
	const unsigned char *entry = entry_of(row);

	cell->number = 0;
	cell->wide = k < group->keys.count;
	if (cell->wide) {
		ceint_keys_value(&group->keys, entry + group->table.key_offset, k,
		                 cell->value);
		return entry != group->other;
	}
	k -= group->keys.count;
	if (k == 0) {
		cell->number = ceint_count(entry);
		return true;
	}
	if (lacks(group, entry, k - 1))
		return false;
	fill_cell(&group->value[k - 1], entry, cell);
	return true;
}

/* Rank a row by a number whose order is that of the column's values; those of a column
   whose values are not numbers are all the same. */
static struct ranked rank_row(const struct ce_group *group,
                              const struct ce_group_order *order, uint32_t number)
{
	const struct ce_field *field = group->column[order->column].field;
	struct ranked ranked = {.number = number};
	struct ce_group_cell cell;

	if (!order->ordered)
		return ranked;
	ranked.lacking =
		!ce_group_cell(group, ce_group_row(group, number), order->column, &cell);
	if (ranked.lacking || (cell.wide && field->width > sizeof(uint64_t)))
		return ranked;
	ranked.rank = cell.number;
	if (cell.wide)
		memcpy(&ranked.rank, cell.value, field->width);
	if (field && field->type == CE_FIELD_TIME)
		ranked.rank ^= UINT64_C(1) << 63;
	ranked.rank = order->ascending ? ~ranked.rank : ranked.rank;
	return ranked;
}

struct ranking {
	const struct ce_group *group;
	const struct ce_group_order *order;
	bool wide;              /* the column's values are larger than a rank */
	const uint32_t *offset; /* in an entry, of a number that every row has and is
	                           ordered by; NULL: it is ordered by something else */
};

static int compare_column(const struct ranking *ranking, size_t k, uint32_t a, uint32_t b)
{
	const struct ce_group *group = ranking->group;
	struct ce_group_cell cell_a, cell_b;

	ce_group_cell(group, ce_group_row(group, a), k, &cell_a);
	ce_group_cell(group, ce_group_row(group, b), k, &cell_b);
	return ceint_keys_compare(group->column[k].field, cell_a.value, cell_b.value);
}

/* < 0 when a comes first. Equals only if they are one row. */
static int compare(const void *one, const void *two, void *context)
{
	const struct ranking *ranking = context;
	const struct ranked *a = one, *b = two;
	int by = 0;

	if (a->lacking != b->lacking)
		return a->lacking - b->lacking;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	if (ranking->wide && !a->lacking)
		by = compare_column(ranking, ranking->order->column, a->number,
		                    b->number);
	if (by && !ranking->order->ascending)
		by = -by;
	for (size_t k = 0; !by && k < ranking->group->keys.count; k++)
		by = compare_column(ranking, k, a->number, b->number);
	return by;
}

/* Let the row at the top of a heap sink to its place: on top is the last in order. */
static void sink(struct ranked *heap, size_t count, struct ranking *ranking)
{
	struct ranked row = heap[0];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count &&
		    compare(&heap[child + 1], &heap[child], ranking) > 0)
			child++;
		if (compare(&heap[child], &row, ranking) <= 0)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = row;
}

/* Let the row at the end of a heap rise to its place. */
static void rise(struct ranked *heap, size_t at, struct ranking *ranking)
{
	struct ranked row = heap[at];

	while (at && compare(&row, &heap[(at - 1) / 2], ranking) > 0) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = row;
}

/* Do the rows with this number come behind `last`? A quick answer, and often the right
   one; false: look closer. */
static inline bool comes_behind(const struct ranking *ranking, const unsigned char *entry,
                                const struct ranked *last)
{
	uint64_t number;

	if (!ranking->offset)
		return false;
	number = number_at(entry, *ranking->offset);
	return (ranking->order->ascending ? ~number : number) < last->rank;
}

/* Keep the first `limit` in order of all rows in `kept`; gives how many. */
static size_t keep_first(struct ranking *ranking, struct ranked *kept, size_t limit)
{
	const struct ce_group *group = ranking->group;
	bool heap = ranking->order->ordered && limit < group->table.live;
	size_t count = 0;

	for (uint32_t i = 0; i < group->table.used && (heap || count < limit); i++) {
		const unsigned char *entry = ceint_table_entry(&group->table, i);
		struct ranked one;

		if (heap && count == limit && comes_behind(ranking, entry, &kept[0]))
			continue;
		if (!ceint_count(entry))
			continue;
		one = rank_row(group, ranking->order, i);
		if (count < limit) {
			kept[count++] = one;
			if (heap)
				rise(kept, count - 1, ranking);
		} else if (compare(&one, &kept[0], ranking) < 0) {
			kept[0] = one;
			sink(kept, count, ranking);
		}
	}
	return count;
}

/* Is the column one whose values have no rank? */
static bool is_wide(const struct ce_group *group, const struct ce_group_order *order)
{
	const struct ce_group_column *column = &group->column[order->column];

	return order->ordered && column->field &&
	       column->field->width > sizeof(uint64_t) &&
	       (column->op == CE_GROUP_KEY || column->op == CE_GROUP_FIRST ||
	        column->op == CE_GROUP_LAST);
}

/* As ranking.offset. */
static const uint32_t *offset_of(const struct ce_group *group,
                                 const struct ce_group_order *order)
{
	static const uint32_t of_count = 0;
	const struct ce_group_column *column = &group->column[order->column];

	if (order->ordered && column->op == CE_GROUP_COUNT)
		return &of_count;
	if (order->ordered && column->op == CE_GROUP_SUM)
		return &group->value[order->column - group->keys.count - 1].offset;
	return NULL;
}

int64_t ce_group_order(const struct ce_group *group, const struct ce_group_order *order,
                       uint32_t **rows)
{
	struct ranking ranking = {group, order, is_wide(group, order),
	                          offset_of(group, order)};
	size_t most = group->table.live, count;
	struct ranked *kept;
	uint32_t *numbers;

	if (order->limit && order->limit < most)
		most = order->limit;
	kept = malloc((most + 1) * sizeof(*kept));
	numbers = malloc((most + 1) * sizeof(*numbers));
	if (!kept || !numbers) {
		free(kept);
		free(numbers);
		return -ENOMEM;
	}
	count = keep_first(&ranking, kept, most);
	if (order->ordered)
		qsort_r(kept, count, sizeof(*kept), compare, &ranking);
	for (size_t i = 0; i < count; i++)
		numbers[i] = kept[i].number;
	free(kept);
	*rows = numbers;
	return (int64_t)count;
}
