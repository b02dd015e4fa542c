/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_output.c - what the parts written in Lua take from C: how the run wants its
 * output, and what fields there are.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"
#include "lua_parts.h"

enum { ROWS = 24, COLUMNS = 80 };

void terminal_size(int fd, int *rows, int *columns)
{
	struct winsize size = {0};

	ioctl(fd, TIOCGWINSZ, &size);
	*rows = size.ws_row ? size.ws_row : ROWS;
	*columns = size.ws_col ? size.ws_col : COLUMNS;
}

static bool colourful(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && !strcmp(term, "dumb"));
}

/*
 * host.output() -> format, width, colour: "table", "tsv" or "json"; columns of the
 * terminal; whether it has colours.
 */
static int output(lua_State *L)
{
	struct run *run = ce_lua_get(L)->run;
	const char *format = run ? run->options.format : NULL;
	int rows, columns;

	if (run)
		run->formatted = true;
	if (!format)
		format = isatty(STDOUT_FILENO) ? "table" : "tsv";
	lua_pushstring(L, format);
	terminal_size(STDOUT_FILENO, &rows, &columns);
	lua_pushinteger(L, columns);
	lua_pushboolean(L, colourful());
	return 3;
}

/* host.picture() -> file, number: where --svg wants a picture, and which of the run's
   it is; nil: nowhere. */
static int picture(lua_State *L)
{
	struct run *run = ce_lua_get(L)->run;

	if (!run || !run->options.svg)
		return 0;
	lua_pushstring(L, run->options.svg);
	lua_pushinteger(L, ++run->pictures);
	return 2;
}

/*
 * host.kind(name) -> what the values of a field are, and the names of its parts where it
 * has several values; nil: there is no such field.
 */
static int kind(lua_State *L)
{
	static const char *const kinds[] = {
		[CE_FIELD_NUMBER] = "number",   [CE_FIELD_BOOLEAN] = "boolean",
		[CE_FIELD_TIME] = "time",       [CE_FIELD_ETHER] = "address",
		[CE_FIELD_IPV4] = "address",    [CE_FIELD_IPV6] = "address",
		[CE_FIELD_ADDRESS] = "address", [CE_FIELD_FLOW] = "flow",
		[CE_FIELD_BYTES] = "octets",
	};
	const struct ce_field *field = ce_field_find(luaL_checkstring(L, 1));

	lua_pushstring(L, field ? kinds[field->type] : NULL);
	if (!field || field->width)
		return 1;
	lua_pushfstring(L, "%s or %s", field->parts[0], field->parts[1]);
	return 2;
}

/*
 * host.near(name [, words]) -> the field, or the one of the words, that looks most like
 * it; nil: none does.
 */
static int near_name(lua_State *L)
{
	struct ce_near near = {.name = luaL_checkstring(L, 1)};

	if (lua_isnoneornil(L, 2))
		near.best = ce_field_near(near.name);
	else
		for (lua_Integer i = 1; lua_geti(L, 2, i) == LUA_TSTRING; i++) {
			ce_near_try(&near, lua_tostring(L, -1)); /* the list holds it */
			lua_pop(L, 1);
		}
	lua_pushstring(L, near.best);
	return 1;
}

/* host.meant(best) -> "; did you mean BEST?", or "" for nil. */
static int meant(lua_State *L)
{
	ce_lua_push_meant(L, luaL_optstring(L, 1, NULL));
	return 1;
}

/* host.check(expression) -> nil; or what is wrong with it, for a `where`. */
static int check(lua_State *L)
{
	struct ce_where *where = NULL;
	struct ce_err err;

	if (ce_where_open(&where, luaL_checkstring(L, 1), &err) < 0) {
		lua_pushstring(L, err.text);
		return 1;
	}
	ce_where_close(where);
	return 0;
}

static const struct {
	const char *name;
	lua_CFunction call;
} calls[] = {
	{"check", check},    {"kind", kind},     {"meant", meant},
	{"near", near_name}, {"output", output}, {"picture", picture},
};

void ce_lua_push_host(lua_State *L)
{
	if (lua_getfield(L, LUA_REGISTRYINDEX, "capengine.host") == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		lua_pushcfunction(L, calls[i].call);
		lua_setfield(L, -2, calls[i].name);
	}
	lua_getfield(L, LUA_REGISTRYINDEX, "capengine.module");
	lua_setfield(L, -2, "ce");
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.host");
}
