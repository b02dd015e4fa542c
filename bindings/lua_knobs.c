/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_knobs.c - how handles come to be: open_live, open_offline, open_dead, and
 * create with its knobs and activate.
 */
#include <limits.h>

#include "lua_binding.h"

/* An integer argument, brought into the range of C's int. [-0, +0, v] */
static int check_int(lua_State *L, int arg)
{
	lua_Integer value = luaL_checkinteger(L, arg);

	return value > INT_MAX ? INT_MAX : value < INT_MIN ? INT_MIN : (int)value;
}

/* A boolean, or a number with C's meaning. [-0, +0, v] */
static bool check_flag(lua_State *L, int arg)
{
	if (lua_isboolean(L, arg))
		return lua_toboolean(L, arg);
	return luaL_checkinteger(L, arg) != 0;
}

/* The documented ERRBUF: nil, false, or a table whose `message` is set. [-0, +0, v] */
static void check_errbuf(lua_State *L, int arg)
{
	if (lua_toboolean(L, arg))
		luaL_checktype(L, arg, LUA_TTABLE);
}

/*
 * Activate the handle on top of the stack, which is then the result; or what
 * open calls give when that fails. errbuf is an argument's index. [-1, +1 or 3, m]
 */
static int push_opened(lua_State *L, struct ce_lua_handle *handle, int errbuf)
{
	int rc = ce_lua_activate(L, handle);

	if (rc >= 0)
		return 1;
	ce_lua_close_handle(ce_lua_get(L), handle); /* nobody gets it */
	if (lua_toboolean(L, errbuf)) {
		lua_pushstring(L, handle->last.text);
		lua_setfield(L, errbuf, "message");
	}
	return ce_lua_fail(L, rc, handle->last.text);
}

/*
 * pcap.open_live(device, snaplen, promisc, timeout_ms [, errbuf])
 *   -> handle | nil, message, code
 */
static int open_live(lua_State *L)
{
	const char *device = ce_lua_check_name(L, 1);
	struct ce_source_options source = {
		.snaplen = check_int(L, 2),
		.promisc = check_flag(L, 3),
		.timeout_ms = check_int(L, 4),
	};
	struct ce_lua_handle *handle;

	check_errbuf(L, 5);
	lua_settop(L, 5);
	handle = ce_lua_push_handle(L);
	handle->options.kind = &ce_source_live;
	handle->options.source = source;
	ce_lua_keep_names(L, handle, &device, 1);
	return push_opened(L, handle, 5);
}

/* pcap.open_offline(filename [, errbuf]) -> handle | nil, message, code */
static int open_offline(lua_State *L)
{
	const char *filename = ce_lua_check_name(L, 1);
	struct ce_lua_handle *handle;

	check_errbuf(L, 2);
	lua_settop(L, 2);
	handle = ce_lua_push_handle(L);
	handle->options.kind = &ce_source_savefile;
	ce_lua_keep_names(L, handle, &filename, 1);
	return push_opened(L, handle, 2);
}

/*
 * pcap.open_dead(linktype, snaplen) -> handle
 *
 * A handle without packets: to compile filters and to open dumpers.
 */
static int open_dead(lua_State *L)
{
	struct ce_source_options source = {
		.linktype = check_int(L, 1),
		.snaplen = check_int(L, 2),
	};
	struct ce_lua_handle *handle;

	lua_settop(L, 2);
	handle = ce_lua_push_handle(L);
	handle->options.kind = &ce_source_memory;
	handle->options.source = source;
	return push_opened(L, handle, 3);
}

/* pcap.create(device) -> handle, to be activated */
static int create(lua_State *L)
{
	const char *device = ce_lua_check_name(L, 1);
	struct ce_lua_handle *handle = ce_lua_push_handle(L);

	handle->options.kind = &ce_source_live;
	ce_lua_keep_names(L, handle, &device, 1);
	return 1;
}

/* The handle at argument 1, created and not yet activated. [-0, +0, v] */
static struct ce_lua_handle *check_created(lua_State *L)
{
	struct ce_lua_handle *handle = luaL_checkudata(L, 1, CE_LUA_HANDLE);

	luaL_argcheck(L, !handle->closed, 1, "the handle is closed");
	luaL_argcheck(L, !handle->activated, 1, "the handle is activated already");
	return handle;
}

/* pcap.activate(handle) -> 0 | nil, message, code; may be called again then. */
static int handle_activate(lua_State *L)
{
	struct ce_lua_handle *handle = check_created(L);
	int rc = ce_lua_activate(L, handle);

	if (rc < 0)
		return ce_lua_fail(L, rc, handle->last.text);
	lua_pushinteger(L, 0);
	return 1;
}

/* Every set_ call returns 0, as libpcap's do. [-0, +1, -] */
static int done(lua_State *L)
{
	lua_pushinteger(L, 0);
	return 1;
}

static int handle_set_snaplen(lua_State *L)
{
	check_created(L)->options.source.snaplen = check_int(L, 2);
	return done(L);
}

static int handle_set_promisc(lua_State *L)
{
	check_created(L)->options.source.promisc = check_flag(L, 2);
	return done(L);
}

static int handle_set_rfmon(lua_State *L)
{
	check_created(L)->options.source.rfmon = check_flag(L, 2);
	return done(L);
}

static int handle_set_timeout(lua_State *L)
{
	check_created(L)->options.source.timeout_ms = check_int(L, 2);
	return done(L);
}

static int handle_set_buffer_size(lua_State *L)
{
	struct ce_lua_handle *handle = check_created(L);
	int bytes = check_int(L, 2);

	luaL_argcheck(L, bytes > 0, 2, "a buffer has at least one byte");
	handle->options.source.buffer_bytes = bytes;
	return done(L);
}

static int handle_set_immediate_mode(lua_State *L)
{
	check_created(L)->options.source.immediate = check_flag(L, 2);
	return done(L);
}

static const char *const precisions[] = {"micro", "nano", NULL};

/* handle:set_tstamp_precision("micro" | "nano"); "nano" is the default. */
static int handle_set_tstamp_precision(lua_State *L)
{
	struct ce_lua_handle *handle = check_created(L);

	handle->options.source.micro = luaL_checkoption(L, 2, NULL, precisions) == 0;
	return done(L);
}

static const char *const tstamp_types[] = {
	"host",    "host_lowprec",     "host_hiprec",
	"adapter", "adapter_unsynced", "host_hiprec_unsynced",
	NULL,
};

/* handle:set_tstamp_type(name): names as of pcap-tstamp(7). */
static int handle_set_tstamp_type(lua_State *L)
{
	struct ce_lua_handle *handle = check_created(L);

	handle->options.source.tstamp_type =
		tstamp_types[luaL_checkoption(L, 2, NULL, tstamp_types)];
	return done(L);
}

const luaL_Reg ce_lua_knob_methods[] = {
	{"activate", handle_activate},
	{"set_buffer_size", handle_set_buffer_size},
	{"set_immediate_mode", handle_set_immediate_mode},
	{"set_promisc", handle_set_promisc},
	{"set_rfmon", handle_set_rfmon},
	{"set_snaplen", handle_set_snaplen},
	{"set_timeout", handle_set_timeout},
	{"set_tstamp_precision", handle_set_tstamp_precision},
	{"set_tstamp_type", handle_set_tstamp_type},
	{NULL, NULL},
};

static const luaL_Reg functions[] = {
	{"create", create},
	{"open_dead", open_dead},
	{"open_live", open_live},
	{"open_offline", open_offline},
	{NULL, NULL},
};

void ce_lua_open_knobs(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
