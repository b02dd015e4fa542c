/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_savefile.c - savefiles of any packets, any number of them, that scripts
 * write; binds <capengine/dump.h> beside lua_dumper.c, which has libpcap's calls.
 *
 * All open ones are in a list, so that a program can complete them whatever way
 * the script ends.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lua_binding.h"

struct ce_lua_savefile {
	struct ce_dump *dump; /* NULL: closed */
	struct ce_lua_savefile *next;
	struct ce_dump_counters counters; /* once closed */
};

enum { QUEUE = 64 << 20 }; /* bytes that may wait for a slow disk */

static struct ce_lua_savefile *check_savefile(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);

	luaL_argcheck(L, savefile->dump, 1, "the savefile is closed");
	return savefile;
}

static const char *const known[] = {
	"compression", "format", "linktype", "nano", "on_slow", "snaplen", "sync", NULL,
};

/* The choice that an option names; `otherwise` where it is absent. [-0, +0, v] */
static int choice(lua_State *L, int table, const char *name, const char *const *names,
                  int otherwise)
{
	const char *text;
	int i = 0;

	if (lua_getfield(L, table, name) == LUA_TNIL) {
		lua_pop(L, 1);
		return otherwise;
	}
	text = lua_tostring(L, -1);
	while (names[i] && (!text || strcmp(names[i], text) != 0))
		i++;
	if (!names[i])
		luaL_error(L, "option %s: there is no `%s`", name,
		           luaL_tolstring(L, -1, NULL));
	lua_pop(L, 1);
	return i;
}

static bool flag(lua_State *L, int table, const char *name, bool otherwise)
{
	bool value = lua_getfield(L, table, name) == LUA_TNIL ? otherwise
	                                                      : lua_toboolean(L, -1);

	lua_pop(L, 1);
	return value;
}

/* The options at argument 2, for the path at argument 1. [-0, +0, v] */
static struct ce_dump_options check_options(lua_State *L)
{
	static const char *const formats[] = {"pcap", "pcapng", NULL};
	static const char *const compressions[] = {"none", "gzip", "zstd", NULL};
	static const char *const policies[] = {"wait", "drop", NULL};
	struct ce_dump_options options = {0};

	ce_dump_by_name(luaL_checkstring(L, 1), &options.format, &options.compression);
	if (lua_isnil(L, 2)) {
		lua_newtable(L);
		lua_replace(L, 2);
	}
	ce_lua_check_names(L, 2, "savefile", known);
	options.format =
		(enum ce_dump_format)choice(L, 2, "format", formats, (int)options.format);
	options.compression = (enum ce_dump_compression)choice(
		L, 2, "compression", compressions, (int)options.compression);
	options.linktype = (int)ce_lua_option_integer(L, 2, "linktype", 0, INT32_MAX,
	                                              CE_DUMP_ANY_LINKTYPE);
	options.snapshot = (int)ce_lua_option_integer(L, 2, "snaplen", 0, INT32_MAX, 0);
	options.nano = flag(L, 2, "nano", options.format == CE_DUMP_PCAPNG);
	options.sync = flag(L, 2, "sync", false);
	options.queue = choice(L, 2, "on_slow", policies, 0) ? QUEUE : 0;
	return options;
}

/* Does an open handle read this path? */
static bool is_read(const struct ce_lua *lua, const char *path)
{
	const struct ce_lua_handle *handle = lua->handles;

	while (handle && !ce_lua_reads(handle, path))
		handle = handle->next;
	return handle;
}

/*
 * capengine.savefile(path [, options]) -> savefile | nil, message, code
 *
 * Create or truncate a savefile; "-" is standard output.
 */
static int open_savefile(lua_State *L)
{
	struct ce_lua *lua = ce_lua_get(L);
	struct ce_dump_options options;
	struct ce_lua_savefile *savefile;
	const char *path;
	struct ce_err err;
	int rc;

	lua_settop(L, 2);
	options = check_options(L);
	savefile = lua_newuserdatauv(L, sizeof(*savefile), 0);
	*savefile = (struct ce_lua_savefile){0};
	luaL_setmetatable(L, CE_LUA_SAVEFILE);
	options.pool = ce_lua_take_pool(lua);
	path = lua_tostring(L, 1);
	if (!options.pool)
		rc = ce_err_set(&err, -ENOMEM, "out of memory");
	else if (is_read(lua, path))
		rc = ce_err_set(&err, -EINVAL, "%s: it is a file that is read", path);
	else
		rc = ce_dump_open(&savefile->dump, path, &options, &err);
	if (rc < 0) {
		if (options.pool)
			ce_lua_give_pool(lua);
		return ce_lua_fail(L, rc, err.text);
	}
	savefile->next = lua->savefiles;
	lua->savefiles = savefile;
	return 1;
}

/* Close, and say what that said. 0 or a negative errno. */
static int close_savefile(struct ce_lua *lua, struct ce_lua_savefile *savefile,
                          struct ce_err *err)
{
	struct ce_lua_savefile **link = &lua->savefiles;
	int rc = ce_dump_flush(savefile->dump, err);

	ce_dump_count(savefile->dump, &savefile->counters);
	lua->closed.written += savefile->counters.written;
	lua->unwritten += savefile->counters.dropped + savefile->counters.failed;
	if (rc < 0)
		ce_dump_close(savefile->dump, NULL);
	else
		rc = ce_dump_close(savefile->dump, err);
	savefile->dump = NULL;
	ce_lua_give_pool(lua);
	while (*link != savefile)
		link = &(*link)->next;
	*link = savefile->next;
	return rc;
}

/* The same where nobody is there to tell but standard error. */
static void close_aloud(struct ce_lua *lua, struct ce_lua_savefile *savefile)
{
	struct ce_err err;

	if (close_savefile(lua, savefile, &err) < 0) {
		lua->lost_output = true;
		fprintf(stderr, "capengine: %s\n", err.text);
	}
}

void ce_lua_close_savefiles(struct ce_lua *lua)
{
	while (lua->savefiles)
		close_aloud(lua, lua->savefiles);
}

/* Push true, or what a failure gives. [-0, +1 or 3, m] */
static int push_outcome(lua_State *L, int rc, const struct ce_err *err)
{
	if (rc < 0)
		return ce_lua_fail(L, rc, err->text);
	lua_pushboolean(L, 1);
	return 1;
}

/*
 * Write the packet at argument 2, with the string at argument 3, if there is one.
 * Numbers are what handle:next() gives beside a packet.
 */
static int write_packet(lua_State *L, struct ce_lua_savefile *savefile,
                        struct ce_err *err)
{
	const struct ce_lua_packet packet = ce_lua_check_packet(L, 2);
	size_t size;
	const char *comment;

	if (!lua_isnoneornil(L, 3) && lua_type(L, 3) != LUA_TNUMBER) {
		luaL_checktype(L, 3, LUA_TSTRING);
		comment = lua_tolstring(L, 3, &size);
		if (ce_dump_comment(savefile->dump, comment, size) < 0)
			luaL_error(L, "write: a classic savefile has no comments; "
			              "pcapng has");
	}
	return ce_dump_write_packet(savefile->dump, &packet.origin, &packet.record,
	                            packet.data, err);
}

/* savefile:write(packet [, comment] | batch) -> true | nil, message, code */
static int savefile_write(lua_State *L)
{
	struct ce_lua_savefile *savefile = check_savefile(L);
	struct ce_err err;
	int rc;

	if (luaL_testudata(L, 2, CE_LUA_BATCH)) {
		const struct ce_lua_batch *batch = ce_lua_check_batch(L, 2);
		const struct ce_batch *lent = batch->handle->lent.batch;

		rc = ce_dump_write_batch(savefile->dump, lent, batch->selected, 0,
		                         lent->count, &err);
	} else {
		rc = write_packet(L, savefile, &err);
	}
	return push_outcome(L, rc, &err);
}

/* savefile:flush() -> true | nil, message, code */
static int savefile_flush(lua_State *L)
{
	struct ce_err err;
	int rc = ce_dump_flush(check_savefile(L)->dump, &err);

	return push_outcome(L, rc, &err);
}

/* savefile:close() -> true | nil, message, code. Closed again, it is true again. */
static int savefile_close(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);
	struct ce_err err;
	int rc = savefile->dump ? close_savefile(ce_lua_get(L), savefile, &err) : 0;

	return push_outcome(L, rc, &err);
}

static int savefile_gc(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);

	if (savefile->dump)
		close_aloud(ce_lua_get(L), savefile);
	return 0;
}

/* savefile:counters() -> { written =, dropped =, failed =, bytes = } */
static int savefile_counters(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);
	struct ce_dump_counters *counters = &savefile->counters;

	if (savefile->dump)
		ce_dump_count(savefile->dump, counters);
	lua_createtable(L, 0, 4);
	ce_lua_set_count(L, "written", counters->written);
	ce_lua_set_count(L, "dropped", counters->dropped);
	ce_lua_set_count(L, "failed", counters->failed);
	ce_lua_set_count(L, "bytes", counters->bytes);
	return 1;
}

const luaL_Reg ce_lua_savefile_functions[] = {
	{"savefile", open_savefile},
	{NULL, NULL},
};

static const luaL_Reg methods[] = {
	{"close", savefile_close},
	{"counters", savefile_counters},
	{"flush", savefile_flush},
	{"write", savefile_write},
	{NULL, NULL},
};

static const luaL_Reg metamethods[] = {
	{"__close", savefile_gc},
	{"__gc", savefile_gc},
	{NULL, NULL},
};

void ce_lua_open_savefile(lua_State *L)
{
	ce_lua_class(L, CE_LUA_SAVEFILE, metamethods, methods);
}
