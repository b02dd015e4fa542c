/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_strings.c - a classic Lua 5.4 binding of libpcap, as pcap-lua and others are:
 * each packet is a new Lua string.
 *
 *     local pcap = require "peer_strings"
 *     local handle = pcap.open_offline(path)    raises when it cannot
 *     local data, len = handle:next()           nil at the end
 *     handle:loop(function(data, len) ... end)
 */
#include <lauxlib.h>
#include <lua.h>
#include <pcap/pcap.h>

static const char class[] = "peer_strings";

static pcap_t *check_handle(lua_State *L)
{
	return *(pcap_t **)luaL_checkudata(L, 1, class);
}

static int open_offline(lua_State *L)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t **handle = lua_newuserdatauv(L, sizeof(pcap_t *), 0);

	*handle = pcap_open_offline(luaL_checkstring(L, 1), message);
	if (!*handle)
		return luaL_error(L, "%s", message);
	luaL_setmetatable(L, class);
	return 1;
}

static int next_packet(lua_State *L)
{
	struct pcap_pkthdr *header;
	const unsigned char *data;

	if (pcap_next_ex(check_handle(L), &header, &data) != 1)
		return 0;
	lua_pushlstring(L, (const char *)data, header->caplen);
	lua_pushinteger(L, header->len);
	return 2;
}

static lua_Integer called;

static void call(unsigned char *user, const struct pcap_pkthdr *header,
                 const unsigned char *data)
{
	lua_State *L = (void *)user;

	lua_pushvalue(L, 2);
	lua_pushlstring(L, (const char *)data, header->caplen);
	lua_pushinteger(L, header->len);
	lua_call(L, 2, 0);
	called++;
}

static int loop(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TFUNCTION);
	pcap_loop(check_handle(L), -1, call, (unsigned char *)L);
	lua_pushinteger(L, called);
	return 1;
}

static int close_handle(lua_State *L)
{
	pcap_close(check_handle(L));
	return 0;
}

int luaopen_peer_strings(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"next", next_packet}, {"loop", loop}, {"__gc", close_handle}, {0}};
	static const luaL_Reg functions[] = {{"open_offline", open_offline}, {0}};

	luaL_newmetatable(L, class);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	luaL_newlib(L, functions);
	return 1;
}
