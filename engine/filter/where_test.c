/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_test.c - what a comparison means, as steps of a program.
 *
 * Both sides are numbers, or both are octets. A field that stands for several is
 * compared part by part: one must pass, or all that the packet has.
 */
#include <string.h>

#include "filter/where_int.h"

/* How a relation is run: the kind of step, and what is done with it. */
struct comparison {
	enum ceint_step_kind kind;
	bool invert;
	bool swap; /* the sides */
};

/* Both sides of the comparison, as operands without their parts. */
struct sides {
	struct ceint_operand left;
	struct ceint_operand right;
	bool literal; /* the right side is range `range` */
	uint32_t range;
};

bool ceint_where_operand(struct ce_where *where, const struct ceint_operand *operand,
                         uint32_t *index)
{
	struct ceint_operand *added =
		ceint_list_add(&where->operands, sizeof(*operand), 1);

	if (!added)
		return false;
	*added = *operand;
	*index = where->operands.count - 1;
	return true;
}

/* Part k of an operand; octets are their own part 0. */
static bool part(const struct ceint_operand *operand, size_t k, struct ceint_operand *out)
{
	*out = *operand;
	if (!operand->field)
		return k == 0;
	out->field = ce_field_part(operand->field, k);
	return out->field;
}

/* What a relation between two fields or octets is run as. */
static struct comparison between(enum ceint_relation relation, bool octets)
{
	const enum ceint_step_kind less = octets ? CEINT_BEFORE : CEINT_LESS;
	const enum ceint_step_kind equal = octets ? CEINT_SAME : CEINT_EQUAL;

	switch (relation) {
	case CEINT_IS:
		return (struct comparison){equal, false, false};
	case CEINT_IS_NOT:
		return (struct comparison){equal, true, false};
	case CEINT_BELOW:
		return (struct comparison){less, false, false};
	case CEINT_ABOVE:
		return (struct comparison){less, false, true};
	case CEINT_AT_MOST:
		return (struct comparison){less, true, true};
	case CEINT_AT_LEAST:
		return (struct comparison){less, true, false};
	case CEINT_HAS:
		break;
	}
	return (struct comparison){CEINT_CONTAINS, false, false};
}

/* The range that a relation with a literal stands for, or all but which. */
static struct comparison within(enum ceint_relation relation, struct ceint_range *range)
{
	bool above = relation == CEINT_BELOW || relation == CEINT_AT_LEAST;
	bool below = relation == CEINT_ABOVE || relation == CEINT_AT_MOST;

	range->lo = below ? 0 : range->lo;
	range->hi = above ? ~(ceint_wide)0 : range->hi;
	return (struct comparison){CEINT_RANGE,
	                           relation == CEINT_IS_NOT || relation == CEINT_BELOW ||
	                                   relation == CEINT_ABOVE,
	                           false};
}

/* One step for a part of the left side and one of the right. */
static bool add_step(struct ce_where *where, const struct comparison *comparison,
                     const struct ceint_operand *left, const struct ceint_operand *right,
                     const struct sides *sides)
{
	struct ceint_step step = {.kind = comparison->kind,
	                          .invert = comparison->invert,
	                          .right = sides->range,
	                          .count = 1};

	if (sides->literal)
		return ceint_where_operand(where, left, &step.left) &&
		       ceint_where_add(where, step);
	return ceint_where_operand(where, comparison->swap ? right : left, &step.left) &&
	       ceint_where_operand(where, comparison->swap ? left : right, &step.right) &&
	       ceint_where_add(where, step);
}

/* Some part of the left side and some of the right pass. */
static bool add_some(struct ce_where *where, const struct comparison *comparison,
                     const struct sides *sides)
{
	struct ceint_either either = {0};
	struct ceint_operand left, right;

	for (size_t i = 0; part(&sides->left, i, &left); i++)
		for (size_t k = 0; part(&sides->right, k, &right); k++)
			if (!ceint_where_other(where, &either) ||
			    !add_step(where, comparison, &left, &right, sides))
				return false;
	return ceint_where_end(where, &either);
}

/* The packet has some part of the field. */
static bool add_present(struct ce_where *where, const struct ce_field *field)
{
	const struct comparison comparison = {.kind = CEINT_PRESENT};
	const struct sides sides = {.left.field = field, .literal = true};

	return add_some(where, &comparison, &sides);
}

/* All parts that the packet has pass, and it has one: not some that do not. */
static bool add_all(struct ce_where *where, struct comparison comparison,
                    const struct sides *sides)
{
	comparison.invert = !comparison.invert;
	return add_present(where, sides->left.field) &&
	       (!sides->right.field || add_present(where, sides->right.field)) &&
	       ceint_where_add(where, (struct ceint_step){.kind = CEINT_NOT_OPEN}) &&
	       add_some(where, &comparison, sides) &&
	       ceint_where_add(where, (struct ceint_step){.kind = CEINT_NOT_CLOSE});
}

/* May the field's values be compared as octets? */
static int check_octets(const struct ceint_parser *parser, const struct ceint_term *term)
{
	switch (term->slices ? CE_FIELD_BYTES : term->field->type) {
	case CE_FIELD_NUMBER:
	case CE_FIELD_BOOLEAN:
	case CE_FIELD_TIME:
	case CE_FIELD_FLOW:
		return ceint_where_fail(parser, &term->token,
		                        "%s is %s, not a sequence of bytes",
		                        term->field->name, ceint_where_kind(term->field));
	default:
		return 0;
	}
}

static int check_contains(const struct ceint_parser *parser,
                          const struct ceint_term *left, const struct ceint_term *right)
{
	bool octets = ceint_term_is_octets(left);

	if (!octets && left->field->type != CE_FIELD_ETHER)
		return ceint_where_fail(parser, &left->token,
		                        "contains looks into bytes: %s is %s",
		                        left->field->name, ceint_where_kind(left->field));
	if (!octets && !right->field && right->token.kind != CEINT_WORD)
		return ceint_where_fail(parser, &right->token,
		                        "%s is compared with bytes, without quotes",
		                        left->field->name);
	return 0;
}

/* May the two fields be compared? */
static int check_fields(const struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_term *right, bool octets)
{
	bool whole = left->field->type == CE_FIELD_BYTES && !left->slices;
	bool other_whole = right->field->type == CE_FIELD_BYTES && !right->slices;
	bool wide = ce_field_part(left->field, 0)->width == 16 &&
	            ce_field_part(right->field, 0)->width == 16;
	bool fits = octets ? (!whole || ceint_term_is_octets(right)) &&
	                             (!other_whole || ceint_term_is_octets(left))
	                   : wide || left->field->type == right->field->type;
	int rc = octets ? check_octets(parser, left) : 0;

	if (rc == 0 && octets)
		rc = check_octets(parser, right);
	if (rc == 0 && !fits)
		rc = ceint_where_fail(
			parser, &right->token,
			"%s is %s and cannot be compared with %s, which is %s",
			left->field->name, ceint_where_kind(left->field),
			right->field->name, ceint_where_kind(right->field));
	return rc;
}

/* A mask over the number, or over the octets that a slice gives. */
static int set_mask(struct ceint_parser *parser, const struct ceint_term *term,
                    bool octets, struct ceint_operand *operand)
{
	const struct ce_field *field = ce_field_part(term->field, 0);
	struct ceint_range range = {0};
	int rc;

	if (field->type == CE_FIELD_BOOLEAN || field->type == CE_FIELD_TIME ||
	    field->type == CE_FIELD_FLOW || (octets && !term->slices))
		return ceint_where_fail(parser, &term->token, "%s has no bits for a mask",
		                        term->field->name);
	if (octets)
		return ceint_where_octets(parser, &term->mask, operand);
	rc = ceint_where_range(parser, field, &term->mask, &range);
	operand->mask = range.lo;
	return rc;
}

static enum ceint_header header_of(const struct ce_field *field)
{
	static const struct {
		const char *name;
		enum ceint_header header;
	} protocols[] = {{"eth", CEINT_HEADER_14},  {"vlan", CEINT_HEADER_4},
	                 {"ip", CEINT_HEADER_IPV4}, {"ipv6", CEINT_HEADER_40},
	                 {"arp", CEINT_HEADER_ARP}, {"tcp", CEINT_HEADER_TCP},
	                 {"udp", CEINT_HEADER_8}};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(protocols[i].name, field->name))
			return protocols[i].header;
	return CEINT_HEADER_ALL;
}

static int set_operand(struct ceint_parser *parser, const struct ceint_term *term,
                       bool octets, struct ceint_operand *operand)
{
	*operand = (struct ceint_operand){.field = term->field,
	                                  .header = header_of(term->field),
	                                  .mask = ~(ceint_wide)0,
	                                  .slice = term->slice,
	                                  .slices = term->slices};
	return term->mask.kind == CEINT_END ? 0 : set_mask(parser, term, octets, operand);
}

static int set_literal(struct ceint_parser *parser, const struct ceint_term *left,
                       const struct ceint_token *token, bool octets, struct sides *sides)
{
	struct ceint_range *range;

	if (octets)
		return ceint_where_octets(parser, token, &sides->right);
	range = ceint_list_add(&parser->where->ranges, sizeof(*range), 1);
	if (!range)
		return ceint_where_no_memory(parser);
	sides->literal = true;
	sides->range = parser->where->ranges.count - 1;
	return ceint_where_range(parser, ce_field_part(left->field, 0), token, range);
}

static int set_right(struct ceint_parser *parser, const struct ceint_term *left,
                     const struct ceint_term *right, bool octets, struct sides *sides)
{
	int rc;

	if (!right->field)
		return set_literal(parser, left, &right->token, octets, sides);
	rc = check_fields(parser, left, right, octets);
	return rc < 0 ? rc : set_operand(parser, right, octets, &sides->right);
}

static bool has_parts(const struct ce_field *field)
{
	return field && ce_field_part(field, 1);
}

static int add(struct ceint_parser *parser, struct comparison comparison, bool all,
               const struct sides *sides)
{
	bool several = has_parts(sides->left.field) || has_parts(sides->right.field);
	bool added = all && several ? add_all(parser->where, comparison, sides)
	                            : add_some(parser->where, &comparison, sides);

	return added ? 0 : ceint_where_no_memory(parser);
}

int ceint_where_compare(struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_token *relation, bool all,
                        const struct ceint_term *right)
{
	bool contains = relation->relation == CEINT_HAS;
	bool octets = contains || ceint_term_is_octets(left) ||
	              (right->field && ceint_term_is_octets(right));
	struct sides sides = {0};
	struct comparison comparison;
	int rc = contains ? check_contains(parser, left, right) : 0;

	if (rc == 0 && left->field->type == CE_FIELD_FLOW)
		rc = ceint_where_fail(parser, &left->token,
		                      "%s is not compared: only present",
		                      left->field->name);
	if (rc == 0)
		rc = set_operand(parser, left, octets, &sides.left);
	if (rc == 0)
		rc = set_right(parser, left, right, octets, &sides);
	if (rc < 0)
		return rc;
	if (contains && !left->slices && sides.left.header != CEINT_HEADER_ARP)
		sides.left.header = CEINT_HEADER_ALL;
	comparison = sides.literal
	                     ? within(relation->relation,
	                              (struct ceint_range *)parser->where->ranges.items +
	                                      sides.range)
	                     : between(relation->relation, octets);
	return add(parser, comparison, all, &sides);
}

int ceint_where_exists(struct ceint_parser *parser, const struct ceint_term *term)
{
	bool octets = ceint_term_is_octets(term);
	struct comparison comparison = {.kind = CEINT_PRESENT};
	struct sides sides = {.literal = true};
	int rc = set_operand(parser, term, octets, &sides.left);

	if (rc < 0)
		return rc;
	if (octets && term->mask.kind != CEINT_END) {
		comparison.kind = CEINT_NONZERO;
	} else if (term->mask.kind != CEINT_END) { /* not in the range of 0 alone */
		if (!ceint_list_add(&parser->where->ranges, sizeof(struct ceint_range),
		                    1))
			return ceint_where_no_memory(parser);
		sides.range = parser->where->ranges.count - 1;
		comparison = (struct comparison){CEINT_RANGE, true, false};
	} else if (term->slices) { /* not the same as no octets */
		sides.literal = false;
		comparison = (struct comparison){CEINT_SAME, true, false};
	}
	return add(parser, comparison, false, &sides);
}
