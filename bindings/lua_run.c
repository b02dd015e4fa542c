/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_run.c - runs a script: for the command, and as capengine.run in any Lua.
 *
 *     capengine run SCRIPT ...         cmd_run.c ---+
 *     capengine.run(script, options)   here --------+-> run_script, run_hooks
 *
 * The run that is innermost is the state's; capengine.source and capengine.args
 * are about it.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"
#include "lua_binding.h"

void run_say(lua_State *L, struct run *run, int status)
{
	if (run->is_program)
		fprintf(stderr, "capengine %s: %s\n", run->options.command,
		        lua_tostring(L, -1));
	run->status = status;
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.reported");
}

int run_fail(lua_State *L, struct run *run, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lua_pushvfstring(L, format, args);
	va_end(args);
	run_say(L, run, status);
	return lua_error(L);
}

bool run_reported(lua_State *L)
{
	bool same;

	lua_getfield(L, LUA_REGISTRYINDEX, "capengine.reported");
	same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -2);
	lua_pop(L, 1);
	return same;
}

/* An option that says which packets the source has, or what to do with them. */
static const char *of_source(const struct run_options *options)
{
	return options->device       ? "-i"
	       : options->file_count ? "-r"
	       : options->out        ? "-w"
	       : options->filter     ? "-f"
	       : options->count      ? "-c"
	       : options->snaplen    ? "-s"
	       : options->no_promisc ? "-p"
	                             : NULL;
}

static const char *script_name(const struct run *run)
{
	return run->options.script ? run->options.script : "the script";
}

/* What is said of a source that nobody read is a mistake. [-0, +0, v] */
static void check_used(lua_State *L, struct run *run)
{
	const char *option = of_source(&run->options);

	if (option && !run->source_used && !run->status)
		run_fail(L, run, EXIT_USAGE,
		         "%s never asked for its source, so %s had no effect",
		         script_name(run), run->is_program ? option : "its options");
}

/* So is a format that nothing was printed in. [-0, +0, v] */
static void check_printed(lua_State *L, struct run *run)
{
	const struct run_options *options = &run->options;

	if (run->status)
		return;
	if (options->format && !run->formatted)
		run_fail(L, run, EXIT_USAGE, "%s makes no table, so --%s had no effect",
		         script_name(run), options->format);
	if (options->svg && !run->pictures)
		run_fail(L, run, EXIT_USAGE, "%s draws nothing, so --svg had no effect",
		         script_name(run));
}

/* The global `arg`, as the stock interpreter sets it. [-0, +0, e] */
static void set_arg(lua_State *L, const struct run *run)
{
	lua_newtable(L);
	lua_pushstring(L, run->options.script);
	lua_rawseti(L, -2, 0);
	for (int i = 0; run->options.args[i]; i++) {
		lua_pushstring(L, run->options.args[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setglobal(L, "arg");
}

int run_script(lua_State *L)
{
	struct run *run = lua_touserdata(L, 2);
	int count = 0;

	set_arg(L, run);
	lua_pushcfunction(L, run_hooks);
	lua_pushvalue(L, 1);
	for (; run->options.args[count]; count++) {
		luaL_checkstack(L, 2, "too many arguments");
		lua_pushstring(L, run->options.args[count]);
	}
	lua_call(L, count, 1);
	if (lua_istable(L, -1)) {
		lua_pushlightuserdata(L, run);
		lua_call(L, 2, 0);
	}
	check_used(L, run);
	check_printed(L, run);
	return 0;
}

/* The run that a script belongs to. [-0, +0, v] */
static struct run *check_run(lua_State *L)
{
	struct run *run = ce_lua_get(L)->run;

	if (!run)
		luaL_error(L, "this script is not run by capengine: run it with "
		              "`capengine run`, or with capengine.run");
	return run;
}

/* capengine.source() -> handle: what -i or -r name. */
static int source(lua_State *L)
{
	run_source_push(L, check_run(L), NULL);
	return 1;
}

/* capengine.args(declared) -> table of values: what stands after `--`. */
static int args(lua_State *L)
{
	lua_settop(L, 1);
	run_args_parse(L, check_run(L));
	return 1;
}

/* capengine.fail(text): end the run with this message, and status 2. */
static int fail_run(lua_State *L)
{
	struct run *run = check_run(L);

	run->code = 0; /* that of what was said before is not this one's */
	return run_fail(L, run, EXIT_USAGE, "%s", luaL_checkstring(L, 1));
}

enum {
	SCRIPT = 1, /* stack indices of capengine.run: a name or hooks, */
	OPTIONS,    /* the table of options, */
	KEPT,       /* a list of all that struct run points to, */
	ARG,        /* and what to come back to: the global `arg`, */
	DECLARED,   /* and the `args` of hooks, which become values */
};

static const char *const option_names[] = {
	"args",    "device",     "files",   "filter", "format", "limit",
	"promisc", "ring_bytes", "snaplen", "svg",    NULL,
};

/* Pop a value and keep it, as text, while the run lasts. [-1, +0, e] */
static const char *keep(lua_State *L)
{
	const char *text = luaL_tolstring(L, -1, NULL);

	lua_rawseti(L, KEPT, (lua_Integer)lua_rawlen(L, KEPT) + 1);
	lua_pop(L, 1);
	return text;
}

/* Room for so many texts and NULL, kept too. [-0, +0, m] */
static char **keep_list(lua_State *L, size_t count)
{
	char **list = lua_newuserdatauv(L, (count + 1) * sizeof(*list), 0);

	memset(list, 0, (count + 1) * sizeof(*list));
	lua_rawseti(L, KEPT, (lua_Integer)lua_rawlen(L, KEPT) + 1);
	return list;
}

static const char *text_option(lua_State *L, const char *name)
{
	int type = lua_getfield(L, OPTIONS, name);

	if (type != LUA_TNIL && type != LUA_TSTRING)
		luaL_error(L, "option %s: a string is wanted", name);
	if (type == LUA_TSTRING)
		return keep(L);
	lua_pop(L, 1);
	return NULL;
}

/* `files`: a name or a list of them. [-0, +0, e] */
static void take_files(lua_State *L, struct run_options *options)
{
	int type = lua_getfield(L, OPTIONS, "files");
	size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 1;

	if (type == LUA_TSTRING) { /* a list of one */
		lua_newtable(L);
		lua_insert(L, -2);
		lua_rawseti(L, -2, 1);
	}
	if (type != LUA_TNIL) {
		luaL_checktype(L, -1, LUA_TTABLE);
		options->files = (const char **)keep_list(L, count);
		for (; options->file_count < count; options->file_count++) {
			lua_rawgeti(L, -1, (lua_Integer)options->file_count + 1);
			options->files[options->file_count] = keep(L);
		}
	}
	lua_pop(L, 1);
}

/* `args`: words, or values by name, as a command line would have them. [-0, +0, e] */
static void take_args(lua_State *L, struct run_options *options)
{
	size_t count;

	if (lua_getfield(L, OPTIONS, "args") == LUA_TNIL)
		lua_newtable(L);
	luaL_checktype(L, -1, LUA_TTABLE);
	count = lua_rawlen(L, -1); /* there may be holes, which lua_next passes over */
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		count++;
	options->args = keep_list(L, count);
	count = lua_rawlen(L, -1);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i + 1);
		options->args[i] = (char *)keep(L);
	}
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			continue;
		luaL_tolstring(L, -1, NULL);
		lua_pushfstring(L, "--%s=%s", lua_tostring(L, -3), lua_tostring(L, -1));
		options->args[count++] = (char *)keep(L);
		lua_pop(L, 1);
	}
	lua_settop(L, DECLARED);
}

static void take_options(lua_State *L, struct run_options *options)
{
	if (lua_isnil(L, OPTIONS)) {
		lua_newtable(L);
		lua_replace(L, OPTIONS);
	}
	ce_lua_check_names(L, OPTIONS, "capengine.run", option_names);
	options->device = text_option(L, "device");
	options->filter = text_option(L, "filter");
	options->format = text_option(L, "format");
	options->svg = text_option(L, "svg");
	if (options->format && strcmp(options->format, "json") != 0 &&
	    strcmp(options->format, "table") != 0 && strcmp(options->format, "tsv") != 0)
		luaL_error(L, "option format: json, table or tsv is wanted");
	options->count = (uint64_t)ce_lua_option_integer(L, OPTIONS, "limit", 1,
	                                                 LUA_MAXINTEGER, 0);
	options->snaplen =
		(int)ce_lua_option_integer(L, OPTIONS, "snaplen", 0, INT_MAX, 0);
	options->ring_bytes = (size_t)ce_lua_option_integer(
		L, OPTIONS, "ring_bytes", 1 << 20, INT64_C(16) << 30, 0);
	options->no_promisc = lua_getfield(L, OPTIONS, "promisc") == LUA_TBOOLEAN &&
	                      !lua_toboolean(L, -1);
	lua_pop(L, 1);
	take_files(L, options);
	take_args(L, options);
	if (options->device && options->file_count)
		luaL_error(L,
		           "options device and files: one of them is wanted, not both");
}

/*
 * The path of a script that is named by path, or by the name of one that is
 * shipped, beside this file or as a module capengine.scripts.NAME. [-0, +1, e]
 */
static const char *push_path(lua_State *L, struct run *run, const char *name)
{
	char *found = script_find(name);
	char path[PATH_MAX];

	if (found) { /* freed before Lua may run out of memory */
		snprintf(path, sizeof(path), "%s", found);
		free(found);
		return lua_pushstring(L, path);
	}
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "searchpath");
	lua_pushfstring(L, "capengine.scripts.%s", name);
	lua_getfield(L, -3, "path");
	lua_call(L, 2, 1);
	run->code = -ENOENT;
	if (!lua_isstring(L, -1))
		run_fail(L, run, EXIT_USAGE,
		         "%s: no such script, neither a file nor "
		         "one that comes with capengine",
		         name);
	return lua_tostring(L, -1);
}

/* Run the script or the hooks at argument 1; argument 2 is the struct run. [-2, +0, e] */
static int run_either(lua_State *L)
{
	struct run *run = lua_touserdata(L, 2);

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	if (lua_getfield(L, -1, "pcap") == LUA_TNIL) { /* as `capengine run` has it */
		lua_pushcfunction(L, luaopen_capengine_pcap);
		lua_setfield(L, -3, "pcap");
	}
	lua_settop(L, 2);
	if (lua_istable(L, 1))
		return run_hooks(L);
	run->options.script = lua_tostring(L, 1);
	if (luaL_loadfilex(L, push_path(L, run, run->options.script), "t") != LUA_OK)
		return lua_error(L);
	lua_replace(L, 1);
	lua_settop(L, 2);
	return run_script(L);
}

/* The source is the run's own, and ends with it. [-0, +0, m] */
static void close_source(lua_State *L, struct run *run)
{
	if (run->source) {
		run->source->reading = false;
		ce_lua_close_handle(ce_lua_get(L), run->source);
	}
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
}

/* Push nil, text, code of what run_fail was called with. [-0, +3, m] */
static int failed(lua_State *L, const struct run *run)
{
	int code = run->code ? run->code : run->status == EXIT_USAGE ? -EINVAL : -EIO;

	lua_getfield(L, LUA_REGISTRYINDEX, "capengine.reported");
	return ce_lua_fail(L, code, lua_tostring(L, -1));
}

/* Push what a run changes, at ARG and DECLARED. [-0, +2, e] */
static void push_state(lua_State *L)
{
	lua_getglobal(L, "arg");
	if (lua_istable(L, SCRIPT))
		lua_getfield(L, SCRIPT, "args");
	else
		lua_pushnil(L);
}

/* Change it back. [-0, +0, e] */
static void restore_state(lua_State *L)
{
	lua_pushvalue(L, ARG);
	lua_setglobal(L, "arg");
	lua_pushvalue(L, DECLARED);
	if (lua_istable(L, SCRIPT))
		lua_setfield(L, SCRIPT, "args");
	else
		lua_pop(L, 1);
}

/*
 * Run SCRIPT as the innermost run, from its source to that one's end; count what it
 * has closed. A status of Lua's; the error is on top. [-0, +0 or 1, m]
 */
static int call_inside(lua_State *L, struct run *run, struct ce_stats *stats)
{
	struct ce_lua *lua = ce_lua_get(L);
	struct ce_stats before = lua->closed;
	struct run *outer = lua->run;
	int rc;

	lua_pushcfunction(L, run_either);
	lua_pushvalue(L, SCRIPT);
	lua_pushlightuserdata(L, run);
	lua->run = run;
	memset(&lua->closed, 0, sizeof(lua->closed));
	rc = lua_pcall(L, 2, 0, 0);
	lua->run = outer;
	close_source(L, run);
	*stats = lua->closed;
	lua->closed = before;
	ce_lua_add_stats(&lua->closed, stats);
	return rc;
}

/*
 * capengine.run(script [, options]) -> counters | nil, message, code
 *
 * What `capengine run` does, in any Lua: options are named as the command's.
 * Raises what the script raises.
 */
static int run(lua_State *L)
{
	struct run run = {0};
	struct ce_stats stats;
	int rc;

	luaL_argcheck(L, lua_istable(L, SCRIPT) || lua_isstring(L, SCRIPT), SCRIPT,
	              "neither the name of a script nor a table of hooks");
	lua_settop(L, OPTIONS);
	lua_newtable(L);
	push_state(L);
	take_options(L, &run.options);
	rc = call_inside(L, &run, &stats);
	restore_state(L);
	if (rc != LUA_OK && !(run.status && run_reported(L)))
		return lua_error(L);
	if (run.status)
		return failed(L, &run);
	ce_lua_push_counters(L, &stats);
	return 1;
}

const luaL_Reg ce_lua_run_functions[] = {
	{"args", args},     {"fail", fail_run}, {"run", run},
	{"source", source}, {NULL, NULL},
};
