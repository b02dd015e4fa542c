/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_run.c - `capengine run`: a Lua state, the script, its hooks, and in the end
 * where every packet went, as a line and as an exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"
#include "lua_parts.h"

/* An error object as text, whatever it is. [-0, +1, m] */
static int error_text(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	return 1;
}

/* Does loop or dispatch raise a callback's error again just now? [-0, +0, -] */
static bool raised_again(lua_State *L)
{
	lua_Debug raiser;
	bool again;

	if (!lua_getstack(L, 1, &raiser) || !lua_getinfo(L, "f", &raiser))
		return false;
	lua_getfield(L, LUA_REGISTRYINDEX, "capengine.raised_again");
	again = !lua_isnil(L, -1) && lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return again;
}

/*
 * Push a traceback less what each ends with, which is no line of a script; one of
 * nothing else is empty. [-0, +1, m]
 */
static void push_traceback(lua_State *L, const char *traceback)
{
	static const char last[] = "\n\t[C]: in ?", title[] = "stack traceback:";
	size_t length = strlen(traceback), end = sizeof(last) - 1;

	while (length >= end && !memcmp(traceback + length - end, last, end))
		length -= end;
	if (length == sizeof(title) - 1)
		length = 0;
	lua_pushlstring(L, traceback, length);
}

/*
 * The message handler: text and traceback. An error that came through loop has
 * left its own, deeper one. [-1, +1, m]
 */
static int explain(lua_State *L)
{
	lua_settop(L, 1);
	if (run_reported(L))
		return 1;
	lua_pushcfunction(L, error_text);
	lua_pushvalue(L, 1);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		lua_pop(L, 1);
		lua_pushfstring(L, "(an error object whose __tostring fails: a %s)",
		                luaL_typename(L, 1));
	}
	if (raised_again(L))
		lua_getfield(L, LUA_REGISTRYINDEX, "capengine.traceback");
	else
		luaL_traceback(L, L, NULL, 1);
	push_traceback(L, lua_tostring(L, 3));
	lua_pushfstring(L, lua_rawlen(L, 4) ? "%s\n%s" : "%s", lua_tostring(L, 2),
	                lua_tostring(L, 4));
	return 1;
}

/* What a script may have done with its handles is over. [-0, +0, -] */
static void close_handles(lua_State *L)
{
	struct ce_lua *lua = ce_lua_get(L);

	while (lua->handles) {
		lua->handles->reading = false;
		ce_lua_close_handle(lua, lua->handles);
	}
}

struct run *run_get(lua_State *L)
{
	struct run *run;

	lua_getfield(L, LUA_REGISTRYINDEX, "capengine.run");
	run = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return run;
}

void run_print_counters(lua_State *L)
{
	struct ce_lua *lua = ce_lua_get(L);
	struct run *run = run_get(L);
	struct ce_stats sum;
	uint64_t unwritten;

	ce_lua_stats(lua, &sum);
	run_write_count(run);
	sum.written += run->dumped.written;
	unwritten = run->dumped.dropped + run->dumped.failed + lua->unwritten;
	fprintf(stderr,
	        "capengine: %" PRIu64 " received, %" PRIu64 " delivered, "
	        "%" PRIu64 " filtered, %" PRIu64 " undelivered, %" PRIu64
	        " dropped by the kernel, "
	        "%" PRIu64 " by the interface, %" PRIu64 " written",
	        sum.received, sum.delivered, sum.filtered, sum.undelivered,
	        sum.kernel_drops, sum.interface_drops, sum.written);
	if (unwritten)
		fprintf(stderr, ", %" PRIu64 " not written", unwritten);
	fputc('\n', stderr);
}

/* --strict: were packets lost? */
static bool lossy(lua_State *L, const struct run *run)
{
	struct ce_lua *lua = ce_lua_get(L);
	struct ce_stats sum;

	ce_lua_stats(lua, &sum);
	return sum.kernel_drops || sum.interface_drops || run->dumped.dropped ||
	       lua->unwritten;
}

/* Everything closed, counted and said: the exit status. */
static int end_run(lua_State *L, struct run *run)
{
	run_signals_ended();
	close_handles(L);
	ce_lua_close_dumpers(ce_lua_get(L)); /* that the script forgot */
	ce_lua_close_savefiles(ce_lua_get(L));
	run_write_close(L, run);
	if (ce_lua_get(L)->opened)
		run_print_counters(L);
	if (ce_lua_get(L)->lost_output)
		run->status = EXIT_USAGE;
	if (run->status == 0 && ce_lua_get(L)->lost_input)
		run->status = EXIT_RUNTIME;
	if (run->status == 0 && run->options.strict && lossy(L, run))
		run->status = EXIT_LOSS;
	return run->status;
}

/* os.exit([code [, close]]): as Lua's, after the run has ended in good order. */
static int os_exit(lua_State *L)
{
	struct run *run = run_get(L);
	int wanted = EXIT_SUCCESS, status;

	if (lua_isboolean(L, 1))
		wanted = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		wanted = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
	status = end_run(L, run);
	run_signals_close();
	lua_close(L);
	exit(cmd_end(wanted ? wanted : status));
}

static void preload(lua_State *L, const char *name, lua_CFunction open)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, open);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

/* Writing works without io_uring, but it waits for the disk. */
static void say_refused(int code)
{
	fprintf(stderr,
	        "capengine: io_uring is refused here (%s): savefiles are written with "
	        "plain calls, which wait for the disk\n",
	        strerror(-code));
}

/* Prepare the state; argument 1 is the struct run. [-1, +0, e] */
static int prepare(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);
	struct ce_lua *lua = ce_lua_get(L);

	run_progress_open(L, &run->options);
	luaL_openlibs(L);
	lua_pushlightuserdata(L, run);
	lua_setfield(L, LUA_REGISTRYINDEX, "capengine.run");
	lua->run = run;
	preload(L, "capengine", luaopen_capengine);
	preload(L, "capengine.pcap", luaopen_capengine_pcap);
	preload(L, "capengine.screen", luaopen_capengine_screen);
	preload(L, "pcap", luaopen_capengine_pcap);
	luaL_requiref(L, "capengine", luaopen_capengine, 0); /* hooks need its classes */
	lua_pop(L, 1);
	lua_getglobal(L, "os");
	lua_pushcfunction(L, os_exit);
	lua_setfield(L, -2, "exit");
	lua->interrupt_fd = run_signals_open(L);
	if (lua->interrupt_fd < 0)
		return luaL_error(L, "no descriptor for signals: %s",
		                  strerror(-lua->interrupt_fd));
	lua->ring_bytes = run->options.ring_bytes;
	lua->idle = run_signals_idle;
	lua->refused = say_refused;
	lua->hurry = run_signals_hurry;
	return 0;
}

/*
 * -Z: whoever opens the source is not who runs the script. The struct run is
 * argument 2. [-0, +0, e]
 */
static void give_up_root(lua_State *L)
{
	struct run *run = lua_touserdata(L, 2);

	run->opened = run_become_user;
	if (run->options.device || run->options.file_count)
		run_source_open(L, run);
	else
		run_become_user(L, run);
}

/* Run the loaded script at argument 1; argument 2 is the struct run. [-2, +0, e] */
static int run_loaded(lua_State *L)
{
	const struct run *run = lua_touserdata(L, 2);

	if (run->options.user)
		give_up_root(L);
	return run_script(L);
}

/* Push the text of -e as a chunk; argument 1 is the struct run. [-0, +1, e] */
static int compile_text(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);

	ce_lua_push_part(L, "one_liner");
	lua_pushstring(L, run->options.text);
	lua_call(L, 1, 2);
	if (lua_isnil(L, -2))
		run_fail(L, run, EXIT_USAGE, "%s%s", /* an error in Lua says so itself */
		         strncmp(lua_tostring(L, -1), "-e:", 3) ? "-e: " : "",
		         lua_tostring(L, -1));
	lua_pop(L, 1);
	return 1;
}

/* Push the script as a chunk; false, and what is wrong is said. [-0, +1, -] */
static bool load_script(lua_State *L, struct run *run, const char *path)
{
	int rc;

	if (run->options.text) {
		lua_pushcfunction(L, compile_text);
		lua_pushlightuserdata(L, run);
		rc = lua_pcall(L, 1, 1, 0);
	} else {
		rc = luaL_loadfilex(L, path, "t");
	}
	if (rc == LUA_OK)
		return true;
	if (!run_reported(L)) {
		fprintf(stderr, "capengine %s: %s\n", run->options.command,
		        lua_tostring(L, -1));
		run->status = EXIT_SCRIPT;
	}
	return false;
}

/* Load and run; prints what went wrong. */
static void execute(lua_State *L, struct run *run, const char *path)
{
	if (!load_script(L, run, path))
		return;
	lua_pushcfunction(L, explain);
	lua_insert(L, -2);
	lua_pushcfunction(L, run_loaded);
	lua_insert(L, -2);
	lua_pushlightuserdata(L, run);
	if (lua_pcall(L, 2, 0, 1) != LUA_OK && !run_reported(L)) {
		fprintf(stderr, "capengine %s: %s\n", run->options.command,
		        lua_tostring(L, -1));
		run->status = EXIT_SCRIPT;
	}
	lua_settop(L, 0);
}

/* The lines of a repl; argument 1 is the struct run. [-1, +0, e] */
static int run_repl(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);

	lua_pushlightuserdata(L, run); /* argument 2, which it looks at */
	if (run->options.user)
		give_up_root(L);
	lua_settop(L, 1);
	return repl_loop(L);
}

static void execute_repl(lua_State *L, struct run *run)
{
	lua_pushcfunction(L, run_repl);
	lua_pushlightuserdata(L, run);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK && !run_reported(L)) {
		fprintf(stderr, "capengine repl: %s\n", lua_tostring(L, -1));
		run->status = EXIT_RUNTIME;
	}
	lua_settop(L, 0);
}

static int run_state(lua_State *L, struct run *run, const char *path)
{
	lua_pushcfunction(L, prepare);
	lua_pushlightuserdata(L, run);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		fprintf(stderr, "capengine %s: %s\n", run->options.command,
		        lua_tostring(L, -1));
		return EXIT_RUNTIME;
	}
	if (run->options.is_repl)
		execute_repl(L, run);
	else
		execute(L, run, path);
	return end_run(L, run);
}

/* With -w -, packets go to standard output, and what the script prints does not. */
static int give_up_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	dup2(STDERR_FILENO, STDOUT_FILENO);
	return fd;
}

/* The path of the script, which the caller frees; NULL has been said. */
static char *find_script(const struct run_options *options)
{
	char *path = script_path(options->script);

	if (!path || !is_savefile(path))
		return path;
	fprintf(stderr,
	        "capengine %s: %s: a savefile, not a script; it is read with "
	        "`capengine run SCRIPT -r %s`\n",
	        options->command, path, path);
	free(path);
	return NULL;
}

static int start(struct run *run, int argc, char **argv)
{
	lua_State *L;
	char *path = NULL;

	run->status = run_options_parse(&run->options, argc, argv);
	/* What -w writes is better read: from its copy it goes to the file in one piece. */
	if (run->status == 0 && !run->options.out)
		ce_source_guard();
	if (run->status == 0 && run->options.out && !strcmp(run->options.out, "-"))
		run->out_fd = give_up_stdout();
	if (run->status == 0 && !run->options.text && !run->options.is_repl &&
	    !(path = find_script(&run->options)))
		run->status = EXIT_USAGE;
	if (run->status == 0) {
		L = luaL_newstate();
		run->status = L ? run_state(L, run, path) : EXIT_RUNTIME;
		run_signals_close();
		if (L)
			lua_close(L);
	}
	free(path);
	free(run->options.files);
	return run->status;
}

int run_with(const struct run_options *own, int argc, char **argv)
{
	struct run run = {.is_program = true, .options = *own};

	return start(&run, argc, argv);
}

int run_main(int argc, char **argv)
{
	return run_with(&(struct run_options){0}, argc, argv);
}

int repl_main(int argc, char **argv)
{
	return run_with(&(struct run_options){.is_repl = true}, argc, argv);
}
