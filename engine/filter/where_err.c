/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_err.c - what is wrong with a `where` expression, and a caret below it.
 *
 * Of a long expression only what surrounds the mistake is shown. White space is
 * shown as blanks, and a character counts as one column whatever its octets.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/where_int.h"

enum { BEFORE = 300, AFTER = 100 }; /* octets shown, and columns of carets at most */

static bool continues(char c)
{
	return (c & 0xc0) == 0x80;
}

/* The columns of `length` octets. */
static uint32_t columns(const char *at, uint32_t length)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < length; i++)
		count += !continues(at[i]);
	return count;
}

/* Append `length` octets, controls as blanks. */
static void show(char *line, const char *at, size_t length)
{
	line += strlen(line);
	for (size_t i = 0; i < length; i++)
		line[i] = at[i] > 0 && at[i] < ' ' ? ' ' : at[i];
	line[length] = '\0';
}

/* "\n", the expression, "\n", and the carets. */
static void point(char *line, const char *text, const struct ceint_token *token)
{
	const char *from = text;
	size_t after = strlen(token->at);
	uint32_t blanks, carets;

	strcpy(line, "\n");
	if (token->at - text > BEFORE) {
		from = token->at - BEFORE;
		while (continues(*from))
			from++;
		strcat(line, "...");
	}
	show(line, from, (size_t)(token->at - from));
	blanks = columns(line + 1, (uint32_t)strlen(line + 1));
	show(line, token->at, after > AFTER ? AFTER : after);
	strcat(line, after > AFTER ? "...\n" : "\n");
	carets = columns(token->at, token->length < AFTER ? token->length : AFTER);
	line += strlen(line);
	memset(line, ' ', blanks);
	memset(line + blanks, '~', carets ? carets : 1);
	line[blanks] = '^';
	line[blanks + (carets ? carets : 1)] = '\0';
}

int ceint_where_fail(const struct ceint_parser *parser, const struct ceint_token *token,
                     const char *format, ...)
{
	char words[1024], line[2 * (BEFORE + AFTER) + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	point(line, parser->text, token);
	return ce_err_set(parser->err, -EINVAL, "%s%s", words, line);
}

int ceint_where_no_memory(const struct ceint_parser *parser)
{
	return ce_err_set(parser->err, -ENOMEM, "out of memory");
}
