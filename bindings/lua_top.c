/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_top.c - capengine.top: the heaviest keys in bounded memory; binds
 * <capengine/top.h>.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lua_binding.h"

enum { CAPACITY = 1024 };

struct top {
	struct ce_top *top; /* NULL: not opened */
};

static struct ce_top *check_top(lua_State *L, int arg)
{
	const struct top *self = luaL_checkudata(L, arg, CE_LUA_TOP);

	luaL_argcheck(L, self->top, arg, "the top was collected");
	return self->top;
}

/* capengine.top(options) -> top */
static int top_open(lua_State *L)
{
	static const char *const names[] = {"by", "capacity", "seed", "weight", NULL};
	const struct ce_field *by[CE_GROUP_BY], *weight = NULL;
	struct ce_top_options options = {.by = by};
	struct ce_err err;
	struct top *self;
	uint64_t seed;

	ce_lua_check_names(L, 1, "capengine.top", names);
	lua_settop(L, 1);
	options.by_count = ce_lua_option_fields(L, 1, "by", by, CE_GROUP_BY);
	ce_lua_option_fields(L, 1, "weight", &weight, 1);
	options.weight = weight;
	options.capacity = (uint32_t)ce_lua_option_integer(L, 1, "capacity", 1,
	                                                   CE_TOP_CAPACITY, CAPACITY);
	if (ce_lua_option_seed(L, 1, &seed))
		options.seed = &seed;
	self = lua_newuserdatauv(L, sizeof(*self), 0);
	self->top = NULL;
	luaL_setmetatable(L, CE_LUA_TOP);
	if (ce_top_open(&self->top, &options, &err) < 0)
		return luaL_error(L, "%s", err.text);
	return 1;
}

static int top_gc(lua_State *L)
{
	struct top *self = luaL_checkudata(L, 1, CE_LUA_TOP);

	ce_top_close(self->top);
	self->top = NULL;
	return 0;
}

/* top:add(batch) */
static int top_add(lua_State *L)
{
	struct ce_top *top = check_top(L, 1);
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 2);

	if (ce_top_add(top, ce_lua_decode(L, batch), batch->selected) < 0)
		return luaL_error(L, "out of memory");
	return 0;
}

/* top:merge(other) */
static int top_merge(lua_State *L)
{
	struct ce_top *top = check_top(L, 1), *other = check_top(L, 2);
	int rc;

	luaL_argcheck(L, top != other, 2, "a top cannot be merged with itself");
	rc = ce_top_merge(top, other);
	luaL_argcheck(L, rc >= 0 || rc == -ENOMEM, 2,
	              "only tops with the same key, weight and capacity can be merged");
	return rc < 0 ? luaL_error(L, "out of memory") : 0;
}

static int top_clear(lua_State *L)
{
	ce_top_clear(check_top(L, 1));
	return 0;
}

static int top_len(lua_State *L)
{
	lua_pushinteger(L, ce_top_len(check_top(L, 1)));
	return 1;
}

static int top_total(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ce_top_total(check_top(L, 1)));
	return 1;
}

static int top_skipped(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ce_top_skipped(check_top(L, 1)));
	return 1;
}

static int top_memory(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ce_top_memory(check_top(L, 1)));
	return 1;
}

/* The rows that an iterator has still to give. */
struct ordered {
	struct ce_top *top; /* kept alive by the iterator */
	struct ce_top_row *rows;
	int64_t count;
	int64_t at;
	uint64_t version;
};

/* [-0, +1, m] */
static void push_row(lua_State *L, const struct ce_top *top, const struct ce_top_row *row)
{
	unsigned char key[CE_GROUP_BY * sizeof(struct ce_flow_key)];
	const struct ce_field *field;

	/* Before something may collect: a finalizer may change the top. */
	for (size_t k = 0; (field = ce_top_field(top, k)); k++)
		memcpy(key + ce_top_key_offset(top, k),
		       row->key + ce_top_key_offset(top, k), field->width);
	lua_newtable(L);
	for (size_t k = 0; (field = ce_top_field(top, k)); k++) {
		ce_lua_push_copy(L, field, key + ce_top_key_offset(top, k));
		lua_setfield(L, -2, field->name);
	}
	ce_lua_set_count(L, "count", row->count);
	ce_lua_set_count(L, "error", row->error);
}

/* The iterator: -> the next row; its upvalues are the rows and the top. */
static int next_row(lua_State *L)
{
	struct ordered *ordered = lua_touserdata(L, lua_upvalueindex(1));

	if (ordered->at >= ordered->count)
		return 0;
	if (ce_top_version(ordered->top) != ordered->version)
		return luaL_error(L, "the top was changed while its rows were read");
	push_row(L, ordered->top, &ordered->rows[ordered->at++]);
	return 1;
}

/* for row in top:rows { limit = } do ... end */
static int top_rows(lua_State *L)
{
	static const char *const names[] = {"limit", NULL};
	struct ce_top *top = check_top(L, 1);
	lua_Integer limit = LUA_MAXINTEGER;
	struct ordered *ordered;

	if (!lua_isnoneornil(L, 2)) {
		ce_lua_check_names(L, 2, "rows", names);
		limit = ce_lua_option_integer(L, 2, "limit", 0, LUA_MAXINTEGER,
		                              LUA_MAXINTEGER);
	}
	ordered = lua_newuserdatauv(L, sizeof(*ordered), 1);
	*ordered = (struct ordered){.top = top, .version = ce_top_version(top)};
	luaL_setmetatable(L, "capengine.top_rows");
	if (limit)
		ordered->count = ce_top_rows(top, (size_t)limit, &ordered->rows);
	if (ordered->count < 0)
		return luaL_error(L, "out of memory");
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, next_row, 2);
	return 1;
}

static int rows_gc(lua_State *L)
{
	struct ordered *ordered = luaL_checkudata(L, 1, "capengine.top_rows");

	free(ordered->rows);
	*ordered = (struct ordered){0}; /* a finalizer may still call the iterator */
	return 0;
}

const luaL_Reg ce_lua_top_functions[] = {
	{"top", top_open},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"add", top_add},         {"clear", top_clear}, {"len", top_len},
	{"memory", top_memory},   {"merge", top_merge}, {"rows", top_rows},
	{"skipped", top_skipped}, {"total", top_total}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__gc", top_gc},
	{"__len", top_len},
	{NULL, NULL},
};

static const luaL_Reg rows_metamethods[] = {
	{"__gc", rows_gc},
	{NULL, NULL},
};

static const luaL_Reg none[] = {{NULL, NULL}};

void ce_lua_open_top(lua_State *L)
{
	ce_lua_class(L, CE_LUA_TOP, metamethods, methods);
	ce_lua_class(L, "capengine.top_rows", rows_metamethods, none);
}
