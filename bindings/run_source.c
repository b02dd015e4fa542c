/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_source.c - the source that -i or -r name, with -f, -c and -w in force: a
 * handle like any other, opened when the script first asks for it.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"

enum { UNHURRIED_MS = 500 }; /* how long packets may wait when no hook does */

/* The link type of a savefile's header. [-0, +0, v] */
static int linktype_of(lua_State *L, struct run *run, const char *const *file)
{
	const struct ce_source_options options = {
		.files = file,
		.file_count = 1,
		.interrupt_fd = ce_lua_get(L)->interrupt_fd,
	};
	struct ce_source *source;
	struct ce_err err;
	int linktype;

	if (ce_source_open(&source, &ce_source_savefile, &options, &err) < 0)
		run_fail(L, run, EXIT_RUNTIME, "%s", ce_err_words(&err));
	linktype = source->origin.linktype;
	ce_source_close(source);
	return linktype;
}

/* Not standard input, nor a FIFO: what is read of them is gone. */
static bool can_be_read_twice(const char *file)
{
	struct stat status;

	return strcmp(file, "-") != 0 && stat(file, &status) == 0 &&
	       S_ISREG(status.st_mode);
}

bool run_source_repeats(const struct run_options *options)
{
	size_t i = 0;

	while (i < options->file_count && can_be_read_twice(options->files[i]))
		i++;
	return options->file_count && i == options->file_count;
}

/* A classic savefile has one link type: say so before anything is written. */
static void check_linktypes(lua_State *L, struct run *run)
{
	const struct run_options *options = &run->options;
	enum ce_dump_format format = CE_DUMP_PCAP;
	enum ce_dump_compression compression;
	int first = -1;

	if (options->out)
		ce_dump_by_name(options->out, &format, &compression);
	if (format == CE_DUMP_PCAPNG)
		return;
	for (size_t i = 0;
	     options->out && options->file_count > 1 && i < options->file_count; i++) {
		int linktype;

		if (!can_be_read_twice(options->files[i]))
			continue;
		linktype = linktype_of(L, run, &options->files[i]);
		if (first >= 0 && linktype != first)
			run_fail(
				L, run, EXIT_USAGE,
				"-w %s: %s has link type %d, a file before it %d, and a classic "
				"savefile has one; pcapng would hold both",
				options->out, options->files[i], linktype, first);
		first = linktype;
	}
}

/* "(one) and (other)", or the one that there is. [-0, +1, m] */
static const char *both(lua_State *L, const char *one, const char *other)
{
	if (!one || !*one || !other || !*other)
		return lua_pushstring(L, one && *one ? one : other);
	return lua_pushfstring(L, "(%s) and (%s)", one, other);
}

/* The interface that looks most like the name, as "; did you mean". [-0, +1, m] */
static const char *near_device(lua_State *L, const char *name)
{
	struct if_nameindex *interfaces = if_nameindex();
	struct ce_near near = {.name = name};
	char best[IF_NAMESIZE] = "";

	for (size_t i = 0; interfaces && interfaces[i].if_name; i++)
		ce_near_try(&near, interfaces[i].if_name);
	if (near.best)
		snprintf(best, sizeof(best), "%s", near.best);
	if (interfaces)
		if_freenameindex(interfaces);
	return near.best ? ce_lua_push_meant(L, best)
	                 : "; `capengine devices` lists those that there are";
}

/* What to do about what has not opened. [-0, +1, m] */
static const char *advice(lua_State *L, const struct run *run, int rc)
{
	const char *device = run->is_program ? run->options.device : NULL;

	if (rc == -EPERM && device)
		return "; as root, -Z USER runs the script as that user";
	if (rc == -ENODEV && device && access(device, F_OK) == 0)
		return "; it is a file, which is read with -r";
	return rc == -ENODEV && device ? near_device(L, device) : "";
}

/* Nobody looks at packets before they are written: so as that costs least. */
static void take_time(struct ce_source_options *source, const struct run_options *options)
{
	if (options->out)
		source->micro = !run_write_nano(options);
	if (!options->flush_each)
		source->timeout_ms = UNHURRIED_MS;
}

static void open_source(lua_State *L, struct run *run, const char *filter)
{
	const struct run_options *options = &run->options;
	struct ce_lua_handle *handle = ce_lua_push_handle(L);
	int rc;

	handle->options.limit = options->count;
	handle->options.capture.ring_bytes = options->ring_bytes;
	handle->options.filter = both(L, filter, options->filter);
	if (run->unhurried)
		take_time(&handle->options.source, options);
	if (options->device) {
		handle->options.kind = &ce_source_live;
		handle->options.source.snaplen = options->snaplen;
		handle->options.source.promisc = !options->no_promisc;
		ce_lua_keep_names(L, handle, &options->device, 1);
	} else {
		handle->options.kind = &ce_source_savefile;
		ce_lua_keep_names(L, handle, options->files, options->file_count);
	}
	rc = ce_lua_activate(L, handle);
	run->code = rc < 0 ? rc : 0;
	if (rc < 0)
		run_fail(L, run, rc == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, "%s%s",
		         ce_err_words(&handle->last), advice(L, run, rc));
	run->source = handle;
	if (run->opened)
		run->opened(L, run);
	if (options->out)
		run_write_open(L, run, handle->options.filter);
	lua_pop(L, 1); /* the filter */
	handle->options.filter = NULL;
}

/* The script's filter, where the source was opened without it. [-0, +0, v] */
static void add_filter(lua_State *L, struct run *run, const char *filter)
{
	struct ce_lua_handle *handle = run->source;

	if (run->source_used)
		luaL_error(L,
		           "the script's `filter` comes too late: capengine.source() has "
		           "opened the source; use setfilter");
	if (ce_reader_setfilter(handle->reader, filter, CE_FILTER_NETMASK_UNKNOWN,
	                        &handle->last) < 0)
		run_fail(L, run, EXIT_USAGE, "%s", ce_err_words(&handle->last));
}

void run_source_open(lua_State *L, struct run *run)
{
	run_source_push(L, run, NULL);
	lua_pop(L, 1);
	run->source_used = false;
}

void run_source_push(lua_State *L, struct run *run, const char *filter)
{
	if (!run->options.device && !run->options.file_count)
		run_fail(L, run, EXIT_USAGE, "the script wants packets: name an %s",
		         run->is_program
		                 ? "interface with -i, or a savefile with -r"
		                 : "interface as `device`, or savefiles as `files`");
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, run) == LUA_TUSERDATA) {
		if (filter && *filter)
			add_filter(L, run, filter);
		run->source_used = true;
		return;
	}
	lua_pop(L, 1);
	run->source_used = true;
	check_linktypes(L, run);
	open_source(L, run, filter);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
}
