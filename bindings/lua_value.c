/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_value.c - values of fields as scripts write them: the other way than
 * ce_lua_push_field_value.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_binding.h"

enum { WIDEST = sizeof(struct ce_flow_key) };

void ce_lua_push_copy(lua_State *L, const struct ce_field *field, const void *value)
{
	uint64_t copy[(WIDEST + 7) / 8];

	memcpy(copy, value, field->width);
	ce_lua_push_field_value(L, field, copy);
}

/* [-0, +0, v] */
static int wrong(lua_State *L, int arg, const struct ce_field *field, const char *kind)
{
	return luaL_argerror(L, arg,
	                     lua_pushfstring(L, "%s is %s, and this is none: %s",
	                                     field->name, kind,
	                                     luaL_tolstring(L, arg, NULL)));
}

static void check_number(lua_State *L, int arg, const struct ce_field *field, void *value)
{
	lua_Integer number = luaL_checkinteger(L, arg);

	if (field->width < sizeof(number) && (number < 0 || number >> 8 * field->width))
		luaL_argerror(L, arg,
		              lua_pushfstring(L, "%s has %d bits", field->name,
		                              (int)(8 * field->width)));
	memcpy(value, &number, field->width);
}

static bool parse_ether(const char *text, uint64_t *value)
{
	unsigned octet[6];
	int end = 0;

	*value = 0;
	sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &octet[0], &octet[1], &octet[2],
	       &octet[3], &octet[4], &octet[5], &end);
	for (int i = 0; end && i < 6; i++)
		*value = *value << 8 | octet[i];
	return end && !text[end];
}

static bool parse_ipv4(const char *text, uint32_t *value)
{
	if (inet_pton(AF_INET, text, value) != 1)
		return false;
	*value = ntohl(*value);
	return true;
}

/* Of either version; of IPv4 as ::ffff:a.b.c.d. */
static bool parse_address(const char *text, unsigned char value[16])
{
	memset(value, 0, 10);
	memset(value + 10, 0xff, 2);
	return inet_pton(AF_INET, text, value + 12) == 1 ||
	       inet_pton(AF_INET6, text, value) == 1;
}

/* A decimal number up to `most`, and nothing else. */
static bool parse_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoul(text, &end, 10);
	return !*end && *value <= most;
}

/* "10.0.0.1:443" or "[2001:db8::1]:443" */
static bool parse_end(char *text, unsigned char address[16], uint16_t *port)
{
	char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[' && colon && colon[-1] == ']';
	unsigned long number;

	if (!colon || !parse_number(colon + 1, UINT16_MAX, &number))
		return false;
	*port = (uint16_t)number;
	colon[bracketed ? -1 : 0] = '\0';
	return parse_address(text + bracketed, address);
}

/* Either end may be written first; a key has the lower one there. */
static void order_ends(struct ce_flow_key *key)
{
	const struct ce_flow_key written = *key;
	int order = memcmp(key->address[0], key->address[1], sizeof(key->address[0]));

	if (order < 0 || (order == 0 && key->port[0] <= key->port[1]))
		return;
	for (int end = 0; end < 2; end++) {
		memcpy(key->address[end], written.address[!end], sizeof(key->address[0]));
		key->port[end] = written.port[!end];
	}
}

static bool parse_flow(const char *text, struct ce_flow_key *value)
{
	char words[3][CE_FIELD_TEXT];
	unsigned long proto;
	int end = 0;

	memset(value, 0, sizeof(*value));
	if (sscanf(text, "%127s %127s %127s%n", words[0], words[1], words[2], &end) !=
	            3 ||
	    text[end] || !parse_number(words[2], UINT8_MAX, &proto) ||
	    !parse_end(words[0], value->address[0], &value->port[0]) ||
	    !parse_end(words[1], value->address[1], &value->port[1]))
		return false;
	value->proto = (uint8_t)proto;
	order_ends(value);
	return true;
}

static void check_text(lua_State *L, int arg, const struct ce_field *field, void *value)
{
	const char *text = luaL_checkstring(L, arg);

	switch (field->type) {
	case CE_FIELD_ETHER:
		if (!parse_ether(text, value))
			wrong(L, arg, field, "an Ethernet address");
		break;
	case CE_FIELD_IPV4:
		if (!parse_ipv4(text, value))
			wrong(L, arg, field, "an IPv4 address");
		break;
	case CE_FIELD_IPV6:
		if (inet_pton(AF_INET6, text, value) != 1)
			wrong(L, arg, field, "an IPv6 address");
		break;
	case CE_FIELD_ADDRESS:
		if (!parse_address(text, value))
			wrong(L, arg, field, "an IP address");
		break;
	default:
		if (!parse_flow(text, value))
			wrong(L, arg, field,
			      "a flow like \"10.0.0.1:443 10.0.0.2:5000 6\"");
	}
}

void ce_lua_check_value(lua_State *L, int arg, const struct ce_field *field, void *value)
{
	uint64_t copy[(WIDEST + 7) / 8];

	if (field->type == CE_FIELD_NUMBER || field->type == CE_FIELD_TIME) {
		check_number(L, arg, field, copy);
	} else if (field->type == CE_FIELD_BOOLEAN) {
		luaL_checktype(L, arg, LUA_TBOOLEAN);
		*(uint8_t *)copy = (uint8_t)lua_toboolean(L, arg);
	} else {
		check_text(L, arg, field, copy);
	}
	memcpy(value, copy, field->width);
}
