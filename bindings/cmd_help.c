/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_help.c - `capengine help`, and a script's first comment as its manual. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"

static int is_script(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".lua");
}

static void list_scripts(void)
{
	char *folder = script_folder();
	struct dirent **entries;
	int count = folder ? scandir(folder, &entries, is_script, alphasort) : -1;

	free(folder);
	if (count < 0)
		return;
	printf("\nScripts that come with capengine:");
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;

		printf(" %.*s", (int)(strrchr(name, '.') - name), name);
		free(entries[i]);
	}
	putchar('\n');
	free(entries);
}

/* The comment that a script begins with, without its dashes. */
static int print_manual(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int lines = 0;

	if (!file) {
		fprintf(stderr, "capengine help: %s: %s\n", path, strerror(errno));
		return EXIT_RUNTIME;
	}
	for (; getline(&line, &size, file) >= 0 && !strncmp(line, "--", 2); lines++) {
		const char *text = line + strspn(line, "-");

		fputs(*text == ' ' ? text + 1 : text, stdout);
	}
	free(line);
	fclose(file);
	if (!lines)
		fprintf(stderr, "capengine help: %s begins with no comment\n", path);
	return lines ? 0 : EXIT_RUNTIME;
}

int help_main(int argc, char **argv)
{
	char *path;
	int status;

	if (argc < 2) {
		print_usage(stdout);
		list_scripts();
		return 0;
	}
	path = script_path(argv[1]);
	if (!path)
		return EXIT_USAGE;
	status = print_manual(path);
	free(path);
	return status;
}
