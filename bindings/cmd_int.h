/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_int.h - what the files of the command share.
 *
 *     main -> run_main: run_args -> Lua script -> run_hooks -> counters
 *
 * Threads    the main thread, which is the Lua thread
 * Ownership  texts point into argv unless a comment says otherwise
 * Blocking   run_main until the script has ended
 */
#ifndef CE_CMD_INT_H
#define CE_CMD_INT_H

#include <capengine/err.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ce_dump;
struct ce_lua_handle;

enum {
	EXIT_RUNTIME = 1, /* could not read, or was interrupted */
	EXIT_USAGE = 2,   /* bad command line, or output that cannot be written */
	EXIT_SCRIPT = 3,  /* an error in the script */
	EXIT_LOSS = 4,    /* packets were lost, and --strict */
};

/* The subcommands; argv[0] is the subcommand's name. */
int devices_main(int argc, char **argv);
int help_main(int argc, char **argv);
int run_main(int argc, char **argv);

/* What `capengine help` and a usage error print. */
void print_usage(FILE *to);

/* The command line of `run`. */
struct run_options {
	const char *device;
	const char **files; /* file_count of them, of argc places; free */
	size_t file_count;
	const char *filter;
	const char *out;
	int snaplen;
	uint64_t count; /* 0: no limit */
	size_t ring_bytes;
	bool no_promisc;
	bool nano;
	bool strict;
	const char *script;
	char **args; /* of the script, NULL last */
};

/* 0, or an exit status after a message. */
int run_options_parse(struct run_options *options, int argc, char **argv);

/* A run, from the command line to the exit status. */
struct run {
	struct run_options options;
	struct ce_lua_handle *source; /* NULL until a script or the hooks ask for it */
	struct ce_dump *dump;         /* of -w */
	uint64_t dumped;              /* packets that -w has written, once closed */
	bool source_used;             /* the script asked for it */
	int out_fd;                   /* what was standard output, for `-w -`; 0: none */
	struct ce_err write_error;    /* of -w; code 0: none */
	int status;                   /* exit status so far */
};

/*
 * End the run with this exit status and a message, which is printed now: for
 * what is not the script's fault, and so without a traceback. [-0, +0, v]
 */
int run_fail(lua_State *L, struct run *run, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* run_args.c: capengine.args, with the struct run as upvalue. */
int run_args(lua_State *L);

/*
 * Replace the table of declared arguments on top by one of their values, as the
 * command line gives them. [-1, +1, e]
 */
void run_args_parse(lua_State *L, struct run *run);

/* run_source.c: capengine.source, with the struct run as upvalue. */
int run_source(lua_State *L);

/* Push the run's source, opened with this filter beside -f's. [-0, +1, e] */
void run_source_push(lua_State *L, struct run *run, const char *filter);

/*
 * run_hooks.c: drive the table of hooks at argument 1, with the struct run at
 * argument 2. A lua_CFunction. [-2, +0, e]
 */
int run_hooks(lua_State *L);

/*
 * run_signals.c: from now on SIGINT, SIGTERM and SIGHUP make the descriptor
 * readable that this returns, or a negative errno; a second one interrupts the
 * script, a third ends the process. SIGUSR1 prints counters.
 */
int run_signals_open(lua_State *L);

/* The Lua state is about to go: signals touch it no more. */
void run_signals_close(void);

/* Do what signals asked for while a call waited. [-0, +0, e] */
void run_signals_idle(lua_State *L);

/* Print where the packets of all handles went. [-0, +0, m] */
void run_print_counters(lua_State *L);

/*
 * script_path.c: the path of a script that is named by path, or by the name of
 * one that is shipped. The caller frees it. NULL: there is none; said.
 */
char *script_path(const char *name);

/* The folder of shipped scripts; the caller frees it. NULL: not found. */
char *script_folder(void);

#endif
