/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_field.c - fields of one packet: extractors, and values as Lua has them; binds
 * <capengine/field.h>.
 *
 * An extractor is a function that is made once; calling it decodes its column for the
 * whole batch of the packet, unless that was done already, and reads one entry. It
 * remembers the column, so that every further packet of the batch costs little more
 * than the call.
 */
#include "lua_binding.h"

enum { UPVALUE_EXTRACTOR = 1 };

struct extractor {
	struct ce_lua *lua;
	const struct ce_field *field;
	bool is_integer; /* its values, in Lua */
	/* The column found last, which holds while nothing was decoded anew. */
	const struct ce_column *column; /* NULL: the field has parts */
	uint64_t sequence;              /* of the batch that it is of */
	uint64_t begins;                /* lua->begins at the time */
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

void ce_lua_push_value(lua_State *L, const struct ce_column *column, uint32_t i,
                       const struct ce_batch *batch)
{
	const void *value = ce_column_value(column, i);

	if (!ce_column_has(column, i)) {
		lua_pushnil(L);
	} else if (column->field->type == CE_FIELD_BOOLEAN) {
		lua_pushboolean(L, *(const uint8_t *)value);
	} else if (column->field->type == CE_FIELD_BYTES) {
		const struct ce_range *range = value;

		lua_pushlstring(L, (const char *)batch->data[i] + range->offset,
		                range->bytes);
	} else {
		ce_lua_push_field_value(L, column->field, value);
	}
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

/* Push the parts' values in a kept packet. [-0, +n, e] */
static int extract_kept(lua_State *L, struct ce_lua *lua, const struct ce_field *field)
{
	struct ce_lua_packet packet = ce_lua_check_packet(L, 1);
	struct ce_batch batch;
	struct ce_decode *decode = decode_kept(L, lua, &packet, &batch);
	const struct ce_field *part;
	int k;

	for (k = 0; (part = ce_field_part(field, (size_t)k)); k++) {
		const struct ce_column *column = ce_decode_column(decode, part);

		if (!column)
			return luaL_error(L, "out of memory");
		ce_lua_push_value(L, column, 0, &batch);
	}
	return k;
}

/* Push the parts' values in packet i of the handle's batch. [-0, +n, e] */
static int extract_parts(lua_State *L, struct ce_lua_handle *handle,
                         const struct ce_field *field, uint32_t i)
{
	const struct ce_field *part;
	int k;

	for (k = 0; (part = ce_field_part(field, (size_t)k)); k++)
		ce_lua_push_value(L, ce_lua_column_at(L, handle, part, i), i,
		                  handle->lent.batch);
	return k;
}

/* Find packet and column, and remember the column. [-0, +n, e] */
static int extract_anew(lua_State *L, struct extractor *extractor)
{
	struct ce_lua_handle *handle;
	uint32_t i;

	if (!ce_lua_find_packet(L, extractor->lua, 1, &handle, &i))
		return extract_kept(L, extractor->lua, extractor->field);
	if (extractor->field->parts)
		return extract_parts(L, handle, extractor->field, i);
	extractor->column = ce_lua_column_at(L, handle, extractor->field, i);
	extractor->sequence = handle->lent.sequence;
	extractor->begins = extractor->lua->begins;
	ce_lua_push_value(L, extractor->column, i, handle->lent.batch);
	return 1;
}

/*
 * The extractor: packet -> value, or one for each part of the field; nil where the
 * packet lacks it. Raises when the packet's batch is over.
 */
static int extract(lua_State *L)
{
	struct extractor *extractor =
		lua_touserdata(L, lua_upvalueindex(UPVALUE_EXTRACTOR));
	const struct ce_lua_lent *hot = extractor->lua->hot;
	uint64_t bits = (uintptr_t)lua_touserdata(L, 1);
	uint32_t i = bits & (CE_BATCH_PACKETS - 1);

	/* A full userdata's address has no mark, and so is no view of this batch. */
	if (!extractor->column || !hot || !hot->batch ||
	    extractor->sequence != hot->sequence ||
	    extractor->begins != extractor->lua->begins ||
	    bits != (uintptr_t)ce_lua_view(hot, i) ||
	    !ce_selection_has(hot->handle->wanted, i))
		return extract_anew(L, extractor);
	if (!ce_column_has(extractor->column, i))
		lua_pushnil(L);
	else if (extractor->is_integer)
		lua_pushinteger(L, to_integer(extractor->field,
		                              ce_column_value(extractor->column, i)));
	else
		ce_lua_push_value(L, extractor->column, i, hot->batch);
	return 1;
}

/* capengine.field(name) -> function(packet) -> value */
static int field(lua_State *L)
{
	const struct ce_field *found = ce_lua_check_field(L, 1);
	struct extractor *extractor = lua_newuserdatauv(L, sizeof(*extractor), 0);

	*extractor = (struct extractor){
		.lua = ce_lua_get(L),
		.field = found,
		.is_integer = found->type == CE_FIELD_NUMBER ||
	                      found->type == CE_FIELD_TIME,
	};
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
