/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_progress.c - how far savefiles are read, as a line that comes and goes.
 *
 *      30 %  1.2 of 4.0 GB  512 MB/s  6 s left
 *
 * It is looked at with each batch, and drawn a few times a second. On a terminal it
 * stands in place, until something is printed there; elsewhere it is lines.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cmd_int.h"
#include "lua_binding.h"

#define ERASE "\r\033[K"

static const int64_t SECOND = 1000000000;

enum { TEXT = 160 };

static struct {
	int64_t began_ns;
	int64_t due_ns; /* when the next line is */
	bool always;
	bool terminal;
	bool files; /* -r: also of a pipe there is something to tell */
} progress;

static void erase(void)
{
	terminal_put(STDERR_FILENO, ERASE, sizeof(ERASE) - 1);
}

/* What is read now: bytes of savefiles, and packets. */
static uint64_t look(struct ce_lua *lua, struct ce_progress *sum)
{
	struct ce_lua_handle *handle;
	struct ce_stats stats = {0};
	bool known = true;

	*sum = (struct ce_progress){0};
	for (handle = lua->handles; handle; handle = handle->next) {
		struct ce_progress one;

		if (!handle->reader)
			continue;
		ce_reader_progress(handle->reader, &one);
		sum->done += one.done;
		sum->total += one.total;
		known &= one.total > 0;
	}
	if (known && sum->total)
		return 0;
	sum->total = 0;
	ce_lua_stats(lua, &stats);
	return stats.received;
}

/* "1.2" and "GB" of a number of bytes, by the unit of a number that stands beside it. */
static double in_unit(uint64_t bytes, uint64_t beside, const char **unit)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t i = 0;

	for (; beside >= 1000 && i + 1 < sizeof(units) / sizeof(*units); beside /= 1000) {
		value /= 1000;
		i++;
	}
	*unit = units[i];
	return value;
}

static void format_bytes(char text[TEXT], const struct ce_progress *now, double seconds)
{
	const double rate = (double)now->done / seconds;
	const char *unit, *rate_unit;
	const double total = in_unit(now->total, now->total, &unit);
	const double done = in_unit(now->done, now->total, &unit);
	const double speed = in_unit((uint64_t)rate, (uint64_t)rate, &rate_unit);

	snprintf(text, TEXT, "%3.0f %%  %.1f of %.1f %s  %.0f %s/s  %.0f s left",
	         100.0 * (double)now->done / (double)now->total, done, total, unit, speed,
	         rate_unit, (double)(now->total - now->done) / (rate < 1 ? 1 : rate));
}

static void draw(const char *text)
{
	int rows, columns;
	char line[TEXT + sizeof(ERASE)];

	if (!progress.terminal) {
		fprintf(stderr, "capengine: %s\n", text);
		return;
	}
	terminal_size(STDERR_FILENO, &rows, &columns);
	snprintf(line, sizeof(line), ERASE "%.*s", columns - 1, text);
	terminal_put(STDERR_FILENO, line, strlen(line));
	terminal_occupy(erase);
}

static void show(struct ce_lua *lua, double seconds)
{
	struct ce_progress now;
	uint64_t packets = look(lua, &now);
	char text[TEXT];

	if (now.done > now.total) /* files that grow */
		now.done = now.total;
	if (now.total)
		format_bytes(text, &now, seconds);
	else if (progress.files || progress.always)
		snprintf(text, sizeof(text), "%" PRIu64 " packets  %.0f packets/s",
		         packets, (double)packets / seconds);
	else
		return;
	draw(text);
}

/* A handle goes on to another batch. */
static void advance(lua_State *L)
{
	int64_t now_ns = ce_clock_mono_ns();

	if (now_ns < progress.due_ns || terminal_in_line() || !terminal_is_free(erase))
		return;
	progress.due_ns = now_ns + (progress.terminal ? SECOND / 5 : SECOND);
	show(ce_lua_get(L), (double)(now_ns - progress.began_ns + 1) / 1e9);
}

void run_progress_open(lua_State *L, const struct run_options *options)
{
	progress.terminal = isatty(STDERR_FILENO);
	progress.always = options->progress == PROGRESS_ALWAYS;
	progress.files = options->file_count;
	progress.began_ns = ce_clock_mono_ns();
	progress.due_ns = progress.began_ns + (progress.always ? 0 : SECOND / 2);
	if (options->progress == PROGRESS_NEVER ||
	    (!progress.always && !progress.terminal))
		return;
	terminal_guard();
	ce_lua_get(L)->advance = advance;
}
