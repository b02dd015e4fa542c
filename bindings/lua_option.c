/* SPDX-License-Identifier: BSD-3-Clause */
/* lua_option.c - what a call that takes a table of options reads from it. */
#include <string.h>

#include "lua_binding.h"

const char *ce_lua_push_meant(lua_State *L, const char *best)
{
	char meant[CE_NEAR_MEANT];

	return lua_pushstring(L, ce_near_meant(meant, "", best));
}

/* Raise for a name that is none of the methods, argument 1. */
static int refuse_member(lua_State *L)
{
	struct ce_near near = {.name = luaL_tolstring(L, 2, NULL)};

	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING)
			ce_near_try(&near, lua_tostring(L, -2));
	return luaL_error(L, "%s has no member %s%s",
	                  lua_tostring(L, lua_upvalueindex(1)), near.name,
	                  near.best ? ce_lua_push_meant(L, near.best)
	                            : lua_tostring(L, lua_upvalueindex(2)));
}

void ce_lua_refuse_members(lua_State *L, const char *whose, const char *hint)
{
	lua_createtable(L, 0, 1);
	lua_pushstring(L, whose);
	lua_pushstring(L, hint);
	lua_pushcclosure(L, refuse_member, 2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

void ce_lua_check_names(lua_State *L, int index, const char *call,
                        const char *const *names)
{
	luaL_checktype(L, index, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
		                                                  : "?";
		size_t i = 0;

		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (!names[i])
			luaL_error(L, "%s has no option %s%s", call, name,
			           ce_lua_push_meant(L, ce_near(name, names)));
	}
}

lua_Integer ce_lua_option_integer(lua_State *L, int index, const char *name,
                                  lua_Integer least, lua_Integer most, lua_Integer absent)
{
	lua_Integer value = absent;
	int is_integer;

	if (lua_getfield(L, index, name) != LUA_TNIL) {
		value = lua_tointegerx(L, -1, &is_integer);
		if (!is_integer || value < least || value > most)
			luaL_error(L, "option %s: an integer from %I to %I is wanted",
			           name, least, most);
	}
	lua_pop(L, 1);
	return value;
}

bool ce_lua_option_boolean(lua_State *L, int index, const char *name)
{
	bool value;

	if (lua_getfield(L, index, name) != LUA_TNIL && !lua_isboolean(L, -1))
		luaL_error(L, "option %s: true or false is wanted", name);
	value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

/* The field whose name is on top of the stack. [-1, +0, v] */
static const struct ce_field *pop_field(lua_State *L, const char *option)
{
	const struct ce_field *field;

	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "option %s: a field's name or a list of them is wanted",
		           option);
	field = ce_lua_check_column_field(L, lua_gettop(L));
	lua_pop(L, 1);
	return field;
}

size_t ce_lua_option_fields(lua_State *L, int index, const char *name,
                            const struct ce_field **fields, size_t most)
{
	size_t count = 0;

	switch (lua_getfield(L, index, name)) {
	case LUA_TNIL:
		break;
	case LUA_TTABLE:
		count = lua_rawlen(L, -1);
		if (count > most)
			luaL_error(L, "option %s: at most %d fields are possible", name,
			           (int)most);
		for (size_t i = 0; i < count; i++) {
			lua_rawgeti(L, -1, (lua_Integer)i + 1);
			fields[i] = pop_field(L, name);
		}
		break;
	default:
		if (!most)
			luaL_error(L, "option %s: one field too many", name);
		lua_pushvalue(L, -1);
		fields[count++] = pop_field(L, name);
	}
	lua_pop(L, 1);
	return count;
}

bool ce_lua_option_seed(lua_State *L, int index, uint64_t *seed)
{
	int type = lua_getfield(L, index, "seed");

	lua_pop(L, 1);
	*seed = (uint64_t)ce_lua_option_integer(L, index, "seed", LUA_MININTEGER,
	                                        LUA_MAXINTEGER, 0);
	return type != LUA_TNIL;
}
