/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_batch.c - the `batch` that scripts see: packets that came together, or those of
 * them that a `where` has selected.
 *
 * Handing a batch out moves the handle's cursor behind its last packet. It is
 * over when the handle goes on to the next; from then on every use raises.
 * Iterators return two values: Debian's Lua 5.4.4 miscompiles `break` out of a
 * loop with four.
 */
#include <errno.h>
#include <string.h>

#include "lua_binding.h"

void ce_lua_push_batch(lua_State *L, int index)
{
	struct ce_lua_batch *batch;

	index = lua_absindex(L, index);
	batch = lua_newuserdatauv(L, sizeof(*batch), 1);
	batch->handle = lua_touserdata(L, index);
	batch->sequence = 0;
	luaL_setmetatable(L, CE_LUA_BATCH);
	lua_pushvalue(L, index);
	lua_setiuservalue(L, -2, 1);
}

void ce_lua_fill_batch(lua_State *L, uint32_t end)
{
	struct ce_lua_batch *batch = lua_touserdata(L, -1);
	struct ce_lua_handle *handle = batch->handle;
	const struct ce_batch *lent = handle->lent.batch;

	batch->sequence = handle->lent.sequence;
	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		batch->selected[word] = lent->selected[word] &
		                        ce_selection_range(word, lent->at, end);
	batch->count = ce_reader_take_until(handle->reader, end);
}

struct ce_lua_batch *ce_lua_check_batch(lua_State *L, int arg)
{
	struct ce_lua_batch *batch = luaL_checkudata(L, arg, CE_LUA_BATCH);
	const struct ce_lua_lent *lent = &batch->handle->lent;

	luaL_argcheck(L, lent->batch && lent->sequence == batch->sequence, arg,
	              "batch used after the next was read");
	return batch;
}

struct ce_lua_batch *ce_lua_narrow_batch(lua_State *L, int index)
{
	const struct ce_lua_batch *wide = lua_touserdata(L, index);
	struct ce_lua_batch *batch = lua_newuserdatauv(L, sizeof(*batch), 1);

	memcpy(batch, wide, sizeof(*batch));
	luaL_setmetatable(L, CE_LUA_BATCH);
	lua_getiuservalue(L, index, 1);
	lua_setiuservalue(L, -2, 1);
	return batch;
}

/* batch:count(), #batch -> integer: packets in it. */
static int batch_count(lua_State *L)
{
	lua_pushinteger(L, ce_lua_check_batch(L, 1)->count);
	return 1;
}

/* The iterator: batch, the packet before -> the next packet. */
static int next_packet(lua_State *L)
{
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 1);
	const struct ce_lua_lent *lent = &batch->handle->lent;
	uint32_t i = 0;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TLIGHTUSERDATA);
		i = (uintptr_t)lua_touserdata(L, 2) & (CE_BATCH_PACKETS - 1);
		luaL_argcheck(L,
		              lua_touserdata(L, 2) == ce_lua_view(lent, i) &&
		                      ce_selection_has(batch->selected, i),
		              2, "not a packet of this batch");
		i++;
	}
	i = ce_selection_next(batch->selected, i, lent->batch->count);
	if (i >= lent->batch->count)
		return 0;
	lua_pushlightuserdata(L, ce_lua_view(lent, i));
	return 1;
}

/* for packet in batch:each() do ... end */
static int batch_each(lua_State *L)
{
	ce_lua_check_batch(L, 1);
	lua_pushcfunction(L, next_packet);
	lua_pushvalue(L, 1);
	return 2;
}

/* The iterator: handle -> the next batch. */
static int next_batch(lua_State *L)
{
	struct ce_lua_handle *handle;
	int rc;

	ce_lua_check_handle(L);
	ce_lua_push_batch(L, 1);
	handle = ce_lua_check_idle_handle(L, "batches"); /* after what may collect */
	do
		rc = ce_lua_fetch(L, handle, -1);
	while (rc == 0);
	if (rc == -ENODATA || rc == -EINTR)
		return 0;
	if (rc < 0)
		return luaL_error(L, "%s", handle->last.text);
	ce_lua_fill_batch(L, handle->lent.batch->count);
	return 1;
}

/*
 * for batch in handle:batches() do ... end
 *
 * Hands out the rest of the current batch first. Raises on a read error.
 */
static int handle_batches(lua_State *L)
{
	ce_lua_check_handle(L);
	lua_pushcfunction(L, next_batch);
	lua_pushvalue(L, 1);
	return 2;
}

const luaL_Reg ce_lua_batch_methods[] = {
	{"batches", handle_batches},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"count", batch_count},
	{"each", batch_each},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__len", batch_count},
	{NULL, NULL},
};

void ce_lua_open_batch(lua_State *L)
{
	ce_lua_class(L, CE_LUA_BATCH, metamethods, methods);
	luaL_getmetatable(L, CE_LUA_BATCH);
	lua_getfield(L, -1, "__index");
	ce_lua_refuse_members(L, "a batch",
	                      "; batch:where selects, batch:column reads fields");
	lua_pop(L, 2);
	ce_lua_add_methods(L, CE_LUA_BATCH, ce_lua_column_methods);
	ce_lua_open_column(L);
	ce_lua_open_where(L);
}
