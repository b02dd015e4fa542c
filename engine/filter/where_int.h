/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_int.h - a `where` expression as a program over columns.
 *
 * A program narrows masks, which are sets of packets. It begins with one mask, the
 * packets wanted, on a stack; every step works on the mask on top:
 *
 *     test          keep the packets that pass: so `a and b` is a, then b
 *     not_open      push a copy;   not_close   take what is left of it from below
 *     or_open       push two copies: those still undecided, and those tried next
 *     or_next       decided are those left; try the others
 *     or_close      keep all that were decided
 *
 * What an earlier test has decided no later one looks at, and a column that no
 * packet needs is not decoded.
 *
 *     where_parse.c -> where_test.c -> where_program.c -> where_run.c
 *     grammar          meaning         lists              masks
 *     where_lex.c, where_value.c: words and literals; where_err.c: what is wrong
 *
 * Threads    one at a time
 * Ownership  the where owns its program; the parser borrows the expression
 * Blocking   building a program allocates; running it does for slices in pieces
 */
#ifndef CE_WHERE_INT_H
#define CE_WHERE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capengine/decode.h"
#include "capengine/err.h"

/* Values up to 16 octets as one number, the first octet most significant. */
__extension__ typedef unsigned __int128 ceint_wide;

/* A growing array. */
struct ceint_list {
	void *items;
	uint32_t count;
	uint32_t room;
};

/* Numbers from lo to hi, both in it. A time is there as nanoseconds since the
   earliest of them, so that its order is that of numbers. */
struct ceint_range {
	ceint_wide lo;
	ceint_wide hi;
};

/* Octets of a value from start on; below 0: counted from its end. */
struct ceint_slice {
	int32_t start;
	int32_t length; /* 0: to the end */
};

/* Where a protocol's own octets end; `contains` looks behind, into its payload. */
enum ceint_header {
	CEINT_HEADER_ALL,  /* all of them are its own */
	CEINT_HEADER_4,    /* VLAN */
	CEINT_HEADER_8,    /* UDP */
	CEINT_HEADER_14,   /* Ethernet */
	CEINT_HEADER_40,   /* IPv6 */
	CEINT_HEADER_ARP,  /* as it says itself, and what follows is padding */
	CEINT_HEADER_IPV4, /* as it says itself */
	CEINT_HEADER_TCP,
};

/* One side of a comparison: a part of a field, or octets. */
struct ceint_operand {
	const struct ce_field *field; /* one that has a column; NULL: octets */
	enum ceint_header header;     /* of a protocol */
	ceint_wide mask;              /* of a number; all ones: all of it */
	uint32_t octets;              /* what is compared, or masks a field's octets */
	uint32_t bytes;               /* 0: no mask */
	uint32_t slice;               /* the first of its slices */
	uint32_t slices;              /* 0: all of the value */
};

enum ceint_step_kind {
	CEINT_NOT_OPEN,
	CEINT_NOT_CLOSE,
	CEINT_OR_OPEN,
	CEINT_OR_NEXT,
	CEINT_OR_CLOSE,
	CEINT_PRESENT,  /* left is there */
	CEINT_RANGE,    /* left is in range `right` */
	CEINT_SET,      /* left is in one of `count` ranges from `right` on, in order */
	CEINT_TABLE,    /* bit `left` of the octets at `right` is 1 */
	CEINT_EQUAL,    /* numbers: left == right */
	CEINT_LESS,     /* numbers: left < right */
	CEINT_SAME,     /* octets: left == right */
	CEINT_BEFORE,   /* octets: left < right */
	CEINT_CONTAINS, /* octets: right is in left */
	CEINT_NONZERO,  /* octets: one of left's is not 0 */
};

struct ceint_step {
	enum ceint_step_kind kind;
	bool invert; /* keep the packets that have the field and do not pass */
	uint32_t left;
	uint32_t right;
	uint32_t count;
};

struct ce_where {
	struct ceint_list steps;           /* struct ceint_step */
	struct ceint_list operands;        /* struct ceint_operand */
	struct ceint_list ranges;          /* struct ceint_range */
	struct ceint_list slices;          /* struct ceint_slice */
	struct ceint_list octets;          /* unsigned char */
	uint64_t (*masks)[CE_BATCH_WORDS]; /* the stack */

	/* Octets of the left and the right side, made while a program runs. */
	struct ceint_list pieces[2]; /* of slices, put together */
	struct ceint_list masked[2]; /* with a mask */
};

/* where_program.c: lists of a program */

/* Room for `count` more items of `size` bytes, zeroed; NULL: out of memory. */
void *ceint_list_add(struct ceint_list *list, size_t size, uint32_t count);

/* A step at the end; false: out of memory. */
bool ceint_where_add(struct ce_where *where, struct ceint_step step);

/* Tests of which one must pass: call `other` before each, and `end` behind the last.
   Both return false when out of memory. */
struct ceint_either {
	uint32_t from; /* the first step */
	uint32_t count;
};

bool ceint_where_other(struct ce_where *where, struct ceint_either *either);
bool ceint_where_end(struct ce_where *where, const struct ceint_either *either);

/* The masks that a run needs; false: out of memory. */
bool ceint_where_add_masks(struct ce_where *where);

/* where_lex.c: tokens */

enum ceint_token_kind {
	CEINT_END,
	CEINT_WORD,   /* a field or a literal */
	CEINT_STRING, /* "..." or r"..." */
	CEINT_CHAR,   /* '.' */
	CEINT_AND,
	CEINT_OR,
	CEINT_NOT,
	CEINT_ANY,
	CEINT_ALL,
	CEINT_IN,
	CEINT_MASK,
	CEINT_MATCHES,
	CEINT_RELATION, /* == and the like, or contains */
	CEINT_DOTS,
	CEINT_OTHER, /* one character: ( ) { } [ ] and others that mean nothing */
};

enum ceint_relation {
	CEINT_IS,
	CEINT_IS_NOT,
	CEINT_BELOW,
	CEINT_ABOVE,
	CEINT_AT_MOST,
	CEINT_AT_LEAST,
	CEINT_HAS, /* contains */
};

struct ceint_token {
	enum ceint_token_kind kind;
	enum ceint_relation relation;
	bool all;    /* the relation wants all parts of a field to pass */
	bool closed; /* a string or a character has the quote that ends it */
	const char *at;
	uint32_t length;
};

/* The token at or after `at`. A string that does not end ends with the text. */
struct ceint_token ceint_where_token(const char *at);

/* Is the token this one character? */
static inline bool ceint_token_is(const struct ceint_token *token, char character)
{
	return token->kind == CEINT_OTHER && *token->at == character;
}

/* where_err.c: what is wrong, and where */

struct ceint_parser {
	const char *text;
	struct ceint_token token; /* the next one */
	struct ce_where *where;
	uint32_t depth; /* of parentheses and nots */
	struct ce_err *err;
};

/* Say it, with the expression and a caret below the token. Returns -EINVAL. */
int ceint_where_fail(const struct ceint_parser *parser, const struct ceint_token *token,
                     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Returns -ENOMEM. */
int ceint_where_no_memory(const struct ceint_parser *parser);

/* The token's text, for %.*s: no more than a line of it. */
#define CEINT_QUOTE(token) (int)((token)->length < 64 ? (token)->length : 64), (token)->at

/* where_value.c: literals. All return 0 or what ceint_where_fail returns. */

/* What a literal means to a field that is a number, a time or an address. */
int ceint_where_range(const struct ceint_parser *parser, const struct ce_field *field,
                      const struct ceint_token *token, struct ceint_range *range);

/* What a literal means to octets: bytes, a string or a character. */
int ceint_where_octets(const struct ceint_parser *parser, const struct ceint_token *token,
                       struct ceint_operand *operand);

/* The largest number that a field can have. */
ceint_wide ceint_where_largest(const struct ce_field *field);

/* "an IPv4 address": what a field's values are, for sentences. */
const char *ceint_where_kind(const struct ce_field *field);

/* where_test.c and where_set.c: add the steps of a test. All return 0, -EINVAL or
   -ENOMEM. */

/* One side as it is written. */
struct ceint_term {
	struct ceint_token token;     /* its name, or the literal */
	const struct ce_field *field; /* NULL: a literal */
	struct ceint_token mask;      /* behind &; CEINT_END: none */
	uint32_t slice;               /* as in struct ceint_operand */
	uint32_t slices;
};

/* A field alone, a slice that must not be empty, or a mask that must leave a bit. */
int ceint_where_exists(struct ceint_parser *parser, const struct ceint_term *term);

/* `all`: what `any` or `all` before it, or the relation itself, says of parts. */
int ceint_where_compare(struct ceint_parser *parser, const struct ceint_term *left,
                        const struct ceint_token *relation, bool all,
                        const struct ceint_term *right);

/* A value or a range between braces: `last` is CEINT_END for a value. */
struct ceint_member {
	struct ceint_term first;
	struct ceint_token last;
};

int ceint_where_in(struct ceint_parser *parser, const struct ceint_term *left,
                   const struct ceint_list *members);

/* Operands of a step for a part of a term; false: out of memory. */
bool ceint_where_operand(struct ce_where *where, const struct ceint_operand *operand,
                         uint32_t *index);

/* Are a term's values compared as octets, even if the other side is a literal? */
static inline bool ceint_term_is_octets(const struct ceint_term *term)
{
	return term->slices || term->field->type == CE_FIELD_BYTES;
}

/* where_slice.c: [0:3,5-7,-1]. Reads the slices behind the '[' that is the parser's
   token, adds them to the program, and goes on behind the ']'. */
int ceint_where_slices(struct ceint_parser *parser, struct ceint_term *term);

/* where_octets.c: octets of packets */

struct ceint_octets {
	const unsigned char *at;
	uint32_t bytes;
};

/* What octets are taken from, for a batch. */
struct ceint_octets_view {
	struct ce_where *where;
	const struct ce_batch *batch;
	const struct ceint_operand *operand[2]; /* left, right; right may be unused */
	const struct ce_column *column[2];      /* NULL: the operand is octets */
	unsigned char address[2][16];
	bool failed; /* out of memory */
};

/* Does packet i pass a step of octets? It must have the fields of both sides. */
bool ceint_where_octets_pass(struct ceint_octets_view *view, enum ceint_step_kind kind,
                             uint32_t i);

/* where_parse.c: steps for the text. Returns 0, -EINVAL or -ENOMEM. */
int ceint_where_parse(struct ce_where *where, const char *text, struct ce_err *err);

#endif
