/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_run.c - see <capengine/where.h> and where_int.h: running a program.
 *
 * Numbers are compared 64 at a time, for a word of the mask, in loops without a
 * branch that compilers make vectors of: v is in [lo, hi] if v - lo, which wraps,
 * is at most hi - lo. So one loop for each width serves ==, <, prefixes of addresses
 * and masks. Columns have whole words of values; what no packet has is masked out.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "capengine/where.h"
#include "decode/bytes_int.h"
#include "filter/where_int.h"

enum { WORD = 64 };

struct run {
	struct ce_where *where;
	struct ce_decode *decode;
	uint32_t words; /* of a mask, as many as the batch has */
};

/* Which of 64 values are in the range, once masked. */
#define DEFINE_IN_RANGE(bits)                                                            \
	static uint64_t in_range_##bits(const void *column, ceint_wide mask,             \
	                                ceint_wide lo, ceint_wide hi)                    \
	{                                                                                \
		const uint##bits##_t *values = column;                                   \
		const uint##bits##_t kept = (uint##bits##_t)mask;                        \
		const uint##bits##_t from = (uint##bits##_t)lo;                          \
		const uint##bits##_t span = (uint##bits##_t)((uint##bits##_t)hi - from); \
		unsigned char hits[WORD];                                                \
                                                                                         \
		for (int i = 0; i < WORD; i++)                                           \
			hits[i] = (uint##bits##_t)((values[i] & kept) - from) <= span;   \
		return ceint_pack(hits);                                                 \
	}

DEFINE_IN_RANGE(8)
DEFINE_IN_RANGE(16)
DEFINE_IN_RANGE(32)
DEFINE_IN_RANGE(64)

/* 16 octets as on the wire. */
static ceint_wide wide_at(const unsigned char *octets)
{
	uint64_t high, low;

	memcpy(&high, octets, 8);
	memcpy(&low, octets + 8, 8);
	return (ceint_wide)be64toh(high) << 64 | be64toh(low);
}

static uint64_t in_range_128(const void *column, ceint_wide mask, ceint_wide lo,
                             ceint_wide hi)
{
	const unsigned char *values = column;
	unsigned char hits[WORD];

	for (int i = 0; i < WORD; i++)
		hits[i] = (wide_at(values + (ptrdiff_t)16 * i) & mask) - lo <= hi - lo;
	return ceint_pack(hits);
}

/* 64 numbers of any width but 16 octets. */
static void widen(const void *column, uint32_t width, uint64_t numbers[WORD])
{
	switch (width) {
	case 1:
		for (int i = 0; i < WORD; i++)
			numbers[i] = ((const uint8_t *)column)[i];
		break;
	case 2:
		for (int i = 0; i < WORD; i++)
			numbers[i] = ((const uint16_t *)column)[i];
		break;
	case 4:
		for (int i = 0; i < WORD; i++)
			numbers[i] = ((const uint32_t *)column)[i];
		break;
	default:
		memcpy(numbers, column, WORD * sizeof(*numbers));
	}
}

/* A time's order is that of numbers from the earliest time on. */
static uint64_t bias(const struct ce_field *field)
{
	return field->type == CE_FIELD_TIME ? (uint64_t)1 << 63 : 0;
}

static uint64_t in_range(const struct ceint_operand *operand, const void *values,
                         const struct ceint_range *range)
{
	const uint64_t less = bias(operand->field);

	switch (operand->field->width) {
	case 1:
		return in_range_8(values, operand->mask, range->lo, range->hi);
	case 2:
		return in_range_16(values, operand->mask, range->lo, range->hi);
	case 4:
		return in_range_32(values, operand->mask, range->lo, range->hi);
	case 8:
		return in_range_64(values, operand->mask, range->lo - less,
		                   range->hi - less);
	default:
		return in_range_128(values, operand->mask, range->lo, range->hi);
	}
}

static const struct ceint_operand *operand_at(const struct run *run, uint32_t i)
{
	return (const struct ceint_operand *)run->where->operands.items + i;
}

static const struct ceint_range *range_at(const struct run *run, uint32_t i)
{
	return (const struct ceint_range *)run->where->ranges.items + i;
}

/* Is a number in one of the ranges, which are in order? */
#define DEFINE_AMONG(type)                                                         \
	static bool among_##type(const struct ceint_range *ranges, uint32_t count, \
	                         type value)                                       \
	{                                                                          \
		while (count > 1) {                                                \
			uint32_t half = count / 2;                                 \
                                                                                   \
			ranges += value >= (type)ranges[half].lo ? half : 0;       \
			count -= half;                                             \
		}                                                                  \
		return value >= (type)ranges->lo && value <= (type)ranges->hi;     \
	}

DEFINE_AMONG(uint64_t)
DEFINE_AMONG(ceint_wide)

static uint64_t in_ranges(const struct ceint_operand *operand,
                          const struct ceint_range *ranges, uint32_t count,
                          const void *values)
{
	const unsigned char *wide = values;
	unsigned char hits[WORD];
	uint64_t numbers[WORD];

	if (operand->field->width == 16) {
		for (int i = 0; i < WORD; i++)
			hits[i] = among_ceint_wide(ranges, count,
			                           wide_at(wide + (ptrdiff_t)16 * i));
		return ceint_pack(hits);
	}
	widen(values, operand->field->width, numbers);
	for (int i = 0; i < WORD; i++)
		hits[i] =
			among_uint64_t(ranges, count, numbers[i] + bias(operand->field));
	return ceint_pack(hits);
}

static uint64_t in_set(const struct run *run, const struct ceint_step *step,
                       const void *values)
{
	enum { ONE_BY_ONE = 4 };
	const struct ceint_operand *operand = operand_at(run, step->left);
	const struct ceint_range *ranges = range_at(run, step->right);
	uint64_t word = 0;

	if (step->count > ONE_BY_ONE)
		return in_ranges(operand, ranges, step->count, values);
	for (uint32_t i = 0; i < step->count; i++)
		word |= in_range(operand, values, &ranges[i]);
	return word;
}

static uint64_t in_table(const struct run *run, const struct ceint_step *step,
                         const void *values)
{
	const unsigned char *table = run->where->octets.items;
	unsigned char hits[WORD];
	uint64_t numbers[WORD];

	table += step->right;
	widen(values, operand_at(run, step->left)->field->width, numbers);
	for (int i = 0; i < WORD; i++)
		hits[i] = table[numbers[i] / 8] >> numbers[i] % 8 & 1;
	return ceint_pack(hits);
}

/* Two columns of one width: which of 64 values are equal or less, once masked. */
#define DEFINE_BETWEEN(bits, load)                                              \
	static uint64_t equal_##bits(const void *lefts, ceint_wide left_mask,   \
	                             const void *rights, ceint_wide right_mask) \
	{                                                                       \
		unsigned char hits[WORD];                                       \
                                                                                \
		for (ptrdiff_t i = 0; i < WORD; i++)                            \
			hits[i] = load(lefts, i, left_mask) ==                  \
			          load(rights, i, right_mask);                  \
		return ceint_pack(hits);                                        \
	}                                                                       \
	static uint64_t less_##bits(const void *lefts, ceint_wide left_mask,    \
	                            const void *rights, ceint_wide right_mask)  \
	{                                                                       \
		unsigned char hits[WORD];                                       \
                                                                                \
		for (ptrdiff_t i = 0; i < WORD; i++)                            \
			hits[i] = load(lefts, i, left_mask) <                   \
			          load(rights, i, right_mask);                  \
		return ceint_pack(hits);                                        \
	}

#define LOAD_16(column, i, mask) (((const uint16_t *)(column))[i] & (uint16_t)(mask))
#define LOAD_32(column, i, mask) (((const uint32_t *)(column))[i] & (uint32_t)(mask))
#define LOAD_64(column, i, mask) (((const uint64_t *)(column))[i] & (uint64_t)(mask))
#define LOAD_128(column, i, mask) \
	(wide_at((const unsigned char *)(column) + 16 * (i)) & (mask))

DEFINE_BETWEEN(16, LOAD_16)
DEFINE_BETWEEN(32, LOAD_32)
DEFINE_BETWEEN(64, LOAD_64)
DEFINE_BETWEEN(128, LOAD_128)

static uint64_t between(const struct run *run, const struct ceint_step *step,
                        const void *lefts, const void *rights)
{
	const struct ceint_operand *left = operand_at(run, step->left);
	const struct ceint_operand *right = operand_at(run, step->right);
	const bool equal = step->kind == CEINT_EQUAL;
	uint64_t a[WORD], b[WORD];

	switch (left->field->width == right->field->width ? left->field->width : 0) {
	case 2:
		return (equal ? equal_16 : less_16)(lefts, left->mask, rights,
		                                    right->mask);
	case 4:
		return (equal ? equal_32 : less_32)(lefts, left->mask, rights,
		                                    right->mask);
	case 16:
		return (equal ? equal_128 : less_128)(lefts, left->mask, rights,
		                                      right->mask);
	}
	widen(lefts, left->field->width, a);
	widen(rights, right->field->width, b);
	for (int i = 0; i < WORD; i++) {
		a[i] += bias(left->field);
		b[i] += bias(right->field);
	}
	return (equal ? equal_64 : less_64)(a, left->mask, b, right->mask);
}

/* The values of a column from a word on. */
static const void *values_at(const struct ce_column *column, uint32_t word)
{
	return (const unsigned char *)column->values +
	       (size_t)word * WORD * column->field->width;
}

static uint64_t octets_pass(struct ceint_octets_view *view, enum ceint_step_kind kind,
                            uint32_t word, uint64_t bits)
{
	uint64_t hits = 0;

	for (; bits; bits &= bits - 1)
		if (ceint_where_octets_pass(
			    view, kind, word * WORD + (uint32_t)__builtin_ctzll(bits)))
			hits |= bits & -bits;
	return hits;
}

/* Which packets of a word pass a step, of `bits` at most. */
static uint64_t pass(const struct run *run, const struct ceint_step *step,
                     struct ceint_octets_view *view, uint32_t word, uint64_t bits)
{
	const void *left = view->column[0] ? values_at(view->column[0], word) : NULL;

	switch (step->kind) {
	case CEINT_PRESENT:
		return bits;
	case CEINT_RANGE:
		return in_range(view->operand[0], left, range_at(run, step->right));
	case CEINT_SET:
		return in_set(run, step, left);
	case CEINT_TABLE:
		return in_table(run, step, left);
	case CEINT_EQUAL:
	case CEINT_LESS:
		return between(run, step, left, values_at(view->column[1], word));
	default:
		return octets_pass(view, step->kind, word, bits);
	}
}

static bool is_empty(const uint64_t *mask, uint32_t words)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < words; i++)
		any |= mask[i];
	return !any;
}

/* Is the right side of a step an operand? */
static bool has_right(enum ceint_step_kind kind)
{
	return kind == CEINT_EQUAL || kind == CEINT_LESS || kind == CEINT_SAME ||
	       kind == CEINT_BEFORE || kind == CEINT_CONTAINS;
}

/* Look up an operand of a step, and its column; false: out of memory. */
static bool look_up(const struct run *run, struct ceint_octets_view *view, int side,
                    uint32_t index)
{
	view->operand[side] = operand_at(run, index);
	if (!view->operand[side]->field)
		return true;
	view->column[side] = ce_decode_column(run->decode, view->operand[side]->field);
	return view->column[side];
}

/* Keep the packets in the mask that pass a test. 0 or -ENOMEM. */
static int test(const struct run *run, const struct ceint_step *step, uint64_t *mask)
{
	struct ceint_octets_view view = {.where = run->where,
	                                 .batch = ce_decode_batch(run->decode)};

	if (is_empty(mask, run->words))
		return 0;
	if (!look_up(run, &view, 0, step->left) ||
	    (has_right(step->kind) && !look_up(run, &view, 1, step->right)))
		return -ENOMEM;
	for (uint32_t word = 0; word < run->words; word++) {
		uint64_t bits = mask[word];

		for (int side = 0; side < 2; side++)
			bits &= view.column[side] ? view.column[side]->present[word]
			                          : UINT64_MAX;
		if (bits) {
			uint64_t hits = pass(run, step, &view, word, bits);

			bits &= step->invert ? ~hits : hits;
		}
		mask[word] = bits;
	}
	return view.failed ? -ENOMEM : 0;
}

/* kept &= ~taken */
static void take_away(uint64_t *kept, const uint64_t *taken, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		kept[i] &= ~taken[i];
}

/* Run a step with the top of the stack at `top`; moves it. */
static int run_step(const struct run *run, const struct ceint_step *step,
                    uint64_t (*stack)[CE_BATCH_WORDS], uint32_t *top)
{
	const size_t bytes = run->words * sizeof(uint64_t);
	const uint32_t at = *top;

	switch (step->kind) {
	case CEINT_NOT_OPEN:
		memcpy(stack[at + 1], stack[at], bytes);
		*top = at + 1;
		return 0;
	case CEINT_NOT_CLOSE:
		take_away(stack[at - 1], stack[at], run->words);
		*top = at - 1;
		return 0;
	case CEINT_OR_OPEN:
		memcpy(stack[at + 1], stack[at], bytes);
		memcpy(stack[at + 2], stack[at], bytes);
		*top = at + 2;
		return 0;
	case CEINT_OR_NEXT:
		take_away(stack[at - 1], stack[at], run->words);
		memcpy(stack[at], stack[at - 1], bytes);
		return 0;
	case CEINT_OR_CLOSE:
		take_away(stack[at - 1], stack[at], run->words);
		take_away(stack[at - 2], stack[at - 1], run->words);
		*top = at - 2;
		return 0;
	default:
		return test(run, step, stack[at]);
	}
}

int ce_where_select(struct ce_where *where, struct ce_decode *decode,
                    uint64_t selected[CE_BATCH_WORDS])
{
	const uint32_t count = ce_decode_batch(decode)->count;
	const struct run run = {where, decode, (count + WORD - 1) / WORD};
	const struct ceint_step *steps = where->steps.items;
	uint32_t top = 0;

	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		where->masks[0][word] = selected[word] &
		                        ce_selection_range(word, 0, count);
	for (uint32_t i = 0; i < where->steps.count; i++) {
		int rc = run_step(&run, &steps[i], where->masks, &top);

		if (rc < 0)
			return rc;
	}
	memcpy(selected, where->masks[0], sizeof(where->masks[0]));
	return 0;
}
