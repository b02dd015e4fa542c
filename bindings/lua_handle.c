/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_handle.c - the handle that `pcap` opens: its life, and what it says of
 * itself. Reading is in lua_read.c, what is said before activate in lua_knobs.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua_binding.h"

enum { MOST_LINKTYPES = 64 };

struct ce_lua_handle *ce_lua_push_handle(lua_State *L)
{
	struct ce_lua_handle *handle = lua_newuserdatauv(L, sizeof(*handle), 1);

	memset(handle, 0, sizeof(*handle));
	handle->inject_fd = -1;
	handle->lent.handle = handle;
	luaL_setmetatable(L, CE_LUA_HANDLE);
	lua_newtable(L); /* its open dumpers, which it keeps */
	lua_setiuservalue(L, -2, 1);
	return handle;
}

/* The handle at argument 1, whatever state it is in. [-0, +0, v] */
static struct ce_lua_handle *check_any_handle(lua_State *L)
{
	return luaL_checkudata(L, 1, CE_LUA_HANDLE);
}

struct ce_lua_handle *ce_lua_check_handle(lua_State *L)
{
	struct ce_lua_handle *handle = check_any_handle(L);

	if (handle->closed || handle->close_later)
		luaL_argerror(L, 1, "the handle is closed");
	if (!handle->reader)
		luaL_argerror(L, 1, "the handle is not activated: call activate first");
	return handle;
}

static void free_names(struct ce_lua_handle *handle)
{
	for (char **name = handle->names; name && *name; name++)
		free(*name);
	free(handle->names);
	handle->names = NULL;
}

void ce_lua_keep_names(lua_State *L, struct ce_lua_handle *handle,
                       const char *const *names, size_t count)
{
	handle->names = calloc(count + 1, sizeof(*handle->names));
	for (size_t i = 0; handle->names && i < count; i++) {
		handle->names[i] = strdup(names[i]);
		if (!handle->names[i])
			free_names(handle);
	}
	if (!handle->names)
		luaL_error(L, "out of memory");
	handle->options.source.device = handle->names[0];
	handle->options.source.files = (const char *const *)handle->names;
	handle->options.source.file_count = count;
}

/* In the capture thread. */
static void decode_ahead(void *arg, struct ce_batch *batch)
{
	ce_ahead_decode(arg, batch);
}

int ce_lua_activate(lua_State *L, struct ce_lua_handle *handle)
{
	struct ce_lua *lua = ce_lua_get(L);
	int timeout_ms = handle->options.source.timeout_ms;
	int rc;

	handle->timeout_ms = timeout_ms > 0 ? timeout_ms : 20;
	handle->options.capture.timeout_ms = (uint32_t)handle->timeout_ms;
	handle->options.capture.immediate = handle->options.source.immediate;
	if (!handle->options.capture.ring_bytes)
		handle->options.capture.ring_bytes = lua->ring_bytes;
	handle->options.source.interrupt_fd = lua->interrupt_fd;
	if (!handle->ahead && ce_ahead_open(&handle->ahead, lua->seed) < 0)
		return ce_err_set(&handle->last, -ENOMEM, "out of memory");
	handle->options.capture.before = decode_ahead;
	handle->options.capture.before_arg = handle->ahead;
	rc = ce_reader_open(&handle->reader, &handle->options, &handle->last);
	if (rc < 0)
		return rc;
	if (ce_reader_source(handle->reader)->live)
		handle->source = ++lua->sources;
	handle->activated = lua->opened = true;
	handle->next = lua->handles;
	lua->handles = handle;
	return 0;
}

static void unlink_handle(struct ce_lua *lua, struct ce_lua_handle *handle)
{
	struct ce_lua_handle **link = &lua->handles;

	while (*link && *link != handle)
		link = &(*link)->next;
	if (*link)
		*link = handle->next;
}

void ce_lua_handle_stats(struct ce_lua_handle *handle, struct ce_stats *stats)
{
	ce_reader_stats(handle->reader, stats);
	stats->written = handle->written;
	for (struct ce_lua_dumper *dumper = handle->dumper; dumper;
	     dumper = dumper->older)
		stats->written += ce_dump_packets(dumper->dump);
}

void ce_lua_close_handle(struct ce_lua *lua, struct ce_lua_handle *handle)
{
	struct ce_reader *reader = handle->reader;

	if (handle->closed)
		return;
	handle->closed = true;
	handle->close_later = false;
	if (lua->hot == &handle->lent)
		lua->hot = NULL;
	handle->lent.batch = NULL;
	lua->epoch++;
	ce_decode_close(handle->decode);
	handle->decode = NULL;
	handle->reader = NULL;
	unlink_handle(lua, handle);
	if (reader) {
		struct ce_stats stats = {0};
		struct ce_err err;

		if (ce_reader_close(reader, &stats, &err) < 0) {
			lua->lost_input = true;
			fprintf(stderr, "capengine: %s\n", err.text);
		}
		if (handle->source)
			ce_lua_count_source(lua, handle->source, &stats);
		stats.written = handle->written;
		handle->final = stats;
		ce_lua_add_stats(&lua->closed, &stats);
	}
	ce_ahead_close(handle->ahead);
	handle->ahead = NULL;
	if (handle->inject_fd >= 0)
		close(handle->inject_fd);
	handle->inject_fd = -1;
	free_names(handle);
}

/* What is done once for each batch, and while there is none. [-0, +0, e] */
static void look_around(lua_State *L, struct ce_lua *lua, bool advanced, bool in_vain)
{
	if (lua->advance && advanced)
		lua->advance(L);
	if (lua->pool && (advanced || in_vain))
		ce_lua_beat(lua);
	if (lua->idle && in_vain)
		lua->idle(L);
}

int ce_lua_fetch(lua_State *L, struct ce_lua_handle *handle, int timeout_ms)
{
	struct ce_lua *lua = ce_lua_get(L);
	int rc = ce_lua_fetch_until_beat(lua, handle, timeout_ms);
	uint64_t before = handle->lent.sequence;

	handle->lent.batch = ce_reader_batch(handle->reader);
	if (handle->lent.batch)
		handle->lent.sequence = handle->lent.batch->sequence;
	lua->epoch++;
	look_around(L, lua, handle->lent.sequence != before, rc == 0);
	return rc == 0 ? ce_lua_tell_finished(L, lua, handle) : rc;
}

void ce_lua_expire(struct ce_lua *lua, struct ce_lua_handle *handle)
{
	ce_reader_expire(handle->reader);
	handle->lent.sequence = handle->lent.batch->sequence;
	lua->epoch++;
}

/* Push nil, text, code for the handle's last error. [-0, +3, m] */
static int fail(lua_State *L, const struct ce_lua_handle *handle, int rc)
{
	return ce_lua_fail(L, rc, handle->last.text);
}

/*
 * pcap.close(handle)
 *
 * Stop the capture and free what it holds. Again: nothing happens. Inside a
 * callback of the handle it is done when the callback has returned.
 */
static int handle_close(lua_State *L)
{
	struct ce_lua_handle *handle = check_any_handle(L);

	if (handle->reading)
		handle->close_later = true;
	else
		ce_lua_close_handle(ce_lua_get(L), handle);
	return 0;
}

static int handle_tostring(lua_State *L)
{
	const struct ce_lua_handle *handle = check_any_handle(L);

	if (handle->closed)
		lua_pushliteral(L, "capengine.handle (closed)");
	else
		lua_pushfstring(L, "capengine.handle (%s)",
		                handle->names ? handle->names[0] : "no packets");
	return 1;
}

/* pcap.datalink(handle) -> integer: DLT_ number. */
static int handle_datalink(lua_State *L)
{
	lua_pushinteger(L, ce_reader_linktype(ce_lua_check_handle(L)->reader));
	return 1;
}

/* pcap.list_datalinks(handle) -> table of DLT_ numbers | nil, message, code */
static int handle_list_datalinks(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	int linktypes[MOST_LINKTYPES];
	int count = ce_reader_list_datalinks(handle->reader, linktypes, MOST_LINKTYPES,
	                                     &handle->last);

	if (count < 0)
		return fail(L, handle, count);
	lua_newtable(L);
	for (int i = 0; i < count && i < MOST_LINKTYPES; i++) {
		lua_pushinteger(L, linktypes[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* pcap.set_datalink(handle, linktype) -> 0 | nil, message, code ("EBUSY" ...) */
static int handle_set_datalink(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	int linktype = ce_lua_check_int(L, 2);
	int rc = ce_reader_set_datalink(handle->reader, linktype, &handle->last);

	if (rc < 0)
		return fail(L, handle, rc);
	lua_pushinteger(L, 0);
	return 1;
}

/* pcap.snapshot(handle) -> integer: most bytes kept of a packet. */
static int handle_snapshot(lua_State *L)
{
	lua_pushinteger(L, ce_reader_source(ce_lua_check_handle(L)->reader)->snapshot);
	return 1;
}

/* pcap.is_swapped(handle) -> boolean: the savefile has the other byte order. */
static int handle_is_swapped(lua_State *L)
{
	lua_pushboolean(L,
	                ce_reader_source(ce_lua_check_handle(L)->reader)->origin.swapped);
	return 1;
}

/* pcap.major_version(handle), minor_version(handle) -> integer */
static int handle_major_version(lua_State *L)
{
	lua_pushinteger(L,
	                ce_reader_source(ce_lua_check_handle(L)->reader)->version_major);
	return 1;
}

static int handle_minor_version(lua_State *L)
{
	lua_pushinteger(L,
	                ce_reader_source(ce_lua_check_handle(L)->reader)->version_minor);
	return 1;
}

/* pcap.geterr(handle) -> string: what the last failure said, "" before one. */
static int handle_geterr(lua_State *L)
{
	lua_pushstring(L, check_any_handle(L)->last.text);
	return 1;
}

/*
 * pcap.stats(handle) -> received, dropped | nil, message, code
 *
 * received counts what the capture got and what the kernel had no room for;
 * dropped is all that was lost before the script: by kernel and interface.
 */
static int handle_stats(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	struct ce_stats stats = {0};

	if (!ce_reader_source(handle->reader)->live) {
		ce_err_set(&handle->last, -EOPNOTSUPP,
		           "Statistics aren't available from savefiles");
		return fail(L, handle, -EOPNOTSUPP);
	}
	ce_reader_stats(handle->reader, &stats);
	lua_pushinteger(L, (lua_Integer)stats.received);
	lua_pushinteger(L, (lua_Integer)(stats.kernel_drops + stats.interface_drops));
	return 2;
}

void ce_lua_push_counters(lua_State *L, const struct ce_stats *stats)
{
	lua_createtable(L, 0, 8);
	ce_lua_set_count(L, "received", stats->received);
	ce_lua_set_count(L, "captured", stats->captured);
	ce_lua_set_count(L, "kernel_drops", stats->kernel_drops);
	ce_lua_set_count(L, "interface_drops", stats->interface_drops);
	ce_lua_set_count(L, "filtered", stats->filtered);
	ce_lua_set_count(L, "delivered", stats->delivered);
	ce_lua_set_count(L, "undelivered", stats->undelivered);
	ce_lua_set_count(L, "written", stats->written);
}

/* pcap.counters(handle) -> table of 64-bit counts, split by stage. */
static int handle_counters(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	struct ce_stats stats = {0};

	ce_lua_handle_stats(handle, &stats);
	ce_lua_push_counters(L, &stats);
	return 1;
}

/*
 * pcap.inject(handle, bytes) -> number of bytes sent | nil, message, code
 *
 * Send a string, or a packet, as it is: link-layer header included.
 */
static int handle_inject(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	int rc = handle->inject_fd;
	const char *data;
	size_t bytes;

	if (lua_isuserdata(L, 2)) {
		const struct ce_lua_packet packet = ce_lua_check_packet(L, 2);

		data = (const char *)packet.data;
		bytes = packet.record.caplen;
	} else {
		data = luaL_checklstring(L, 2, &bytes);
	}
	if (!ce_reader_source(handle->reader)->live)
		rc = ce_err_set(&handle->last, -EOPNOTSUPP,
		                "Sending packets isn't supported on savefiles");
	else if (rc < 0)
		rc = handle->inject_fd =
			ce_inject_open(handle->options.source.device, &handle->last);
	if (rc >= 0)
		rc = ce_inject_send(rc, data, bytes, &handle->last);
	if (rc < 0)
		return fail(L, handle, rc);
	lua_pushinteger(L, rc);
	return 1;
}

static const luaL_Reg methods[] = {
	{"close", handle_close},
	{"counters", handle_counters},
	{"datalink", handle_datalink},
	{"geterr", handle_geterr},
	{"inject", handle_inject},
	{"is_swapped", handle_is_swapped},
	{"list_datalinks", handle_list_datalinks},
	{"major_version", handle_major_version},
	{"minor_version", handle_minor_version},
	{"set_datalink", handle_set_datalink},
	{"snapshot", handle_snapshot},
	{"stats", handle_stats},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__close", handle_close},
	{"__gc", handle_close},
	{"__tostring", handle_tostring},
	{NULL, NULL},
};

/* The methods of handles: those of the class, and functions of `pcap`. */
void ce_lua_open_handle(lua_State *L)
{
	const luaL_Reg *const all[] = {
		methods,
		ce_lua_knob_methods,
		ce_lua_read_methods,
		ce_lua_filter_methods,
		ce_lua_dump_methods,
		ce_lua_batch_methods,
	};

	luaL_newmetatable(L, CE_LUA_HANDLE);
	luaL_setfuncs(L, metamethods, 0);
	ce_lua_lock_class(L);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		luaL_setfuncs(L, all[i], 0);
		lua_pushvalue(L, -3); /* the table `pcap`, where each is a function too */
		luaL_setfuncs(L, all[i], 0);
		lua_pop(L, 1);
	}
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
