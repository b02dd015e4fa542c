/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_batch.c - the `batch` that scripts see: packets that came together.
 *
 * Handing a batch out moves the handle's cursor behind its last packet. It is
 * over when the handle goes on to the next; from then on every use raises.
 * Iterators return two values: Debian's Lua 5.4.4 miscompiles `break` out of a
 * loop with four.
 */
#include <errno.h>

#include "lua_binding.h"

struct batch {
	struct ce_lua_handle *handle; /* kept alive by the user value */
	uint64_t sequence;            /* 0: none yet */
	uint32_t first, end;          /* its packets: [first, end) */
	uint32_t count;               /* of them, those that are selected */
};

void ce_lua_push_batch(lua_State *L, int index)
{
	struct batch *batch;

	index = lua_absindex(L, index);
	batch = lua_newuserdatauv(L, sizeof(*batch), 1);
	*batch = (struct batch){.handle = lua_touserdata(L, index)};
	luaL_setmetatable(L, CE_LUA_BATCH);
	lua_pushvalue(L, index);
	lua_setiuservalue(L, -2, 1);
}

void ce_lua_fill_batch(lua_State *L, uint32_t end)
{
	struct batch *batch = lua_touserdata(L, -1);
	struct ce_lua_handle *handle = batch->handle;

	batch->sequence = handle->lent.sequence;
	batch->first = handle->lent.batch->at;
	batch->end = end;
	batch->count = ce_reader_take_until(handle->reader, end);
}

/* The batch at argument 1. Raises when it is over. [-0, +0, v] */
static struct batch *check_batch(lua_State *L)
{
	struct batch *batch = luaL_checkudata(L, 1, CE_LUA_BATCH);
	const struct ce_lua_lent *lent = &batch->handle->lent;

	luaL_argcheck(L, lent->batch && lent->sequence == batch->sequence, 1,
	              "batch used after the next was read");
	return batch;
}

/* batch:count(), #batch -> integer: packets in it. */
static int batch_count(lua_State *L)
{
	lua_pushinteger(L, check_batch(L)->count);
	return 1;
}

/* The iterator: batch, the packet before -> the next packet. */
static int next_packet(lua_State *L)
{
	struct batch *batch = check_batch(L);
	uint32_t i = batch->first;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TLIGHTUSERDATA);
		i = ((uintptr_t)lua_touserdata(L, 2) & (CE_BATCH_PACKETS - 1)) + 1;
		luaL_argcheck(L,
		              i > batch->first &&
		                      lua_touserdata(L, 2) ==
		                              ce_lua_view(&batch->handle->lent, i - 1),
		              2, "not a packet of this batch");
	}
	i = ce_batch_next(batch->handle->lent.batch, i);
	if (i >= batch->end)
		return 0;
	lua_pushlightuserdata(L, ce_lua_view(&batch->handle->lent, i));
	return 1;
}

/* for packet in batch:each() do ... end */
static int batch_each(lua_State *L)
{
	check_batch(L);
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
}
