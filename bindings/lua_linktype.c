/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_linktype.c - names of link types and of time stamp types, and libpcap's
 * version: libpcap's own tables.
 */
#include <limits.h>
#include <pcap/pcap.h>

#include "lua_binding.h"

/* Push what a table of libpcap's says of a number: a string or nil. [-0, +1, e] */
static int push_name(lua_State *L, const char *(*name_of)(int))
{
	lua_Integer value = luaL_checkinteger(L, 1);
	const char *name = value < 0 || value > INT_MAX ? NULL : name_of((int)value);

	lua_pushstring(L, name); /* nil for NULL */
	return 1;
}

/* Push what a table of libpcap's says of a name: a number or nil. [-0, +1, e] */
static int push_value(lua_State *L, int (*value_of)(const char *))
{
	int value = value_of(luaL_checkstring(L, 1));

	if (value < 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, value);
	return 1;
}

/* pcap.datalink_val_to_name(linktype) -> "EN10MB" | nil */
static int datalink_val_to_name(lua_State *L)
{
	return push_name(L, pcap_datalink_val_to_name);
}

/* pcap.datalink_val_to_description(linktype) -> "Ethernet" | nil */
static int datalink_val_to_description(lua_State *L)
{
	return push_name(L, pcap_datalink_val_to_description);
}

/* pcap.datalink_name_to_val(name) -> linktype | nil; in either case. */
static int datalink_name_to_val(lua_State *L)
{
	return push_value(L, pcap_datalink_name_to_val);
}

static int tstamp_type_val_to_name(lua_State *L)
{
	return push_name(L, pcap_tstamp_type_val_to_name);
}

static int tstamp_type_val_to_description(lua_State *L)
{
	return push_name(L, pcap_tstamp_type_val_to_description);
}

static int tstamp_type_name_to_val(lua_State *L)
{
	return push_value(L, pcap_tstamp_type_name_to_val);
}

/* pcap.lib_version() -> "libpcap version 1.10.3 ..." */
static int lib_version(lua_State *L)
{
	lua_pushstring(L, pcap_lib_version());
	return 1;
}

static const luaL_Reg functions[] = {
	{"datalink_name_to_val", datalink_name_to_val},
	{"datalink_val_to_description", datalink_val_to_description},
	{"datalink_val_to_name", datalink_val_to_name},
	{"lib_version", lib_version},
	{"tstamp_type_name_to_val", tstamp_type_name_to_val},
	{"tstamp_type_val_to_description", tstamp_type_val_to_description},
	{"tstamp_type_val_to_name", tstamp_type_val_to_name},
	{NULL, NULL},
};

void ce_lua_open_linktype(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
