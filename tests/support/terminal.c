/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminal.c - runs a program on a terminal of its own, and does what a person would.
 *
 * usage: terminal ROWSxCOLUMNS STEP ... -- PROGRAM ARGUMENT ...
 *
 *     see:TEXT            wait until this comes, behind what was seen before
 *     type:KEYS           press keys
 *     size:ROWSxCOLUMNS   make the terminal another size
 *     signal:NUMBER       send the program a signal
 *     sleep:MILLISECONDS  wait
 *
 * Prints all that the program has sent to the terminal. Standard error gets one line:
 * "status N, cooked" or "signal N, raw", the state that the terminal is left in, or what
 * went wrong. Exit status: 0, or 1 when a text did not come or the program did not end
 * within ten seconds.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 10, MOST = 16 << 20, TICK_MS = 20 };

static struct {
	int fd;
	pid_t pid;
	bool ended;
	int status;
	char *text; /* all output */
	size_t size;
	size_t seen; /* of it, by steps */
} terminal;

static void fail(const char *why, const char *what)
{
	fwrite(terminal.text, 1, terminal.size, stdout);
	fprintf(stderr, "terminal: %s%s\n", why, what);
	if (!terminal.ended)
		kill(terminal.pid, SIGKILL);
	exit(1);
}

/* Take what the program has printed, and look whether it has ended. */
static void look(void)
{
	struct pollfd poll_fd = {.fd = terminal.fd, .events = POLLIN};
	ssize_t got = 0;

	if (!terminal.ended)
		terminal.ended = waitpid(terminal.pid, &terminal.status, WNOHANG) ==
		                 terminal.pid;
	if (poll(&poll_fd, 1, TICK_MS) > 0)
		got = read(terminal.fd, terminal.text + terminal.size,
		           MOST - terminal.size);
	if (got > 0)
		terminal.size += (size_t)got;
}

static void see(const char *text)
{
	const time_t until = time(NULL) + SECONDS;
	const char *found = NULL;

	for (;;) {
		found = memmem(terminal.text + terminal.seen,
		               terminal.size - terminal.seen, text, strlen(text));
		if (found)
			break;
		if (time(NULL) > until)
			fail("never came: ", text);
		look();
	}
	terminal.seen = (size_t)(found - terminal.text) + strlen(text);
}

static struct winsize parse_size(const char *text)
{
	struct winsize size = {.ws_row = (unsigned short)atoi(text)};
	const char *columns = strchr(text, 'x');

	size.ws_col = (unsigned short)(columns ? atoi(columns + 1) : 0);
	return size;
}

static const char *after(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) ? NULL : text + strlen(prefix);
}

static void take_step(const char *step)
{
	const char *value;

	if ((value = after(step, "see:"))) {
		see(value);
	} else if ((value = after(step, "type:"))) {
		if (write(terminal.fd, value, strlen(value)) < 0)
			fail("cannot type: ", strerror(errno));
	} else if ((value = after(step, "size:"))) {
		struct winsize size = parse_size(value);

		ioctl(terminal.fd, TIOCSWINSZ, &size);
	} else if ((value = after(step, "signal:"))) {
		kill(terminal.pid, atoi(value));
	} else if ((value = after(step, "sleep:"))) {
		usleep(1000 * (useconds_t)atoi(value));
	} else {
		fail("no such step: ", step);
	}
}

static void wait_for_end(void)
{
	const time_t until = time(NULL) + SECONDS;

	while (!terminal.ended) {
		if (time(NULL) > until)
			fail("the program did not end", "");
		look();
	}
	look(); /* what it said last */
}

int main(int argc, char **argv)
{
	struct winsize size = parse_size(argc > 1 ? argv[1] : "");
	struct termios state;
	int i = 2;

	terminal.text = malloc(MOST);
	if (argc < 4 || !terminal.text)
		return 1;
	terminal.pid = forkpty(&terminal.fd, NULL, NULL, &size);
	if (terminal.pid == 0) {
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		execvp(argv[i + 1], argv + i + 1);
		_exit(127);
	}
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		take_step(argv[i]);
	wait_for_end();
	fwrite(terminal.text, 1, terminal.size, stdout);
	tcgetattr(terminal.fd, &state);
	fprintf(stderr, "%s %d, %s\n", WIFEXITED(terminal.status) ? "status" : "signal",
	        WIFEXITED(terminal.status) ? WEXITSTATUS(terminal.status)
	                                   : WTERMSIG(terminal.status),
	        state.c_lflag & ICANON && state.c_lflag & ECHO ? "cooked" : "raw");
	return 0;
}
