/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_parse.c - the grammar of `where` expressions, by recursive descent.
 *
 *     expression = both { or both }
 *     both       = single { and single }
 *     single     = not single | ( expression ) | test
 *     test       = [any | all] term { relation term }
 *                | [any] term [not] in { member { , member } }
 *     member     = term | literal .. literal
 *     term       = ( field [slices] | literal ) [& literal]
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/near.h"
#include "capengine/where.h"
#include "filter/where_int.h"

enum { DEEPEST = 200, LONGEST = 64 }; /* nesting; characters of a field's name */

static int parse_expression(struct ceint_parser *parser);

static void advance(struct ceint_parser *parser)
{
	parser->token = ceint_where_token(parser->token.at + parser->token.length);
}

static bool accept(struct ceint_parser *parser, enum ceint_token_kind kind)
{
	if (parser->token.kind != kind)
		return false;
	advance(parser);
	return true;
}

static bool accept_other(struct ceint_parser *parser, char character)
{
	if (!ceint_token_is(&parser->token, character))
		return false;
	advance(parser);
	return true;
}

/* What the next token means in Wireshark, and not here. */
static const char *missing(const struct ceint_token *token)
{
	if (token->kind == CEINT_MATCHES)
		return "regular expressions (matches) are not there: use contains";
	if (token->kind != CEINT_OTHER)
		return NULL;
	switch (*token->at) {
	case '+':
	case '-':
	case '*':
	case '/':
	case '%':
		return "arithmetic is not there";
	case '#':
		return "layers (#) are not there: a field is that of the outermost header";
	case '$':
		return "references to fields are not there";
	case '@':
		return "raw values (@) are not there: use slices";
	default:
		return NULL;
	}
}

static int unexpected(struct ceint_parser *parser)
{
	const struct ceint_token *token = &parser->token;

	if (missing(token))
		return ceint_where_fail(parser, token, "%s", missing(token));
	if (token->kind == CEINT_END)
		return ceint_where_fail(parser, token, "the expression ends too early");
	return ceint_where_fail(parser, token, "\"%.*s\" is not expected here",
	                        CEINT_QUOTE(token));
}

static const struct ce_field *find(const struct ceint_token *token)
{
	char name[LONGEST + 1];

	if (token->kind != CEINT_WORD || token->length > LONGEST)
		return NULL;
	memcpy(name, token->at, token->length);
	name[token->length] = '\0';
	return ce_field_find(name);
}

/* A comparison begins with something else than a field. */
static int no_field(struct ceint_parser *parser, const struct ceint_token *token)
{
	char name[LONGEST + 1] = "", meant[CE_NEAR_MEANT];

	if (token->kind != CEINT_WORD || !isalpha((unsigned char)*token->at))
		return ceint_where_fail(parser, token,
		                        "%.*s is not a field, which a test begins with",
		                        CEINT_QUOTE(token));
	if (token->length <= LONGEST)
		memcpy(name, token->at, token->length);
	return ceint_where_fail(parser, token, "there is no field %.*s%s",
	                        CEINT_QUOTE(token),
	                        ce_near_meant(meant, "", ce_field_near(name)));
}

/* The literal behind &. */
static int parse_mask(struct ceint_parser *parser, struct ceint_term *term)
{
	if (!term->field)
		return ceint_where_fail(parser, &term->token,
		                        "only a field or a slice has a mask (&)");
	if (find(&parser->token))
		return ceint_where_fail(parser, &parser->token,
		                        "a mask (&) is a literal, not a field");
	if (parser->token.kind != CEINT_WORD && parser->token.kind != CEINT_CHAR)
		return unexpected(parser);
	term->mask = parser->token;
	advance(parser);
	return 0;
}

static int parse_term(struct ceint_parser *parser, struct ceint_term *term)
{
	int rc = 0;

	*term = (struct ceint_term){.token = parser->token,
	                            .field = find(&parser->token)};
	if (term->token.kind != CEINT_WORD && term->token.kind != CEINT_STRING &&
	    term->token.kind != CEINT_CHAR)
		return unexpected(parser);
	advance(parser);
	if (term->token.kind == CEINT_WORD && ceint_token_is(&parser->token, '('))
		return ceint_where_fail(parser, &term->token, "functions are not there");
	if (term->field && ceint_token_is(&parser->token, '[')) {
		switch (term->field->type) {
		case CE_FIELD_NUMBER:
		case CE_FIELD_BOOLEAN:
		case CE_FIELD_TIME:
		case CE_FIELD_FLOW:
			return ceint_where_fail(
				parser, &term->token, "%s is %s and cannot be sliced",
				term->field->name, ceint_where_kind(term->field));
		default:
			rc = ceint_where_slices(parser, term);
		}
	}
	if (rc == 0 && accept(parser, CEINT_MASK))
		rc = parse_mask(parser, term);
	return rc;
}

/* `left` is compared with the next term, that with the next one, and so on. */
static int parse_relations(struct ceint_parser *parser, struct ceint_term *left,
                           const struct ceint_token *quantifier)
{
	do {
		struct ceint_token relation = parser->token;
		bool all = relation.all;
		struct ceint_term right;
		int rc;

		if (!left->field)
			return no_field(parser, &left->token);
		if (quantifier->kind != CEINT_END)
			all = quantifier->kind == CEINT_ALL;
		advance(parser);
		rc = parse_term(parser, &right);
		if (rc == 0)
			rc = ceint_where_compare(parser, left, &relation, all, &right);
		if (rc < 0)
			return rc;
		*left = right;
	} while (parser->token.kind == CEINT_RELATION && quantifier->kind == CEINT_END);
	return 0;
}

static int parse_member(struct ceint_parser *parser, struct ceint_list *members)
{
	struct ceint_member *member = ceint_list_add(members, sizeof(*member), 1);
	int rc;

	if (!member)
		return ceint_where_no_memory(parser);
	rc = parse_term(parser, &member->first);
	if (rc < 0 || !accept(parser, CEINT_DOTS))
		return rc;
	if (member->first.field)
		return ceint_where_fail(parser, &member->first.token,
		                        "a range in a set is between literals");
	member->last = parser->token;
	switch (parser->token.kind) {
	case CEINT_WORD:
	case CEINT_STRING:
	case CEINT_CHAR:
		advance(parser);
		return 0;
	default:
		return unexpected(parser);
	}
}

static int parse_members(struct ceint_parser *parser, struct ceint_list *members)
{
	int rc;

	if (!accept_other(parser, '{'))
		return unexpected(parser);
	do
		rc = parse_member(parser, members);
	while (rc == 0 && accept_other(parser, ','));
	if (rc == 0 && !accept_other(parser, '}'))
		rc = unexpected(parser);
	return rc;
}

static int parse_in(struct ceint_parser *parser, const struct ceint_term *left,
                    const struct ceint_token *quantifier)
{
	struct ceint_list members = {0};
	int rc;

	if (quantifier->kind == CEINT_ALL)
		return ceint_where_fail(parser, quantifier, "all is not there for sets");
	rc = parse_members(parser, &members);
	if (rc == 0)
		rc = ceint_where_in(parser, left, &members);
	free(members.items);
	return rc;
}

static int parse_not_in(struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_token *quantifier)
{
	int rc;

	if (!accept(parser, CEINT_IN))
		return unexpected(parser);
	if (!ceint_where_add(parser->where, (struct ceint_step){.kind = CEINT_NOT_OPEN}))
		return ceint_where_no_memory(parser);
	rc = parse_in(parser, left, quantifier);
	if (rc == 0 &&
	    !ceint_where_add(parser->where, (struct ceint_step){.kind = CEINT_NOT_CLOSE}))
		rc = ceint_where_no_memory(parser);
	return rc;
}

static int parse_test(struct ceint_parser *parser)
{
	struct ceint_token quantifier = {0};
	struct ceint_term left;
	int rc;

	if (parser->token.kind == CEINT_ANY || parser->token.kind == CEINT_ALL) {
		quantifier = parser->token;
		advance(parser);
	}
	rc = parse_term(parser, &left);
	if (rc < 0)
		return rc;
	if (!left.field)
		return no_field(parser, &left.token);
	if (parser->token.kind == CEINT_RELATION)
		return parse_relations(parser, &left, &quantifier);
	if (accept(parser, CEINT_IN))
		return parse_in(parser, &left, &quantifier);
	if (accept(parser, CEINT_NOT))
		return parse_not_in(parser, &left, &quantifier);
	if (quantifier.kind != CEINT_END)
		return unexpected(parser);
	return ceint_where_exists(parser, &left);
}

static int parse_single(struct ceint_parser *parser);

static int parse_negation(struct ceint_parser *parser)
{
	int rc;

	if (!ceint_where_add(parser->where, (struct ceint_step){.kind = CEINT_NOT_OPEN}))
		return ceint_where_no_memory(parser);
	rc = parse_single(parser);
	if (rc == 0 &&
	    !ceint_where_add(parser->where, (struct ceint_step){.kind = CEINT_NOT_CLOSE}))
		rc = ceint_where_no_memory(parser);
	return rc;
}

static int parse_parentheses(struct ceint_parser *parser, const struct ceint_token *open)
{
	int rc = parse_expression(parser);

	if (rc < 0 || accept_other(parser, ')'))
		return rc;
	if (parser->token.kind == CEINT_END)
		return ceint_where_fail(parser, open, "the parenthesis is not closed");
	return unexpected(parser);
}

static int parse_single(struct ceint_parser *parser)
{
	struct ceint_token first = parser->token;
	int rc;

	if (first.kind != CEINT_NOT && !ceint_token_is(&first, '('))
		return parse_test(parser);
	if (++parser->depth > DEEPEST)
		return ceint_where_fail(parser, &first, "nested deeper than %d", DEEPEST);
	advance(parser);
	rc = first.kind == CEINT_NOT ? parse_negation(parser)
	                             : parse_parentheses(parser, &first);
	parser->depth--;
	return rc;
}

static int parse_both(struct ceint_parser *parser)
{
	int rc;

	do
		rc = parse_single(parser);
	while (rc == 0 && accept(parser, CEINT_AND));
	return rc;
}

static int parse_expression(struct ceint_parser *parser)
{
	struct ceint_either either = {0};
	int rc;

	do
		rc = ceint_where_other(parser->where, &either)
		             ? parse_both(parser)
		             : ceint_where_no_memory(parser);
	while (rc == 0 && accept(parser, CEINT_OR));
	if (rc == 0 && !ceint_where_end(parser->where, &either))
		rc = ceint_where_no_memory(parser);
	return rc;
}

int ceint_where_parse(struct ce_where *where, const char *text, struct ce_err *err)
{
	struct ceint_parser parser = {.text = text,
	                              .token = ceint_where_token(text),
	                              .where = where,
	                              .err = err};
	int rc = 0;

	if (parser.token.kind != CEINT_END)
		rc = parse_expression(&parser);
	if (rc == 0 && ceint_token_is(&parser.token, ')'))
		return ceint_where_fail(&parser, &parser.token,
		                        "the parenthesis closes nothing");
	return rc == 0 && parser.token.kind != CEINT_END ? unexpected(&parser) : rc;
}

int ce_where_open(struct ce_where **out, const char *expression, struct ce_err *err)
{
	struct ce_where *where = calloc(1, sizeof(*where));
	int rc = -ENOMEM;

	if (where)
		rc = ceint_where_parse(where, expression, err);
	if (rc == 0 && !ceint_where_add_masks(where))
		rc = -ENOMEM;
	if (rc < 0) {
		ce_where_close(where);
		return rc == -ENOMEM ? ce_err_set(err, rc, "out of memory") : rc;
	}
	*out = where;
	return 0;
}
