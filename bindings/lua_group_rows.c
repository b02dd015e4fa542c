/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_group_rows.c - reading a group: rows, in order, each a table that is made when it
 * is asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lua_binding.h"

/* The rows that an iterator has still to give. */
struct rows {
	struct ce_group *group; /* kept alive by the iterator */
	uint32_t *numbers;
	int64_t count;
	int64_t at;
	uint64_t version; /* of the group, when they were put in order */
};

/* A cell, if the row has it, taken before any Lua value is made: that may collect garbage,
   and a finalizer of the script may do with the group what it likes. */
struct copied {
	bool present;
	struct ce_group_cell cell;
};

static void copy_cells(const struct ce_group *group, const struct ce_group_row *row,
                       struct copied *copies)
{
	for (size_t k = 0; k < ce_group_columns(group); k++)
		copies[k].present = ce_group_cell(group, row, k, &copies[k].cell);
}

/* Push the value of a cell, or nil. [-0, +1, m] */
static void push_cell(lua_State *L, const struct ce_group_column *column,
                      const struct copied *copy)
{
	bool best = column->op == CE_GROUP_MIN || column->op == CE_GROUP_MAX;

	if (!copy->present)
		lua_pushnil(L);
	else if (copy->cell.wide)
		ce_lua_push_copy(L, column->field, copy->cell.value);
	else if (best && column->field->type == CE_FIELD_BOOLEAN)
		lua_pushboolean(L, copy->cell.number != 0);
	else
		lua_pushinteger(L, (lua_Integer)copy->cell.number);
}

void ce_lua_push_row(lua_State *L, int index, const struct ce_group_row *row)
{
	const struct ce_group *group = ce_lua_check_group(L, index)->group;
	struct copied copies[CE_GROUP_BY + 1 + CE_GROUP_VALUES];
	size_t columns = ce_group_columns(group);

	copy_cells(group, row, copies);
	lua_getiuservalue(L, index, CE_LUA_GROUP_NAMES);
	lua_createtable(L, 0, (int)columns);
	for (size_t k = 0; k < columns; k++) {
		lua_rawgeti(L, -2, (lua_Integer)k + 1);
		push_cell(L, ce_group_column(group, k), &copies[k]);
		lua_rawset(L, -3);
	}
	lua_remove(L, -2);
}

/* Push the row, or nil for NULL. [-0, +1, m] */
static int push_row_or_nil(lua_State *L, const struct ce_group_row *row)
{
	if (row)
		ce_lua_push_row(L, 1, row);
	else
		lua_pushnil(L);
	return 1;
}

/* group:other() -> row | nil */
static int group_other(lua_State *L)
{
	return push_row_or_nil(L, ce_group_other(ce_lua_check_group(L, 1)->group));
}

/* group:get(value, ...) -> row | nil */
static int group_get(lua_State *L)
{
	const struct ce_group *group = ce_lua_check_group(L, 1)->group;
	unsigned char key[CE_GROUP_BY * sizeof(struct ce_flow_key) + 8] = {0};
	const struct ce_group_column *column;
	int k;

	for (k = 0; (column = ce_group_column(group, (size_t)k))->op == CE_GROUP_KEY; k++)
		ce_lua_check_value(L, k + 2, column->field,
		                   key + ce_group_key_offset(group, (size_t)k));
	luaL_argcheck(L, lua_gettop(L) == k + 1, k + 2, "a key has no more values");
	return push_row_or_nil(L, ce_group_get(group, key));
}

/* The number of the column whose name is on top; raises if there is none. [-1, +0, v] */
static size_t pop_column(lua_State *L, const struct ce_group *group)
{
	size_t k;

	lua_getiuservalue(L, 1, CE_LUA_GROUP_NAMES);
	for (k = 0; k < ce_group_columns(group); k++) {
		bool same;

		lua_rawgeti(L, -1, (lua_Integer)k + 1);
		same = lua_rawequal(L, -1, -3);
		lua_pop(L, 1);
		if (same)
			break;
	}
	if (k == ce_group_columns(group))
		luaL_error(L, "option order: the group's rows have no %s",
		           luaL_tolstring(L, -2, NULL));
	lua_pop(L, 2);
	return k;
}

/* The options of rows at index 2. False: no row is wanted. [-0, +0, v] */
static bool read_order(lua_State *L, const struct ce_group *group,
                       struct ce_group_order *order)
{
	static const char *const names[] = {"ascending", "limit", "order", NULL};

	*order = (struct ce_group_order){0};
	if (lua_isnoneornil(L, 2))
		return true;
	ce_lua_check_names(L, 2, "rows", names);
	order->ordered = lua_getfield(L, 2, "order") != LUA_TNIL;
	if (order->ordered)
		order->column = pop_column(L, group);
	else
		lua_pop(L, 1);
	if (lua_getfield(L, 2, "ascending") != LUA_TNIL && !lua_isboolean(L, -1))
		luaL_error(L, "option ascending: true or false is wanted");
	order->ascending = lua_toboolean(L, -1);
	lua_pop(L, 1);
	order->limit = (size_t)ce_lua_option_integer(L, 2, "limit", 0, LUA_MAXINTEGER,
	                                             LUA_MAXINTEGER);
	return order->limit != 0;
}

/* The iterator: -> the next row; its upvalues are the rows and the group. */
static int next_row(lua_State *L)
{
	struct rows *rows = lua_touserdata(L, lua_upvalueindex(1));

	lua_settop(L, 0);
	if (rows->at >= rows->count)
		return 0;
	if (ce_group_version(rows->group) != rows->version)
		return luaL_error(L, "the group was changed while its rows were read");
	lua_pushvalue(L, lua_upvalueindex(2));
	ce_lua_push_row(L, 1, ce_group_row(rows->group, rows->numbers[rows->at++]));
	return 1;
}

/* for row in group:rows { order =, limit =, ascending = } do ... end */
static int group_rows(lua_State *L)
{
	struct ce_group *group = ce_lua_check_group(L, 1)->group;
	struct ce_group_order order;
	bool any = read_order(L, group, &order);
	struct rows *rows = lua_newuserdatauv(L, sizeof(*rows), 0);

	*rows = (struct rows){.group = group, .version = ce_group_version(group)};
	luaL_setmetatable(L, CE_LUA_ROWS);
	if (any)
		rows->count = ce_group_order(group, &order, &rows->numbers);
	if (rows->count < 0)
		return luaL_error(L, "out of memory");
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, next_row, 2);
	return 1;
}

static int rows_gc(lua_State *L)
{
	struct rows *rows = luaL_checkudata(L, 1, CE_LUA_ROWS);

	free(rows->numbers);
	*rows = (struct rows){0}; /* a finalizer may still call the iterator */
	return 0;
}

const luaL_Reg ce_lua_rows_methods[] = {
	{"get", group_get},
	{"other", group_other},
	{"rows", group_rows},
	{NULL, NULL},
};

static const luaL_Reg none[] = {{NULL, NULL}};

static const luaL_Reg metamethods[] = {
	{"__gc", rows_gc},
	{NULL, NULL},
};

void ce_lua_open_rows(lua_State *L)
{
	ce_lua_class(L, CE_LUA_ROWS, metamethods, none);
}
