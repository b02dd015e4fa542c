/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_packet.c - the `packet` that scripts see.
 *
 * A packet is a handle in a light userdata: a mark that no pointer has, the
 * number of its batch, its index there. Nothing is allocated for it, and once
 * its batch is over no batch has that number: a packet kept too long raises,
 * for ever. packet:keep() gives a full userdata with the same methods.
 *
 * Lua has one metatable for all light userdata, so values of other modules come
 * here too: they print and compare as before, and raise on a method.
 *
 * Every method has the state's struct and string.unpack as upvalues.
 */
#include <string.h>

#include "lua_binding.h"

enum { UPVALUE_LUA = 1, UPVALUE_UNPACK = 2, INDEX_BITS = 12 };

struct kept {
	struct ce_lua_packet packet;
	uint64_t source; /* of its handle */
	unsigned char bytes[];
};

static bool is_view(uint64_t bits)
{
	return bits >> 63;
}

/* Where the batch of this number is lent, or NULL. */
static struct ce_lua_lent *find(struct ce_lua *lua, uint64_t sequence)
{
	if (lua->hot && lua->hot->batch && lua->hot->sequence == sequence)
		return lua->hot;
	for (struct ce_lua_handle *handle = lua->handles; handle; handle = handle->next)
		if (handle->lent.batch && handle->lent.sequence == sequence)
			return lua->hot = &handle->lent;
	return NULL;
}

/* The packet behind a view; false when its batch is over. */
static bool look_up(struct ce_lua *lua, uint64_t bits, struct ce_batch **batch,
                    uint32_t *index)
{
	struct ce_lua_lent *lent = find(lua, bits << 1 >> (INDEX_BITS + 1));

	*index = bits & (CE_BATCH_PACKETS - 1);
	if (!lent || *index >= lent->batch->count)
		return false;
	*batch = lent->batch;
	return true;
}

static struct ce_lua_packet from_batch(const struct ce_batch *batch, uint32_t i)
{
	return (struct ce_lua_packet){
		.data = batch->data[i],
		.record = ce_batch_record(batch, i),
		.ts_ns = batch->ts_ns[i],
		.number = batch->first_number + i,
		.origin = batch->origin,
	};
}

/* The kept packet at arg, or NULL: views have the same metatable. [-0, +0, -] */
static const struct kept *test_kept(lua_State *L, int arg)
{
	return lua_islightuserdata(L, arg) ? NULL : luaL_testudata(L, arg, CE_LUA_PACKET);
}

static int bad_packet(lua_State *L, int arg)
{
	if (lua_islightuserdata(L, arg) && is_view((uintptr_t)lua_touserdata(L, arg)))
		return luaL_argerror(
			L, arg, "packet used after its batch; packet:keep() owns a copy");
	return luaL_typeerror(L, arg, "packet");
}

static struct ce_lua_packet check_with(lua_State *L, struct ce_lua *lua, int arg)
{
	const struct kept *kept;
	struct ce_batch *batch;
	uint32_t i;

	if (lua_islightuserdata(L, arg)) {
		uint64_t bits = (uintptr_t)lua_touserdata(L, arg);

		if (is_view(bits) && look_up(lua, bits, &batch, &i))
			return from_batch(batch, i);
	} else if ((kept = test_kept(L, arg))) {
		return kept->packet;
	}
	bad_packet(L, arg);
	return (struct ce_lua_packet){0}; /* not reached: bad_packet raises */
}

struct ce_lua_packet ce_lua_check_packet(lua_State *L, int arg)
{
	return check_with(L, ce_lua_get(L), arg);
}

bool ce_lua_find_packet(lua_State *L, struct ce_lua *lua, int arg,
                        struct ce_lua_handle **handle, uint32_t *index)
{
	uint64_t bits = (uintptr_t)lua_touserdata(L, arg);
	struct ce_batch *batch;

	if (lua_islightuserdata(L, arg) && is_view(bits) &&
	    look_up(lua, bits, &batch, index)) {
		*handle = lua->hot->handle;
		return true;
	}
	if (!test_kept(L, arg))
		bad_packet(L, arg);
	return false;
}

/* The packet behind argument 1. Raises if its batch is over. [-0, +0, v] */
static struct ce_lua_packet check_packet(lua_State *L)
{
	return check_with(L, lua_touserdata(L, lua_upvalueindex(UPVALUE_LUA)), 1);
}

/* packet:len(), #packet -> integer: bytes captured. */
static int packet_len(lua_State *L)
{
	lua_pushinteger(L, check_packet(L).record.caplen);
	return 1;
}

/* packet:wire_len() -> integer: bytes that were on the wire. */
static int packet_wire_len(lua_State *L)
{
	lua_pushinteger(L, check_packet(L).record.len);
	return 1;
}

/* packet:time() -> integer: nanoseconds since 1970. */
static int packet_time(lua_State *L)
{
	lua_pushinteger(L, check_packet(L).ts_ns);
	return 1;
}

/* The first of `bytes` bytes at an offset, or NULL: the packet ends before. */
static const unsigned char *field_at(const struct ce_lua_packet *packet,
                                     lua_Integer offset, uint32_t bytes)
{
	if (offset < 0 || packet->record.caplen < bytes ||
	    offset > packet->record.caplen - bytes)
		return NULL;
	return packet->data + offset;
}

/* Push `bytes` bytes at argument 2, most significant first, or nil. [-0, +1, v] */
static int push_field(lua_State *L, uint32_t bytes)
{
	const struct ce_lua_packet packet = check_packet(L);
	const unsigned char *field = field_at(&packet, luaL_checkinteger(L, 2), bytes);
	lua_Integer value = 0;

	if (!field) {
		lua_pushnil(L);
		return 1;
	}
	for (uint32_t i = 0; i < bytes; i++)
		value = value << 8 | field[i];
	lua_pushinteger(L, value);
	return 1;
}

/*
 * packet:u8(offset), u16(offset), u32(offset) -> integer | nil
 *
 * The byte, two or four bytes at offset, most significant first; offset 0 is
 * the first byte. nil when the packet ends before them: a short packet is
 * data, not an error.
 */
static int packet_u8(lua_State *L)
{
	return push_field(L, 1);
}

static int packet_u16(lua_State *L)
{
	return push_field(L, 2);
}

static int packet_u32(lua_State *L)
{
	return push_field(L, 4);
}

/* A string position as string.sub's i: from 1, negative from the end. */
static lua_Integer first_position(lua_Integer i, lua_Integer len)
{
	if (i > 0)
		return i;
	return i == 0 || i < -len ? 1 : len + i + 1;
}

/* A string position as string.sub's j. */
static lua_Integer last_position(lua_Integer j, lua_Integer len)
{
	if (j > len)
		return len;
	return j >= 0 ? j : j < -len ? 0 : len + j + 1;
}

/* packet:sub(i [, j]) -> string, as string.sub. */
static int packet_sub(lua_State *L)
{
	const struct ce_lua_packet packet = check_packet(L);
	lua_Integer len = packet.record.caplen;
	lua_Integer first = first_position(luaL_checkinteger(L, 2), len);
	lua_Integer last = last_position(luaL_optinteger(L, 3, -1), len);

	if (first > last)
		lua_pushliteral(L, "");
	else
		lua_pushlstring(L, (const char *)packet.data + first - 1,
		                (size_t)(last - first + 1));
	return 1;
}

/* packet:byte([i [, j]]) -> integers, as string.byte. */
static int packet_byte(lua_State *L)
{
	const struct ce_lua_packet packet = check_packet(L);
	lua_Integer len = packet.record.caplen;
	lua_Integer i = luaL_optinteger(L, 2, 1);
	lua_Integer first = first_position(i, len);
	lua_Integer last = last_position(luaL_optinteger(L, 3, i), len);

	if (first > last)
		return 0;
	luaL_checkstack(L, (int)(last - first + 1), "too many bytes for one call");
	for (lua_Integer at = first; at <= last; at++)
		lua_pushinteger(L, packet.data[at - 1]);
	return (int)(last - first + 1);
}

static void push_bytes(lua_State *L, const struct ce_lua_packet *packet)
{
	lua_pushlstring(L, (const char *)packet->data, packet->record.caplen);
}

/* packet:unpack(format [, position]) -> values, as string.unpack. */
static int packet_unpack(lua_State *L)
{
	const struct ce_lua_packet packet = check_packet(L);

	lua_settop(L, 3);
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_UNPACK));
	lua_pushvalue(L, 2);
	push_bytes(L, &packet);
	lua_pushinteger(L, luaL_optinteger(L, 3, 1));
	lua_call(L, 3, LUA_MULTRET);
	return lua_gettop(L) - 3;
}

/* Push a kept packet with a copy of the bytes of that at `arg`. [-0, +1, e] */
static struct kept *push_kept(lua_State *L, struct ce_lua *lua, int arg)
{
	struct ce_lua_packet packet = check_with(L, lua, arg);
	struct kept *kept = lua_newuserdatauv(L, sizeof(*kept) + packet.record.caplen, 0);

	packet = check_with(L, lua, arg); /* a finalizer may have closed its handle */
	kept->packet = packet;
	kept->packet.data = kept->bytes;
	kept->source = lua_islightuserdata(L, arg) ? lua->hot->handle->source
	                                           : test_kept(L, arg)->source;
	if (packet.record.caplen)
		memcpy(kept->bytes, packet.data, packet.record.caplen);
	luaL_setmetatable(L, CE_LUA_PACKET);
	return kept;
}

struct ce_lua_packet *ce_lua_push_kept(lua_State *L, int arg, unsigned char **bytes)
{
	struct kept *kept = push_kept(L, ce_lua_get(L), arg);

	*bytes = kept->bytes;
	return &kept->packet;
}

uint64_t ce_lua_kept_source(lua_State *L, int arg)
{
	return test_kept(L, arg)->source;
}

/* packet:keep() -> packet that outlives its batch; a kept one gives itself. */
static int packet_keep(lua_State *L)
{
	if (test_kept(L, 1))
		lua_settop(L, 1);
	else
		push_kept(L, lua_touserdata(L, lua_upvalueindex(UPVALUE_LUA)), 1);
	return 1;
}

/* tostring(packet) -> its bytes; another light userdata prints as ever. */
static int packet_tostring(lua_State *L)
{
	if (lua_islightuserdata(L, 1) && !is_view((uintptr_t)lua_touserdata(L, 1))) {
		lua_pushfstring(L, "userdata: %p", lua_touserdata(L, 1));
	} else {
		const struct ce_lua_packet packet = check_packet(L);

		push_bytes(L, &packet);
	}
	return 1;
}

static const luaL_Reg methods[] = {
	{"byte", packet_byte},         {"keep", packet_keep}, {"len", packet_len},
	{"sub", packet_sub},           {"time", packet_time}, {"u16", packet_u16},
	{"u32", packet_u32},           {"u8", packet_u8},     {"unpack", packet_unpack},
	{"wire_len", packet_wire_len}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__len", packet_len},
	{"__tostring", packet_tostring},
	{NULL, NULL},
};

/* Set functions with both upvalues into the table on top. [-0, +0, m] */
static void set_functions(lua_State *L, const luaL_Reg *functions)
{
	lua_pushlightuserdata(L, ce_lua_get(L));
	lua_getglobal(L, "string");
	lua_getfield(L, -1, "unpack");
	lua_remove(L, -2);
	luaL_setfuncs(L, functions, 2);
}

void ce_lua_open_packet(lua_State *L)
{
	if (!luaL_newmetatable(L, CE_LUA_PACKET)) {
		lua_pop(L, 1);
		return;
	}
	set_functions(L, metamethods);
	ce_lua_lock_class(L);
	lua_newtable(L);
	set_functions(L, methods);
	ce_lua_refuse_members(L, "a packet", "; ce.field reads its fields");
	lua_setfield(L, -2, "__index");
	lua_pushlightuserdata(L, NULL);
	lua_pushvalue(L, -2);
	lua_setmetatable(L, -2); /* the one of all light userdata */
	lua_pop(L, 2);
}
