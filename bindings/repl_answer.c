/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repl_answer.c - answers a sentence that was typed into the repl: drives its hooks over
 * the capture.
 *
 * Savefiles are read again from their beginning, so that each sentence is about all of
 * them. What cannot be read again, an interface or a pipe, is the repl's own source: the
 * sentence is about what comes next. ^C ends the reading, and what was read is answered.
 */
#include <stdio.h>

#include "cmd_int.h"
#include "lua_binding.h"

enum { HOOKS = 1 }; /* stack index */

/* A run with the options of the lines, which writes nothing. [-0, +0, e] */
static void begin(lua_State *L, struct run *run, struct run *lines)
{
	run->options = lines->options;
	run->options.out = NULL;
	run->pictures = lines->pictures;
	if (run_source_repeats(&lines->options))
		return;
	run_source_push(L, lines, NULL);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
	run->source = lines->source;
}

/* Its source is over with it, unless that is the one of the lines. [-0, +0, m] */
static void end(lua_State *L, struct run *run, struct run *lines)
{
	lines->pictures = run->pictures;
	if (run->source)
		run->source->reading = run->source->broken = false;
	if (run->source && run->source != lines->source)
		ce_lua_close_handle(ce_lua_get(L), run->source);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
}

int repl_answer(lua_State *L)
{
	struct ce_lua *lua = ce_lua_get(L);
	struct run *lines = lua->run, run = {0};
	int rc;

	begin(L, &run, lines);
	lua->run = &run;
	lua_pushcfunction(L, run_hooks);
	lua_pushvalue(L, HOOKS);
	lua_pushlightuserdata(L, &run);
	run_signals_gently(true);
	rc = lua_pcall(L, 2, 0, 0);
	run_signals_gently(false);
	lua->run = lines;
	end(L, &run, lines);
	if (rc != LUA_OK)
		return lua_error(L);
	if (run_signals_take_interrupt() && run_source_repeats(&lines->options))
		fputs("interrupted: so far\n", stderr);
	return 0;
}
