/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_beat.c - a beat for savefiles: some times a second, what they have gathered goes to
 * the kernel, and on an interface the clock ends files whose time is over. So neither
 * waits for a packet that may never come, and no packet costs a system call.
 *
 * A beat comes where packets are fetched: with a batch, or while one is waited for.
 */
#include "lua_binding.h"

enum {
	BEAT_MS = 500,
	BUSY_MS = 50, /* without a packet, until a caller sees to what else there is */
};

void ce_lua_start_beat(struct ce_lua *lua)
{
	lua->beat_ns = ce_clock_mono_ns() + BEAT_MS * INT64_C(1000000);
}

/* As ce_reader_fetch, while writes go on: each that is over makes room for the next. */
static int fetch_busily(struct ce_lua *lua, struct ce_lua_handle *handle, int timeout_ms)
{
	int rc;

	do
		rc = ce_reader_fetch(handle->reader, timeout_ms > 0, &handle->last);
	while (rc == 0 && --timeout_ms > 0 && ce_dump_pool_reap(lua->pool));
	return rc;
}

int ce_lua_fetch_until_beat(struct ce_lua *lua, struct ce_lua_handle *handle,
                            int timeout_ms)
{
	const struct ce_batch *batch = handle->lent.batch;
	bool busy;
	int left_ms;

	if (!lua->pool || (batch && ce_batch_next(batch, batch->at) < batch->count))
		return ce_reader_fetch(handle->reader, timeout_ms, &handle->last);
	busy = ce_dump_pool_reap(lua->pool);
	left_ms = ce_clock_ms_until(lua->beat_ns);
	if (busy && left_ms > BUSY_MS)
		left_ms = BUSY_MS;
	if (timeout_ms < 0 || left_ms < timeout_ms)
		timeout_ms = left_ms;
	return busy ? fetch_busily(lua, handle, timeout_ms)
	            : ce_reader_fetch(handle->reader, timeout_ms, &handle->last);
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
