/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_read.c - reading packets from a handle: next, loop, dispatch and those
 * that dump; and iterating over packets.
 *
 * The documented loop and dispatch differ from libpcap's in what they return:
 * the number of packets that this call processed, also when the end of the
 * file or n ended it.
 *
 * A callback runs inside one protected call for the whole loop, so that an
 * error in it leaves the handle usable. The traceback of such an error is kept
 * aside for the program, since the error itself belongs to the script.
 */
#include <errno.h>

#include "lua_binding.h"

enum { BREAK = -2 }; /* PCAP_ERROR_BREAK, pcap.BREAK in Lua */

/* A call of loop or dispatch. */
struct reading {
	struct ce_lua *lua;
	struct ce_lua_handle *handle;
	struct ce_dump *dump; /* write there instead of calling back */
	lua_Integer most;     /* packets wanted */
	lua_Integer count;    /* packets processed */
	int first_wait_ms;    /* for the first packet; negative: for ever */
	bool only_queued;     /* then take no more than is there */
	int rc;               /* why it ended: 0, or a negative errno */
};

struct ce_lua_handle *ce_lua_check_idle_handle(lua_State *L, const char *call)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);

	if (handle->reading)
		luaL_error(L,
		           "%s: the handle is being read by the call "
		           "whose callback this is",
		           call);
	return handle;
}

/* A second, and where it begins: most packets are in the same as the one before. */
struct second {
	int64_t begins_ns;
	int64_t sec; /* since 1970 */
};

/* Push seconds since 1970, rounded down, and the microseconds beyond. [-0, +2, -] */
static inline void push_time(lua_State *L, struct second *second, int64_t ts_ns)
{
	uint64_t rest = (uint64_t)ts_ns - (uint64_t)second->begins_ns;

	if (rest >= 1000000000) {
		int64_t beyond = ts_ns % 1000000000;

		rest = (uint64_t)(beyond < 0 ? beyond + 1000000000 : beyond);
		second->begins_ns = (int64_t)((uint64_t)ts_ns - rest);
		second->sec = ts_ns / 1000000000 - (beyond < 0);
	}
	lua_pushinteger(L, second->sec);
	lua_pushinteger(L, (uint32_t)rest / 1000);
}

/* End the reading? breakloop's flag ends it once. */
static bool broken(struct ce_lua_handle *handle)
{
	return handle->broken || handle->close_later;
}

/*
 * Call the function at stack index 1 for packets of the current batch, as many
 * as are wanted. [-0, +0, e]
 */
static void call_back(lua_State *L, struct reading *reading)
{
	struct ce_lua_handle *handle = reading->handle;
	struct ce_batch *batch = handle->lent.batch;
	struct second second = {0};

	while (reading->count < reading->most && !broken(handle)) {
		uint32_t i = ce_batch_take(batch);

		if (i == batch->count)
			return;
		reading->count++;
		lua_pushvalue(L, 1);
		lua_pushlightuserdata(L, ce_lua_view(&handle->lent, i));
		lua_pushinteger(L, batch->len[i]);
		push_time(L, &second, batch->ts_ns[i]);
		lua_call(L, 4, 0);
		if (reading->lua->expire_each)
			ce_lua_expire(reading->lua, handle);
	}
}

/* Behind the `most`th packet that is wanted from the cursor on. */
static uint32_t end_of(const struct ce_batch *batch, lua_Integer most)
{
	uint32_t i = batch->at;

	if (most >= batch->count)
		return batch->count;
	while (most-- && i < batch->count)
		i = ce_batch_next(batch, i) + 1;
	return i < batch->count ? i : batch->count;
}

/* A script may close the dumper that is written to, where a wait runs its functions. */
static bool is_open(const struct reading *reading)
{
	const struct ce_lua_dumper *dumper = reading->handle->dumper;

	while (dumper && dumper->dump != reading->dump)
		dumper = dumper->older;
	return dumper;
}

/* Write packets of the current batch, as many as are wanted. */
static int write_out(struct reading *reading)
{
	struct ce_lua_handle *handle = reading->handle;
	struct ce_batch *batch = handle->lent.batch;
	uint32_t first = batch->at;
	uint32_t end = end_of(batch, reading->most - reading->count);

	if (!is_open(reading))
		return ce_err_set(&handle->last, -EBADF,
		                  "the dumper was closed while it was written to");
	reading->count += ce_reader_take_until(handle->reader, end);
	return ce_dump_write_batch(reading->dump, batch, batch->selected, first, end,
	                           &handle->last);
}

/*
 * The reading itself: function at stack index 1 (or nil), struct reading at 2.
 * A wait in vain ends a dispatch, and goes on in a loop. [-0, +0, e]
 */
static int read_all(lua_State *L)
{
	struct reading *reading = lua_touserdata(L, 2);
	struct ce_lua_handle *handle = reading->handle;
	int wait_ms = reading->first_wait_ms;
	int64_t until_ns = ce_clock_mono_ns() + wait_ms * INT64_C(1000000);
	uint32_t batches = UINT32_MAX;

	while (reading->count < reading->most && batches-- && !broken(handle)) {
		int rc = ce_lua_fetch(L, handle, wait_ms);

		if (rc == 0 && wait_ms > 0)
			wait_ms = ce_clock_ms_until(until_ns);
		if (rc == 0 && wait_ms)
			batches++; /* a signal: wait on */
		else if (rc <= 0) {
			reading->rc = rc;
			return 0;
		} else if (reading->dump) {
			reading->rc = write_out(reading);
			if (reading->rc < 0)
				return 0;
		} else {
			call_back(L, reading);
		}
		if (reading->only_queued && wait_ms && rc > 0) {
			wait_ms = 0;
			batches = ce_reader_queued(handle->reader);
		}
	}
	return 0;
}

/* Keep an error's traceback where the program finds it. [-0, +1, m] */
static int keep_traceback(lua_State *L)
{
	luaL_traceback(L, L, NULL, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.traceback");
	return 1;
}

/* Raise the error on top again, from the function that now runs. [-1, +0, v] */
static int raise_again(lua_State *L)
{
	lua_Debug running;

	if (lua_getstack(L, 0, &running) && lua_getinfo(L, "f", &running))
		lua_setfield(L, LUA_REGISTRYINDEX, "capengine.raised_again");
	return lua_error(L);
}

/* What a reading has written is in the file when it ends. */
static void flush(struct reading *reading)
{
	struct ce_err err;
	int rc = reading->dump && is_open(reading) ? ce_dump_flush(reading->dump, &err)
	                                           : 0;

	if (rc == 0)
		return;
	reading->rc = rc;
	reading->handle->last = err;
}

/* What libpcap's caller expects to learn from the end. [-0, +1 or 3, m] */
static int push_result(lua_State *L, const struct reading *reading)
{
	struct ce_lua_handle *handle = reading->handle;
	bool stopped = reading->rc == -EINTR || handle->broken;

	handle->broken = false;
	if (reading->rc < 0 && reading->rc != -EINTR && reading->rc != -ENODATA) {
		lua_pushinteger(L, -1);
		lua_pushstring(L, handle->last.text);
		lua_pushstring(L, ce_err_name(reading->rc));
		return 3;
	}
	lua_pushinteger(L, stopped && !reading->count ? BREAK : reading->count);
	return 1;
}

/* Run a reading with the function at stack index 3 (or nil). [-0, +*, e] */
static int run(lua_State *L, struct reading *reading)
{
	struct ce_lua_handle *handle = reading->handle;
	int status;

	lua_settop(L, 3);
	lua_pushcfunction(L, keep_traceback);
	lua_pushcfunction(L, read_all);
	lua_pushvalue(L, 3);
	lua_pushlightuserdata(L, reading);
	handle->reading = true;
	status = lua_pcall(L, 2, 0, 4);
	handle->reading = false;
	if (status != LUA_OK) {
		handle->broken = false;
		if (handle->close_later)
			ce_lua_close_handle(reading->lua, handle);
		return raise_again(L);
	}
	flush(reading);
	status = push_result(L, reading);
	if (handle->close_later)
		ce_lua_close_handle(reading->lua, handle);
	return status;
}

static struct reading prepare(lua_State *L, const char *call)
{
	struct reading reading = {
		.lua = ce_lua_get(L),
		.handle = ce_lua_check_idle_handle(L, call),
		.most = luaL_checkinteger(L, 2),
		.first_wait_ms = -1,
	};

	if (reading.most <= 0)
		reading.most = LUA_MAXINTEGER;
	return reading;
}

/* A live dispatch waits for its time-out, and takes what is there then. */
static void as_dispatch(struct reading *reading)
{
	if (!ce_reader_source(reading->handle->reader)->live)
		return;
	reading->first_wait_ms = reading->handle->timeout_ms;
	reading->only_queued = true;
}

/* The dumper that loop_dump and dispatch_dump write to. [-0, +0, v] */
static void check_dump(lua_State *L, struct reading *reading, const char *call)
{
	if (!reading->handle->dumper)
		luaL_error(L, "%s: the handle has no open dumper: call dump_open first",
		           call);
	reading->dump = reading->handle->dumper->dump;
}

/* pcap.loop(handle, n, fn) -> count | -1, message, code | pcap.BREAK */
static int handle_loop(lua_State *L)
{
	struct reading reading = prepare(L, "loop");

	luaL_checktype(L, 3, LUA_TFUNCTION);
	return run(L, &reading);
}

/* pcap.dispatch(handle, n, fn) -> as loop; 0 after timeout_ms without packets */
static int handle_dispatch(lua_State *L)
{
	struct reading reading = prepare(L, "dispatch");

	luaL_checktype(L, 3, LUA_TFUNCTION);
	as_dispatch(&reading);
	return run(L, &reading);
}

/* pcap.loop_dump(handle, n) -> as loop */
static int handle_loop_dump(lua_State *L)
{
	struct reading reading = prepare(L, "loop_dump");

	check_dump(L, &reading, "loop_dump");
	lua_settop(L, 2);
	return run(L, &reading);
}

/* pcap.dispatch_dump(handle, n) -> as dispatch */
static int handle_dispatch_dump(lua_State *L)
{
	struct reading reading = prepare(L, "dispatch_dump");

	check_dump(L, &reading, "dispatch_dump");
	as_dispatch(&reading);
	lua_settop(L, 2);
	return run(L, &reading);
}

/*
 * Push the next packet. 1; 0 at the end or after breakloop; or a negative
 * errno, see handle->last. [-0, +0 or 1, e]
 */
static int push_next(lua_State *L, struct ce_lua_handle *handle)
{
	int rc = 0;

	while (!handle->broken && (rc = ce_lua_fetch(L, handle, -1)) == 0)
		;
	if (rc <= 0) {
		handle->broken = false;
		return rc == -ENODATA || rc == -EINTR ? 0 : rc;
	}
	if (ce_lua_get(L)->expire_each)
		ce_lua_expire(ce_lua_get(L), handle);
	lua_pushlightuserdata(
		L, ce_lua_view(&handle->lent, ce_batch_take(handle->lent.batch)));
	return 1;
}

/*
 * pcap.next(handle) -> packet, sec, usec | nil | nil, message, code
 *
 * Waits for a packet; plain nil at the end of the file or after breakloop.
 */
static int handle_next(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_idle_handle(L, "next");
	struct second second = {0};
	int rc = push_next(L, handle);

	if (rc < 0)
		return ce_lua_fail(L, rc, handle->last.text);
	if (rc == 0) {
		lua_pushnil(L);
		return 1;
	}
	push_time(L, &second, handle->lent.batch->ts_ns[handle->lent.batch->at - 1]);
	return 3;
}

static int next_packet(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_idle_handle(L, "packets");
	int rc = push_next(L, handle);

	if (rc < 0)
		return luaL_error(L, "%s", handle->last.text);
	return rc;
}

/* for packet in handle:packets() do ... end; raises on a read error. */
static int handle_packets(lua_State *L)
{
	ce_lua_check_idle_handle(L, "packets");
	lua_pushcfunction(L, next_packet);
	lua_pushvalue(L, 1);
	return 2;
}

/*
 * pcap.breakloop(handle)
 *
 * End the running loop, dispatch or next after the packet that it is at; when
 * none runs, the next one. The capture goes on, and nothing is lost.
 */
static int handle_breakloop(lua_State *L)
{
	ce_lua_check_handle(L)->broken = true;
	return 0;
}

const luaL_Reg ce_lua_read_methods[] = {
	{"breakloop", handle_breakloop},
	{"dispatch", handle_dispatch},
	{"dispatch_dump", handle_dispatch_dump},
	{"loop", handle_loop},
	{"loop_dump", handle_loop_dump},
	{"next", handle_next},
	{"packets", handle_packets},
	{NULL, NULL},
};
