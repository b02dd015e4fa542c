/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_field.c - fields of one packet: extractors, and values as Lua has them; binds
 * <capengine/field.h>.
 *
 * An extractor is a function that is made once; calling it decodes its columns for the
 * whole batch of the packet, unless that was done already, and reads one entry of each.
 * It remembers the columns, so that every further packet of the batch costs little more
 * than the call.
 */
#include "lua_binding.h"

enum {
	UPVALUE_EXTRACTOR = 1,
	MOST_VALUES = 16, /* of one call: Lua has room for 20 without being asked */
};

/* One of the values that an extractor gives. */
struct part {
	const struct ce_field *field;
	const struct ce_column *column; /* found last */
};

struct extractor {
	struct ce_lua *lua;
	/* The columns hold for a view that has these bits, as long as the epoch lasts. */
	uint64_t epoch; /* 0: no columns yet */
	uint64_t batch; /* what its views begin with */
	const struct ce_lua_handle *handle;
	int count;
	struct part parts[];
};

const struct ce_field *ce_lua_check_field(lua_State *L, int arg)
{
	const char *name = luaL_checkstring(L, arg);
	const struct ce_field *field = ce_field_find(name);

	if (field)
		return field;
	luaL_error(L, "there is no field %s%s", name,
	           ce_lua_push_meant(L, ce_field_near(name)));
	return NULL; /* not reached: luaL_error raises */
}

const struct ce_field *ce_lua_check_column_field(lua_State *L, int arg)
{
	const struct ce_field *field = ce_lua_check_field(L, arg);

	if (!field->width)
		luaL_error(L, "%s has several values: choose %s or %s", field->name,
		           field->parts[0], field->parts[1]);
	return field;
}

static inline lua_Integer to_integer(const struct ce_field *field, const void *value)
{
	switch (field->width) {
	case 1:
		return *(const uint8_t *)value;
	case 2:
		return *(const uint16_t *)value;
	case 4:
		return *(const uint32_t *)value;
	default:
		return *(const int64_t *)value;
	}
}

void ce_lua_push_field_value(lua_State *L, const struct ce_field *field,
                             const void *value)
{
	char text[CE_FIELD_TEXT];
	size_t length;

	switch (field->type) {
	case CE_FIELD_NUMBER:
	case CE_FIELD_TIME:
		lua_pushinteger(L, to_integer(field, value));
		return;
	case CE_FIELD_BOOLEAN:
		lua_pushboolean(L, *(const uint8_t *)value);
		return;
	default:
		length = ce_field_format(field, value, text);
		lua_pushlstring(L, text, length);
	}
}

/* Push packet i's value that is neither a number nor absent. [-0, +1, m] */
static void push_other(lua_State *L, const struct ce_column *column, uint32_t i,
                       const struct ce_batch *batch)
{
	const void *value = ce_column_value(column, i);

	if (column->field->type == CE_FIELD_BYTES) {
		const struct ce_range *range = value;

		lua_pushlstring(L, (const char *)batch->data[i] + range->offset,
		                range->bytes);
	} else {
		ce_lua_push_field_value(L, column->field, value);
	}
}

static inline __attribute__((always_inline)) void push_value(
	lua_State *L, const struct ce_column *column, uint32_t i,
	const struct ce_batch *batch)
{
	const struct ce_field *field = column->field;

	if (!ce_column_has(column, i))
		lua_pushnil(L);
	else if (field->type == CE_FIELD_NUMBER || field->type == CE_FIELD_TIME)
		lua_pushinteger(L, to_integer(field, ce_column_value(column, i)));
	else if (field->type == CE_FIELD_BOOLEAN)
		lua_pushboolean(L, *(const uint8_t *)ce_column_value(column, i));
	else
		push_other(L, column, i, batch);
}

void ce_lua_push_value(lua_State *L, const struct ce_column *column, uint32_t i,
                       const struct ce_batch *batch)
{
	push_value(L, column, i, batch);
}

/* The columns of a kept packet, which is in no batch but its own. [-0, +0, m] */
static struct ce_decode *decode_kept(lua_State *L, struct ce_lua *lua,
                                     struct ce_lua_packet *packet, struct ce_batch *batch)
{
	static const uint64_t first[CE_BATCH_WORDS] = {1};

	if (!lua->kept_decode && ce_decode_open(&lua->kept_decode, lua->seed) < 0)
		luaL_error(L, "out of memory");
	*batch = (struct ce_batch){
		.ts_ns = &packet->ts_ns,
		.caplen = &packet->record.caplen,
		.len = &packet->record.len,
		.data = &packet->data,
		.count = 1,
		.origin = packet->origin,
		.first_number = packet->number,
	};
	ce_decode_begin(lua->kept_decode, batch, first);
	return lua->kept_decode;
}

/* Push the values of a kept packet. [-0, +n, e] */
static int extract_kept(lua_State *L, const struct extractor *extractor)
{
	struct ce_lua_packet packet = ce_lua_check_packet(L, 1);
	struct ce_batch batch;
	struct ce_decode *decode = decode_kept(L, extractor->lua, &packet, &batch);

	for (int k = 0; k < extractor->count; k++) {
		const struct ce_column *column;

		if (ce_decode_batch(decode) != &batch) /* a finalizer looked at another */
			decode = decode_kept(L, extractor->lua, &packet, &batch);
		column = ce_decode_column(decode, extractor->parts[k].field);
		if (!column)
			return luaL_error(L, "out of memory");
		ce_lua_push_value(L, column, 0, &batch);
	}
	return extractor->count;
}

/*
 * Push the values of packet i, whose columns are there. 0: a string among them has let a
 * finalizer run, which may have closed the handle. [-0, +*, m]
 */
static inline int push_values(lua_State *L, const struct extractor *extractor, uint32_t i)
{
	for (int k = 0; k < extractor->count; k++) {
		if (extractor->epoch != extractor->lua->epoch)
			return 0;
		push_value(L, extractor->parts[k].column, i,
		           extractor->handle->lent.batch);
	}
	return extractor->count;
}

/* Find packet and columns, and remember these. [-0, +n, e] */
static int extract_anew(lua_State *L, struct extractor *extractor)
{
	struct ce_lua_handle *handle;
	int count;
	uint32_t i;

	do {
		lua_settop(L, 1);
		if (!ce_lua_find_packet(L, extractor->lua, 1, &handle, &i))
			return extract_kept(L, extractor);
		extractor->epoch = 0;
		for (int k = 0; k < extractor->count; k++)
			extractor->parts[k].column =
				ce_lua_column_at(L, handle, extractor->parts[k].field, i);
		extractor->handle = handle;
		extractor->batch = ce_lua_view_batch(ce_lua_view(&handle->lent, i));
		extractor->epoch = extractor->lua->epoch;
		count = push_values(L, extractor, i);
	} while (!count);
	return count;
}

/*
 * The extractor: packet -> values; nil for those that the packet lacks. Raises when the
 * packet's batch is over.
 */
static int extract(lua_State *L)
{
	struct extractor *extractor =
		lua_touserdata(L, lua_upvalueindex(UPVALUE_EXTRACTOR));
	const void *view = lua_touserdata(L, 1);
	uint32_t i = ce_lua_view_index(view);
	int count;

	/* A full userdata's address has no mark, and so is no view of this batch. */
	if (extractor->epoch != extractor->lua->epoch ||
	    extractor->batch != ce_lua_view_batch(view) ||
	    !ce_selection_has(extractor->handle->wanted, i))
		return extract_anew(L, extractor);
	count = push_values(L, extractor, i);
	return count ? count : extract_anew(L, extractor);
}

static int count_parts(const struct ce_field *field)
{
	int count = 0;

	while (ce_field_part(field, (size_t)count))
		count++;
	return count;
}

static void add_parts(struct extractor *extractor, const struct ce_field *field)
{
	const struct ce_field *part;

	for (size_t k = 0; (part = ce_field_part(field, k)); k++)
		extractor->parts[extractor->count++].field = part;
}

/* capengine.field(name, ...) -> function(packet) -> value, ... */
static int field(lua_State *L)
{
	struct extractor *extractor;
	int names = lua_gettop(L), count = 0;

	for (int arg = 1; arg <= names || arg == 1; arg++)
		count += count_parts(ce_lua_check_field(L, arg));
	luaL_argcheck(L, count <= MOST_VALUES, names,
	              "too many fields for one extractor: 16 values are the most");
	extractor = lua_newuserdatauv(
		L, sizeof(*extractor) + (size_t)count * sizeof(*extractor->parts), 0);
	*extractor = (struct extractor){.lua = ce_lua_get(L)};
	for (int arg = 1; arg <= names; arg++)
		add_parts(extractor, ce_lua_check_field(L, arg));
	lua_pushcclosure(L, extract, 1);
	return 1;
}

/* capengine.fields() -> table of all names */
static int fields(lua_State *L)
{
	const struct ce_field *one;

	lua_newtable(L);
	for (size_t i = 0; (one = ce_field_at(i)); i++) {
		lua_pushstring(L, one->name);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

const luaL_Reg ce_lua_field_functions[] = {
	{"field", field},
	{"fields", fields},
	{NULL, NULL},
};
