/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_bpf.c - filters: compile, setfilter, offline_filter; binds
 * <capengine/filter.h>.
 *
 * A bpf object keeps its expression, so that one compiled for a handle can be
 * set on another: it is compiled anew for each link type that it meets.
 */
#include <errno.h>
#include <string.h>

#include "lua_binding.h"

struct bpf {
	struct ce_filter *filter; /* NULL: none yet */
};

/* The filter of the bpf object at `arg`. [-0, +0, v] */
static struct ce_filter *check_filter(lua_State *L, int arg)
{
	const struct bpf *bpf = luaL_checkudata(L, arg, CE_LUA_BPF);

	luaL_argcheck(L, bpf->filter, arg, "the bpf object was collected");
	return bpf->filter;
}

uint32_t ce_lua_check_netmask(lua_State *L, int arg)
{
	lua_Integer netmask = luaL_optinteger(L, arg, CE_FILTER_NETMASK_UNKNOWN);

	luaL_argcheck(L, netmask >= INT32_MIN && netmask <= UINT32_MAX, arg,
	              "a netmask has 32 bits");
	return (uint32_t)netmask;
}

/* Push a bpf object for the expression. 0 or a negative errno. [-0, +1, m] */
static int push_bpf(lua_State *L, const char *expression, uint32_t netmask)
{
	struct bpf *bpf = lua_newuserdatauv(L, sizeof(*bpf), 0);

	bpf->filter = NULL;
	luaL_setmetatable(L, CE_LUA_BPF);
	return ce_filter_open(&bpf->filter, expression, netmask);
}

/*
 * pcap.compile(handle, filterspec [, netmask]) -> bpf | nil, message, code
 *
 * netmask as lookupnet gives it; nil or absent: unknown. An expression that
 * names a host asks the resolver, and waits for it.
 */
static int handle_compile(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	size_t length;
	const char *expression = luaL_checklstring(L, 2, &length);
	uint32_t netmask = ce_lua_check_netmask(L, 3);
	int rc;

	if (strlen(expression) != length)
		rc = ce_err_set(
			&handle->last, -EINVAL,
			"a filter expression has no NUL, and this has one at byte %zu",
			strlen(expression) + 1);
	else
		rc = ce_reader_compile(handle->reader, expression, netmask,
		                       &handle->last);
	if (rc == 0) {
		rc = push_bpf(L, expression, netmask);
		if (rc < 0)
			ce_err_set(&handle->last, rc, "out of memory");
	}
	return rc < 0 ? ce_lua_fail(L, rc, handle->last.text) : 1;
}

/*
 * pcap.setfilter(handle, bpf) -> 0 | -1, message, code
 *
 * Holds from the very next packet on, also inside a callback. On a savefile
 * nothing is lost to read-ahead: what a filter before rejected, and what comes
 * after the current packet, is looked at anew.
 */
static int handle_setfilter(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	struct ce_filter *filter = check_filter(L, 2);
	int rc = ce_reader_setfilter(handle->reader, ce_filter_expression(filter),
	                             ce_filter_netmask(filter), &handle->last);

	if (rc == 0) {
		lua_pushinteger(L, 0);
		return 1;
	}
	lua_pushinteger(L, -1);
	lua_pushstring(L, handle->last.text);
	lua_pushstring(L, ce_err_name(rc));
	return 3;
}

/* pcap.offline_filter(bpf, packet) -> boolean | nil, message, code */
static int bpf_offline_filter(lua_State *L)
{
	struct ce_filter *filter = check_filter(L, 1);
	const struct ce_lua_packet packet = ce_lua_check_packet(L, 2);
	struct ce_err err;
	int rc = ce_filter_match(filter, &packet.origin, packet.record.caplen,
	                         packet.record.len, packet.data, &err);

	if (rc < 0)
		return ce_lua_fail(L, rc, err.text);
	lua_pushboolean(L, rc);
	return 1;
}

static int bpf_tostring(lua_State *L)
{
	lua_pushfstring(L, "bpf: %s", ce_filter_expression(check_filter(L, 1)));
	return 1;
}

static int bpf_gc(lua_State *L)
{
	struct bpf *bpf = luaL_checkudata(L, 1, CE_LUA_BPF);

	ce_filter_close(bpf->filter);
	bpf->filter = NULL;
	return 0;
}

const luaL_Reg ce_lua_filter_methods[] = {
	{"compile", handle_compile},
	{"setfilter", handle_setfilter},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"offline_filter", bpf_offline_filter},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__gc", bpf_gc},
	{"__tostring", bpf_tostring},
	{NULL, NULL},
};

void ce_lua_open_bpf(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	ce_lua_class(L, CE_LUA_BPF, metamethods, methods);
}
