/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_open.c - capengine.open: a source by its name, with options in a table.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lua_binding.h"

/* The table of options at index 2. Its strings stay with it. [-0, +0, v] */
static void read_options(lua_State *L, struct ce_reader_options *options)
{
	static const char *const names[] = {
		"batch", "buffer_bytes", "filter",  "immediate",  "limit", "promisc",
		"rfmon", "ring_bytes",   "snaplen", "timeout_ms", NULL,
	};

	ce_lua_check_names(L, 2, "capengine.open", names);
	options->source.snaplen =
		(int)ce_lua_option_integer(L, 2, "snaplen", 1, INT_MAX, 0);
	options->source.timeout_ms =
		(int)ce_lua_option_integer(L, 2, "timeout_ms", 1, INT_MAX, 0);
	options->source.buffer_bytes =
		(int)ce_lua_option_integer(L, 2, "buffer_bytes", 1, INT_MAX, 0);
	options->source.promisc = ce_lua_option_boolean(L, 2, "promisc");
	options->source.rfmon = ce_lua_option_boolean(L, 2, "rfmon");
	options->source.immediate = ce_lua_option_boolean(L, 2, "immediate");
	options->capture.ring_bytes = (size_t)ce_lua_option_integer(
		L, 2, "ring_bytes", 1 << 20, (lua_Integer)16 << 30, 0);
	options->capture.batch =
		(uint32_t)ce_lua_option_integer(L, 2, "batch", 1, CE_BATCH_PACKETS, 0);
	options->limit =
		(uint64_t)ce_lua_option_integer(L, 2, "limit", 1, LUA_MAXINTEGER, 0);
	if (lua_getfield(L, 2, "filter") != LUA_TNIL && !lua_isstring(L, -1))
		luaL_error(L, "option filter: a string is wanted");
	options->filter = lua_tostring(L, -1);
	lua_pop(L, 1);
}

static const char *after(const char *spec, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(spec, prefix, length) ? NULL : spec + length;
}

/* Is a bare name a file's? Else it is an interface's. */
static bool is_file(const char *name)
{
	struct stat status;

	return !strcmp(name, "-") || strchr(name, '/') || stat(name, &status) == 0;
}

/* What the name at index 1 stands for. [-0, +0, e] */
static void set_source(lua_State *L, struct ce_lua_handle *handle)
{
	const char *spec = luaL_checkstring(L, 1);
	const char *device = after(spec, "live:"), *file = after(spec, "file:");

	if (!device && !file) {
		file = is_file(spec) ? spec : NULL;
		device = spec;
	}
	handle->options.kind = file ? &ce_source_savefile : &ce_source_live;
	ce_lua_keep_names(L, handle, file ? &file : &device, 1);
}

/* The same for a list of files at index 1. [-0, +0, e] */
static void set_files(lua_State *L, struct ce_lua_handle *handle)
{
	lua_Unsigned count = lua_rawlen(L, 1);
	const char **files = lua_newuserdatauv(L, (count + 1) * sizeof(*files), 0);

	luaL_argcheck(L, count > 0, 1, "no files");
	for (lua_Unsigned i = 0; i < count; i++) {
		if (lua_rawgeti(L, 1, (lua_Integer)i + 1) != LUA_TSTRING)
			luaL_argerror(L, 1, "a list of files has strings");
		files[i] = lua_tostring(L, -1); /* which the list keeps */
		lua_pop(L, 1);
	}
	handle->options.kind = &ce_source_savefile;
	ce_lua_keep_names(L, handle, files, (size_t)count);
	lua_pop(L, 1);
}

/*
 * capengine.open(spec [, options]) -> handle | nil, message, code
 *
 * spec is "live:IFACE", "file:PATH", a list of files, or a bare name: a file if one
 * is there, or if it has a slash or is "-", and an interface otherwise.
 */
static int open(lua_State *L)
{
	struct ce_lua_handle *handle;
	int rc;

	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	handle = ce_lua_push_handle(L);
	if (lua_istable(L, 2))
		read_options(L, &handle->options);
	if (lua_istable(L, 1))
		set_files(L, handle);
	else
		set_source(L, handle);
	rc = ce_lua_activate(L, handle);
	handle->options.filter = NULL;
	if (rc >= 0)
		return 1;
	ce_lua_close_handle(ce_lua_get(L), handle); /* nobody gets it */
	return ce_lua_fail(L, rc, ce_err_words(&handle->last));
}

const luaL_Reg ce_lua_open_functions[] = {
	{"open", open},
	{NULL, NULL},
};
