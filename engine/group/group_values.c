/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_values.c - what a row says of its packets: counts, sums and the like.
 *
 * They are added value by value, for all packets of a block: each loop does one
 * thing, on lines that the look-up has brought near.
 */
#include <errno.h>
#include <string.h>

#include "group/group_int.h"
#include "group/hll_int.h"

#define INLINE static inline __attribute__((always_inline))

static const char *const names[] = {
	[CE_GROUP_SUM] = "sum",   [CE_GROUP_MIN] = "min",
	[CE_GROUP_MAX] = "max",   [CE_GROUP_FIRST] = "first",
	[CE_GROUP_LAST] = "last", [CE_GROUP_DISTINCT] = "distinct",
};

/* A value may be missing in a row, though the row has packets. */
static bool may_miss(enum ce_group_op op)
{
	return op >= CE_GROUP_MIN && op <= CE_GROUP_LAST;
}

static int check_type(const struct ce_group_column *value, struct ce_err *err)
{
	enum ce_field_type type = value->field->type;
	bool number = type == CE_FIELD_NUMBER || type == CE_FIELD_BOOLEAN;
	bool ordered = number || type == CE_FIELD_TIME;
	int rc = ceint_keys_check(value->field, err);

	if (rc < 0)
		return rc;
	if (value->op == CE_GROUP_SUM && !number)
		return ce_err_set(err, -EINVAL, "%s is not a number: it has no sum",
		                  value->field->name);
	if ((value->op == CE_GROUP_MIN || value->op == CE_GROUP_MAX) && !ordered)
		return ce_err_set(err, -EINVAL,
		                  "%s is neither a number nor a time: it has no %s",
		                  value->field->name, names[value->op]);
	return 0;
}

static uint32_t value_bytes(const struct ce_group_column *value)
{
	if (value->op == CE_GROUP_DISTINCT)
		return 1 << CEINT_DISTINCT_PRECISION;
	if (value->op == CE_GROUP_FIRST || value->op == CE_GROUP_LAST)
		return (value->field->width + 7) / 8 * 8;
	return sizeof(uint64_t);
}

int ceint_values_open(struct ce_group *group, const struct ce_group_column *values,
                      size_t count, uint32_t offset, struct ce_err *err)
{
	if (count > CE_GROUP_VALUES)
		return ce_err_set(err, -EINVAL, "a row has at most %d values, not %zu",
		                  CE_GROUP_VALUES, count);
	for (size_t k = 0; k < count; k++) {
		int rc = check_type(&values[k], err);

		if (rc < 0)
			return rc;
		group->value[k] = (struct ceint_value){
			.op = values[k].op,
			.field = values[k].field,
			.offset = offset,
			.bytes = value_bytes(&values[k]),
			.bias = values[k].field->type == CE_FIELD_TIME ? UINT64_C(1) << 63
		                                                       : 0,
		};
		offset += group->value[k].bytes;
	}
	group->value_count = count;
	return (int)offset;
}

int ceint_values_begin(struct ce_group *group, struct ce_decode *decode)
{
	for (size_t k = 0; k < group->value_count; k++) {
		group->value[k].in = ce_decode_column(decode, group->value[k].field);
		if (!group->value[k].in)
			return -ENOMEM;
	}
	return 0;
}

/* Packet i's value as a number whose order is the field's. */
INLINE uint64_t number_in(const struct ceint_value *value, uint32_t packet, size_t width)
{
	uint64_t number = 0; /* little-endian, as all machines that this is for */

	memcpy(&number, (const char *)value->in->values + packet * width, width);
	return number ^ value->bias;
}

/* The packets of the block that have the field, as bits of their word. */
static uint64_t present(const struct ceint_block *block, const struct ceint_value *value)
{
	return value->in->present[block->packet[0] / 64];
}

INLINE void add_sums(const struct ceint_block *block, const struct ceint_value *value,
                     uint32_t from, uint32_t to, size_t width)
{
	const uint64_t there = present(block, value);
	const uint32_t offset = value->offset;

	if (there == UINT64_MAX) {
		for (uint32_t i = from; i < to; i++)
			*ceint_number(block->entry[i], offset) +=
				number_in(value, block->packet[i], width);
		return;
	}
	for (uint32_t i = from; i < to; i++) {
		uint32_t packet = block->packet[i];

		/* Without a branch: all bits, or none. */
		*ceint_number(block->entry[i], offset) +=
			number_in(value, packet, width) & -(there >> packet % 64 & 1);
	}
}

static void add_sum(const struct ceint_block *block, const struct ceint_value *value,
                    uint32_t from, uint32_t to)
{
	switch (value->field->width) {
	case 1:
		add_sums(block, value, from, to, 1);
		break;
	case 2:
		add_sums(block, value, from, to, 2);
		break;
	case 4:
		add_sums(block, value, from, to, 4);
		break;
	default:
		add_sums(block, value, from, to, value->field->width);
	}
}

/* Put a number where none or a worse one is. */
static void keep_best(const struct ceint_value *value, unsigned char *to, bool had,
                      uint64_t number)
{
	uint64_t *best = ceint_number(to, 0);

	if (!had || (value->op == CE_GROUP_MIN ? number < *best : number > *best))
		*best = number;
}

static void add_one(const struct ceint_value *value, unsigned char *entry, bool had,
                    uint32_t packet)
{
	const void *from = ce_column_value(value->in, packet);
	unsigned char *to = entry + value->offset;
	uint32_t width = value->field->width;

	if (value->op == CE_GROUP_DISTINCT)
		ceint_hll_add(to, CEINT_DISTINCT_PRECISION, ceint_hash(from, width, 0));
	else if (value->op == CE_GROUP_LAST || (value->op == CE_GROUP_FIRST && !had))
		memcpy(to, from, width);
	else if (value->op != CE_GROUP_FIRST)
		keep_best(value, to, had, number_in(value, packet, width));
}

/* Values other than sums, which not every packet has. */
static void add_others(const struct ce_group *group, size_t k, uint32_t from, uint32_t to)
{
	const struct ceint_block *block = group->block;
	const struct ceint_value *value = &group->value[k];
	uint64_t there = present(block, value), bit = UINT64_C(1) << k;
	bool missable = may_miss(value->op);

	for (uint32_t i = from; i < to; i++) {
		unsigned char *entry = block->entry[i];
		uint64_t *has = ceint_number(entry, group->has_offset);

		if (!(there >> block->packet[i] % 64 & 1))
			continue;
		add_one(value, entry, missable && (*has & bit), block->packet[i]);
		if (missable)
			*has |= bit;
	}
}

void ceint_values_add(const struct ce_group *group, uint32_t from, uint32_t to)
{
	const struct ceint_block *block = group->block;

	for (uint32_t i = from; i < to; i++)
		++*ceint_number(block->entry[i], 0);
	for (size_t k = 0; from < to && k < group->value_count; k++)
		if (group->value[k].op == CE_GROUP_SUM)
			add_sum(block, &group->value[k], from, to);
		else
			add_others(group, k, from, to);
}

static void merge_one(const struct ceint_value *value, unsigned char *to,
                      unsigned char *from, bool had, bool has)
{
	if (value->op == CE_GROUP_SUM)
		*ceint_number(to, 0) += *ceint_number(from, 0);
	else if (value->op == CE_GROUP_DISTINCT)
		ceint_hll_merge(to, from, CEINT_DISTINCT_PRECISION);
	else if (has && (value->op == CE_GROUP_LAST || !had))
		memcpy(to, from, value->bytes);
	else if (has && value->op != CE_GROUP_FIRST)
		keep_best(value, to, had, *ceint_number(from, 0));
}

/* The values that the row has, of those that may be missing. */
static uint64_t present_in(const struct ce_group *group, unsigned char *entry)
{
	return group->has_offset ? *ceint_number(entry, group->has_offset) : 0;
}

void ceint_values_merge(const struct ce_group *group, unsigned char *entry,
                        const struct ce_group *other, unsigned char *row)
{
	uint64_t had = present_in(group, entry), has = present_in(other, row);

	*ceint_number(entry, 0) += ceint_count(row);
	if (group->has_offset)
		*ceint_number(entry, group->has_offset) = had | has;
	for (size_t k = 0; k < group->value_count; k++)
		merge_one(&group->value[k], entry + group->value[k].offset,
		          row + other->value[k].offset, had >> k & 1, has >> k & 1);
}
