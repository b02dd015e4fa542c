/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_repl.c - `capengine repl`: lines are read with libedit and given to
 * lua/repl.lua, which runs them, answers sentences, and shows what comes of it.
 *
 * The terminal hands out keys one by one from before the prompt on: in its usual mode ^D
 * is no key but an end of the input, which then reads as NUL. ^C interrupts the line
 * that runs, or drops the one that is typed. The history stands in
 * $XDG_STATE_HOME/capengine/history.
 */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "cmd_int.h"
#include "lua_binding.h"
#include "lua_parts.h"

enum {
	HISTORY_LINES = 1000,
	CONTROL_D = 4,
	PART = 1, /* stack index of the part */
};

struct repl {
	lua_State *L;
	EditLine *edit;
	History *history;
	char *history_path; /* NULL: not kept */
	bool more;          /* the statement goes on */
	bool cancelled;     /* the line that is typed was dropped */
	int typed_ahead;    /* octets that came while the last line ran */
};

static struct repl *repl_of(EditLine *edit)
{
	struct repl *repl = NULL;

	el_get(edit, EL_CLIENTDATA, &repl);
	return repl;
}

static char *prompt(EditLine *edit)
{
	static char first[] = "> ", further[] = ">> ";

	return repl_of(edit)->more ? further : first;
}

/*
 * Wait for a key: 1; 0 when it is time to end, -EINTR after ^C. Signals come in the
 * wait alone, so that none goes by unseen before it.
 */
static int wait_for_key(void)
{
	struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t stops, before;
	int rc = -EINTR;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, &before);
	do
		rc = run_signals_hurry()                  ? 0
		     : run_signals_take_interrupt()       ? -EINTR
		     : ppoll(&keys, 1, NULL, &before) < 0 ? -EAGAIN
		                                          : 1;
	while (rc == -EAGAIN);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* The next character: 1; 0 at the end. A line that ^C drops ends here. */
static int read_character(EditLine *edit, wchar_t *character)
{
	mbstate_t state = {0};
	size_t length = (size_t)-2;

	while (length == (size_t)-2) {
		int rc = wait_for_key();
		char byte;

		if (rc == -EINTR) {
			repl_of(edit)->cancelled = true;
			*character = L'\n';
			return 1;
		}
		if (rc == 0 || read(STDIN_FILENO, &byte, 1) <= 0)
			return 0;
		if (repl_of(edit)->typed_ahead && repl_of(edit)->typed_ahead-- &&
		    byte == '\0')
			byte = CONTROL_D;
		length = mbrtowc(character, &byte, 1, &state);
	}
	if (length == (size_t)-1)
		*character = L'?';
	return 1;
}

/* Call a function of the part with a text. [-0, +results, -] */
static bool call(lua_State *L, const char *name, const char *text, size_t length,
                 int results)
{
	lua_getfield(L, PART, name);
	lua_pushlstring(L, text, length);
	if (lua_pcall(L, 1, results, 0) == LUA_OK)
		return true;
	fprintf(stderr, "%s\n", lua_tostring(L, -1));
	lua_pop(L, 1);
	return false;
}

/* How much the words at stack index -1 begin alike, from `from` on. */
static size_t alike(lua_State *L, const char *first, size_t from)
{
	size_t length = strlen(first);

	for (lua_Integer i = 2; lua_geti(L, -1, i) == LUA_TSTRING; i++) {
		const char *word = lua_tostring(L, -1);

		while (length > from && strncmp(first, word, length) != 0)
			length--;
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return length;
}

static void print_words(lua_State *L)
{
	putchar('\n');
	for (lua_Integer i = 1; lua_geti(L, -1, i) == LUA_TSTRING; i++) {
		printf("%s%s", i > 1 ? "  " : "", lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	putchar('\n');
	fflush(stdout);
}

/* The tab key: what the words have in common is typed, else they are shown. */
static unsigned char complete(EditLine *edit, int key)
{
	struct repl *repl = repl_of(edit);
	lua_State *L = repl->L;
	const LineInfo *line = el_line(edit);
	unsigned char done = CC_ERROR;
	char *typed;
	size_t from, length;

	(void)key;
	if (!call(L, "complete", line->buffer, (size_t)(line->cursor - line->buffer), 2))
		return CC_ERROR;
	from = (size_t)lua_tointeger(L, -2);
	if (lua_geti(L, -1, 1) == LUA_TSTRING) {
		const char *first = lua_tostring(L, -1);

		lua_insert(L, -2);
		length = alike(L, first, from);
		if (length > from && (typed = strndup(first + from, length - from))) {
			done = el_insertstr(edit, typed) < 0 ? CC_ERROR : CC_REFRESH;
			free(typed);
		} else if (lua_rawlen(L, -1) > 1) {
			print_words(L);
			done = CC_REDISPLAY;
		}
	}
	lua_settop(L, PART);
	return done;
}

/* Make the folders of a path; it is put together again. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static char *find_history(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int rc = -1;

	if (state && *state == '/')
		rc = asprintf(&path, "%s/capengine/history", state);
	else if (home && *home == '/')
		rc = asprintf(&path, "%s/.local/state/capengine/history", home);
	if (rc < 0)
		return NULL;
	make_folders(path);
	return path;
}

static void keep_line(struct repl *repl, const char *line)
{
	HistEvent event;

	if (strspn(line, " \t\n") == strlen(line))
		return;
	history(repl->history, &event, H_ENTER, line);
	if (repl->history_path &&
	    history(repl->history, &event, H_SAVE, repl->history_path) < 0) {
		fprintf(stderr, "capengine repl: %s: %s; history is not kept\n",
		        repl->history_path, strerror(errno));
		free(repl->history_path);
		repl->history_path = NULL;
	}
}

static bool open_editor(struct repl *repl)
{
	HistEvent event;

	setlocale(LC_CTYPE, "");
	repl->edit = el_init("capengine", stdin, stdout, stderr);
	repl->history = history_init();
	if (!repl->edit || !repl->history)
		return false;
	el_set(repl->edit, EL_CLIENTDATA, repl);
	el_set(repl->edit, EL_PROMPT, prompt);
	el_set(repl->edit, EL_EDITOR, "emacs");
	el_set(repl->edit, EL_GETCFN, read_character);
	el_set(repl->edit, EL_HIST, history, repl->history);
	/* Wide: of other strings it keeps copies that nobody frees. */
	el_wset(repl->edit, EL_ADDFN, L"complete", L"Complete a name", complete);
	el_set(repl->edit, EL_BIND, "^I", "complete", NULL);
	el_set(repl->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_set(repl->edit, EL_SETTY, "-x", "+noflsh", NULL); /* or ^C drops output */
	history(repl->history, &event, H_SETSIZE, HISTORY_LINES);
	history(repl->history, &event, H_SETUNIQUE, 1);
	repl->history_path = isatty(STDIN_FILENO) ? find_history() : NULL;
	if (repl->history_path)
		history(repl->history, &event, H_LOAD, repl->history_path);
	return true;
}

static void close_editor(struct repl *repl)
{
	if (repl->history)
		history_end(repl->history);
	if (repl->edit)
		el_end(repl->edit);
	free(repl->history_path);
}

/* Drop what was typed, also of lines before. */
static void cancel(struct repl *repl)
{
	repl->cancelled = repl->more = false;
	tcflush(STDIN_FILENO, TCIFLUSH);
	if (call(repl->L, "cancel", "", 0, 0))
		puts("^C");
}

/* Run the chunk on top and show what it gives, or what is wrong. [-1, +0, -] */
static void run_chunk(lua_State *L)
{
	int rc = lua_pcall(L, 0, LUA_MULTRET, 0);

	if (run_signals_take_interrupt() && rc != LUA_OK) {
		fputs("interrupted\n", stderr);
		return;
	}
	lua_getfield(L, PART, rc == LUA_OK ? "show" : "fail");
	lua_insert(L, PART + 1);
	if (lua_pcall(L, lua_gettop(L) - PART - 1, 0, 0) != LUA_OK)
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
}

/* Run a line; false: it was the last one. */
static bool run_line(struct repl *repl, const char *line)
{
	lua_State *L = repl->L;
	const char *said = NULL;

	keep_line(repl, line);
	if (call(L, "compile", line, strcspn(line, "\n"), 1)) {
		if (lua_isfunction(L, -1))
			run_chunk(L);
		else
			said = lua_tostring(L, -1);
	}
	fflush(stdout);
	repl->more = said && !strcmp(said, "more");
	lua_settop(L, PART);
	return !said || repl->more;
}

/*
 * From now on keys are keys: before the prompt says so, and not with the first read,
 * as libedit has it. What was typed before is lines still, where ^D has left a NUL.
 */
static void take_keys(struct repl *repl)
{
	el_set(repl->edit, EL_PREP_TERM, 1);
	if (!isatty(STDIN_FILENO) ||
	    ioctl(STDIN_FILENO, FIONREAD, &repl->typed_ahead) < 0)
		repl->typed_ahead = 0;
}

static void read_lines(struct repl *repl)
{
	const char *line;
	bool goes_on = true;
	int length;

	while (goes_on && !run_signals_hurry()) {
		el_resize(repl->edit);
		take_keys(repl);
		line = el_gets(repl->edit, &length);
		if (repl->cancelled)
			cancel(repl);
		else if (!line || length <= 0)
			break;
		else
			goes_on = run_line(repl, line);
		run_signals_take_interrupt();
	}
	if (goes_on && isatty(STDIN_FILENO))
		putchar('\n');
}

/* Open the source that the command line names, if it does. [-0, +0, e] */
static void open_source(lua_State *L, struct run *run)
{
	lua_getfield(L, PART, "open");
	if (run->options.device || run->options.file_count)
		run_source_push(L, run, NULL);
	else
		lua_pushnil(L);
	lua_pushcfunction(L, repl_answer);
	lua_call(L, 2, 0);
}

int repl_loop(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);
	struct repl repl = {.L = L};

	ce_lua_push_part(L, "repl");
	lua_replace(L, PART);
	lua_settop(L, PART);
	open_source(L, run);
	run_signals_each_line();
	if (open_editor(&repl))
		read_lines(&repl);
	else
		fputs("capengine repl: out of memory\n", stderr);
	close_editor(&repl);
	return 0;
}
