/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_parts.c - loads the parts of the module that are written in Lua, each once for a
 * state and when it is first used, so that a script that uses none pays for none.
 *
 * A part is called with `need`, which gives another part by its name, and `host`, what
 * lua_output.c has for it.
 */
#include <string.h>

#include "lua_binding.h"
#include "lua_parts.h"

static const struct ce_lua_part *find(const char *name)
{
	const struct ce_lua_part *part = ce_lua_parts;

	while (part->name && strcmp(part->name, name) != 0)
		part++;
	return part->name ? part : NULL;
}

/* need(name) -> the part */
static int need(lua_State *L)
{
	ce_lua_push_part(L, luaL_checkstring(L, 1));
	return 1;
}

/* Load the part. [-0, +1, e] */
static void load(lua_State *L, const char *name)
{
	const struct ce_lua_part *part = find(name);

	if (!part)
		luaL_error(L, "capengine has no part %s", name);
	lua_pushfstring(L, "=capengine.%s", name);
	if (luaL_loadbufferx(L, (const char *)part->text, part->bytes,
	                     lua_tostring(L, -1), "t") != LUA_OK)
		lua_error(L);
	lua_remove(L, -2);
	lua_pushcfunction(L, need);
	ce_lua_push_host(L);
	lua_call(L, 2, 1);
}

void ce_lua_push_part(lua_State *L, const char *name)
{
	luaL_checkstack(L, 6, NULL);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, "capengine.parts");
	if (lua_getfield(L, -1, name) == LUA_TNIL) {
		lua_pop(L, 1);
		load(L, name);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, name);
	}
	lua_remove(L, -2);
}

/* Call the function that a part is, with all arguments. */
static int call_part(lua_State *L, const char *name)
{
	ce_lua_push_part(L, name);
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* capengine.table(options) -> table */
static int table(lua_State *L)
{
	return call_part(L, "table");
}

/* capengine.histogram(options) -> histogram */
static int histogram(lua_State *L)
{
	return call_part(L, "histogram");
}

/* capengine.series(options) -> series */
static int series(lua_State *L)
{
	return call_part(L, "series");
}

const luaL_Reg ce_lua_part_functions[] = {
	{"histogram", histogram},
	{"series", series},
	{"table", table},
	{NULL, NULL},
};
