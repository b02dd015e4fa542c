/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_lex.c - the words of a `where` expression.
 *
 * A literal is a word like a field: what it means depends on what it is compared
 * with. So a word takes all that addresses, numbers and names are made of; ".."
 * ends it, and a slash belongs to it when digits follow.
 */
#include <ctype.h>
#include <string.h>

#include "filter/where_int.h"

struct keyword {
	const char *text;
	enum ceint_token_kind kind;
	enum ceint_relation relation;
	bool all;
};

static const struct keyword words[] = {
	{"and", CEINT_AND, 0, false},
	{"or", CEINT_OR, 0, false},
	{"not", CEINT_NOT, 0, false},
	{"any", CEINT_ANY, 0, false},
	{"all", CEINT_ALL, 0, false},
	{"in", CEINT_IN, 0, false},
	{"bitwise_and", CEINT_MASK, 0, false},
	{"matches", CEINT_MATCHES, 0, false},
	{"eq", CEINT_RELATION, CEINT_IS, false},
	{"any_eq", CEINT_RELATION, CEINT_IS, false},
	{"all_eq", CEINT_RELATION, CEINT_IS, true},
	{"ne", CEINT_RELATION, CEINT_IS_NOT, true},
	{"all_ne", CEINT_RELATION, CEINT_IS_NOT, true},
	{"any_ne", CEINT_RELATION, CEINT_IS_NOT, false},
	{"lt", CEINT_RELATION, CEINT_BELOW, false},
	{"gt", CEINT_RELATION, CEINT_ABOVE, false},
	{"le", CEINT_RELATION, CEINT_AT_MOST, false},
	{"ge", CEINT_RELATION, CEINT_AT_LEAST, false},
	{"contains", CEINT_RELATION, CEINT_HAS, false},
};

/* The longest first. */
static const struct keyword signs[] = {
	{"===", CEINT_RELATION, CEINT_IS, true},
	{"!==", CEINT_RELATION, CEINT_IS_NOT, false},
	{"==", CEINT_RELATION, CEINT_IS, false},
	{"!=", CEINT_RELATION, CEINT_IS_NOT, true},
	{"~=", CEINT_RELATION, CEINT_IS_NOT, false},
	{"<=", CEINT_RELATION, CEINT_AT_MOST, false},
	{">=", CEINT_RELATION, CEINT_AT_LEAST, false},
	{"&&", CEINT_AND, 0, false},
	{"||", CEINT_OR, 0, false},
	{"..", CEINT_DOTS, 0, false},
	{"<", CEINT_RELATION, CEINT_BELOW, false},
	{">", CEINT_RELATION, CEINT_ABOVE, false},
	{"&", CEINT_MASK, 0, false},
	{"!", CEINT_NOT, 0, false},
	{"~", CEINT_MATCHES, 0, false},
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == ':' || c == '-';
}

static uint32_t word_length(const char *at)
{
	const char *end = at;

	while (is_word(*end) && strncmp(end, "..", 2) != 0)
		end++;
	if (*end == '/' && isdigit((unsigned char)end[1]))
		for (end++; isalnum((unsigned char)*end); end++)
			;
	return (uint32_t)(end - at);
}

/* A minus begins a number, and nothing else. */
static bool begins_word(const char *at)
{
	if (*at == '-')
		return isdigit((unsigned char)at[1]);
	return is_word(*at) && strncmp(at, "..", 2) != 0;
}

/* Up to the quote that ends it, or to the end of the text. A quote after a backslash ends
   no raw string either, as in Wireshark. */
static struct ceint_token quoted(struct ceint_token token, const char *quote)
{
	const char *end = quote + 1;

	while (*end && *end != *quote)
		end += end[0] == '\\' && end[1] ? 2 : 1;
	token.closed = *end == *quote;
	token.length = (uint32_t)(end - token.at) + token.closed;
	return token;
}

static struct ceint_token as(struct ceint_token token, const struct keyword *keyword)
{
	token.kind = keyword->kind;
	token.relation = keyword->relation;
	token.all = keyword->all;
	return token;
}

static struct ceint_token word(struct ceint_token token)
{
	token.kind = CEINT_WORD;
	token.length = word_length(token.at);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].text) == token.length &&
		    !memcmp(words[i].text, token.at, token.length))
			return as(token, &words[i]);
	return token;
}

static struct ceint_token sign(struct ceint_token token)
{
	token.kind = CEINT_OTHER;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (!strncmp(token.at, signs[i].text, strlen(signs[i].text))) {
			token.length = (uint32_t)strlen(signs[i].text);
			return as(token, &signs[i]);
		}
	token.length = 1;
	while ((token.at[token.length] & 0xc0) ==
	       0x80) /* the rest of a UTF-8 character */
		token.length++;
	return token;
}

struct ceint_token ceint_where_token(const char *at)
{
	struct ceint_token token = {0};

	while (isspace((unsigned char)*at))
		at++;
	token.at = at;
	if (*at == '"' || (at[0] == 'r' && at[1] == '"')) {
		token.kind = CEINT_STRING;
		return quoted(token, at + (*at == 'r'));
	} else if (*at == '\'') {
		token.kind = CEINT_CHAR;
		return quoted(token, at);
	} else if (begins_word(at)) {
		return word(token);
	} else if (*at) {
		return sign(token);
	}
	return token;
}
