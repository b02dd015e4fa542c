/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_write.c - what -w writes: one file, or one after the other; before the script
 * sees the packets, and whatever it does with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"

enum {
	QUEUE = 64 << 20, /* bytes that may wait for a slow disk */
	BEHIND = 4, /* batches that wait where the disk is slower than the packets */
};

extern char **environ;

bool run_write_rotates(const struct run *run)
{
	const struct run_options *options = &run->options;

	return options->rotate_bytes || options->rotate_packets ||
	       options->rotate_seconds;
}

/* Forget the processes that have ended, and say which failed. */
static void reap_children(struct run *run, bool wait)
{
	struct run_children *children = &run->children;
	size_t left = 0;

	for (size_t i = 0; i < children->count; i++) {
		pid_t pid;
		int status;

		do
			pid = waitpid(children->pids[i], &status, wait ? 0 : WNOHANG);
		while (pid < 0 && errno == EINTR);
		if (pid == 0) {
			children->pids[left++] = children->pids[i];
		} else if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "capengine %s: --post-rotate %s: failed\n",
			        run->options.command, run->options.post_rotate);
			run->status = EXIT_RUNTIME;
		}
	}
	children->count = left;
}

/* Start a command that has nothing to read: standard input may be the packets. */
static bool start(pid_t *pid, char **argv)
{
	posix_spawn_file_actions_t actions;
	bool started;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return false;
	started = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
	                                           O_RDONLY, 0) == 0 &&
	          posix_spawnp(pid, argv[0], &actions, NULL, argv, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	return started;
}

/* Start --post-rotate's command, with the file as its last argument. */
static void on_complete(void *arg, const char *path,
                        const struct ce_dump_counters *counters)
{
	struct run *run = arg;
	struct run_children *children = &run->children;
	char *script = NULL;
	char *argv[] = {"sh", "-c", NULL, "sh", (char *)(uintptr_t)path, NULL};
	pid_t *pids, pid;

	(void)counters;
	if (!run->options.post_rotate)
		return;
	reap_children(run, false);
	pids = realloc(children->pids, (children->count + 1) * sizeof(*pids));
	if (pids)
		children->pids = pids;
	if (!pids || asprintf(&script, "%s \"$1\"", run->options.post_rotate) < 0)
		script = NULL;
	argv[2] = script;
	if (!script || !start(&pid, argv)) {
		fprintf(stderr, "capengine %s: --post-rotate: cannot be started for %s\n",
		        run->options.command, path);
		run->status = EXIT_RUNTIME;
	} else {
		pids[children->count++] = pid;
	}
	free(script);
}

/* What the interface has counted, for the end of a pcapng file. */
static void put_stats(void *arg, struct ce_dump *dump)
{
	const struct run *run = arg;
	struct ce_stats stats = run->source->final;

	if (!run->options
	             .device) /* what a file was captured from has counted, it may say */
		return;
	if (run->source->reader)
		ce_reader_stats(run->source->reader, &stats);
	ce_dump_stats(dump, 0, &stats);
}

/* No hook waits for the packets, and none would be lost soon. */
static bool may_wait(const struct run *run)
{
	return run->unhurried && ce_reader_queued(run->source->reader) < BEHIND;
}

static int write_packets(struct run *run, const struct ce_batch *batch,
                         struct ce_err *err)
{
	int rc;

	ce_dump_pool_may_wait(run->pool, may_wait(run));
	rc = run->rotate ? ce_rotate_write_batch(run->rotate, batch, batch->selected, 0,
	                                         batch->count, err)
	                 : ce_dump_write_batch(run->dump, batch, batch->selected, 0,
	                                       batch->count, err);
	if (rc < 0 || !run->options.flush_each)
		return rc;
	return run->rotate ? ce_rotate_flush(run->rotate, err)
	                   : ce_dump_flush(run->dump, err);
}

/* Keep the first error, and say it. */
static void note_error(struct run *run, const struct ce_err *err)
{
	if (run->write_error.code)
		return;
	run->write_error = *err;
	fprintf(stderr, "capengine %s: %s%s\n", run->options.command, err->text,
	        run->options.go_on ? "; the run goes on without it" : "");
}

/*
 * Write what the run's filter and count let pass. An error ends the run, or the run
 * goes on, and what comes then is counted as failed.
 */
static int write_batch(void *arg, const struct ce_batch *batch, struct ce_err *err)
{
	struct run *run = arg;
	int rc = write_packets(run, batch, err);

	if (rc == 0)
		return rc;
	note_error(run, err);
	return run->options.go_on ? 0 : rc;
}

bool run_write_nano(const struct run_options *options)
{
	enum ce_dump_compression compression;
	enum ce_dump_format format;

	ce_dump_by_name(options->out, &format, &compression);
	return options->nano || (format == CE_DUMP_PCAPNG && !options->micro);
}

/* Options of each file that -w writes. */
static struct ce_dump_options dump_options(lua_State *L, struct run *run,
                                           const char *filter)
{
	const struct ce_source *source = ce_reader_source(run->source->reader);
	const struct run_options *options = &run->options;
	struct ce_dump_options dump = {
		.pool = ce_lua_take_pool(ce_lua_get(L)),
		.linktype = source->origin.linktype,
		.linktype_ext = source->linktype_ext,
		.snapshot = source->snapshot,
		.sync = options->sync,
		.queue = options->drop || (source->live && !options->wait) ? QUEUE : 0,
		.fd = run->out_fd,
		.from = {.name = options->device, .filter = filter},
	};

	ce_dump_by_name(options->out, &dump.format, &dump.compression);
	dump.nano = run_write_nano(options);
	return dump;
}

static bool reads(void *arg, const char *path)
{
	const struct run *run = arg;

	return ce_lua_reads(run->source, path);
}

static int open_output(struct run *run, const struct ce_dump_options *dump,
                       struct ce_err *err)
{
	const struct run_options *options = &run->options;
	const struct ce_rotate_options rotate = {
		.dump = *dump,
		.bytes = options->rotate_bytes,
		.packets = options->rotate_packets,
		.every_ns = (int64_t)options->rotate_seconds * 1000000000,
		.aligned = options->rotate_aligned,
		.files = options->rotate_files,
		.complete = on_complete,
		.stats = put_stats,
		.reads = reads,
		.arg = run,
	};

	if (run_write_rotates(run))
		return ce_rotate_open(&run->rotate, options->out, &rotate, err);
	return ce_dump_open(&run->dump, options->out, dump, err);
}

/* A write that fails while no packet comes ends the run as one that a packet makes. */
static void beat(struct ce_lua *lua, void *arg)
{
	struct run *run = arg;
	struct ce_err err;
	int rc = run->rotate ? ce_lua_beat_rotate(lua, run->rotate, &err)
	         : run->dump ? ce_dump_push(run->dump, &err)
	                     : 0;

	if (rc == 0)
		return;
	note_error(run, &err);
	if (!run->options.go_on && run->source->reader)
		ce_reader_stop(run->source->reader);
}

void run_write_open(lua_State *L, struct run *run, const char *filter)
{
	const char *out = run->options.out;
	struct ce_dump_options dump;
	struct ce_err err;

	if (ce_lua_reads(run->source, out))
		run_fail(L, run, EXIT_USAGE, "-w %s: it is a file that is read", out);
	dump = dump_options(L, run, filter);
	if (!dump.pool)
		run_fail(L, run, EXIT_RUNTIME, "out of memory");
	if (open_output(run, &dump, &err) < 0) {
		ce_lua_give_pool(ce_lua_get(L));
		run_fail(L, run, EXIT_USAGE, "%s", err.text);
	}
	run->pool = dump.pool;
	ce_reader_tap(run->source->reader, write_batch, run);
	ce_lua_get(L)->beat = beat;
	ce_lua_get(L)->beat_arg = run;
}

void run_write_count(struct run *run)
{
	if (run->rotate)
		ce_rotate_count(run->rotate, &run->dumped);
	else if (run->dump)
		ce_dump_count(run->dump, &run->dumped);
}

void run_write_flush(struct run *run)
{
	struct ce_err err;
	int rc = run->rotate ? ce_rotate_flush(run->rotate, &err)
	         : run->dump ? ce_dump_flush(run->dump, &err)
	                     : 0;

	if (rc < 0)
		note_error(run, &err);
}

void run_write_next(struct run *run)
{
	struct ce_err err;

	if (run->rotate && ce_rotate_next(run->rotate, &err) < 0)
		note_error(run, &err);
}

/* Of one file, which has its name from the beginning. */
static int close_dump(struct run *run, struct ce_err *err)
{
	int rc;

	put_stats(run, run->dump);
	rc = ce_dump_close(run->dump, err);
	if (rc == 0)
		on_complete(run, run->options.out, &run->dumped);
	return rc;
}

void run_write_close(lua_State *L, struct run *run)
{
	struct ce_err err;
	int rc;

	if (!run->rotate && !run->dump)
		return;
	run_write_flush(run); /* before which it cannot know its number */
	run_write_count(run);
	rc = run->rotate ? ce_rotate_close(run->rotate, &err) : close_dump(run, &err);
	if (rc < 0)
		note_error(run, &err);
	if (run->write_error.code)
		run->status = EXIT_USAGE;
	run->rotate = NULL;
	run->dump = NULL;
	ce_lua_get(L)->beat = NULL;
	reap_children(run, true);
	free(run->children.pids);
	ce_lua_give_pool(ce_lua_get(L));
}
