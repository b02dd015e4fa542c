/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_set.c - membership in a set, as steps of a program.
 *
 * Literals become ranges in order that do not touch; many of them, of a field of
 * one or two octets, a table of bits. Octets, and fields in a set, are compared one
 * after the other.
 */
#include <stdlib.h>

#include "filter/where_int.h"

enum { FEW = 4 }; /* ranges that are faster one after the other than as a table */

static const struct ceint_member *member_at(const struct ceint_list *members, uint32_t i)
{
	return (const struct ceint_member *)members->items + i;
}

static int by_lo(const void *a, const void *b)
{
	const struct ceint_range *left = a, *right = b;

	return (left->lo > right->lo) - (left->lo < right->lo);
}

/* Sort ranges, join those that touch, and drop empty ones; returns what is left. */
static uint32_t join(struct ceint_range *ranges, uint32_t count)
{
	uint32_t kept = 0;

	qsort(ranges, count, sizeof(*ranges), by_lo);
	for (uint32_t i = 0; i < count; i++) {
		struct ceint_range *last = kept ? &ranges[kept - 1] : NULL;

		if (ranges[i].lo > ranges[i].hi)
			continue;
		if (last && (last->hi == ~(ceint_wide)0 || ranges[i].lo <= last->hi + 1))
			last->hi = ranges[i].hi > last->hi ? ranges[i].hi : last->hi;
		else
			ranges[kept++] = ranges[i];
	}
	return kept;
}

/* A bit for each value of a field of one or two octets. */
static bool add_table(struct ce_where *where, const struct ceint_range *ranges,
                      uint32_t count, struct ceint_step *step)
{
	unsigned char *table = ceint_list_add(&where->octets, 1, (UINT16_MAX + 1) / 8);

	if (!table)
		return false;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t value = (uint32_t)ranges[i].lo; value <= ranges[i].hi;
		     value++)
			table[value / 8] |= (unsigned char)(1 << value % 8);
	step->kind = CEINT_TABLE;
	step->right = where->octets.count - (UINT16_MAX + 1) / 8;
	return true;
}

/* How the ranges at the end of the program's are tested best. */
static bool choose(struct ce_where *where, const struct ce_field *field, uint32_t first,
                   struct ceint_step *step)
{
	struct ceint_range *ranges = (struct ceint_range *)where->ranges.items + first;
	uint32_t count = join(ranges, where->ranges.count - first);

	if (!count) { /* none of all */
		ranges[count++] = (struct ceint_range){0, ~(ceint_wide)0};
		step->invert = true;
	}
	where->ranges.count = first + count;
	step->kind = count == 1 ? CEINT_RANGE : CEINT_SET;
	step->right = first;
	step->count = count;
	return count <= FEW || field->width > 2 || add_table(where, ranges, count, step);
}

/* Ranges for the literals among the members. */
static int add_ranges(struct ceint_parser *parser, const struct ce_field *field,
                      const struct ceint_list *members)
{
	for (uint32_t i = 0; i < members->count; i++) {
		const struct ceint_member *member = member_at(members, i);
		struct ceint_range range = {0}, last = {0}, *added;
		int rc;

		if (member->first.field)
			continue;
		rc = ceint_where_range(parser, field, &member->first.token, &range);
		if (rc == 0 && member->last.kind != CEINT_END) {
			rc = ceint_where_range(parser, field, &member->last, &last);
			range.hi = last.hi;
		}
		if (rc < 0)
			return rc;
		added = ceint_list_add(&parser->where->ranges, sizeof(range), 1);
		if (!added)
			return ceint_where_no_memory(parser);
		*added = range;
	}
	return 0;
}

/* Some part of the field is in one of the ranges of the literals. */
static int add_literals(struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_list *members, struct ceint_either *either)
{
	struct ceint_step step = {0};
	struct ceint_operand operand = {.mask = ~(ceint_wide)0};
	uint32_t first = parser->where->ranges.count;
	int rc = add_ranges(parser, ce_field_part(left->field, 0), members);

	if (rc < 0)
		return rc;
	if (first == parser->where->ranges.count)
		return 0; /* only fields */
	if (!choose(parser->where, ce_field_part(left->field, 0), first, &step))
		return ceint_where_no_memory(parser);
	for (size_t i = 0; (operand.field = ce_field_part(left->field, i)); i++)
		if (!ceint_where_other(parser->where, either) ||
		    !ceint_where_operand(parser->where, &operand, &step.left) ||
		    !ceint_where_add(parser->where, step))
			return ceint_where_no_memory(parser);
	return 0;
}

/* A member as one or, for a range, two comparisons. */
static int add_compared(struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_member *member)
{
	const struct ceint_term last = {.token = member->last};
	struct ceint_token relation = {.kind = CEINT_RELATION, .relation = CEINT_IS};
	int rc;

	if (member->last.kind == CEINT_END)
		return ceint_where_compare(parser, left, &relation, false,
		                           &member->first);
	relation.relation = CEINT_AT_LEAST;
	rc = ceint_where_compare(parser, left, &relation, false, &member->first);
	relation.relation = CEINT_AT_MOST;
	return rc < 0 ? rc : ceint_where_compare(parser, left, &relation, false, &last);
}

int ceint_where_in(struct ceint_parser *parser, const struct ceint_term *left,
                   const struct ceint_list *members)
{
	bool numbers = left->field->type != CE_FIELD_BYTES;
	struct ceint_either either = {0};
	int rc = 0;

	if (left->slices || left->mask.kind != CEINT_END ||
	    left->field->type == CE_FIELD_FLOW)
		return ceint_where_fail(parser, &left->token,
		                        "only a whole field may be in a set");
	if (numbers)
		rc = add_literals(parser, left, members, &either);
	for (uint32_t i = 0; rc == 0 && i < members->count; i++) {
		const struct ceint_member *member = member_at(members, i);

		if (numbers && !member->first.field)
			continue;
		rc = ceint_where_other(parser->where, &either)
		             ? add_compared(parser, left, member)
		             : ceint_where_no_memory(parser);
	}
	if (rc == 0 && !ceint_where_end(parser->where, &either))
		rc = ceint_where_no_memory(parser);
	return rc;
}
