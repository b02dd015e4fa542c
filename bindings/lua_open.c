/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_open.c - capengine.open: a source by its name, with options in a table.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lua_binding.h"

/* An integer field of the options at index 2, in a range; 0 when absent. [-0, +0, v] */
static lua_Integer integer_option(lua_State *L, const char *name, lua_Integer least,
                                  lua_Integer most)
{
	lua_Integer value = 0;
	int is_integer;

	if (lua_getfield(L, 2, name) != LUA_TNIL) {
		value = lua_tointegerx(L, -1, &is_integer);
		if (!is_integer || value < least || value > most)
			luaL_error(L, "option %s: an integer from %I to %I is wanted",
			           name, least, most);
	}
	lua_pop(L, 1);
	return value;
}

static bool boolean_option(lua_State *L, const char *name)
{
	bool value;

	if (lua_getfield(L, 2, name) != LUA_TNIL && !lua_isboolean(L, -1))
		luaL_error(L, "option %s: true or false is wanted", name);
	value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

/* Raises for an option that does not exist. [-0, +0, v] */
static void check_names(lua_State *L)
{
	static const char *const names[] = {
		"batch",   "buffer_bytes", "filter",     "immediate", "limit",
		"promisc", "rfmon",        "ring_bytes", "snaplen",   "timeout_ms",
	};

	for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
		                                                  : "?";
		bool known = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			known |= !strcmp(name, names[i]);
		if (!known)
			luaL_error(L, "capengine.open has no option %s", name);
	}
}

/* The table of options at index 2. Its strings stay with it. [-0, +0, v] */
static void read_options(lua_State *L, struct ce_reader_options *options)
{
	check_names(L);
	options->source.snaplen = (int)integer_option(L, "snaplen", 1, INT_MAX);
	options->source.timeout_ms = (int)integer_option(L, "timeout_ms", 1, INT_MAX);
	options->source.buffer_bytes = (int)integer_option(L, "buffer_bytes", 1, INT_MAX);
	options->source.promisc = boolean_option(L, "promisc");
	options->source.rfmon = boolean_option(L, "rfmon");
	options->source.immediate = boolean_option(L, "immediate");
	options->capture.ring_bytes =
		(size_t)integer_option(L, "ring_bytes", 1 << 20, (lua_Integer)16 << 30);
	options->capture.batch =
		(uint32_t)integer_option(L, "batch", 1, CE_BATCH_PACKETS);
	options->limit = (uint64_t)integer_option(L, "limit", 1, LUA_MAXINTEGER);
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
	return rc < 0 ? ce_lua_fail(L, rc, handle->last.text) : 1;
}

const luaL_Reg ce_lua_open_functions[] = {
	{"open", open},
	{NULL, NULL},
};
