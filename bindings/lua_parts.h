/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_parts.h - the parts of the module that are written in Lua: bindings/lua/, whose
 * texts CMake puts into the program and the module.
 *
 *     ce.table{...} -> ce_lua_push_part "table" -> its text, loaded at the first call
 *
 * Threads    the one that runs the Lua state
 * Ownership  texts are constants; the registry holds what the parts return
 * Blocking   nothing waits
 */
#ifndef LUA_PARTS_H
#define LUA_PARTS_H

#include <lua.h>
#include <stddef.h>

struct ce_lua_part {
	const char *name; /* of bindings/lua/NAME.lua; NULL: the last */
	const unsigned char *text;
	size_t bytes;
};

extern const struct ce_lua_part ce_lua_parts[];

/* Push what the part of this name returns when it is loaded. [-0, +1, e] */
void ce_lua_push_part(lua_State *L, const char *name);

/* lua_output.c: push the table of what parts take from C. [-0, +1, m] */
void ce_lua_push_host(lua_State *L);

#endif
