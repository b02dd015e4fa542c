/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_complete.c - `capengine help --complete WORD ...`: what the last word may become,
 * for completions in shells.
 *
 * The words are those of a command line, less `capengine`. A line of the answer is a
 * word, a tab, and what it is; or `:files` or `:users`, which shells complete themselves.
 * Options are read from the usage, arguments from the script's manual: nothing is run,
 * and nothing must be kept in step.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"

/* A line of the usage or of a manual: "-r FILE         read this savefile". */
struct entry {
	char *word;
	char *value; /* what its value is called, in capitals; NULL: it takes none */
	char *text;
};

/* Cut the line into an entry; false: there is no word. */
static bool parse_entry(struct entry *entry, char *line)
{
	char *end = line + strcspn(line, " ");

	if (end == line)
		return false;
	*entry = (struct entry){.word = line, .text = end};
	if (*end == ' ' && isupper((unsigned char)end[1])) {
		entry->value = end + 1;
		entry->text = entry->value + strcspn(entry->value, " ");
	}
	if (*entry->text)
		*entry->text++ = '\0';
	entry->text += strspn(entry->text, " ");
	*end = '\0';
	return true;
}

static void print_entry(const struct entry *entry)
{
	printf("%s\t%s\n", entry->word, entry->text);
}

/*
 * Print the entries of the usage whose first character is a dash, or is none; with a
 * word, none is printed. Gives that word's value, which the caller frees, or NULL.
 */
static char *usage_entries(bool dashes, const char *word)
{
	char *usage = NULL, *value = NULL, *rest, *line;
	size_t size;
	FILE *stream = open_memstream(&usage, &size);
	struct entry entry;

	if (!stream)
		return NULL;
	print_usage(stream);
	fclose(stream);
	rest = usage;
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "  ", 2) != 0 || (line[2] == '-') != dashes ||
		    !parse_entry(&entry, line + 2))
			continue;
		if (!word)
			print_entry(&entry);
		else if (!strcmp(entry.word, word) && entry.value && !value)
			value = strdup(entry.value);
	}
	free(usage);
	return value;
}

/* A shipped script: "NAME: what it tells" is its first line. */
static void keep_title(void *arg, const char *text)
{
	char **title = arg;
	const char *colon = strchr(text, ':');

	if (!*title)
		*title = strdup(colon ? colon + 1 + strspn(colon + 1, " ") : "");
}

static void print_script(void *arg, const char *name, const char *path)
{
	char *title = NULL;

	(void)arg;
	help_each_line(path, keep_title, &title);
	printf("%s\t%s\n", name, title ? title : "");
	free(title);
}

static void print_scripts(void)
{
	help_each_script(print_script, NULL);
	puts(":files");
}

/* What is looked for in the section `args` of a manual. */
struct search {
	const char *word; /* an argument; NULL: print all */
	bool in_section;
	bool takes_value; /* the word does */
};

static void look_at_line(void *arg, const char *text)
{
	struct search *search = arg;
	char *line = strdup(text), *at = line;
	struct entry entry;

	if (line && *line != ' ') {
		search->in_section = !strncmp(line, "args ", 5);
		at += search->in_section ? 4 : 0;
	}
	at += at ? strspn(at, " ") : 0;
	if (line && search->in_section && !strncmp(at, "--", 2) &&
	    parse_entry(&entry, at)) {
		if (!search->word)
			print_entry(&entry);
		else if (!strcmp(entry.word, search->word))
			search->takes_value = entry.value;
	}
	free(line);
}

/* Arguments of a script; `before` is the word before the one that is completed. */
static void print_arguments(const char *script, const char *before)
{
	char *path = script ? script_find(script) : NULL;
	struct search search = {.word = before};

	if (!path)
		return;
	help_each_line(path, look_at_line, &search);
	search.word = NULL;
	if (!search.takes_value)
		help_each_line(path, look_at_line, &search);
	free(path);
}

/* The value of an option, by what the usage calls it. */
static void print_values(const char *value)
{
	if (!strcmp(value, "IF"))
		devices_print_names();
	else if (!strcmp(value, "FILE"))
		puts(":files");
	else if (!strcmp(value, "USER"))
		puts(":users");
	else if (!strcmp(value, "WHEN"))
		puts("always\nauto\nnever");
}

/* Words of `run`; the last one is completed. */
static void complete_run(int count, char **words)
{
	const char *script = NULL;
	bool text = !strcmp(words[0], "repl"); /* it, or -e, stands for a script */
	int i;

	for (i = 1; i < count - 1; i++) {
		char *value = *words[i] == '-' ? usage_entries(true, words[i]) : NULL;

		text |= !strcmp(words[i], "-e");
		if (value && i + 1 == count - 1)
			print_values(value);
		free(value);
		if (value)
			i++;
		else if (!strcmp(words[i], "--"))
			break;
		else if (*words[i] != '-' && !script)
			script = words[i];
	}
	if (i < count - 1)
		print_arguments(script, words[count - 2]);
	else if (i == count - 1 && !script && !text && *words[i] != '-')
		print_scripts();
	else if (i == count - 1)
		usage_entries(true, NULL);
}

/* Words of `top`, which has the options of `run` and the script's arguments. */
static void complete_top(int count, char **words)
{
	char *value = usage_entries(true, words[count - 2]);

	if (value) {
		print_values(value);
	} else if (*words[count - 1] == '-') {
		usage_entries(true, NULL);
		print_arguments("top", words[count - 2]);
	}
	free(value);
}

int complete_main(int argc, char **argv)
{
	if (argc >= 2 && *argv[1] == '-') /* capengine -e TEXT ... */
		complete_run(argc, argv);
	else if (argc <= 2)
		usage_entries(false, NULL);
	else if (!strcmp(argv[1], "run") || !strcmp(argv[1], "repl"))
		complete_run(argc - 1, argv + 1);
	else if (!strcmp(argv[1], "top"))
		complete_top(argc - 1, argv + 1);
	else if (!strcmp(argv[1], "help") && argc == 3)
		print_scripts();
	else if (!strcmp(argv[1], "devices") && argc == 3)
		puts("--tsv\tone tab between the fields");
	return 0;
}
