/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * select_where.c - which packets of a savefile `where` expressions select.
 *
 *     select_where SAVEFILE <EXPRESSIONS
 *
 * There is an expression in each line of standard input. For each it prints
 *
 *     ok NUMBER NUMBER ...    the packets' numbers in the file, from 1
 *     no MESSAGE              what is wrong with it, in one line
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/decode.h"
#include "capengine/reader.h"
#include "capengine/where.h"

enum { MOST = 10000 }; /* expressions */

/* An expression, and what it has selected so far, as text. */
struct asked {
	struct ce_where *where; /* NULL: refused */
	char *text;
	size_t bytes;
	FILE *to;
};

static int fail(const char *what)
{
	fprintf(stderr, "select_where: %s\n", what);
	exit(2);
}

/* `asked` stays where it is: the stream knows its address. */
static void ask(struct asked *asked, const char *expression)
{
	struct ce_err err = {0};

	asked->to = open_memstream(&asked->text, &asked->bytes);
	if (!asked->to)
		fail("out of memory");
	if (ce_where_open(&asked->where, expression, &err) == 0) {
		fprintf(asked->to, "ok");
		return;
	}
	for (char *at = err.text; (at = strchr(at, '\n')); at++)
		*at = '|';
	fprintf(asked->to, "no %s", err.text);
}

static struct asked *ask_all(size_t *count)
{
	struct asked *all = calloc(MOST, sizeof(*all));
	char *line = NULL;
	size_t room = 0;

	if (!all)
		fail("out of memory");
	for (ssize_t length; (length = getline(&line, &room, stdin)) >= 0;) {
		line[strcspn(line, "\n")] = '\0';
		if (*count == MOST)
			fail("too many expressions");
		ask(&all[(*count)++], line);
	}
	free(line);
	return all;
}

/* What the expression selects of the packets that the batch selects. */
static void select_packets(struct asked *asked, struct ce_decode *decode)
{
	const struct ce_batch *batch = ce_decode_batch(decode);
	uint64_t selected[CE_BATCH_WORDS];

	memcpy(selected, batch->selected, sizeof(selected));
	if (ce_where_select(asked->where, decode, selected) < 0)
		fail("out of memory");
	for (uint32_t i = ce_selection_next(selected, 0, batch->count); i < batch->count;
	     i = ce_selection_next(selected, i + 1, batch->count))
		fprintf(asked->to, " %" PRIu64, batch->first_number + i);
}

static void read_all(struct ce_reader *reader, struct asked *all, size_t count)
{
	struct ce_decode *decode;

	if (ce_decode_open(&decode, 0) < 0)
		fail("out of memory");
	while (ce_reader_fetch(reader, -1, NULL) > 0) {
		struct ce_batch *batch = ce_reader_batch(reader);

		ce_decode_begin(decode, batch, batch->selected);
		for (size_t i = 0; i < count; i++)
			if (all[i].where)
				select_packets(&all[i], decode);
		while (ce_batch_take(ce_reader_batch(reader)) < batch->count)
			;
	}
	ce_decode_close(decode);
}

int main(int argc, char **argv)
{
	const char *path = argc == 2 ? argv[1] : NULL;
	const struct ce_reader_options options = {
		.kind = &ce_source_savefile, .source = {.files = &path, .file_count = 1}};
	struct ce_reader *reader;
	struct ce_err err = {0};
	size_t count = 0;
	struct asked *all;

	if (!path)
		return fail("usage: select_where SAVEFILE <EXPRESSIONS");
	all = ask_all(&count);
	if (ce_reader_open(&reader, &options, &err) < 0)
		return fail(err.text);
	read_all(reader, all, count);
	ce_reader_close(reader, NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		fclose(all[i].to);
		puts(all[i].text);
		free(all[i].text);
		ce_where_close(all[i].where);
	}
	free(all);
	return 0;
}
