/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_dumper.c - savefiles that scripts write; binds <capengine/dump.h>.
 *
 * A dumper keeps its handle alive, and the handle its open dumpers, so that
 * loop_dump finds the one opened last though the script holds none.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lua_binding.h"

/* The open dumper at argument 1. [-0, +0, v] */
static struct ce_lua_dumper *check_dumper(lua_State *L)
{
	struct ce_lua_dumper *dumper = luaL_checkudata(L, 1, CE_LUA_DUMPER);

	luaL_argcheck(L, dumper->dump, 1, "the dumper is closed");
	return dumper;
}

/* Let the handle at `index` and the dumper on top keep each other. [-0, +0, m] */
static void tie(lua_State *L, int index)
{
	lua_pushvalue(L, index);
	lua_setiuservalue(L, -2, 1);
	lua_getiuservalue(L, index, 1);
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

/* The handle no longer keeps the dumper at argument 1. [-0, +0, m] */
static void untie(lua_State *L)
{
	lua_getiuservalue(L, 1, 1);
	lua_getiuservalue(L, -1, 1);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	lua_rawset(L, -3);
	lua_pop(L, 2);
}

bool ce_lua_reads(const struct ce_lua_handle *handle, const char *path)
{
	struct stat written, read;

	if (handle->options.kind != &ce_source_savefile || stat(path, &written) < 0 ||
	    !S_ISREG(written.st_mode))
		return false;
	for (char **name = handle->names; name && *name; name++)
		if (stat(*name, &read) == 0 && read.st_dev == written.st_dev &&
		    read.st_ino == written.st_ino)
			return true;
	return false;
}

/*
 * pcap.dump_open(handle, filename) -> dumper | nil, message, code
 *
 * Create or truncate a classic savefile with microsecond stamps, for packets of
 * the handle's link type; "-" is standard output.
 */
static int handle_dump_open(lua_State *L)
{
	struct ce_lua_handle *handle = ce_lua_check_handle(L);
	const char *filename = ce_lua_check_name(L, 2);
	const struct ce_source *source = ce_reader_source(handle->reader);
	struct ce_dump_options options = {
		.linktype = ce_reader_linktype(handle->reader),
		.linktype_ext = source->linktype_ext,
		.snapshot = source->snapshot,
	};
	struct ce_lua *lua = ce_lua_get(L);
	struct ce_lua_dumper *dumper = lua_newuserdatauv(L, sizeof(*dumper), 1);
	int rc;

	*dumper = (struct ce_lua_dumper){.handle = handle};
	luaL_setmetatable(L, CE_LUA_DUMPER);
	options.pool = ce_lua_take_pool(lua);
	if (!options.pool)
		rc = ce_err_set(&handle->last, -ENOMEM, "out of memory");
	else if (ce_lua_reads(handle, filename))
		rc = ce_err_set(&handle->last, -EINVAL, "%s: it is the file that is read",
		                filename);
	else
		rc = ce_dump_open(&dumper->dump, filename, &options, &handle->last);
	if (rc < 0) {
		if (options.pool)
			ce_lua_give_pool(lua);
		return ce_lua_fail(L, rc, handle->last.text);
	}
	dumper->older = handle->dumper;
	handle->dumper = dumper;
	dumper->next = lua->dumpers;
	lua->dumpers = dumper;
	tie(L, 1);
	return 1;
}

/* Neither its handle nor the state lists the dumper any more. */
static void unlist(struct ce_lua *lua, struct ce_lua_dumper *dumper)
{
	struct ce_lua_dumper **older = &dumper->handle->dumper, **next = &lua->dumpers;

	while (*older && *older != dumper)
		older = &(*older)->older;
	if (*older)
		*older = dumper->older;
	while (*next && *next != dumper)
		next = &(*next)->next;
	if (*next)
		*next = dumper->next;
}

/* Close, and say what the flush said. 0 or a negative errno. */
static int close_dumper(struct ce_lua *lua, struct ce_lua_dumper *dumper,
                        struct ce_err *err)
{
	struct ce_dump *dump = dumper->dump;
	struct ce_dump_counters counters;
	struct ce_stats written = {0};
	int rc;

	dumper->dump = NULL;
	unlist(lua, dumper);
	rc = ce_dump_flush(dump, err); /* before which it cannot know its number */
	ce_dump_count(dump, &counters);
	written.written = counters.written;
	lua->unwritten += counters.dropped + counters.failed;
	if (rc < 0)
		ce_dump_close(dump, NULL);
	else
		rc = ce_dump_close(dump, err);
	ce_lua_give_pool(lua);
	if (dumper->handle->closed)
		ce_lua_add_stats(&lua->closed, &written);
	else
		dumper->handle->written += written.written;
	return rc;
}

void ce_lua_close_dumpers(struct ce_lua *lua)
{
	struct ce_err err;

	while (lua->dumpers)
		if (close_dumper(lua, lua->dumpers, &err) < 0) {
			lua->lost_output = true;
			fprintf(stderr, "capengine: %s\n", err.text);
		}
}

/*
 * pcap.dump_close(dumper) -> true | nil, message, code
 *
 * Closed again, it is true again.
 */
static int dumper_close(lua_State *L)
{
	struct ce_lua_dumper *dumper = luaL_checkudata(L, 1, CE_LUA_DUMPER);
	struct ce_err err;
	int rc = 0;

	if (dumper->dump) {
		untie(L);
		rc = close_dumper(ce_lua_get(L), dumper, &err);
	}
	if (rc < 0)
		return ce_lua_fail(L, rc, err.text);
	lua_pushboolean(L, 1);
	return 1;
}

/* A collected dumper has nobody to tell but standard error. [-0, +0, m] */
static int dumper_gc(lua_State *L)
{
	struct ce_lua_dumper *dumper = luaL_checkudata(L, 1, CE_LUA_DUMPER);
	struct ce_err err;

	if (!dumper->dump)
		return 0;
	untie(L);
	if (close_dumper(ce_lua_get(L), dumper, &err) < 0) {
		ce_lua_get(L)->lost_output = true;
		fprintf(stderr, "capengine: %s\n", err.text);
	}
	return 0;
}

/*
 * pcap.dump(dumper, packet) -> true | nil, message, code
 *
 * Write one packet, a view or a kept one, of the dumper's link type.
 */
static int dumper_dump(lua_State *L)
{
	struct ce_lua_dumper *dumper = check_dumper(L);
	const struct ce_lua_packet packet = ce_lua_check_packet(L, 2);
	struct ce_err err;
	int rc = ce_dump_write_packet(dumper->dump, &packet.origin, &packet.record,
	                              packet.data, &err);

	if (rc < 0)
		return ce_lua_fail(L, rc, err.text);
	lua_pushboolean(L, 1);
	return 1;
}

/* pcap.dump_flush(dumper) -> 0 | nil, message, code */
static int dumper_flush(lua_State *L)
{
	struct ce_err err;
	int rc = ce_dump_flush(check_dumper(L)->dump, &err);

	if (rc < 0)
		return ce_lua_fail(L, rc, err.text);
	lua_pushinteger(L, 0);
	return 1;
}

/* pcap.dump_ftell(dumper) -> bytes of the file so far | nil, message, code */
static int dumper_ftell(lua_State *L)
{
	int64_t at = ce_dump_tell(check_dumper(L)->dump);

	if (at < 0)
		return ce_lua_fail(L, (int)at, NULL);
	lua_pushinteger(L, at);
	return 1;
}

const luaL_Reg ce_lua_dump_methods[] = {
	{"dump_open", handle_dump_open},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"dump", dumper_dump},
	{"dump_close", dumper_close},
	{"dump_flush", dumper_flush},
	{"dump_ftell", dumper_ftell},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__close", dumper_gc},
	{"__gc", dumper_gc},
	{NULL, NULL},
};

void ce_lua_open_dumper(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	ce_lua_class(L, CE_LUA_DUMPER, metamethods, methods);
}
