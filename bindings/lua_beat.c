/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_beat.c - a beat for savefiles: some times a second, what they have gathered goes to
 * the kernel, and on an interface the clock ends files whose time is over. So neither
 * waits for a packet that may never come, and no packet costs a system call.
 *
 * A beat comes where packets are fetched: with a batch, or while one is waited for.
 */
#include "lua_binding.h"

enum { BEAT_MS = 500 };

void ce_lua_start_beat(struct ce_lua *lua)
{
	lua->beat_ns = ce_clock_mono_ns() + BEAT_MS * INT64_C(1000000);
}

int ce_lua_until_beat(const struct ce_lua *lua, const struct ce_lua_handle *handle,
                      int timeout_ms)
{
	const struct ce_batch *batch = handle->lent.batch;
	int left_ms;

	if (!lua->pool || (batch && ce_batch_next(batch, batch->at) < batch->count))
		return timeout_ms; /* no savefile; or nothing to wait for */
	left_ms = ce_clock_ms_until(lua->beat_ns);
	return timeout_ms < 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
}

void ce_lua_beat(struct ce_lua *lua)
{
	if (ce_clock_mono_ns() < lua->beat_ns)
		return;
	ce_lua_start_beat(lua);
	for (struct ce_lua_dumper *dumper = lua->dumpers; dumper; dumper = dumper->next)
		ce_dump_push(dumper->dump, NULL); /* the next call says what this does */
	ce_lua_beat_savefiles(lua);
	if (lua->beat)
		lua->beat(lua, lua->beat_arg);
}

/* Can no packet come any more that was captured by then? */
static bool is_over(const struct ce_lua *lua, int64_t now_ns)
{
	const struct ce_lua_handle *handle = lua->handles;

	while (handle &&
	       (!handle->reader ||
	        (ce_reader_source(handle->reader)->live &&
	         now_ns + handle->timeout_ms * INT64_C(1000000) <= ce_clock_wall_ns() &&
	         ce_reader_caught_up(handle->reader))))
		handle = handle->next;
	return !handle && lua->handles;
}

int ce_lua_beat_rotate(struct ce_lua *lua, struct ce_rotate *rotate, struct ce_err *err)
{
	int64_t due_ns = ce_rotate_due_ns(rotate);

	if (due_ns <= ce_clock_wall_ns() && is_over(lua, due_ns))
		return ce_rotate_idle(rotate, due_ns, err);
	return ce_rotate_push(rotate, err);
}
