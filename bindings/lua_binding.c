/* SPDX-License-Identifier: BSD-3-Clause */
/* lua_binding.c - see lua_binding.h. */
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "lua_binding.h"

static const char state_key; /* its address is the key in the registry */

/* The struct is the first userdata of all, and so the last that is collected. */
static int close_state(lua_State *L)
{
	struct ce_lua *lua = lua_touserdata(L, 1);

	ce_decode_close(lua->kept_decode);
	lua->kept_decode = NULL;
	return 0;
}

struct ce_lua *ce_lua_get(lua_State *L)
{
	struct ce_lua *lua;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
	lua = lua_touserdata(L, -1);
	lua_pop(L, 1);
	if (lua)
		return lua;
	lua = lua_newuserdatauv(L, sizeof(*lua), 0);
	memset(lua, 0, sizeof(*lua));
	lua->epoch = 1; /* no extractor has seen columns of it yet */
	if (getrandom(&lua->seed, sizeof(lua->seed), GRND_NONBLOCK) < 0)
		lua->seed = (uint64_t)ce_clock_mono_ns();
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, close_state);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
	return lua;
}

struct ce_dump_pool *ce_lua_take_pool(struct ce_lua *lua)
{
	int refused;

	if (!lua->pool) {
		if (ce_dump_pool_open(&lua->pool, 0) < 0)
			return NULL;
		ce_lua_start_beat(lua);
	}
	ce_dump_pool_hurry(lua->pool, lua->hurry);
	lua->pool_users++;
	refused = ce_dump_pool_refused(lua->pool);
	if (refused && lua->refused && !lua->told_refused) {
		lua->told_refused = true;
		lua->refused(refused);
	}
	return lua->pool;
}

void ce_lua_give_pool(struct ce_lua *lua)
{
	if (--lua->pool_users)
		return;
	ce_dump_pool_close(lua->pool);
	lua->pool = NULL;
}

void ce_lua_add_stats(struct ce_stats *sum, const struct ce_stats *one)
{
	sum->received += one->received;
	sum->captured += one->captured;
	sum->kernel_drops += one->kernel_drops;
	sum->interface_drops += one->interface_drops;
	sum->filtered += one->filtered;
	sum->delivered += one->delivered;
	sum->undelivered += one->undelivered;
	sum->written += one->written;
}

void ce_lua_stats(struct ce_lua *lua, struct ce_stats *sum)
{
	*sum = lua->closed;
	for (struct ce_lua_handle *handle = lua->handles; handle; handle = handle->next) {
		struct ce_stats one = {0};

		ce_lua_handle_stats(handle, &one);
		ce_lua_add_stats(sum, &one);
	}
}

int ce_lua_fail(lua_State *L, int code, const char *text)
{
	lua_pushnil(L);
	lua_pushstring(L, text ? text : strerror(-code));
	lua_pushstring(L, ce_err_name(code));
	return 3;
}

int ce_lua_check_int(lua_State *L, int arg)
{
	lua_Integer value = luaL_checkinteger(L, arg);

	luaL_argcheck(L, value >= INT_MIN && value <= INT_MAX, arg, "out of range");
	return (int)value;
}

const char *ce_lua_check_name(lua_State *L, int arg)
{
	size_t length;
	const char *name = luaL_checklstring(L, arg, &length);

	luaL_argcheck(L, strlen(name) == length, arg, "a name has no NUL");
	return name;
}

void ce_lua_set_count(lua_State *L, const char *name, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, name);
}

void ce_lua_lock_class(lua_State *L)
{
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
}

void ce_lua_class(lua_State *L, const char *name, const luaL_Reg *metamethods,
                  const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	luaL_setfuncs(L, metamethods, 0);
	ce_lua_lock_class(L);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void ce_lua_add_methods(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_getmetatable(L, name);
	lua_getfield(L, -1, "__index");
	luaL_setfuncs(L, methods, 0);
	lua_pop(L, 2);
}
