/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_args.c - the arguments that a script declares: each a name with a
 * `default`, whose type is the argument's, and a `help`.
 *
 *     args = { top = { default = 10, help = "rows to print" } }
 *     capengine run talkers -r x.pcap -- --top 5      or --top=5
 */
#include <capengine/near.h>
#include <lauxlib.h>
#include <string.h>

#include "cmd_int.h"

/* Put the defaults of the declaration at `declared` into the table at `values`. */
static void set_defaults(lua_State *L, int declared, int values)
{
	lua_pushnil(L);
	while (lua_next(L, declared)) {
		if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
			luaL_error(L, "args: each is declared as NAME = { default = ..., "
			              "help = ... }");
		lua_pushvalue(L, -2);
		lua_getfield(L, -2, "default");
		lua_settable(L, values);
		lua_pop(L, 1);
	}
}

/* What is declared, a line each, for a message. [-0, +1, m] */
static const char *declared_lines(lua_State *L, int declared)
{
	lua_pushliteral(L, "");
	lua_pushnil(L);
	while (lua_next(L, declared)) {
		const char *help = lua_getfield(L, -1, "help") == LUA_TSTRING
		                           ? lua_tostring(L, -1)
		                           : "";

		lua_pushfstring(L, "%s\n  --%s  %s", lua_tostring(L, -4),
		                lua_tostring(L, -3), help);
		lua_replace(L, -5);
		lua_pop(L, 2);
	}
	return lua_tostring(L, -1);
}

static void refuse_argument(lua_State *L, struct run *run, int declared, const char *name)
{
	struct ce_near near = {.name = name};
	char meant[CE_NEAR_MEANT];

	for (lua_pushnil(L); lua_next(L, declared); lua_pop(L, 1))
		ce_near_try(&near, lua_tostring(L, -2));
	run_fail(L, run, EXIT_USAGE, "--%s: no such argument%s%s", name,
	         near.best ? ce_near_meant(meant, "--", near.best)
	                   : "; the script declares:",
	         declared_lines(L, declared));
}

/* Set the declared argument of this name from text, by its default's type. */
static void set_value(lua_State *L, struct run *run, int values, const char *name,
                      const char *text)
{
	int type = lua_getfield(L, values, name);

	lua_pop(L, 1);
	lua_pushstring(L, text);
	if (type == LUA_TBOOLEAN) {
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			run_fail(L, run, EXIT_USAGE, "--%s %s: neither true nor false",
			         name, text);
		lua_pushboolean(L, *text == 't');
		lua_remove(L, -2);
	}
	if (type == LUA_TNUMBER) {
		if (!lua_stringtonumber(L, text))
			run_fail(L, run, EXIT_USAGE, "--%s %s: not a number", name, text);
		lua_remove(L, -2);
	}
	lua_setfield(L, values, name);
}

/* Parse **argv and the value after it where it has one; moves on. [-0, +0, e] */
static void parse_one(lua_State *L, struct run *run, int declared, int values,
                      char ***argv)
{
	const char *text = *(*argv)++;
	const char *equals = strchr(text, '=');
	const char *name;

	if (strncmp(text, "--", 2) != 0)
		run_fail(L, run, EXIT_USAGE,
		         is_savefile(text)
		                 ? "%s: a savefile, which is read with -r"
		                 : "%s: the script takes arguments as --NAME VALUE",
		         text);
	name = lua_pushlstring(L, text + 2,
	                       equals ? (size_t)(equals - text - 2) : strlen(text + 2));
	if (lua_getfield(L, declared, name) == LUA_TNIL)
		refuse_argument(L, run, declared, name);
	lua_pop(L, 1);
	if (lua_getfield(L, values, name) == LUA_TBOOLEAN && !equals) {
		lua_pushboolean(L, 1);
		lua_setfield(L, values, name);
	} else if (!equals && !**argv) {
		run_fail(L, run, EXIT_USAGE, "--%s: a value is missing", name);
	} else {
		set_value(L, run, values, name, equals ? equals + 1 : *(*argv)++);
	}
	lua_pop(L, 2);
}

void run_args_parse(lua_State *L, struct run *run)
{
	int declared = lua_absindex(L, -1), values;
	char **argv = run->options.args;

	luaL_checktype(L, declared, LUA_TTABLE);
	run->args_taken = true;
	lua_newtable(L);
	values = lua_absindex(L, -1);
	set_defaults(L, declared, values);
	while (*argv)
		parse_one(L, run, declared, values, &argv);
	lua_remove(L, declared);
}
