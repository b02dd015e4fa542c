/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_where.c - batch:where; binds <capengine/where.h>.
 *
 * An expression is compiled once: a table with weak values has those that are in use,
 * by their text.
 */
#include <errno.h>
#include <string.h>

#include "lua_binding.h"

enum { UPVALUE_COMPILED = 1 };

struct compiled {
	struct ce_where *where; /* NULL: not compiled */
};

static int close_compiled(lua_State *L)
{
	struct compiled *compiled = luaL_checkudata(L, 1, CE_LUA_WHERE);

	ce_where_close(compiled->where);
	compiled->where = NULL;
	return 0;
}

/* Push the program of the expression at argument 2. [-0, +1, e] */
static struct ce_where *push_compiled(lua_State *L)
{
	size_t length;
	const char *expression = luaL_checklstring(L, 2, &length);
	struct compiled *compiled;
	struct ce_err err;
	int rc;

	luaL_argcheck(L, strlen(expression) == length, 2, "an expression has no NUL");
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(UPVALUE_COMPILED)) != LUA_TNIL) {
		compiled = lua_touserdata(L, -1);
		/* A state that closes runs finalizers and clears no weak table. */
		luaL_argcheck(L, compiled->where, 2, "the expression was collected");
		return compiled->where;
	}
	lua_pop(L, 1);
	compiled = lua_newuserdatauv(L, sizeof(*compiled), 0);
	compiled->where = NULL;
	luaL_setmetatable(L, CE_LUA_WHERE);
	rc = ce_where_open(&compiled->where, expression, &err);
	if (rc == -ENOMEM)
		luaL_error(L, "out of memory");
	if (rc < 0)
		luaL_error(L, "%s", err.text);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, lua_upvalueindex(UPVALUE_COMPILED));
	return compiled->where;
}

/*
 * batch:where(expression) -> batch of those of its packets that match
 *
 * Raises for an expression that does not compile.
 */
static int batch_where(lua_State *L)
{
	struct ce_lua_batch *batch;
	struct ce_where *where;

	ce_lua_check_batch(L, 1);
	lua_settop(L, 2);
	where = push_compiled(L);
	batch = ce_lua_narrow_batch(L, 1);
	ce_lua_check_batch(L, 1); /* a finalizer may have closed its handle */
	if (ce_where_select(where, ce_lua_decode(L, batch), batch->selected) < 0)
		luaL_error(L, "out of memory");
	batch->count = ce_selection_count(batch->selected, 0, CE_BATCH_PACKETS);
	return 1;
}

/* The table of programs, whose values are weak. [-0, +1, m] */
static void push_cache(lua_State *L)
{
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
}

static const luaL_Reg methods[] = {
	{"where", batch_where},
	{NULL, NULL},
};

void ce_lua_open_where(lua_State *L)
{
	luaL_newmetatable(L, CE_LUA_WHERE);
	lua_pushcfunction(L, close_compiled);
	lua_setfield(L, -2, "__gc");
	ce_lua_lock_class(L);
	lua_pop(L, 1);

	luaL_getmetatable(L, CE_LUA_BATCH);
	lua_getfield(L, -1, "__index");
	push_cache(L);
	luaL_setfuncs(L, methods, 1);
	lua_pop(L, 2);
}
