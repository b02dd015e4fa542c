/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_hooks.c - drives the table of hooks that a script returns.
 *
 * Packets go by in their order; before the first that is past a border of packet
 * time comes a tick, and before the first after a loss comes a gap. A batch that
 * a border cuts is handed out in parts, so that a script sees the same whatever
 * the batches were: live, from a file, on a fast machine and on a slow one.
 */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "cmd_int.h"
#include "lua_binding.h"

enum {
	HOOKS = 1, /* stack indices: the script's table, */
	RUN,       /* the struct run, */
	SOURCE,    /* the handle, */
	BATCH,     /* and the hooks, or nil */
	PACKET,
	TICK,
	GAP,
	IDLE,
	FINISH,
};

enum { IDLE_MS = 50 }; /* how often `idle` is called */

struct drive {
	struct ce_lua_handle *handle;
	struct ce_packet_time time;
};

static const char *const known[] = {
	"args", "batch", "every",  "filter", "finish",
	"gap",  "idle",  "packet", "tick",   NULL,
};

static void refuse_name(lua_State *L, const char *name)
{
	luaL_error(L,
	           "the script's table has `%s`, which is no hook: those are packet, "
	           "batch, tick, gap, idle and finish, beside filter, args and every%s",
	           name, ce_lua_push_meant(L, ce_near(name, known)));
}

/* A misspelt hook would never be called, and nobody would say so. [-0, +0, v] */
static void check_names(lua_State *L)
{
	lua_pushnil(L);
	while (lua_next(L, HOOKS)) {
		int i = 0;

		lua_pop(L, 1);
		while (known[i] && (lua_type(L, -1) != LUA_TSTRING ||
		                    strcmp(known[i], lua_tostring(L, -1)) != 0))
			i++;
		if (!known[i])
			refuse_name(L, luaL_tolstring(L, -1, NULL));
	}
}

/* Push a hook, a function or nil. [-0, +1, e] */
static void push_hook(lua_State *L, const char *name)
{
	if (lua_getfield(L, HOOKS, name) != LUA_TNIL && !lua_isfunction(L, -1))
		luaL_error(L, "the script's `%s` is not a function", name);
}

/* script.every in nanoseconds; a second where there is none. [-0, +0, e] */
static int64_t every_ns(lua_State *L)
{
	lua_Number seconds = 1;

	if (lua_isnil(L, TICK))
		return 0;
	if (lua_getfield(L, HOOKS, "every") != LUA_TNIL) {
		seconds = luaL_checknumber(L, -1);
		if (!(seconds >= 1e-6 && seconds <= 366 * 86400))
			luaL_error(
				L,
				"the script's `every` is in seconds, from a microsecond "
				"to a year");
	}
	lua_pop(L, 1);
	return (int64_t)(seconds * 1e9 + 0.5);
}

static void call_tick(lua_State *L, struct ce_tick tick)
{
	lua_pushvalue(L, TICK);
	lua_pushinteger(L, tick.now_ns);
	lua_pushinteger(L, tick.elapsed_ns);
	lua_call(L, 2, 0);
}

/* gap({ kernel_drops =, interface_drops = }), if something was lost. */
static void call_gap(lua_State *L, const struct drive *drive)
{
	struct ce_gap gap = ce_reader_gap(drive->handle->reader);

	if ((!gap.kernel_drops && !gap.interface_drops) || lua_isnil(L, GAP))
		return;
	lua_pushvalue(L, GAP);
	lua_createtable(L, 0, 2);
	ce_lua_set_count(L, "kernel_drops", gap.kernel_drops);
	ce_lua_set_count(L, "interface_drops", gap.interface_drops);
	lua_call(L, 1, 0);
}

/* Has a hook called breakloop or close? Then no further one is called. */
static bool ended(const struct drive *drive)
{
	return drive->handle->broken || drive->handle->close_later;
}

static void call_packet(lua_State *L, const struct drive *drive, uint32_t i)
{
	lua_pushvalue(L, PACKET);
	lua_pushlightuserdata(L, ce_lua_view(&drive->handle->lent, i));
	lua_call(L, 1, 0);
}

/* Hand out packets before `end` one by one: as many as the hook wants. */
static void deliver_packets(lua_State *L, struct drive *drive, uint32_t end)
{
	struct ce_batch *batch = drive->handle->lent.batch;
	uint32_t i;

	while (!ended(drive) && (i = ce_batch_next(batch, batch->at)) < end) {
		ce_batch_hand_out(batch, i);
		call_packet(L, drive, i);
	}
}

/* Hand out packets before `end` as one batch, and then to the packet hook too. */
static void deliver_batch(lua_State *L, struct drive *drive, uint32_t end)
{
	struct ce_batch *batch = drive->handle->lent.batch;
	uint32_t i = ce_batch_next(batch, batch->at);

	lua_pushvalue(L, BATCH);
	ce_lua_push_batch(L, SOURCE);
	ce_lua_fill_batch(L, end);
	lua_call(L, 1, 0);
	for (; !lua_isnil(L, PACKET) && !ended(drive) && i < end;
	     i = ce_batch_next(batch, i + 1))
		call_packet(L, drive, i);
}

/* Hand out the current batch's packets before `end`. [-0, +0, e] */
static void deliver(lua_State *L, struct drive *drive, uint32_t end)
{
	struct ce_batch *batch = drive->handle->lent.batch;

	if (ended(drive) || ce_batch_next(batch, batch->at) >= end)
		return;
	if (!lua_isnil(L, BATCH))
		deliver_batch(L, drive, end);
	else if (!lua_isnil(L, PACKET))
		deliver_packets(L, drive, end);
	else
		ce_reader_take_until(drive->handle->reader, end);
}

/* Hand out the current batch, with the ticks that fall into it. [-0, +0, e] */
static void deliver_with_ticks(lua_State *L, struct drive *drive)
{
	struct ce_batch *batch = drive->handle->lent.batch;
	struct ce_tick tick;

	for (uint32_t i = ce_batch_next(batch, batch->at); i < batch->count;
	     i = ce_batch_next(batch, i + 1)) {
		if (!ce_packet_time_due(&drive->time, batch->ts_ns[i], &tick))
			continue;
		deliver(L, drive, i);
		if (ended(drive))
			return;
		call_tick(L, tick);
	}
	deliver(L, drive, batch->count);
}

static bool is_live(const struct drive *drive)
{
	return ce_reader_source(drive->handle->reader)->live;
}

/* How long to wait for packets before something is due without them. */
static int wait_ms(lua_State *L, const struct drive *drive)
{
	const int most_ms = lua_isnil(L, IDLE) ? 60000 : IDLE_MS;
	int64_t next_ns = ce_packet_time_next(&drive->time);
	int64_t left_ms;

	if (!is_live(drive) || next_ns == INT64_MAX)
		return lua_isnil(L, IDLE) ? -1 : IDLE_MS;
	left_ms = (next_ns - ce_clock_wall_ns()) / 1000000 + drive->handle->timeout_ms +
	          1;
	return left_ms < 1 ? 1 : left_ms > most_ms ? most_ms : (int)left_ms;
}

/* No packet came for a while: the one hook that may look at the clock. */
static void call_idle(lua_State *L)
{
	if (lua_isnil(L, IDLE))
		return;
	lua_pushvalue(L, IDLE);
	lua_call(L, 0, 0);
}

/*
 * No packet came in time: packet time goes on with the clock, unless one is late
 * because the machine is.
 */
static void idle(lua_State *L, struct drive *drive)
{
	int64_t now_ns = ce_clock_wall_ns() -
	                 drive->handle->timeout_ms * INT64_C(1000000);
	struct ce_tick tick;

	if (!is_live(drive) || (now_ns >= ce_packet_time_next(&drive->time) &&
	                        !ce_reader_caught_up(drive->handle->reader)))
		return;
	if (ce_packet_time_idle(&drive->time, now_ns, &tick))
		call_tick(L, tick);
}

/* 0 at the end, or a negative errno. [-0, +0, e] */
static int drive_all(lua_State *L, struct drive *drive)
{
	struct ce_lua_handle *handle = drive->handle;

	while (!ended(drive) && !ferror(stdout)) {
		int rc = ce_lua_fetch(L, handle, wait_ms(L, drive));

		if (rc < 0)
			return rc == -ENODATA || rc == -EINTR ? 0 : rc;
		call_gap(L, drive);
		if (rc == 0) {
			idle(L, drive);
			call_idle(L);
		} else if (drive->time.every_ns) {
			deliver_with_ticks(L, drive);
		} else {
			deliver(L, drive, handle->lent.batch->count);
		}
	}
	return 0;
}

/* Say what ended the reading before `finish` is called, which may end the process, fail, or
   make the handle say something else. False: nothing went wrong, or it was said. [-0, +0|1, m] */
static bool say_failure(lua_State *L, struct run *run, int rc)
{
	const struct ce_err *err = &run->source->last;

	run->code = rc;
	if (rc == 0 || !strcmp(err->text, run->write_error.text))
		return false;
	lua_pushstring(L, ce_err_words(err));
	run_say(L, run, EXIT_RUNTIME);
	return true;
}

/* Does the script have none of the hooks that packets, or their absence, lead to? */
static bool is_unhurried(lua_State *L)
{
	static const char *const hurried[] = {"batch", "packet", "tick",
	                                      "gap",   "idle",   NULL};
	bool none = true;

	for (int i = 0; hurried[i]; i++) {
		none = none && lua_getfield(L, HOOKS, hurried[i]) == LUA_TNIL;
		lua_settop(L, RUN);
	}
	return none;
}

int run_hooks(lua_State *L)
{
	struct run *run = lua_touserdata(L, RUN);
	struct drive drive;
	bool failed;

	check_names(L);
	run->unhurried = is_unhurried(L);
	if (lua_getfield(L, HOOKS, "args") == LUA_TTABLE) {
		run_args_parse(L, run);
		lua_setfield(L, HOOKS, "args");
	} else if (run->options.args[0] && !run->args_taken) {
		run_fail(L, run, EXIT_USAGE, "%s: the script takes no arguments",
		         run->options.args[0]);
	} else {
		lua_pop(L, 1);
	}
	if (lua_getfield(L, HOOKS, "filter") != LUA_TNIL && !lua_isstring(L, -1))
		luaL_error(L, "the script's `filter` is not a string");
	run_source_push(L, run, lua_tostring(L, -1));
	lua_remove(L, -2);
	drive.handle = run->source;
	if (!drive.handle->reader)
		luaL_error(L, "the script closed its source before its hooks could run");
	push_hook(L, "batch");
	push_hook(L, "packet");
	push_hook(L, "tick");
	push_hook(L, "gap");
	push_hook(L, "idle");
	push_hook(L, "finish");
	ce_packet_time_open(&drive.time, every_ns(L));
	drive.handle->reading = true;
	failed = say_failure(L, run, drive_all(L, &drive));
	call_gap(L, &drive);
	if (!lua_isnil(L, FINISH)) {
		lua_pushvalue(L, FINISH);
		lua_call(L, 0, 0);
	}
	drive.handle->reading = false;
	return failed ? lua_error(L) : 0;
}
