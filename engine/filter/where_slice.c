/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_slice.c - slices: [i:j] from i, j octets; [i-j] from i to j; [i] one octet;
 * [:j] the first j; [i:] from i on; several, with commas between.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/where_int.h"

enum { MOST = 100 }; /* slices of a value, which are put together for each packet */

struct reader {
	const struct ceint_parser *parser;
	const char *at;
	struct ceint_token token; /* the slice, for what is wrong with it */
};

static char peek(struct reader *reader)
{
	while (isspace((unsigned char)*reader->at))
		reader->at++;
	return *reader->at;
}

static bool accept(struct reader *reader, char character)
{
	if (peek(reader) != character)
		return false;
	reader->at++;
	return true;
}

static int fail(struct reader *reader, const char *words)
{
	reader->token.length = (uint32_t)(reader->at - reader->token.at);
	return ceint_where_fail(reader->parser, &reader->token, "%s", words);
}

static int number(struct reader *reader, int32_t *value)
{
	bool negative = accept(reader, '-');
	char *end;
	long read;

	if (!isdigit((unsigned char)peek(reader))) {
		reader->token.at = reader->at;
		return fail(reader, *reader->at
		                            ? "a slice is numbers: [0:3], [0-2], [0]"
		                            : "the slice does not end: \"]\" is missing");
	}
	errno = 0;
	read = strtol(reader->at, &end, 0);
	reader->at = end;
	if (errno == ERANGE || read > INT32_MAX)
		return fail(reader, "the number is too big for a slice");
	*value = (int32_t)(negative ? -read : read);
	return 0;
}

/* What follows "i:". */
static int length(struct reader *reader, struct ceint_slice *slice)
{
	int rc;

	if (peek(reader) == ',' || peek(reader) == ']')
		return 0;
	rc = number(reader, &slice->length);
	if (rc == 0 && slice->length <= 0)
		rc = fail(reader, "the length of a slice is above 0");
	return rc;
}

/* What follows "i-". */
static int last(struct reader *reader, struct ceint_slice *slice)
{
	int32_t end = 0;
	int rc = number(reader, &end);

	if (rc == 0 && ((slice->start < 0) != (end < 0) || end <= slice->start))
		rc = fail(reader, "the end of a slice is behind its start");
	if (rc == 0 && end - slice->start == INT32_MAX)
		rc = fail(reader, "the number is too big for a slice");
	if (rc == 0)
		slice->length = end - slice->start + 1;
	return rc;
}

static int one(struct reader *reader, struct ceint_slice *slice)
{
	int rc;

	peek(reader);
	reader->token.at = reader->at;
	if (accept(reader, ':'))
		return length(reader, slice);
	rc = number(reader, &slice->start);
	if (rc < 0)
		return rc;
	if (accept(reader, ':'))
		return length(reader, slice);
	if (accept(reader, '-'))
		return last(reader, slice);
	slice->length = 1;
	return 0;
}

int ceint_where_slices(struct ceint_parser *parser, struct ceint_term *term)
{
	struct reader reader = {.parser = parser, .at = parser->token.at + 1};

	term->slice = parser->where->slices.count;
	do {
		struct ceint_slice slice = {0}, *added;
		int rc = one(&reader, &slice);

		if (rc == 0 && parser->where->slices.count - term->slice == MOST)
			rc = fail(&reader, "a value has at most 100 slices");
		if (rc < 0)
			return rc;
		added = ceint_list_add(&parser->where->slices, sizeof(slice), 1);
		if (!added)
			return ceint_where_no_memory(parser);
		*added = slice;
	} while (accept(&reader, ','));
	term->slices = parser->where->slices.count - term->slice;
	reader.token.at = reader.at;
	if (!accept(&reader, ']')) {
		reader.at += *reader.at != '\0';
		return fail(&reader, "\"]\" is missing");
	}
	parser->token = ceint_where_token(reader.at);
	return 0;
}
