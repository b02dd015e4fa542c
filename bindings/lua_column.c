/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_column.c - fields of a whole batch at once; binds <capengine/decode.h>.
 *
 * A handle decodes the batch that it lends at the first call that asks for a field,
 * and keeps the columns until it goes on. Nothing here makes a Lua value per packet,
 * but for those that a script reads.
 */
#include <string.h>

#include "lua_binding.h"

/* Columns that anybody remembers are of before. */
static void begin(lua_State *L, struct ce_lua_handle *handle)
{
	ce_decode_begin(handle->decode, handle->lent.batch, handle->wanted);
	handle->decoded = handle->lent.sequence;
	ce_lua_get(L)->epoch++;
}

struct ce_decode *ce_lua_decode_handle(lua_State *L, struct ce_lua_handle *handle)
{
	if (!handle->decode) {
		if (ce_decode_open(&handle->decode, ce_lua_get(L)->seed) < 0)
			luaL_error(L, "out of memory");
		ce_decode_follow(handle->decode, handle->ahead);
	}
	if (handle->decoded != handle->lent.sequence) {
		memcpy(handle->wanted, handle->lent.batch->selected,
		       sizeof(handle->wanted));
		begin(L, handle);
	}
	return handle->decode;
}

/* A filter that was set meanwhile may want packets that were not decoded. */
static void decode_also(lua_State *L, struct ce_lua_handle *handle,
                        const uint64_t wanted[CE_BATCH_WORDS])
{
	uint64_t missing = 0;

	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		missing |= wanted[word] & ~handle->wanted[word];
	if (!missing)
		return;
	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		handle->wanted[word] |= wanted[word];
	begin(L, handle);
}

struct ce_decode *ce_lua_decode(lua_State *L, const struct ce_lua_batch *batch)
{
	struct ce_decode *decode = ce_lua_decode_handle(L, batch->handle);

	decode_also(L, batch->handle, batch->selected);
	return decode;
}

const struct ce_column *ce_lua_column_at(lua_State *L, struct ce_lua_handle *handle,
                                         const struct ce_field *field, uint32_t i)
{
	struct ce_decode *decode = ce_lua_decode_handle(L, handle);
	const struct ce_column *column;

	if (!ce_selection_has(handle->wanted, i)) {
		uint64_t wanted[CE_BATCH_WORDS] = {0};

		wanted[i / 64] = (uint64_t)1 << i % 64;
		decode_also(L, handle, wanted);
	}
	column = ce_decode_column(decode, field);
	if (!column)
		luaL_error(L, "out of memory");
	return column;
}

static const struct ce_column *check_column(lua_State *L,
                                            const struct ce_lua_batch *batch,
                                            const struct ce_field *field)
{
	const struct ce_column *column = ce_decode_column(ce_lua_decode(L, batch), field);

	if (!column)
		luaL_error(L, "out of memory");
	return column;
}

/* The field named at argument 2, whose values can be added up. [-0, +0, v] */
static const struct ce_field *check_number(lua_State *L)
{
	const struct ce_field *field = ce_lua_check_column_field(L, 2);

	if (field->type != CE_FIELD_NUMBER && field->type != CE_FIELD_BOOLEAN &&
	    field->type != CE_FIELD_TIME)
		luaL_error(L, "%s: not a number", field->name);
	return field;
}

/* What becomes of a column's values. */
enum fold { SUM, MIN, MAX };

/* Of the values that there are. */
struct folded {
	lua_Integer value;
	bool any;
};

static inline __attribute__((always_inline)) lua_Integer number_at(const void *values,
                                                                   uint32_t i,
                                                                   uint32_t width)
{
	switch (width) {
	case 1:
		return ((const uint8_t *)values)[i];
	case 2:
		return ((const uint16_t *)values)[i];
	case 4:
		return ((const uint32_t *)values)[i];
	default:
		return (lua_Integer)((const uint64_t *)values)[i];
	}
}

static inline __attribute__((always_inline)) lua_Integer both(enum fold fold,
                                                              lua_Integer a,
                                                              lua_Integer b)
{
	switch (fold) {
	case SUM:
		return (lua_Integer)((lua_Unsigned)a + (lua_Unsigned)b);
	case MIN:
		return a < b ? a : b;
	default:
		return a > b ? a : b;
	}
}

/* A word of packets, nearly always all of them: then nothing hinders the compiler. */
static inline __attribute__((always_inline)) lua_Integer fold_word(
	enum fold fold, lua_Integer before, const void *values, uint32_t first,
	uint64_t bits, uint32_t width)
{
	lua_Integer value = before;

	if (bits == UINT64_MAX) {
		for (uint32_t i = first; i < first + 64; i++)
			value = both(fold, value, number_at(values, i, width));
		return value;
	}
	for (; bits; bits &= bits - 1) {
		uint32_t i = first + (uint32_t)__builtin_ctzll(bits);

		value = both(fold, value, number_at(values, i, width));
	}
	return value;
}

static inline __attribute__((always_inline)) struct folded fold_as(
	enum fold fold, const struct ce_lua_batch *batch, const struct ce_column *column,
	uint32_t width)
{
	struct folded folded = {fold == SUM   ? 0
	                        : fold == MIN ? LUA_MAXINTEGER
	                                      : LUA_MININTEGER,
	                        false};

	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++) {
		uint64_t bits = batch->selected[word] & column->present[word];

		folded.any |= bits != 0;
		folded.value = fold_word(fold, folded.value, column->values, word * 64,
		                         bits, width);
	}
	return folded;
}

/* Look at the field named at argument 2 in all packets of the batch. [-0, +0, e] */
static inline __attribute__((always_inline)) struct folded fold_column(lua_State *L,
                                                                       enum fold fold)
{
	struct ce_lua_batch *batch = ce_lua_check_batch(L, 1);
	const struct ce_column *column = check_column(L, batch, check_number(L));

	switch (column->field->width) {
	case 1:
		return fold_as(fold, batch, column, 1);
	case 2:
		return fold_as(fold, batch, column, 2);
	case 4:
		return fold_as(fold, batch, column, 4);
	default:
		return fold_as(fold, batch, column, 8);
	}
}

/* batch:sum(field) -> integer; 0 when no packet has the field. */
static int batch_sum(lua_State *L)
{
	lua_pushinteger(L, fold_column(L, SUM).value);
	return 1;
}

static int push_if_any(lua_State *L, struct folded folded)
{
	if (folded.any)
		lua_pushinteger(L, folded.value);
	else
		lua_pushnil(L);
	return 1;
}

/* batch:min(field), max(field) -> integer | nil: no packet has the field. */
static int batch_min(lua_State *L)
{
	return push_if_any(L, fold_column(L, MIN));
}

static int batch_max(lua_State *L)
{
	return push_if_any(L, fold_column(L, MAX));
}

/* A column as scripts have it: entry k is the k-th packet of the batch. */
struct view {
	const struct ce_field *field;
	uint32_t count;
	uint16_t packet[CE_BATCH_PACKETS];
};

/* batch:column(field) -> column: column[1] to column[#column]. */
static int batch_column(lua_State *L)
{
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 1);
	const struct ce_field *field = ce_lua_check_column_field(L, 2);
	struct view *view = lua_newuserdatauv(L, sizeof(*view), 1);

	batch = ce_lua_check_batch(L, 1); /* a finalizer may have closed its handle */
	view->field = field;
	view->count = 0;
	for (uint32_t i = ce_selection_next(batch->selected, 0, CE_BATCH_PACKETS);
	     i < CE_BATCH_PACKETS;
	     i = ce_selection_next(batch->selected, i + 1, CE_BATCH_PACKETS))
		view->packet[view->count++] = (uint16_t)i;
	luaL_setmetatable(L, CE_LUA_COLUMN);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

/* The batch of the column at argument 1, on top. Raises when it is over. [-0, +1, v] */
static struct ce_lua_batch *column_batch(lua_State *L)
{
	lua_getiuservalue(L, 1, 1);
	return ce_lua_check_batch(L, lua_gettop(L));
}

/* column[k] -> value | nil: the packet lacks the field, or there is no such packet. */
static int column_index(lua_State *L)
{
	const struct view *view = luaL_checkudata(L, 1, CE_LUA_COLUMN);
	lua_Integer k = luaL_checkinteger(L, 2);
	const struct ce_lua_batch *batch = column_batch(L);

	if (k < 1 || k > view->count)
		lua_pushnil(L);
	else
		ce_lua_push_value(L, check_column(L, batch, view->field),
		                  view->packet[k - 1], batch->handle->lent.batch);
	return 1;
}

/* #column -> integer: packets of its batch. */
static int column_len(lua_State *L)
{
	const struct view *view = luaL_checkudata(L, 1, CE_LUA_COLUMN);

	lua_pushinteger(L, view->count);
	return 1;
}

const luaL_Reg ce_lua_column_methods[] = {
	{"column", batch_column}, {"max", batch_max}, {"min", batch_min},
	{"sum", batch_sum},       {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__index", column_index},
	{"__len", column_len},
	{NULL, NULL},
};

void ce_lua_open_column(lua_State *L)
{
	luaL_newmetatable(L, CE_LUA_COLUMN);
	luaL_setfuncs(L, metamethods, 0);
	ce_lua_lock_class(L);
	lua_pop(L, 1);
}
