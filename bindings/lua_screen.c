/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_screen.c - the terminal as a screen: for live views. No curses: the alternate
 * screen, and the few sequences that every terminal knows.
 *
 * Standard output is the terminal, to write and to read keys from. However the run
 * ends, restore is called: by close, before a message, at exit, by the last signal.
 */
#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"

#define ENTER "\033[?1049h\033[?25l" /* another screen, without the cursor */
#define LEAVE "\033[?25h\033[?1049l"

enum { KEYS = 64 };

static struct termios before;

/* Safe in a signal handler. */
static void restore(void)
{
	terminal_put(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDOUT_FILENO, TCSANOW, &before);
}

static void nothing(int number)
{
	(void)number; /* it is enough that waiting ends */
}

static void watch_size(void)
{
	struct sigaction action = {.sa_handler = nothing};

	sigemptyset(&action.sa_mask);
	sigaction(SIGWINCH, &action, NULL);
}

/* screen.open() -> boolean: false where standard output is no terminal. */
static int screen_open(lua_State *L)
{
	struct termios raw;

	if (tcgetattr(STDOUT_FILENO, &before) < 0) {
		lua_pushboolean(L, 0);
		return 1;
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;
	terminal_guard();
	watch_size();
	tcsetattr(STDOUT_FILENO, TCSANOW, &raw);
	terminal_put(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1);
	terminal_occupy(restore);
	atexit(terminal_clear);
	lua_pushboolean(L, 1);
	return 1;
}

/* screen.size() -> rows, columns */
static int screen_size(lua_State *L)
{
	int rows, columns;

	terminal_size(STDOUT_FILENO, &rows, &columns);
	lua_pushinteger(L, rows);
	lua_pushinteger(L, columns);
	return 2;
}

/* screen.draw(text): in one piece. */
static int screen_draw(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);

	terminal_put(STDOUT_FILENO, text, size);
	return 0;
}

/* Keys that were pressed, but for those that send an escape sequence. [-0, +1, m] */
static void push_keys(lua_State *L)
{
	char keys[KEYS];
	ssize_t got = read(STDOUT_FILENO, keys, sizeof(keys));

	lua_pushlstring(L, keys, got > 0 && keys[0] != '\033' ? (size_t)got : 0);
}

/*
 * screen.wait(seconds) -> keys, stopped
 *
 * Until a key is pressed, the size changes, a signal ends the run, or the time is over.
 */
static int screen_wait(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 1);
	int stop_fd = ce_lua_get(L)->interrupt_fd;
	struct pollfd fds[] = {
		{.fd = stop_fd > 0 ? stop_fd : -1, .events = POLLIN},
		{.fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : -1, .events = POLLIN}};

	if (poll(fds, 2, seconds < 1e6 ? (int)(seconds * 1000 + 0.5) : -1) < 0)
		run_signals_idle(L);
	if (fds[1].revents & POLLIN)
		push_keys(L);
	else
		lua_pushliteral(L, "");
	lua_pushboolean(L, fds[0].revents || fds[1].revents & (POLLHUP | POLLERR));
	return 2;
}

/* screen.now() -> seconds, of a clock that only goes on. */
static int screen_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)ce_clock_mono_ns() / 1e9);
	return 1;
}

/* screen.close(): the terminal is as it was before. */
static int screen_close(lua_State *L)
{
	(void)L;
	terminal_clear();
	return 0;
}

static const luaL_Reg functions[] = {
	{"close", screen_close},
	{"draw", screen_draw},
	{"now", screen_now},
	{"open", screen_open},
	{"size", screen_size},
	{"wait", screen_wait},
	{NULL, NULL},
};

int luaopen_capengine_screen(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
