/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_anonymizer.c - capengine.anonymizer: copies of packets with other addresses; binds
 * <capengine/anonymize.h>.
 */
#include <arpa/inet.h>
#include <string.h>

#include "lua_binding.h"

#define CE_LUA_ANONYMIZER "capengine.anonymizer"

struct anonymizer {
	struct ce_anonymize *anonymize; /* NULL: not opened */
};

static struct ce_anonymize *check_anonymizer(lua_State *L)
{
	const struct anonymizer *self = luaL_checkudata(L, 1, CE_LUA_ANONYMIZER);

	luaL_argcheck(L, self->anonymize, 1, "the anonymizer was collected");
	return self->anonymize;
}

static void check_key(lua_State *L, unsigned char key[CE_ANONYMIZE_KEY])
{
	size_t size;
	const char *bytes;

	if (lua_getfield(L, 1, "key") != LUA_TSTRING ||
	    (bytes = lua_tolstring(L, -1, &size), size != CE_ANONYMIZE_KEY))
		luaL_error(L, "option key: a string of %d bytes is wanted",
		           CE_ANONYMIZE_KEY);
	else
		memcpy(key, bytes, CE_ANONYMIZE_KEY);
	lua_pop(L, 1);
}

static enum ce_anonymize_payload check_payload(lua_State *L)
{
	static const char *const names[] = {"keep", "cut", "zero"};
	const char *name;
	int i = 0;

	if (lua_getfield(L, 1, "payload") == LUA_TNIL) {
		lua_pop(L, 1);
		return CE_ANONYMIZE_CUT;
	}
	name = lua_tostring(L, -1);
	while (i < 3 && (!name || strcmp(names[i], name) != 0))
		i++;
	if (i == 3)
		luaL_error(L, "option payload: keep, cut or zero is wanted");
	lua_pop(L, 1);
	return (enum ce_anonymize_payload)i;
}

/* capengine.anonymizer(options) -> anonymizer */
static int anonymizer_open(lua_State *L)
{
	static const char *const names[] = {"key", "mac", "payload", NULL};
	struct ce_anonymize_options options;
	struct anonymizer *self;

	ce_lua_check_names(L, 1, "capengine.anonymizer", names);
	lua_settop(L, 1);
	check_key(L, options.key);
	options.payload = check_payload(L);
	lua_getfield(L, 1, "mac");
	options.mac = lua_toboolean(L, -1);
	self = lua_newuserdatauv(L, sizeof(*self), 0);
	self->anonymize = NULL;
	luaL_setmetatable(L, CE_LUA_ANONYMIZER);
	if (ce_anonymize_open(&self->anonymize, &options) < 0)
		return luaL_error(L, "out of memory");
	return 1;
}

static int anonymizer_gc(lua_State *L)
{
	struct anonymizer *self = luaL_checkudata(L, 1, CE_LUA_ANONYMIZER);

	ce_anonymize_close(self->anonymize);
	self->anonymize = NULL;
	return 0;
}

/* anonymizer:packet(packet) -> packet, a kept one */
static int anonymizer_packet(lua_State *L)
{
	struct ce_anonymize *anonymize = check_anonymizer(L);
	unsigned char *bytes;
	struct ce_lua_packet *packet = ce_lua_push_kept(L, 2, &bytes);
	struct ce_record *record = &packet->record;

	record->caplen = ce_anonymize_packet(anonymize, packet->origin.linktype, bytes,
	                                     record->caplen, record->len);
	return 1;
}

/* anonymizer:address(text) -> text */
static int anonymizer_address(lua_State *L)
{
	struct ce_anonymize *anonymize = check_anonymizer(L);
	const char *text = luaL_checkstring(L, 2);
	unsigned char address[sizeof(struct in6_addr)];
	char other[INET6_ADDRSTRLEN];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	luaL_argcheck(L, inet_pton(family, text, address) == 1, 2, "no address");
	ce_anonymize_address(anonymize, address, family == AF_INET ? 4 : 16);
	lua_pushstring(L, inet_ntop(family, address, other, sizeof(other)));
	return 1;
}

const luaL_Reg ce_lua_anonymizer_functions[] = {
	{"anonymizer", anonymizer_open},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"address", anonymizer_address},
	{"packet", anonymizer_packet},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__gc", anonymizer_gc},
	{NULL, NULL},
};

void ce_lua_open_anonymizer(lua_State *L)
{
	ce_lua_class(L, CE_LUA_ANONYMIZER, metamethods, methods);
}
