/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_group.c - capengine.group: packets counted by their fields, out of Lua's heap;
 * binds <capengine/group.h>.
 *
 * The user values of a group are a list of the names of its columns, and the function
 * that gets rows that are over. That is called when the packets of a call have been
 * counted, and may do with the group what it likes.
 */
#include <errno.h>
#include <string.h>

#include "lua_binding.h"

enum { OPTIONS = 1, GROUP = 2 }; /* stack indices in capengine.group */

static const int64_t MOST_IDLE_SECONDS = INT64_C(366) * 86400;

static const char *const option_names[] = {
	"by",   "capacity", "count", "distinct", "expired", "first", "idle",
	"last", "max",      "min",   "policy",   "seed",    "sum",   NULL,
};

static const struct {
	const char *name;
	enum ce_group_op op;
} operations[] = {
	{"sum", CE_GROUP_SUM},   {"min", CE_GROUP_MIN},
	{"max", CE_GROUP_MAX},   {"first", CE_GROUP_FIRST},
	{"last", CE_GROUP_LAST}, {"distinct", CE_GROUP_DISTINCT},
};

/* What capengine.group reads from its options. */
struct wanted {
	const struct ce_field *by[CE_GROUP_BY];
	struct ce_group_column values[CE_GROUP_VALUES];
	uint64_t seed;
	struct ce_group_options options;
};

struct ce_lua_group *ce_lua_check_group(lua_State *L, int arg)
{
	struct ce_lua_group *self = luaL_checkudata(L, arg, CE_LUA_GROUP);

	luaL_argcheck(L, self->group, arg, "the group was collected");
	return self;
}

static struct ce_group *check_group(lua_State *L)
{
	return ce_lua_check_group(L, 1)->group;
}

static void read_values(lua_State *L, struct wanted *wanted)
{
	size_t *count = &wanted->options.value_count;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct ce_field *fields[CE_GROUP_VALUES];
		size_t more = ce_lua_option_fields(L, OPTIONS, operations[i].name, fields,
		                                   CE_GROUP_VALUES - *count);

		for (size_t k = 0; k < more; k++)
			wanted->values[(*count)++] =
				(struct ce_group_column){operations[i].op, fields[k]};
	}
}

/* The option idle, in seconds, as nanoseconds. [-0, +0, v] */
static int64_t read_idle(lua_State *L)
{
	lua_Number seconds = 0;

	if (lua_getfield(L, OPTIONS, "idle") != LUA_TNIL) {
		seconds = lua_tonumber(L, -1);
		if (!(seconds >= 1e-6 && seconds <= (lua_Number)MOST_IDLE_SECONDS))
			luaL_error(L, "option idle: seconds are wanted, from a "
			              "microsecond to a year");
	}
	lua_pop(L, 1);
	return (int64_t)(seconds * 1e9 + 0.5);
}

/* The option policy: is it "evict"? [-0, +0, v] */
static bool read_policy(lua_State *L)
{
	bool evict = false;

	if (lua_getfield(L, OPTIONS, "policy") != LUA_TNIL) {
		const char *policy = lua_tostring(L, -1);

		evict = policy && !strcmp(policy, "evict");
		if (!evict && (!policy || strcmp(policy, "other") != 0))
			luaL_error(L, "option policy: \"other\" or \"evict\" is wanted");
		if (lua_getfield(L, OPTIONS, "capacity") == LUA_TNIL)
			luaL_error(L, "option policy: it says what happens at the "
			              "capacity, and there is none");
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return evict;
}

/* `count` may be said, as in `sum = ..., count = true`; each row has it. [-0, +0, v] */
static void check_count(lua_State *L)
{
	if (lua_getfield(L, OPTIONS, "count") != LUA_TNIL && !lua_isboolean(L, -1))
		luaL_error(L, "option count: true or false is wanted");
	lua_pop(L, 1);
}

/* The option expired, which becomes the group's. [-0, +0, v] */
static bool keep_expired(lua_State *L)
{
	int type = lua_getfield(L, OPTIONS, "expired");

	if (type != LUA_TNIL && type != LUA_TFUNCTION)
		luaL_error(L, "option expired: a function is wanted");
	lua_setiuservalue(L, GROUP, CE_LUA_GROUP_EXPIRED);
	return type == LUA_TFUNCTION;
}

static void read_options(lua_State *L, struct wanted *wanted)
{
	struct ce_group_options *options = &wanted->options;

	*wanted = (struct wanted){.seed = 0};
	ce_lua_check_names(L, OPTIONS, "capengine.group", option_names);
	options->by = wanted->by;
	options->by_count =
		ce_lua_option_fields(L, OPTIONS, "by", wanted->by, CE_GROUP_BY);
	options->values = wanted->values;
	read_values(L, wanted);
	check_count(L);
	options->capacity =
		(uint32_t)ce_lua_option_integer(L, OPTIONS, "capacity", 1, 1 << 30, 0);
	options->evict = read_policy(L);
	options->idle_ns = read_idle(L);
	options->keep = keep_expired(L);
	if (ce_lua_option_seed(L, OPTIONS, &wanted->seed))
		options->seed = &wanted->seed;
}

/* Push the name of a value's column: a sum has its field's name. [-0, +1, m] */
static void push_name(lua_State *L, const struct ce_group_column *column)
{
	size_t i = 0;

	while (operations[i].op != column->op)
		i++;
	lua_pushfstring(L, "%s(%s)", operations[i].name, column->field->name);
}

/* Is there a key of this name? */
static bool is_key(const struct ce_group *group, const struct ce_field *field)
{
	for (size_t k = 0; ce_group_column(group, k)->op == CE_GROUP_KEY; k++)
		if (ce_group_column(group, k)->field == field)
			return true;
	return false;
}

/* Push the list of the columns' names. [-0, +1, m] */
static void push_names(lua_State *L, const struct ce_group *group)
{
	lua_createtable(L, (int)ce_group_columns(group), 0);
	for (size_t k = 0; k < ce_group_columns(group); k++) {
		const struct ce_group_column *column = ce_group_column(group, k);

		if (column->op == CE_GROUP_KEY ||
		    (column->op == CE_GROUP_SUM && !is_key(group, column->field)))
			lua_pushstring(L, column->field->name);
		else if (column->op == CE_GROUP_COUNT)
			lua_pushliteral(L, "count");
		else
			push_name(L, column);
		lua_rawseti(L, -2, (lua_Integer)k + 1);
	}
}

/* capengine.group(options) -> group */
static int group_open(lua_State *L)
{
	struct ce_lua_group *self;
	struct wanted wanted;
	struct ce_err err;

	luaL_checktype(L, OPTIONS, LUA_TTABLE);
	lua_settop(L, OPTIONS);
	self = lua_newuserdatauv(L, sizeof(*self), 2);
	self->group = NULL;
	luaL_setmetatable(L, CE_LUA_GROUP);
	read_options(L, &wanted);
	if (ce_group_open(&self->group, &wanted.options, &err) < 0)
		return luaL_error(L, "%s", err.text);
	push_names(L, self->group);
	lua_setiuservalue(L, GROUP, CE_LUA_GROUP_NAMES);
	return 1;
}

static int group_gc(lua_State *L)
{
	struct ce_lua_group *self = luaL_checkudata(L, 1, CE_LUA_GROUP);

	ce_group_close(self->group);
	self->group = NULL;
	return 0;
}

/* Hand the rows that are over to the script's function, one by one: it may add to the
   group, clear it, or raise; then the next call goes on. [-0, +0, e] */
static void hand_out(lua_State *L, struct ce_group *group)
{
	const struct ce_group_row *row;

	luaL_checkstack(L, 4, "too many rows end in rows that end");
	while ((row = ce_group_take(group))) {
		lua_getiuservalue(L, 1, CE_LUA_GROUP_EXPIRED);
		ce_lua_push_row(L, 1, row);
		lua_call(L, 1, 0);
	}
}

/* What a call of the engine gave. [-0, +0, e] */
static int finish(lua_State *L, struct ce_group *group, int rc)
{
	if (rc < 0)
		return luaL_error(L, "out of memory");
	hand_out(L, group);
	return 0;
}

/* group:add(batch) */
static int group_add(lua_State *L)
{
	struct ce_group *group = check_group(L);
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 2);

	return finish(L, group,
	              ce_group_add(group, ce_lua_decode(L, batch), batch->selected));
}

/* group:merge(other) */
static int group_merge(lua_State *L)
{
	struct ce_group *group = check_group(L);
	const struct ce_group *other = ce_lua_check_group(L, 2)->group;
	int rc;

	luaL_argcheck(L, group != other, 2, "a group cannot be merged with itself");
	rc = ce_group_merge(group, other);
	luaL_argcheck(L, rc >= 0 || rc == -ENOMEM, 2,
	              "only groups with the same keys and values can be merged");
	return finish(L, group, rc);
}

/* group:expire(now_ns) */
static int group_expire(lua_State *L)
{
	struct ce_group *group = check_group(L);

	return finish(L, group, ce_group_expire(group, luaL_checkinteger(L, 2)));
}

/* group:flush() */
static int group_flush(lua_State *L)
{
	struct ce_group *group = check_group(L);

	ce_group_flush(group);
	return finish(L, group, 0);
}

/* group:clear() */
static int group_clear(lua_State *L)
{
	ce_group_clear(check_group(L));
	return 0;
}

/* group:len(), #group */
static int group_len(lua_State *L)
{
	lua_pushinteger(L, ce_group_len(check_group(L)));
	return 1;
}

static int push_count(lua_State *L, uint64_t count)
{
	lua_pushinteger(L, (lua_Integer)count);
	return 1;
}

static int group_skipped(lua_State *L)
{
	return push_count(L, ce_group_counts(check_group(L)).skipped);
}

static int group_expired(lua_State *L)
{
	return push_count(L, ce_group_counts(check_group(L)).expired);
}

static int group_evicted(lua_State *L)
{
	return push_count(L, ce_group_counts(check_group(L)).evicted);
}

static int group_memory(lua_State *L)
{
	return push_count(L, ce_group_memory(check_group(L)));
}

const luaL_Reg ce_lua_group_functions[] = {
	{"group", group_open},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"add", group_add},
	{"clear", group_clear},
	{"evicted", group_evicted},
	{"expire", group_expire},
	{"expired", group_expired},
	{"flush", group_flush},
	{"len", group_len},
	{"memory", group_memory},
	{"merge", group_merge},
	{"skipped", group_skipped},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__gc", group_gc},
	{"__len", group_len},
	{NULL, NULL},
};

void ce_lua_open_group(lua_State *L)
{
	ce_lua_class(L, CE_LUA_GROUP, metamethods, methods);
	ce_lua_add_methods(L, CE_LUA_GROUP, ce_lua_rows_methods);
}
