/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_value.c - what the literals of a `where` expression mean.
 *
 * A literal becomes a range: one value, or all addresses with a prefix.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/where_int.h"

enum { MAPPED = 0xffff, LONGEST = 64 }; /* ::ffff:0:0/96; a number or an address */

static const int64_t second = 1000000000;

ceint_wide ceint_where_largest(const struct ce_field *field)
{
	return field->width >= 16 ? ~(ceint_wide)0
	                          : ((ceint_wide)1 << 8 * field->width) - 1;
}

const char *ceint_where_kind(const struct ce_field *field)
{
	switch (field->type) {
	case CE_FIELD_NUMBER:
		return "a number";
	case CE_FIELD_BOOLEAN:
		return "True, False or a number";
	case CE_FIELD_TIME:
		return "a time in seconds";
	case CE_FIELD_ETHER:
		return "an Ethernet address";
	case CE_FIELD_IPV4:
		return "an IPv4 address";
	case CE_FIELD_IPV6:
		return "an IPv6 address";
	case CE_FIELD_ADDRESS:
		return "an IPv4 or IPv6 address";
	case CE_FIELD_FLOW:
		return "a flow";
	case CE_FIELD_BYTES:
		return "a sequence of bytes";
	}
	return "";
}

/* The digits of a token in the base that they say; false: it is not a number. */
static bool digits(const char *text, unsigned long long *number)
{
	int base = 10;
	char *end;

	if (text[0] == '0' && text[1]) {
		base = text[1] == 'x' || text[1] == 'X'   ? 16
		       : text[1] == 'b' || text[1] == 'B' ? 2
		                                          : 8;
		text += base == 8 ? 1 : 2;
	}
	if (!*text || text[strspn(text, "0123456789abcdefABCDEF")])
		return false;
	errno = 0;
	*number = strtoull(text, &end, base);
	return *end == '\0';
}

/* The octet that "\..." stands for, and where it ends; false: nothing known. */
static bool escaped(const char **at, const char *end, unsigned char *octet)
{
	static const char names[] = "abfnrtv'\"\\", values[] = "\a\b\f\n\r\t\v'\"\\";
	const char *from = *at;
	const char *name = memchr(names, *from, sizeof(names) - 1);
	unsigned value = 0;

	if (name) {
		*octet = (unsigned char)values[name - names];
		*at = from + 1;
		return true;
	}
	if (*from == 'x') {
		for (from++;
		     from < end && from < *at + 3 && isxdigit((unsigned char)*from);
		     from++)
			value = value * 16 +
			        (unsigned)(isdigit((unsigned char)*from)
			                           ? *from - '0'
			                           : (*from | 0x20) - 'a' + 10);
		if (from == *at + 1)
			return false;
	} else {
		for (; from < end && from < *at + 3 && *from >= '0' && *from <= '7';
		     from++)
			value = value * 8 + (unsigned)(*from - '0');
		if (from == *at || value > 255)
			return false;
	}
	*octet = (unsigned char)value;
	*at = from;
	return true;
}

/* The octet of '.'. */
static int character(const struct ceint_parser *parser, const struct ceint_token *token,
                     unsigned char *octet)
{
	const char *at = token->at + 1, *end = token->at + token->length - 1;

	if (token->length < 3 || !token->closed)
		return ceint_where_fail(parser, token, "%.*s is not a character",
		                        CEINT_QUOTE(token));
	if (*at == '\\' && at + 1 < end) {
		at++;
		if (!escaped(&at, end, octet))
			return ceint_where_fail(parser, token,
			                        "%.*s is not an escape sequence",
			                        CEINT_QUOTE(token));
	} else {
		*octet = (unsigned char)*at++;
	}
	if (at != end)
		return ceint_where_fail(parser, token, "%.*s is more than one character",
		                        CEINT_QUOTE(token));
	return 0;
}

static int wrong_kind(const struct ceint_parser *parser, const struct ce_field *field,
                      const struct ceint_token *token)
{
	return ceint_where_fail(parser, token, "\"%.*s\" is not %s, as %s is",
	                        CEINT_QUOTE(token), ceint_where_kind(field), field->name);
}

static int number(const struct ceint_parser *parser, const struct ce_field *field,
                  const struct ceint_token *token, const char *text,
                  struct ceint_range *range)
{
	ceint_wide largest = ceint_where_largest(field);
	unsigned long long value;

	if (text[0] == '-' && isdigit((unsigned char)text[1]))
		return ceint_where_fail(parser, token, "%s is never below 0",
		                        field->name);
	if (!digits(text, &value))
		return wrong_kind(parser, field, token);
	if (errno == ERANGE || value > largest)
		return ceint_where_fail(
			parser, token,
			"\"%.*s\" is too big for %s, whose largest value is %llu",
			CEINT_QUOTE(token), field->name, (unsigned long long)largest);
	range->lo = range->hi = value;
	return 0;
}

static int boolean(const struct ceint_parser *parser, const struct ce_field *field,
                   const struct ceint_token *token, const char *text,
                   struct ceint_range *range)
{
	unsigned long long value;

	if (!strcmp(text, "True") || !strcmp(text, "TRUE"))
		value = 1;
	else if (!strcmp(text, "False") || !strcmp(text, "FALSE"))
		value = 0;
	else if (!digits(text, &value) || errno == ERANGE)
		return wrong_kind(parser, field, token);
	range->lo = range->hi = value != 0;
	return 0;
}

/* Seconds with up to nine digits behind the point. */
static int moment(const struct ceint_parser *parser, const struct ce_field *field,
                  const struct ceint_token *token, const char *text,
                  struct ceint_range *range)
{
	bool negative = *text == '-';
	const char *at = text + negative;
	int64_t unit = second, ns = 0;
	bool point = false, overflow = false;

	if (!isdigit((unsigned char)*at))
		return wrong_kind(parser, field, token);
	for (; *at; at++) {
		if (*at == '.' && !point && isdigit((unsigned char)at[1])) {
			point = true;
			continue;
		}
		if (!isdigit((unsigned char)*at) || unit == 1)
			return wrong_kind(parser, field, token);
		if (point)
			unit /= 10;
		else
			overflow |= __builtin_mul_overflow(ns, 10, &ns);
		overflow |= __builtin_add_overflow(ns, (*at - '0') * unit, &ns);
	}
	if (overflow)
		return ceint_where_fail(parser, token,
		                        "\"%.*s\" is too big for %s, which ends "
		                        "9223372036 seconds after 1970",
		                        CEINT_QUOTE(token), field->name);
	range->lo = (uint64_t)(negative ? -ns : ns) ^ (uint64_t)1 << 63;
	range->hi = range->lo;
	return 0;
}

static ceint_wide from_octets(const unsigned char *octets, size_t count)
{
	ceint_wide value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | octets[i];
	return value;
}

/* Cut "/24" off; false: more than `most`, or no number. */
static bool cut_prefix(char *text, unsigned long most, unsigned long *bits)
{
	char *slash = strchr(text, '/'), *end;

	*bits = most;
	if (!slash)
		return true;
	*bits = strtoul(slash + 1, &end, 10);
	*slash = '\0';
	return *end == '\0' && *bits <= most && (slash[1] != '0' || end == slash + 2);
}

/* All addresses with the first `bits` of `bits + rest` as this one. */
static void with_prefix(ceint_wide address, unsigned long rest, struct ceint_range *range)
{
	ceint_wide span = rest >= 128 ? ~(ceint_wide)0 : ((ceint_wide)1 << rest) - 1;

	range->lo = address & ~span;
	range->hi = address | span;
}

/* An address of the family, with a prefix or without, which may not fit. */
static bool of_family(int family, const char *literal, struct ceint_range *range,
                      bool *fits)
{
	const unsigned long most = family == AF_INET ? 32 : 128;
	unsigned char octets[16];
	char text[LONGEST + 1];
	unsigned long bits;

	strcpy(text, literal);
	*fits = cut_prefix(text, most, &bits);
	if (inet_pton(family, text, octets) != 1)
		return false;
	with_prefix(from_octets(octets, most / 8), *fits ? most - bits : 0, range);
	return true;
}

static int address(const struct ceint_parser *parser, const struct ce_field *field,
                   const struct ceint_token *token, const char *text,
                   struct ceint_range *range)
{
	bool fits = true;
	bool four = field->type != CE_FIELD_IPV6 &&
	            of_family(AF_INET, text, range, &fits);

	if (!four &&
	    (field->type == CE_FIELD_IPV4 || !of_family(AF_INET6, text, range, &fits)))
		return wrong_kind(parser, field, token);
	if (!fits)
		return ceint_where_fail(parser, token,
		                        "\"%.*s\": a prefix has 0 to %d bits",
		                        CEINT_QUOTE(token), four ? 32 : 128);
	if (four && field->type == CE_FIELD_ADDRESS) {
		range->lo |= (ceint_wide)MAPPED << 32;
		range->hi |= (ceint_wide)MAPPED << 32;
	}
	return 0;
}

/*
 * Hex digits as octets: two each, or one before a separator and at the end. Colons,
 * points or hyphens stand between any of them, colons between all. Returns how many
 * octets, at most as many as the text is long; 0: it is something else.
 */
static uint32_t hex(const char *text, uint32_t length, unsigned char *octets)
{
	char separator = '\0';
	uint32_t count = 0, i = 0;

	while (i < length) {
		char pair[3] = {text[i], '\0', '\0'};

		if (i + 1 < length && isxdigit((unsigned char)text[i + 1]))
			pair[1] = text[i + 1];
		if (!isxdigit((unsigned char)pair[0]))
			return 0;
		octets[count++] = (unsigned char)strtoul(pair, NULL, 16);
		i += pair[1] ? 2 : 1;
		if (i == length)
			return separator == ':' && !pair[1] ? 0 : count;
		if (strchr(":.-", text[i])) {
			if ((separator && text[i] != separator) ||
			    (text[i] == ':' && !pair[1]))
				return 0;
			separator = text[i++];
		} else if (separator == ':') {
			return 0;
		}
	}
	return 0; /* it ends with a separator */
}

static int ethernet(const struct ceint_parser *parser, const struct ce_field *field,
                    const struct ceint_token *token, const char *text,
                    struct ceint_range *range)
{
	unsigned char octets[LONGEST];
	uint32_t count = hex(text, token->length, octets);

	if (!count)
		return wrong_kind(parser, field, token);
	if (count != 6)
		return ceint_where_fail(
			parser, token,
			"\"%.*s\" has too %s bytes for an Ethernet address",
			CEINT_QUOTE(token), count < 6 ? "few" : "many");
	range->lo = range->hi = from_octets(octets, count);
	return 0;
}

int ceint_where_range(const struct ceint_parser *parser, const struct ce_field *field,
                      const struct ceint_token *token, struct ceint_range *range)
{
	unsigned char octet;
	char text[LONGEST + 1];
	int rc;

	if (token->kind == CEINT_CHAR &&
	    (field->type == CE_FIELD_NUMBER || field->type == CE_FIELD_BOOLEAN)) {
		rc = character(parser, token, &octet);
		range->lo = range->hi = field->type == CE_FIELD_BOOLEAN ? octet != 0
		                                                        : octet;
		return rc;
	}
	if (token->kind != CEINT_WORD)
		return ceint_where_fail(parser, token,
		                        "%s is compared with %s, without quotes",
		                        field->name, ceint_where_kind(field));
	if (token->length > LONGEST)
		return wrong_kind(parser, field, token);
	memcpy(text, token->at, token->length);
	text[token->length] = '\0';
	switch (field->type) {
	case CE_FIELD_NUMBER:
		return number(parser, field, token, text, range);
	case CE_FIELD_BOOLEAN:
		return boolean(parser, field, token, text, range);
	case CE_FIELD_TIME:
		return moment(parser, field, token, text, range);
	case CE_FIELD_ETHER:
		return ethernet(parser, field, token, text, range);
	default:
		return address(parser, field, token, text, range);
	}
}

/* The octets of "..." or r"...", where only a quote is escaped, and keeps its \. */
static int string(const struct ceint_parser *parser, const struct ceint_token *token,
                  unsigned char *octets, uint32_t *count)
{
	bool raw = *token->at == 'r';
	const char *at = token->at + 1 + raw, *end = token->at + token->length - 1;
	struct ceint_token here = *token;

	if (!token->closed)
		return ceint_where_fail(parser, token, "the string does not end");
	while (at < end) {
		here.at = at;
		here.length = 2;
		if (*at != '\\' || raw) {
			octets[(*count)++] = (unsigned char)*at++;
			continue;
		}
		at++;
		if (!escaped(&at, end, &octets[(*count)++]))
			return ceint_where_fail(parser, &here,
			                        "\\%c is not an escape sequence",
			                        here.at[1]);
	}
	return 0;
}

int ceint_where_octets(const struct ceint_parser *parser, const struct ceint_token *token,
                       struct ceint_operand *operand)
{
	struct ceint_list *list = &parser->where->octets;
	unsigned char *octets = ceint_list_add(list, 1, token->length);
	uint32_t count = 0;
	int rc = 0;

	if (!octets)
		return ceint_where_no_memory(parser);
	if (token->kind == CEINT_STRING) {
		rc = string(parser, token, octets, &count);
	} else if (token->kind == CEINT_CHAR) {
		rc = character(parser, token, octets);
		count = 1;
	} else if (token->length == 4 && !memcmp(token->at, "0x", 2)) {
		count = hex(token->at + 2, 2, octets);
	} else {
		count = hex(token->at, token->length, octets);
	}
	if (rc == 0 && token->kind == CEINT_WORD && !count)
		rc = ceint_where_fail(
			parser, token,
			"\"%.*s\" is not a sequence of bytes, such as 01:02:0a",
			CEINT_QUOTE(token));
	list->count -= token->length - count;
	operand->octets = list->count - count;
	operand->bytes = count;
	return rc;
}
