/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_binding.h - what the binding files share.
 *
 * One struct ce_lua stands in the registry of each Lua state; everything that
 * would otherwise be global is in it. A comment like [-1, +2, e] says how many
 * values a helper pops and pushes, and whether it raises: `-` never, `m` for
 * want of memory, `e` any error, `v` on purpose.
 *
 * Threads    the one that runs the Lua state
 * Ownership  Lua owns every userdata; __gc and __close release what they hold
 * Blocking   reading calls wait for packets; close waits at most 100 ms
 */
#ifndef LUA_BINDING_H
#define LUA_BINDING_H

#include <capengine/capengine.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CE_LUA_BPF      "capengine.bpf"
#define CE_LUA_BATCH    "capengine.batch"
#define CE_LUA_COLUMN   "capengine.column"
#define CE_LUA_DISTINCT "capengine.distinct"
#define CE_LUA_DUMPER   "capengine.dumper"
#define CE_LUA_GROUP    "capengine.group"
#define CE_LUA_HANDLE   "capengine.handle"
#define CE_LUA_PACKET   "capengine.packet"
#define CE_LUA_ROWS     "capengine.rows"
#define CE_LUA_SAVEFILE "capengine.savefile"
#define CE_LUA_TOP      "capengine.top"
#define CE_LUA_WHERE    "capengine.where"

/* The batch that a handle lends to the script at the moment. */
struct ce_lua_lent {
	struct ce_batch *batch; /* NULL: none */
	uint64_t sequence;
	struct ce_lua_handle *handle;
};

struct ce_lua_dumper {
	struct ce_dump *dump;         /* NULL: closed */
	struct ce_lua_handle *handle; /* kept alive by the dumper's user value */
	struct ce_lua_dumper *older;  /* the handle's dumper that was opened before */
	struct ce_lua_dumper *next;   /* of all that are open */
};

/* A pcap handle. */
struct ce_lua_handle {
	struct ce_reader *reader; /* NULL: not activated, or closed */
	struct ce_lua_lent lent;
	struct ce_lua_handle *next;
	struct ce_lua_dumper *dumper; /* the last opened that is still open */
	struct ce_reader_options options;
	char **names;  /* what options.source points to: a device, or files; NULL last */
	int inject_fd; /* -1: none yet */
	int timeout_ms;
	uint64_t written;      /* by those of its dumpers that were closed */
	struct ce_stats final; /* once closed */
	uint64_t source;       /* of an interface: a number that no other handle has; 0 */
	struct ce_err last;
	struct ce_ahead *ahead;   /* what the capture thread decodes */
	struct ce_decode *decode; /* of the lent batch; NULL: no field was asked for */
	uint64_t decoded;         /* the sequence of the batch that it has */
	uint64_t wanted[CE_BATCH_WORDS]; /* the packets that it has decoded */
	bool activated;
	bool closed;
	bool reading;     /* one of its callbacks runs */
	bool close_later; /* close was called in it */
	bool broken;      /* breakloop was called, and nothing has ended for it */
};

struct run;

struct ce_lua {
	struct ce_lua_handle *handles;     /* all that are open */
	struct ce_lua_dumper *dumpers;     /* all that are open */
	struct ce_lua_savefile *savefiles; /* all that are open */
	struct ce_dump_pool *pool;         /* of all dumps that are open */
	unsigned pool_users;
	int64_t beat_ns;               /* when the next beat is, of the monotonic clock */
	bool told_refused;             /* that there is no io_uring */
	uint64_t unwritten;            /* packets that closed savefiles do not have */
	struct ce_lua_lent *hot;       /* where the last packet was found */
	struct ce_stats closed;        /* sums over handles that were closed */
	bool opened;                   /* there was one, with packets or without */
	struct ce_decode *kept_decode; /* of kept packets; NULL: none yet */
	uint64_t seed;                 /* of hashes of flows: flow.hash */
	uint64_t sources;              /* interfaces that were opened */
	uint64_t epoch;                /* another as soon as columns may be over that an
	                                  extractor remembers */
	/* What a program that runs scripts sets, before any script runs. */
	int interrupt_fd;              /* readable: every capture stops; 0: none */
	size_t ring_bytes;             /* for every handle; 0: the default */
	void (*idle)(lua_State *L);    /* called when a wait ends in vain; may raise */
	void (*advance)(lua_State *L); /* called when a handle goes on to another batch */
	void (*beat)(struct ce_lua *lua, void *arg); /* called at each beat; or NULL */
	void *beat_arg;
	void (*refused)(
		int code);  /* called when there is no io_uring; NULL: nobody is told */
	int (*hurry)(void); /* as ce_dump_pool_hurry */
	bool lost_output;   /* a collected dumper could not write all */
	bool lost_input;    /* a handle's last packets were not there any more */
	struct run *run;    /* the innermost, of lua_run.c; NULL: none */
	bool expire_each;   /* a packet expires with its callback: for tests */
};

/* The state's struct, made at the first call. [-0, +0, m] */
struct ce_lua *ce_lua_get(lua_State *L);

/*
 * What all dumps of this state share, from the first that takes it to the last
 * that gives it back. NULL: no memory.
 */
struct ce_dump_pool *ce_lua_take_pool(struct ce_lua *lua);
void ce_lua_give_pool(struct ce_lua *lua);

void ce_lua_add_stats(struct ce_stats *sum, const struct ce_stats *one);

/* An integer argument in the range of C's int. [-0, +0, v] */
int ce_lua_check_int(lua_State *L, int arg);

/* The name of a file or an interface. C would end it at a NUL. [-0, +0, v] */
const char *ce_lua_check_name(lua_State *L, int arg);

/* Set a field of the table on top to a count. [-0, +0, m] */
void ce_lua_set_count(lua_State *L, const char *name, uint64_t value);

/* Sums over all handles, open and closed. */
void ce_lua_stats(struct ce_lua *lua, struct ce_stats *sum);

/* Push nil, text, "ENAME" and return 3; text NULL: what the code means. [-0, +3, m] */
int ce_lua_fail(lua_State *L, int code, const char *text);

/* Make a class of userdata. [-0, +0, m] */
void ce_lua_class(lua_State *L, const char *name, const luaL_Reg *metamethods,
                  const luaL_Reg *methods);

/* Add methods to a class that was made. [-0, +0, m] */
void ce_lua_add_methods(lua_State *L, const char *name, const luaL_Reg *methods);

/* Keep scripts from the metatable on top, whose __gc is not theirs. [-0, +0, m] */
void ce_lua_lock_class(lua_State *L);

/* lua_packet.c */

/* The 64 bits that scripts hold for packet i of a lent batch. */
static inline void *ce_lua_view(const struct ce_lua_lent *lent, uint32_t i)
{
	return (void *)(uintptr_t)(UINT64_C(1) << 63 | lent->sequence << 12 | i);
}

static inline uint32_t ce_lua_view_index(const void *view)
{
	return (uintptr_t)view & (CE_BATCH_PACKETS - 1);
}

/* What all views of a batch have in common. */
static inline uint64_t ce_lua_view_batch(const void *view)
{
	return (uintptr_t)view >> 12;
}

struct ce_lua_packet {
	const unsigned char *data; /* lent while the packet is */
	struct ce_record record;
	int64_t ts_ns;
	uint64_t number; /* in its capture, from 1 */
	struct ce_origin origin;
};

/* The packet at argument `arg`, a view or a kept one. [-0, +0, v] */
struct ce_lua_packet ce_lua_check_packet(lua_State *L, int arg);

/*
 * Is the packet at argument `arg` a view? Then its handle and index; false for a kept
 * one. Raises when its batch is over, and for what is no packet. [-0, +0, v]
 */
bool ce_lua_find_packet(lua_State *L, struct ce_lua *lua, int arg,
                        struct ce_lua_handle **handle, uint32_t *index);

/*
 * Push a kept packet, whose bytes are a copy of those of the one at `arg`, for the
 * caller to change; it may also shorten the record. [-0, +1, e]
 */
struct ce_lua_packet *ce_lua_push_kept(lua_State *L, int arg, unsigned char **bytes);

/* As handle->source, of the handle that the kept packet at `arg` came from. [-0, +0, -] */
uint64_t ce_lua_kept_source(lua_State *L, int arg);

void ce_lua_open_packet(lua_State *L);

/* lua_dumper.c */

/* Close all dumpers, and say on standard error what they could not write. */
void ce_lua_close_dumpers(struct ce_lua *lua);

/* Is this path one of the savefiles that the handle reads? */
bool ce_lua_reads(const struct ce_lua_handle *handle, const char *path);

/* lua_savefile.c */

/* As ce_lua_close_dumpers. */
void ce_lua_close_savefiles(struct ce_lua *lua);

/* A beat of all that are open. */
void ce_lua_beat_savefiles(struct ce_lua *lua);

/* All that are open learn what an interface has counted: its handle closes. */
void ce_lua_count_source(struct ce_lua *lua, uint64_t source,
                         const struct ce_stats *stats);

/*
 * Tell scripts of the files that the clock has ended, while the handle is waited for. 0;
 * -EINTR: one of them has closed it. [-0, +0, e]
 */
int ce_lua_tell_finished(lua_State *L, struct ce_lua *lua, struct ce_lua_handle *handle);

/* lua_beat.c: some times a second, savefiles hand on what they have gathered */

/* The next beat is due half a second from now. */
void ce_lua_start_beat(struct ce_lua *lua);

/* As ce_reader_fetch, but a beat ends it, and writes go on meanwhile. */
int ce_lua_fetch_until_beat(struct ce_lua *lua, struct ce_lua_handle *handle,
                            int timeout_ms);

/* Do what is to be done, if it is time. */
void ce_lua_beat(struct ce_lua *lua);

/* Let the clock end a file whose time is over. 0 or as ce_rotate_idle. */
int ce_lua_beat_rotate(struct ce_lua *lua, struct ce_rotate *rotate, struct ce_err *err);

/* lua_handle.c */

/* The open handle at argument 1. [-0, +0, v] */
struct ce_lua_handle *ce_lua_check_handle(lua_State *L);

/* The same, and `call` is not made from one of its callbacks. [-0, +0, v] */
struct ce_lua_handle *ce_lua_check_idle_handle(lua_State *L, const char *call);

/* Push a handle that is closed until ce_lua_activate. [-0, +1, m] */
struct ce_lua_handle *ce_lua_push_handle(lua_State *L);

/* Own copies of names for the options: a device, or files. [-0, +0, m] */
void ce_lua_keep_names(lua_State *L, struct ce_lua_handle *handle,
                       const char *const *names, size_t count);

/* Open what handle->options say. 0 or a negative errno; see handle->last. */
int ce_lua_activate(lua_State *L, struct ce_lua_handle *handle);

void ce_lua_close_handle(struct ce_lua *lua, struct ce_lua_handle *handle);

/*
 * Fetch and lend: as ce_reader_fetch. 0 after a wait in vain, when what the
 * program does meanwhile has been done. [-0, +0, e]
 */
int ce_lua_fetch(lua_State *L, struct ce_lua_handle *handle, int timeout_ms);

/* The packets that are lent expire: views of them raise. For tests. */
void ce_lua_expire(struct ce_lua *lua, struct ce_lua_handle *handle);

/* Push a table of counters. [-0, +1, m] */
void ce_lua_push_counters(lua_State *L, const struct ce_stats *stats);

/* Count the handle's packets, with its dumpers'. */
void ce_lua_handle_stats(struct ce_lua_handle *handle, struct ce_stats *stats);

void ce_lua_open_handle(lua_State *L);

/* The other classes and parts of `pcap`; each adds to the table on top, or
   registers its metatable. [-0, +0, m] */
void ce_lua_open_batch(lua_State *L);
void ce_lua_open_bpf(lua_State *L);
void ce_lua_open_device(lua_State *L);
void ce_lua_open_dumper(lua_State *L);
void ce_lua_open_knobs(lua_State *L);
void ce_lua_open_linktype(lua_State *L);
void ce_lua_open_savefile(lua_State *L);

/* The functions of `capengine`, beside lua_capengine.c's own. */
extern const luaL_Reg ce_lua_savefile_functions[]; /* lua_savefile.c */

/* Methods of handles, beside lua_handle.c's own. */
extern const luaL_Reg ce_lua_knob_methods[];   /* lua_knobs.c */
extern const luaL_Reg ce_lua_read_methods[];   /* lua_read.c */
extern const luaL_Reg ce_lua_filter_methods[]; /* lua_bpf.c */
extern const luaL_Reg ce_lua_dump_methods[];   /* lua_dumper.c */
extern const luaL_Reg ce_lua_batch_methods[];  /* lua_batch.c */

/* Methods of batches, beside lua_batch.c's own. */
extern const luaL_Reg ce_lua_column_methods[]; /* lua_column.c */

/* Functions of `capengine`, beside lua_capengine.c's own. */
extern const luaL_Reg ce_lua_field_functions[]; /* lua_field.c */
extern const luaL_Reg ce_lua_open_functions[];  /* lua_open.c */
extern const luaL_Reg ce_lua_part_functions[];  /* lua_parts.c */
extern const luaL_Reg ce_lua_run_functions[];   /* lua_run.c */

/* The netmask at argument `arg`, or unknown when there is none. [-0, +0, v] */
uint32_t ce_lua_check_netmask(lua_State *L, int arg);

/* lua_batch.c */

/* A batch as scripts have it. */
struct ce_lua_batch {
	struct ce_lua_handle *handle; /* kept alive by the user value */
	uint64_t sequence;            /* 0: none yet */
	uint32_t count;               /* packets in it: bits set in `selected` */
	uint64_t selected[CE_BATCH_WORDS];
};

/* The batch at argument `arg`. Raises when it is over. [-0, +0, v] */
struct ce_lua_batch *ce_lua_check_batch(lua_State *L, int arg);

/* Push a copy of the batch at `index`, whose selection the caller narrows. [-0, +1, m] */
struct ce_lua_batch *ce_lua_narrow_batch(lua_State *L, int index);

/* lua_column.c */

/* The columns of the batch's packets, to select from by batch->selected. [-0, +0, m] */
struct ce_decode *ce_lua_decode(lua_State *L, const struct ce_lua_batch *batch);

/* The columns of the batch that the handle lends. [-0, +0, m] */
struct ce_decode *ce_lua_decode_handle(lua_State *L, struct ce_lua_handle *handle);

/* A field's column, in which packet i of the lent batch is decoded. [-0, +0, m] */
const struct ce_column *ce_lua_column_at(lua_State *L, struct ce_lua_handle *handle,
                                         const struct ce_field *field, uint32_t i);

void ce_lua_open_column(lua_State *L);

/* lua_where.c: adds batch:where to the class of batches. [-0, +0, m] */
void ce_lua_open_where(lua_State *L);

/* lua_field.c */

/* The field named at argument `arg`; one that has a column. [-0, +0, v] */
const struct ce_field *ce_lua_check_field(lua_State *L, int arg);
const struct ce_field *ce_lua_check_column_field(lua_State *L, int arg);

/* Push a value of the field's width; not of CE_FIELD_BYTES. [-0, +1, m] */
void ce_lua_push_field_value(lua_State *L, const struct ce_field *field,
                             const void *value);

/* Push packet i's value, or nil where it has none. [-0, +1, m] */
void ce_lua_push_value(lua_State *L, const struct ce_column *column, uint32_t i,
                       const struct ce_batch *batch);

/*
 * Push a batch object of the handle at stack index `index`, over no packets yet;
 * then hand it those of the current batch before `end`. Between the two comes
 * nothing that may collect. [-0, +1, m] and [-0, +0, -]
 */
void ce_lua_push_batch(lua_State *L, int index);
void ce_lua_fill_batch(lua_State *L, uint32_t end);

/* lua_option.c: the table of options at `index` of a call that is named */

/* Push "; did you mean BEST?", or nothing of that, for a message. [-0, +1, m] */
const char *ce_lua_push_meant(lua_State *L, const char *best);

/*
 * From now on a name that the table of methods on top lacks raises: "WHOSE has no member
 * NAME", and which was meant, or the hint. [-0, +0, m]
 */
void ce_lua_refuse_members(lua_State *L, const char *whose, const char *hint);

/* Raises for an option that is not in names, NULL last. [-0, +0, v] */
void ce_lua_check_names(lua_State *L, int index, const char *call,
                        const char *const *names);

/* An integer; `absent` where there is none. [-0, +0, v] */
lua_Integer ce_lua_option_integer(lua_State *L, int index, const char *name,
                                  lua_Integer least, lua_Integer most,
                                  lua_Integer absent);

/* True or false; false when absent. [-0, +0, v] */
bool ce_lua_option_boolean(lua_State *L, int index, const char *name);

/* Fields, by one name or a list of names, none where it is absent; at most `most`.
   Gives how many. [-0, +0, v] */
size_t ce_lua_option_fields(lua_State *L, int index, const char *name,
                            const struct ce_field **fields, size_t most);

/* A seed into *seed; false where there is none. [-0, +0, v] */
bool ce_lua_option_seed(lua_State *L, int index, uint64_t *seed);

/* lua_value.c */

/* The value at argument `arg`, as scripts see them, in the form of a column of the
   field. [-0, +0, v] */
void ce_lua_check_value(lua_State *L, int arg, const struct ce_field *field, void *value);

/* Push a value that may not be aligned; not of CE_FIELD_BYTES. [-0, +1, m] */
void ce_lua_push_copy(lua_State *L, const struct ce_field *field, const void *value);

/* lua_group.c and lua_group_rows.c */

struct ce_lua_group {
	struct ce_group *group; /* NULL: not opened */
};

enum { CE_LUA_GROUP_NAMES = 1, CE_LUA_GROUP_EXPIRED }; /* user values of a group */

struct ce_lua_group *ce_lua_check_group(lua_State *L, int arg);

/* Push a table of the row's values by the names of columns. [-0, +1, m] */
void ce_lua_push_row(lua_State *L, int index, const struct ce_group_row *row);

void ce_lua_open_group(lua_State *L);
void ce_lua_open_rows(lua_State *L);
void ce_lua_open_top(lua_State *L);
void ce_lua_open_distinct(lua_State *L);
void ce_lua_open_anonymizer(lua_State *L);

extern const luaL_Reg ce_lua_rows_methods[]; /* of groups, in lua_group_rows.c */
extern const luaL_Reg ce_lua_group_functions[];
extern const luaL_Reg ce_lua_top_functions[];
extern const luaL_Reg ce_lua_distinct_functions[];
extern const luaL_Reg ce_lua_anonymizer_functions[];

int luaopen_capengine(lua_State *L);
int luaopen_capengine_pcap(lua_State *L);

#endif
