/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_savefile.c - savefiles of any packets, any number of them, that scripts
 * write; binds <capengine/dump.h>, beside lua_dumper.c, which has libpcap's calls, and
 * <capengine/rotate.h>.
 *
 * All open ones are in a list, so that a program can complete them whatever way
 * the script ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_binding.h"

/* A file of several that is complete, and that the script has not been told of. */
struct finished {
	struct finished *next;
	struct ce_dump_counters counters;
	char path[];
};

struct ce_lua_savefile {
	struct ce_dump *dump;     /* one file; NULL: closed, or several */
	struct ce_rotate *rotate; /* several; NULL: closed, or one */
	struct ce_lua_savefile *next;
	struct ce_dump_counters counters; /* once closed */
	struct finished *finished, **last;
	bool untold; /* there was no memory to note one */
	struct ce_lua *lua;
	uint64_t source; /* of the last packet, as that of handles */
};

enum { QUEUE = 64 << 20 }; /* bytes that may wait for a slow disk */

static bool is_open(const struct ce_lua_savefile *savefile)
{
	return savefile->dump || savefile->rotate;
}

static struct ce_lua_savefile *check_savefile(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);

	luaL_argcheck(L, is_open(savefile), 1, "the savefile is closed");
	return savefile;
}

static const char *const known[] = {
	"compression", "format",  "linktype", "nano", "on_slow",
	"rotate",      "snaplen", "sync",     NULL,
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

/* The table of options on top, which is that of `rotate`. [-0, +0, v] */
static struct ce_rotate_options check_rotation(lua_State *L)
{
	static const char *const names[] = {"aligned", "bytes",   "complete", "files",
	                                    "packets", "seconds", NULL};
	const lua_Integer most = INT64_MAX / 1000000000;
	int at = lua_gettop(L);
	struct ce_rotate_options options;

	ce_lua_check_names(L, at, "savefile: rotate", names);
	options = (struct ce_rotate_options){
		.bytes = (uint64_t)ce_lua_option_integer(L, at, "bytes", 1, INT64_MAX, 0),
		.packets = (uint64_t)ce_lua_option_integer(L, at, "packets", 1, INT64_MAX,
	                                                   0),
		.every_ns = ce_lua_option_integer(L, at, "seconds", 1, most, 0) *
	                    1000000000,
		.aligned = flag(L, at, "aligned", false),
		.files = (unsigned)ce_lua_option_integer(L, at, "files", 1, 1 << 20, 0),
	};
	if (!options.bytes && !options.packets && !options.every_ns)
		luaL_error(L, "option rotate: bytes, packets or seconds are wanted");
	luaL_argcheck(L, strcmp(lua_tostring(L, 1), "-") != 0, 1,
	              "standard output is one file");
	if (lua_getfield(L, at, "complete") != LUA_TNIL)
		luaL_checktype(L, -1, LUA_TFUNCTION);
	lua_pop(L, 1);
	return options;
}

/* What the open interfaces have counted that the file has packets of. */
static void put_stats(void *arg, struct ce_dump *dump)
{
	const struct ce_lua_savefile *savefile = arg;
	const struct ce_lua_handle *handle = savefile->lua->handles;

	for (; handle; handle = handle->next) {
		struct ce_stats stats = {0};

		if (!handle->source || !handle->reader ||
		    !ce_dump_has(dump, handle->source))
			continue;
		ce_reader_stats(handle->reader, &stats);
		ce_dump_stats(dump, handle->source, &stats);
	}
}

void ce_lua_count_source(struct ce_lua *lua, uint64_t source,
                         const struct ce_stats *stats)
{
	struct ce_lua_savefile *savefile = lua->savefiles;

	for (; savefile; savefile = savefile->next)
		if (savefile->rotate)
			ce_rotate_stats(savefile->rotate, source, stats);
		else
			ce_dump_stats(savefile->dump, source, stats);
}

/* Add a file to those that the script is to be told of. */
static void note_finished(void *arg, const char *path,
                          const struct ce_dump_counters *counters)
{
	struct ce_lua_savefile *savefile = arg;
	struct finished *finished = malloc(sizeof(*finished) + strlen(path) + 1);

	savefile->untold |= !finished;
	if (finished) {
		finished->next = NULL;
		finished->counters = *counters;
		strcpy(finished->path, path);
		*savefile->last = finished;
		savefile->last = &finished->next;
	}
}

/*
 * Call `complete` for each file that is, outside of the call that completed it, which
 * no error of the script may leave. [-0, +0, e]
 */
static void tell_finished(lua_State *L, struct ce_lua_savefile *savefile)
{
	struct finished *finished;

	while ((finished = savefile->finished)) {
		bool wanted = lua_getiuservalue(L, 1, 1) == LUA_TFUNCTION;

		lua_pushstring(L, finished->path);
		lua_pushinteger(L, (lua_Integer)finished->counters.written);
		lua_pushinteger(L, (lua_Integer)finished->counters.bytes);
		savefile->finished = finished->next;
		if (!savefile->finished)
			savefile->last = &savefile->finished;
		free(finished);
		if (wanted)
			lua_call(L, 3, 0);
		else
			lua_pop(L, 4);
	}
	if (savefile->untold)
		luaL_error(L, "out of memory: not every file could be told of");
}

void ce_lua_beat_savefiles(struct ce_lua *lua)
{
	struct ce_lua_savefile *savefile;

	/* What fails, the script's next call says. */
	for (savefile = lua->savefiles; savefile; savefile = savefile->next)
		if (savefile->rotate)
			ce_lua_beat_rotate(lua, savefile->rotate, NULL);
		else
			ce_dump_push(savefile->dump, NULL);
}

static const char objects_key; /* its address is that of a table in the registry */

/* Remember the object on top while it lives: for those that have no more of it than
   its address. [-0, +0, m] */
static void remember(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &objects_key);
	}
	lua_pushvalue(L, -2);
	lua_rawsetp(L, -2, lua_touserdata(L, -1));
	lua_pop(L, 1);
}

/* tell_finished, as a function of a savefile. */
static int tell(lua_State *L)
{
	tell_finished(L, lua_touserdata(L, 1));
	return 0;
}

/* Push a function and a savefile that it is to be called with; false: there is none that
   has finished something and that still lives. [-0, +0 or 2, -] */
static bool push_finished(lua_State *L, const struct ce_lua *lua)
{
	struct ce_lua_savefile *savefile = lua->savefiles;

	lua_pushcfunction(L, tell);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key);
	for (; savefile; savefile = savefile->next) {
		if (!savefile->finished)
			continue;
		if (lua_rawgetp(L, -1, savefile) == LUA_TUSERDATA) {
			lua_remove(L, -2);
			return true;
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
	return false;
}

int ce_lua_tell_finished(lua_State *L, struct ce_lua *lua, struct ce_lua_handle *handle)
{
	bool reading = handle->reading;
	int status = LUA_OK;

	if (!lua->savefiles)
		return 0;
	handle->reading = true; /* its close waits until it is not fetched from */
	while (status == LUA_OK && push_finished(L, lua))
		status = lua_pcall(L, 1, 0, 0);
	handle->reading = reading;
	if (!reading && handle->close_later)
		ce_lua_close_handle(lua, handle);
	if (status != LUA_OK)
		lua_error(L);
	return handle->closed ? -EINTR : 0;
}

static void forget_finished(struct ce_lua_savefile *savefile)
{
	struct finished *finished;

	while ((finished = savefile->finished)) {
		savefile->finished = finished->next;
		free(finished);
	}
}

/* Does an open handle read this path? */
static bool is_read(const struct ce_lua *lua, const char *path)
{
	const struct ce_lua_handle *handle = lua->handles;

	while (handle && !ce_lua_reads(handle, path))
		handle = handle->next;
	return handle;
}

static bool reads(void *arg, const char *path)
{
	const struct ce_lua_savefile *savefile = arg;

	return is_read(savefile->lua, path);
}

/* Open one file, or, where `rotate` says so, several one after the other. */
static int open_files(struct ce_lua_savefile *savefile, const char *path,
                      const struct ce_dump_options *dump, bool rotates,
                      struct ce_rotate_options *rotate, struct ce_err *err)
{
	if (!rotates)
		return ce_dump_open(&savefile->dump, path, dump, err);
	rotate->dump = *dump;
	rotate->complete = note_finished;
	rotate->stats = put_stats;
	rotate->reads = reads;
	rotate->arg = savefile;
	return ce_rotate_open(&savefile->rotate, path, rotate, err);
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
	struct ce_rotate_options rotate = {0};
	struct ce_lua_savefile *savefile;
	const char *path;
	struct ce_err err;
	bool rotates;
	int rc;

	lua_settop(L, 2);
	options = check_options(L);
	rotates = lua_getfield(L, 2, "rotate") != LUA_TNIL;
	if (rotates)
		rotate = check_rotation(L);
	savefile = lua_newuserdatauv(L, sizeof(*savefile), 1);
	*savefile = (struct ce_lua_savefile){.last = &savefile->finished, .lua = lua};
	luaL_setmetatable(L, CE_LUA_SAVEFILE);
	if (rotates) {
		lua_getfield(L, 3, "complete");
		lua_setiuservalue(L, -2, 1);
		remember(L);
	}
	options.pool = ce_lua_take_pool(lua);
	path = lua_tostring(L, 1);
	if (!options.pool)
		rc = ce_err_set(&err, -ENOMEM, "out of memory");
	else if (is_read(lua, path))
		rc = ce_err_set(&err, -EINVAL, "%s: it is a file that is read", path);
	else
		rc = open_files(savefile, path, &options, rotates, &rotate, &err);
	if (rc < 0) {
		if (options.pool)
			ce_lua_give_pool(lua);
		return ce_lua_fail(L, rc, err.text);
	}
	savefile->next = lua->savefiles;
	lua->savefiles = savefile;
	return 1;
}

static int flush(struct ce_lua_savefile *savefile, struct ce_err *err)
{
	return savefile->rotate ? ce_rotate_flush(savefile->rotate, err)
	                        : ce_dump_flush(savefile->dump, err);
}

static void count(const struct ce_lua_savefile *savefile,
                  struct ce_dump_counters *counters)
{
	if (savefile->rotate)
		ce_rotate_count(savefile->rotate, counters);
	else
		ce_dump_count(savefile->dump, counters);
}

/* All of it in the file, and of several in the last one. */
static int finish(struct ce_lua_savefile *savefile, struct ce_err *err)
{
	int rc;

	if (savefile->dump) {
		put_stats(savefile, savefile->dump);
		return ce_dump_finish(savefile->dump, err);
	}
	rc = ce_rotate_next(savefile->rotate, err);
	return rc < 0 ? rc : ce_rotate_flush(savefile->rotate, err);
}

/* Close, and say what that said. 0 or a negative errno. */
static int close_savefile(struct ce_lua *lua, struct ce_lua_savefile *savefile,
                          struct ce_err *err)
{
	struct ce_lua_savefile **link = &lua->savefiles;
	int rc = finish(savefile, err), closed;
	struct ce_err *close_err = rc < 0 ? NULL : err; /* the first error is said */

	count(savefile, &savefile->counters);
	lua->closed.written += savefile->counters.written;
	lua->unwritten += savefile->counters.dropped + savefile->counters.failed;
	closed = savefile->rotate ? ce_rotate_close(savefile->rotate, close_err)
	                          : ce_dump_close(savefile->dump, close_err);
	savefile->dump = NULL;
	savefile->rotate = NULL;
	ce_lua_give_pool(lua);
	while (*link != savefile)
		link = &(*link)->next;
	*link = savefile->next;
	return rc < 0 ? rc : closed;
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
 * The string at argument 3 belongs to the next packet, if there is one. Numbers are what
 * handle:next() gives beside a packet. [-0, +0, v]
 */
static void take_comment(lua_State *L, struct ce_lua_savefile *savefile)
{
	size_t size;
	const char *comment;
	int rc;

	if (lua_isnoneornil(L, 3) || lua_type(L, 3) == LUA_TNUMBER)
		return;
	luaL_checktype(L, 3, LUA_TSTRING);
	comment = lua_tolstring(L, 3, &size);
	rc = savefile->rotate ? ce_rotate_comment(savefile->rotate, comment, size)
	                      : ce_dump_comment(savefile->dump, comment, size);
	if (rc < 0)
		luaL_error(L, "write: a classic savefile has no comments; pcapng has");
}

/* The next packets are from this source. 0 or -ENOMEM. */
static int take_source(struct ce_lua_savefile *savefile, uint64_t source,
                       struct ce_err *err)
{
	const struct ce_lua_handle *handle = savefile->lua->handles;
	struct ce_dump_from from = {.source = source};
	int rc;

	if (source == savefile->source)
		return 0;
	while (handle && handle->source != source)
		handle = handle->next;
	if (handle && source) {
		from.name = handle->names ? handle->names[0] : NULL;
		from.filter = ce_reader_filter(handle->reader);
	}
	rc = savefile->rotate ? ce_rotate_from(savefile->rotate, &from)
	                      : ce_dump_from(savefile->dump, &from);
	if (rc < 0)
		return ce_err_set(err, rc, "out of memory");
	savefile->source = source;
	return 0;
}

/* A packet that is lent is written from its batch, which knows what was lost before it. */
static int write_packet(lua_State *L, struct ce_lua_savefile *savefile,
                        struct ce_err *err)
{
	struct ce_lua_handle *handle;
	struct ce_lua_packet packet;
	uint32_t i;
	bool is_view = ce_lua_find_packet(L, savefile->lua, 2, &handle, &i);
	int rc = take_source(savefile,
	                     is_view ? handle->source : ce_lua_kept_source(L, 2), err);

	if (rc < 0)
		return rc;
	take_comment(L, savefile);
	if (is_view)
		return savefile->rotate ? ce_rotate_write(savefile->rotate,
		                                          handle->lent.batch, i, err)
		                        : ce_dump_write(savefile->dump,
		                                        handle->lent.batch, i, err);
	packet = ce_lua_check_packet(L, 2);
	if (savefile->rotate)
		return ce_rotate_write_packet(savefile->rotate, &packet.origin,
		                              &packet.record, packet.ts_ns, packet.data,
		                              err);
	return ce_dump_write_packet(savefile->dump, &packet.origin, &packet.record,
	                            packet.data, err);
}

static int write_batch(lua_State *L, struct ce_lua_savefile *savefile, struct ce_err *err)
{
	const struct ce_lua_batch *batch = ce_lua_check_batch(L, 2);
	const struct ce_batch *lent = batch->handle->lent.batch;
	int rc = take_source(savefile, batch->handle->source, err);

	if (rc < 0)
		return rc;
	if (savefile->rotate)
		return ce_rotate_write_batch(savefile->rotate, lent, batch->selected, 0,
		                             lent->count, err);
	return ce_dump_write_batch(savefile->dump, lent, batch->selected, 0, lent->count,
	                           err);
}

/* savefile:write(packet [, comment] | batch) -> true | nil, message, code */
static int savefile_write(lua_State *L)
{
	struct ce_lua_savefile *savefile = check_savefile(L);
	bool is_batch = luaL_testudata(L, 2, CE_LUA_BATCH);
	struct ce_err err;
	int rc = is_batch ? write_batch(L, savefile, &err)
	                  : write_packet(L, savefile, &err);

	tell_finished(L, savefile);
	return push_outcome(L, rc, &err);
}

/* savefile:flush() -> true | nil, message, code */
static int savefile_flush(lua_State *L)
{
	struct ce_err err;
	int rc = flush(check_savefile(L), &err);

	return push_outcome(L, rc, &err);
}

/* savefile:close() -> true | nil, message, code. Closed again, it is true again. */
static int savefile_close(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);
	struct ce_err err;
	int rc = is_open(savefile) ? close_savefile(ce_lua_get(L), savefile, &err) : 0;

	tell_finished(L, savefile);
	return push_outcome(L, rc, &err);
}

static int savefile_gc(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);

	if (is_open(savefile))
		close_aloud(ce_lua_get(L), savefile);
	forget_finished(savefile);
	return 0;
}

/* savefile:counters() -> { written =, dropped =, failed =, bytes = } */
static int savefile_counters(lua_State *L)
{
	struct ce_lua_savefile *savefile = luaL_checkudata(L, 1, CE_LUA_SAVEFILE);
	struct ce_dump_counters *counters = &savefile->counters;

	if (is_open(savefile))
		count(savefile, counters);
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
