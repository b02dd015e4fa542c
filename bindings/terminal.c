/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminal.c - what stands on the terminal for a while only: a line of progress, or a
 * screen. It is taken away before anything else is printed there.
 *
 * While the guard is there, standard output and standard error, where they are the
 * terminal, are streams of ours that see each write first. So nobody who prints
 * needs to know.
 */
#include <errno.h>
#include <unistd.h>

#include "cmd_int.h"

static void (*take_away)(void);
static bool middle; /* the last output did not end its line */

void terminal_occupy(void (*how_to_take_away)(void))
{
	take_away = how_to_take_away;
}

bool terminal_is_free(void (*how_to_take_away)(void))
{
	return !take_away || take_away == how_to_take_away;
}

void terminal_clear(void)
{
	void (*function)(void) = take_away;

	take_away = NULL;
	if (function)
		function();
}

bool terminal_in_line(void)
{
	return middle;
}

void terminal_put(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(fd, text, size);

		if (done < 0 && errno != EINTR)
			return;
		text += done > 0 ? done : 0;
		size -= done > 0 ? (size_t)done : 0;
	}
}

/* Of a stream: as fopencookie(3) wants it, 0 is an error. */
static ssize_t print(void *cookie, const char *text, size_t size)
{
	ssize_t done;

	terminal_clear();
	done = write(*(const int *)cookie, text, size);
	if (done > 0)
		middle = text[done - 1] != '\n';
	return done < 0 ? 0 : done;
}

/* A stream in place of one that is the terminal. */
static FILE *guard(FILE *stream, const int *fd, int buffering)
{
	static const cookie_io_functions_t functions = {.write = print};
	FILE *guarded;

	if (!isatty(*fd) || fflush(stream) != 0)
		return stream;
	guarded = fopencookie((void *)(uintptr_t)fd, "w", functions);
	if (!guarded)
		return stream;
	setvbuf(guarded, NULL, buffering, 0);
	return guarded;
}

void terminal_guard(void)
{
	static const int out = STDOUT_FILENO, err = STDERR_FILENO;
	static bool guarded;

	if (guarded)
		return;
	guarded = true;
	stdout = guard(stdout, &out, _IOLBF);
	stderr = guard(stderr, &err, _IONBF);
}
