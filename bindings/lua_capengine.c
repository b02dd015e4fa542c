/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_capengine.c - what `require` finds: "capengine", and in it "pcap".
 *
 * Both come from one registration, so that a script may use either or both.
 */
#include <stdlib.h>

#include "lua_binding.h"

/* Push the module `pcap`, made at the first call. [-0, +1, m] */
static void push_pcap(lua_State *L)
{
	if (lua_getfield(L, LUA_REGISTRYINDEX, "capengine.pcap") == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	ce_lua_get(L)->expire_each |= getenv("CAPENGINE_EXPIRE_EACH") != NULL;
	lua_newtable(L);
	lua_pushinteger(L, -2);
	lua_setfield(L, -2, "BREAK");
	lua_pushinteger(L, CE_FILTER_NETMASK_UNKNOWN);
	lua_setfield(L, -2, "NETMASK_UNKNOWN");
	ce_lua_open_packet(L);
	ce_lua_open_batch(L);
	ce_lua_open_handle(L);
	ce_lua_open_knobs(L);
	ce_lua_open_bpf(L);
	ce_lua_open_dumper(L);
	ce_lua_open_device(L);
	ce_lua_open_group(L);
	ce_lua_open_rows(L);
	ce_lua_open_top(L);
	ce_lua_open_distinct(L);
	ce_lua_open_anonymizer(L);
	ce_lua_open_linktype(L);
	ce_lua_open_savefile(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.pcap");
}

int luaopen_capengine_pcap(lua_State *L)
{
	push_pcap(L);
	return 1;
}

/* capengine.version() -> "0.1.0" */
static int version(lua_State *L)
{
	lua_pushstring(L, ce_version());
	return 1;
}

static const luaL_Reg functions[] = {
	{"version", version},
	{NULL, NULL},
};

int luaopen_capengine(lua_State *L)
{
	luaL_newlib(L, functions);
	luaL_setfuncs(L, ce_lua_savefile_functions, 0);
	luaL_setfuncs(L, ce_lua_field_functions, 0);
	luaL_setfuncs(L, ce_lua_open_functions, 0);
	luaL_setfuncs(L, ce_lua_group_functions, 0);
	luaL_setfuncs(L, ce_lua_top_functions, 0);
	luaL_setfuncs(L, ce_lua_distinct_functions, 0);
	luaL_setfuncs(L, ce_lua_anonymizer_functions, 0);
	luaL_setfuncs(L, ce_lua_run_functions, 0);
	luaL_setfuncs(L, ce_lua_part_functions, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.module");
	push_pcap(L);
	lua_setfield(L, -2, "pcap");
	return 1;
}
