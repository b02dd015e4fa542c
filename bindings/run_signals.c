/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_signals.c - what a running script does on a signal.
 *
 * The first SIGINT, SIGTERM or SIGHUP makes a descriptor readable that every
 * capture heeds: each stops in good order, and the script sees the end of its
 * packets. The second interrupts the script wherever it is: a hook raises at
 * every instruction, so that no pcall keeps it alive. The third, or two seconds
 * in which that did not help, ends the process. Signals less than a tenth of a
 * second apart are one: timeout(1) sends to the process and to its group.
 *
 * Waiting for packets ends with every signal; a write that a pipe holds up goes on
 * after it (SA_RESTART), since it would fail and lose what it had. But where nobody reads
 * the pipe, it is given up: two seconds after the first stop, and at the second.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"

enum { GRACE_SECONDS = 2, TOGETHER_NS = 100000000 };

/* What signal handlers may touch. */
static lua_State *script;
static int interrupt_fd = -1;
static volatile sig_atomic_t stops, counters_wanted, flush_wanted, next_wanted;
static volatile sig_atomic_t interrupts; /* of a repl's lines */
static bool gently;                      /* the first ends the reading alone */
static int64_t last_stop_ns;

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
}

/* Interrupt the script, or where that is enough its reading. False: not yet. [-0, +0, v] */
static bool heed_interrupts(lua_State *L)
{
	struct run *run = ce_lua_get(L)->run;

	if (stops >= 2 || interrupts > gently)
		luaL_error(L, "interrupted");
	if (interrupts && !run->source)
		return false;
	if (interrupts)
		run->source->broken = true; /* behind the hook that runs */
	return true;
}

static void hook(lua_State *L, lua_Debug *where)
{
	(void)where;
	if (!heed_interrupts(L))
		return;
	lua_sethook(L, NULL, 0, 0);
	run_signals_idle(L);
}

static void set_hook(void)
{
	if (!script)
		return;
	lua_sethook(script, hook,
	            LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void on_stop(int number);

static int handle_signal(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&action.sa_mask);
	return sigaction(number, &action, NULL);
}

static void handle_stops(int flags)
{
	handle_signal(SIGINT, on_stop, flags);
	handle_signal(SIGTERM, on_stop, flags);
	handle_signal(SIGHUP, on_stop, flags);
}

static void on_stop(int number)
{
	static const uint64_t one = 1;
	int64_t now_ns = ce_clock_mono_ns();
	int before = errno;
	ssize_t written;

	if (stops && number != SIGALRM && now_ns - last_stop_ns < TOGETHER_NS)
		return;
	last_stop_ns = now_ns;
	switch (++stops) {
	case 1:
		written = write(interrupt_fd, &one, sizeof(one));
		(void)written;
		handle_stops(0);
		break;
	case 2:
		set_hook();
		alarm(GRACE_SECONDS);
		break;
	default:
		terminal_clear();
		say("capengine: ended at once; what was queued is lost\n");
		_exit(128 + number);
	}
	errno = before;
}

static void on_counters(int number)
{
	(void)number;
	counters_wanted = 1;
	set_hook();
}

static void on_flush(int number)
{
	(void)number;
	flush_wanted = 1;
	set_hook();
}

/* To a run that rotates files. */
static void on_next(int number)
{
	(void)number;
	next_wanted = 1;
	set_hook();
}

static void nothing(int number)
{
	(void)number;
}

int run_signals_open(lua_State *L)
{
	interrupt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (interrupt_fd < 0)
		return -errno;
	script = L;
	handle_stops(SA_RESTART);
	handle_signal(SIGALRM, on_stop, 0);
	handle_signal(SIGUSR1, on_counters, SA_RESTART);
	handle_signal(SIGUSR2, on_flush, SA_RESTART);
	if (run_write_rotates(run_get(L)))
		handle_signal(SIGHUP, on_next, SA_RESTART);
	/* Not ignored, which programs that the script starts would inherit. */
	handle_signal(SIGPIPE, nothing, 0); /* a write says EPIPE */
	handle_signal(SIGXFSZ, nothing, 0); /* a write says EFBIG */
	return interrupt_fd;
}

/*
 * ^C in a repl. A wait that begins just now has not seen it: an alarm each second ends
 * that too, until the interrupt is taken.
 */
static void on_interrupt(int number)
{
	(void)number;
	interrupts = interrupts + 1;
	set_hook();
	alarm(1);
}

static void on_alarm(int number)
{
	if (interrupts)
		alarm(1);
	else
		on_stop(number);
}

void run_signals_each_line(void)
{
	handle_stops(0); /* reading a line ends with them */
	handle_signal(SIGINT, on_interrupt, 0);
	handle_signal(SIGALRM, on_alarm, 0);
}

bool run_signals_take_interrupt(void)
{
	bool interrupted = interrupts;

	interrupts = 0;
	if (interrupted) {
		alarm(0);
		lua_sethook(script, NULL, 0, 0);
	}
	return interrupted;
}

int run_signals_hurry(void)
{
	return stops;
}

void run_signals_ended(void)
{
	alarm(0);
}

void run_signals_close(void)
{
	script = NULL;
}

void run_signals_gently(bool yes)
{
	gently = yes;
}

void run_signals_idle(lua_State *L)
{
	heed_interrupts(L);
	if (flush_wanted) {
		flush_wanted = 0;
		run_write_flush(run_get(L));
	}
	if (next_wanted) {
		next_wanted = 0;
		run_write_next(run_get(L));
	}
	if (counters_wanted) {
		counters_wanted = 0;
		run_print_counters(L);
	}
}
