/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_int.h - what the files of the command share, and with lua_run.c what the
 * files share that run a script: in the command, and in any Lua.
 *
 *     main -> run_main: Lua script -> run_args, run_source, run_hooks -> counters
 *
 * Threads    the main thread, which is the Lua thread
 * Ownership  texts point into argv, or to what capengine.run keeps, unless a
 *            comment says otherwise
 * Blocking   run_main until the script has ended
 */
#ifndef CE_CMD_INT_H
#define CE_CMD_INT_H

#include <capengine/dump.h>
#include <capengine/err.h>
#include <capengine/rotate.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct ce_lua_handle;
struct run_options;

enum {
	EXIT_RUNTIME = 1, /* could not read, or was interrupted */
	EXIT_USAGE = 2,   /* bad command line, or output that cannot be written */
	EXIT_SCRIPT = 3,  /* an error in the script */
	EXIT_LOSS = 4,    /* packets were lost, and --strict */
};

/* The subcommands; argv[0] is the subcommand's name. */
int devices_main(int argc, char **argv);
int help_main(int argc, char **argv);
int repl_main(int argc, char **argv);
int run_main(int argc, char **argv);
int top_main(int argc, char **argv);

/* cmd_run.c: run_main, for a command that has options of its own. */
int run_with(const struct run_options *own, int argc, char **argv);

/* cmd_complete.c: for help_main; argv[0] is not looked at. */
int complete_main(int argc, char **argv);

/* cmd_devices.c: a line for each interface: its name, a tab, what it is. */
void devices_print_names(void);

/* cmd_help.c: call `show` with each shipped script's name, and its path. */
void help_each_script(void (*show)(void *arg, const char *name, const char *path),
                      void *arg);

/* script_find, which says on standard error what may have been meant. */
char *script_path(const char *name);

/*
 * Call `show` with each line, less its dashes, of the comment that a script begins
 * with. The number of lines.
 */
int help_each_line(const char *path, void (*show)(void *arg, const char *text),
                   void *arg);

/* What `capengine help` and a usage error print. */
void print_usage(FILE *to);

/* --progress: when to show how far the reading is. */
enum progress { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* The command line of `run`. */
struct run_options {
	const char *command;          /* "run", or which has its options */
	const char *const *arguments; /* of the script, which stand among the options,
	                                 NULL last; NULL: none does */
	const char *device;
	const char **files; /* file_count of them, of argc places; run_main frees */
	size_t file_count;
	const char *filter;
	const char *out;
	int snaplen;
	uint64_t count; /* 0: no limit */
	size_t ring_bytes;
	bool no_promisc;
	bool nano; /* --nano and --micro; without them the format's own */
	bool micro;
	bool strict;
	enum progress progress;
	bool flush_each;                 /* -U */
	bool sync;                       /* --sync */
	bool drop, wait;                 /* --on-slow; without it by the source */
	unsigned long long rotate_bytes; /* 0: for no such reason */
	unsigned long long rotate_packets;
	unsigned long long rotate_seconds;
	unsigned rotate_files; /* 0: all are kept */
	bool rotate_aligned;
	const char *post_rotate; /* a command of sh; NULL: none */
	bool go_on;              /* --on-write-error continue */
	bool is_repl;            /* of `repl`: there is no script */
	const char *format; /* of tables: "json", "tsv", "table"; NULL: as output is */
	const char *svg;    /* file for a picture; NULL: none */
	const char *user;   /* of -Z: who runs the script; NULL: who runs the command */
	const char *text;   /* of -e; NULL: there is a script */
	const char *script; /* "-e" for a text */
	char **args;        /* of the script, NULL last */
};

/* 0, or an exit status after a message. */
int run_options_parse(struct run_options *options, int argc, char **argv);

/* Processes that were started and not waited for. */
struct run_children {
	pid_t *pids;
	size_t count;
};

/* A run, from the command line to the exit status. */
struct run {
	struct run_options options;
	struct ce_lua_handle *source;   /* NULL until a script or the hooks ask for it */
	struct ce_dump_pool *pool;      /* of -w's files */
	struct ce_dump *dump;           /* of -w, */
	struct ce_rotate *rotate;       /* or this; NULL: no -w */
	struct run_children children;   /* of --post-rotate */
	struct ce_dump_counters dumped; /* -w's, as last looked at */
	bool source_used;               /* the script asked for it */
	bool unhurried;                 /* no hook waits for its packets */
	bool formatted;                 /* it made a table, which has a format */
	int pictures;                   /* that it drew for --svg */
	int out_fd;                /* what was standard output, for `-w -`; 0: none */
	struct ce_err write_error; /* of -w; code 0: none */
	int status;                /* exit status so far */

	/* Called once the source is open, before -w's file is; NULL: nothing. */
	void (*opened)(lua_State *L, struct run *run);
	bool args_taken; /* the script has asked for its arguments */
	bool is_program; /* of the command, which says what goes wrong */
	int code;        /* negative errno of the failure; 0: see status */
};

/*
 * End the run with this exit status and a message, which the command prints now:
 * for what is not the script's fault, and so without a traceback. [-0, +0, v]
 */
int run_fail(lua_State *L, struct run *run, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with the message on top, and the run goes on: lua_error ends it. [-0, +0, m] */
void run_say(lua_State *L, struct run *run, int status);

/* The run of a Lua state. [-0, +0, -] */
struct run *run_get(lua_State *L);

/* Is the error on top what run_fail said last? [-0, +0, m] */
bool run_reported(lua_State *L);

/*
 * lua_run.c: run the loaded script at argument 1 with its arguments, and the hooks
 * that it returns; the struct run is argument 2. A lua_CFunction. [-2, +0, e]
 */
int run_script(lua_State *L);

/*
 * run_args.c: replace the table of declared arguments on top by one of their values,
 * as the command line gives them. [-1, +1, e]
 */
void run_args_parse(lua_State *L, struct run *run);

/*
 * run_source.c: push the run's source, opened at the first call with this filter
 * beside -f's. [-0, +1, e]
 */
void run_source_push(lua_State *L, struct run *run, const char *filter);

/* Does the source give the same packets when it is opened again? Savefiles do, unless
   they come through a pipe. */
bool run_source_repeats(const struct run_options *options);

/* run_write.c: open what -w names, for the run's source. [-0, +0, v] */
void run_write_open(lua_State *L, struct run *run, const char *filter);

/* Does -w begin one file after the other? */
bool run_write_rotates(const struct run *run);

/* Does -w's file count nanoseconds? */
bool run_write_nano(const struct run_options *options);

/* Bring run->dumped up to date. */
void run_write_count(struct run *run);

/* Hand all to the kernel; complete the file and begin another. Errors are said. */
void run_write_flush(struct run *run);
void run_write_next(struct run *run);

/* Complete what -w has written; an error that nobody saw is said here. [-0, +0, m] */
void run_write_close(lua_State *L, struct run *run);

/* Open it before the script asks; the script's filter comes on top. [-0, +0, e] */
void run_source_open(lua_State *L, struct run *run);

/*
 * run_user.c, -Z: become the user that the options name, for good: with the groups
 * of that user, and no capability. [-0, +0, v]
 */
void run_become_user(lua_State *L, struct run *run);

/* cmd_repl.c: read lines and run them; the struct run is argument 1. [-1, +0, e] */
int repl_loop(lua_State *L);

/*
 * repl_answer.c: drive the hooks at argument 1 over the run's source: savefiles from
 * their beginning, others from now on. A lua_CFunction. [-1, +0, e]
 */
int repl_answer(lua_State *L);

/*
 * run_hooks.c: drive the table of hooks at argument 1, with the struct run at
 * argument 2. A lua_CFunction. [-2, +0, e]
 */
int run_hooks(lua_State *L);

/* main.c: the exit status, unless standard output did not take all that was printed; then
   that is said, and a status of 0 becomes EXIT_USAGE. */
int cmd_end(int status);

/*
 * run_signals.c: from now on SIGINT, SIGTERM and SIGHUP make the descriptor
 * readable that this returns, or a negative errno; a second one interrupts the
 * script, a third ends the process. SIGUSR1 prints counters, SIGUSR2 flushes the
 * file of -w, and SIGHUP begins another where files are rotated.
 */
int run_signals_open(lua_State *L);

/* The script has ended, as the second signal may have asked: what is left to do has all its
   time, unless another one comes. */
void run_signals_ended(void);

/* The Lua state is about to go: signals touch it no more. */
void run_signals_close(void);

/*
 * From now on, for a repl: SIGINT interrupts the line that runs, or the reading of the
 * next one; other stops end that reading.
 */
void run_signals_each_line(void);

/* Whether the first SIGINT ends the reading of the run's source, in good order, and only
   a second one interrupts the line. */
void run_signals_gently(bool yes);

/* Was there an interrupt? It is over with that. */
bool run_signals_take_interrupt(void);

/* How many signals to stop there were: as ce_dump_pool_hurry asks. */
int run_signals_hurry(void);

/* Do what signals asked for while a call waited. [-0, +0, e] */
void run_signals_idle(lua_State *L);

/* Print where the packets of all handles went. [-0, +0, m] */
void run_print_counters(lua_State *L);

/* lua_output.c: of a terminal; 24 and 80 where it does not say. */
void terminal_size(int fd, int *rows, int *columns);

/*
 * terminal.c: this stands on the terminal until the function takes it away, which is
 * called once: before the next output through stdio, or by terminal_clear.
 */
void terminal_occupy(void (*how_to_take_away)(void));
void terminal_clear(void);

/* From now on output to the terminal takes away what stands there. */
void terminal_guard(void);

/* Has the last output not ended its line? */
bool terminal_in_line(void);

/* Write it all, without stdio. Safe in a signal handler. */
void terminal_put(int fd, const char *text, size_t size);

/* Does nothing stand there but what this takes away? */
bool terminal_is_free(void (*how_to_take_away)(void));

/* run_progress.c: show how far savefiles are read, as --progress says. */
void run_progress_open(lua_State *L, const struct run_options *options);

/* lua_screen.c: the module capengine.screen. */
int luaopen_capengine_screen(lua_State *L);

/*
 * script_path.c: the path of a script that is named by path, or by the name of
 * one that is shipped. The caller frees it. NULL: there is none.
 */
char *script_find(const char *name);

/* Does this file begin as savefiles do? */
bool is_savefile(const char *path);

/* The folder of shipped scripts; the caller frees it. NULL: not found. */
char *script_folder(void);

#endif
