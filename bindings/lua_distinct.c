/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_distinct.c - capengine.distinct: how many different keys there were; binds
 * <capengine/distinct.h>.
 */
#include "lua_binding.h"

struct distinct {
	struct ce_distinct *distinct; /* NULL: not opened */
};

static struct ce_distinct *check_distinct(lua_State *L, int arg)
{
	const struct distinct *self = luaL_checkudata(L, arg, CE_LUA_DISTINCT);

	luaL_argcheck(L, self->distinct, arg, "the distinct was collected");
	return self->distinct;
}

/* capengine.distinct(options) -> distinct */
static int distinct_open(lua_State *L)
{
	static const char *const names[] = {"of", "precision", "seed", NULL};
	const struct ce_field *of[CE_GROUP_BY];
	struct ce_distinct_options options = {.of = of};
	struct distinct *self;
	struct ce_err err;

	ce_lua_check_names(L, 1, "capengine.distinct", names);
	lua_settop(L, 1);
	options.of_count = ce_lua_option_fields(L, 1, "of", of, CE_GROUP_BY);
	options.precision = (uint32_t)ce_lua_option_integer(
		L, 1, "precision", CE_DISTINCT_LEAST, CE_DISTINCT_MOST, 0);
	ce_lua_option_seed(L, 1, &options.seed);
	self = lua_newuserdatauv(L, sizeof(*self), 0);
	self->distinct = NULL;
	luaL_setmetatable(L, CE_LUA_DISTINCT);
	if (ce_distinct_open(&self->distinct, &options, &err) < 0)
		return luaL_error(L, "%s", err.text);
	return 1;
}

static int distinct_gc(lua_State *L)
{
	struct distinct *self = luaL_checkudata(L, 1, CE_LUA_DISTINCT);

	ce_distinct_close(self->distinct);
	self->distinct = NULL;
	return 0;
}

/* distinct:add(batch) */
static int distinct_add(lua_State *L)
{
	struct ce_distinct *distinct = check_distinct(L, 1);
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 2);

	if (ce_distinct_add(distinct, ce_lua_decode(L, batch), batch->selected) < 0)
		return luaL_error(L, "out of memory");
	return 0;
}

/* distinct:merge(other) */
static int distinct_merge(lua_State *L)
{
	int rc = ce_distinct_merge(check_distinct(L, 1), check_distinct(L, 2));

	luaL_argcheck(L, rc == 0, 2,
	              "only those of the same fields, precision and seed can be merged");
	return 0;
}

/* distinct:estimate() -> integer */
static int distinct_estimate(lua_State *L)
{
	lua_pushinteger(L,
	                (lua_Integer)(ce_distinct_estimate(check_distinct(L, 1)) + 0.5));
	return 1;
}

static int distinct_clear(lua_State *L)
{
	ce_distinct_clear(check_distinct(L, 1));
	return 0;
}

static int distinct_skipped(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ce_distinct_skipped(check_distinct(L, 1)));
	return 1;
}

const luaL_Reg ce_lua_distinct_functions[] = {
	{"distinct", distinct_open},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"add", distinct_add},           {"clear", distinct_clear},
	{"estimate", distinct_estimate}, {"merge", distinct_merge},
	{"skipped", distinct_skipped},   {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__gc", distinct_gc},
	{NULL, NULL},
};

void ce_lua_open_distinct(lua_State *L)
{
	ce_lua_class(L, CE_LUA_DISTINCT, metamethods, methods);
}
