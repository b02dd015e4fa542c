/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_help.c - `capengine help`, and a script's first comment as its manual. */
#include <capengine/near.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd_int.h"

static int is_script(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".lua");
}

void help_each_script(void (*show)(void *arg, const char *name, const char *path),
                      void *arg)
{
	char *folder = script_folder(), *path;
	struct dirent **entries;
	int count = folder ? scandir(folder, &entries, is_script, alphasort) : -1;

	for (int i = 0; i < count; i++) {
		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0) {
			*strrchr(entries[i]->d_name, '.') = '\0';
			show(arg, entries[i]->d_name, path);
			free(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	free(folder);
}

int help_each_line(const char *path, void (*show)(void *arg, const char *text), void *arg)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int lines = 0;

	for (; file && getline(&line, &size, file) >= 0 && !strncmp(line, "--", 2);
	     lines++) {
		const char *text = line + strspn(line, "-");

		line[strcspn(line, "\n")] = '\0';
		show(arg, *text == ' ' ? text + 1 : text);
	}
	free(line);
	if (file)
		fclose(file);
	return lines;
}

static void print_name(void *arg, const char *name, const char *path)
{
	(void)arg;
	(void)path;
	printf(" %s", name);
}

/* The script that looks most like a name. */
struct near_script {
	struct ce_near near;
	char best[NAME_MAX + 1];
};

static void try_script(void *arg, const char *name, const char *path)
{
	struct near_script *script = arg;
	const char *before = script->near.best;

	(void)path;
	ce_near_try(&script->near, name);
	if (script->near.best != before)
		script->near.best = strcpy(script->best, name);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

char *script_path(const char *name)
{
	struct near_script script = {.near.name = name};
	char *path = script_find(name), meant[CE_NEAR_MEANT], stem[NAME_MAX + 1];
	const char *ending = strrchr(name, '.');

	if (path)
		return path;
	if (is_folder(name)) {
		fprintf(stderr, "capengine: %s: a folder, not a script\n", name);
		return NULL;
	}
	if (ending) { /* names of scripts have none */
		snprintf(stem, sizeof(stem), "%.*s", (int)(ending - name), name);
		script.near.name = stem;
	}
	help_each_script(try_script, &script);
	fprintf(stderr,
	        "capengine: %s: no such script, neither a file nor one that comes "
	        "with capengine%s\n",
	        name,
	        script.near.best ? ce_near_meant(meant, "", script.near.best)
	                         : "; `capengine help` lists those");
	return NULL;
}

static void print_line(void *arg, const char *text)
{
	(void)arg;
	puts(text);
}

static int print_manual(const char *name)
{
	char *path = script_path(name);
	int lines = path ? help_each_line(path, print_line, NULL) : -1;

	if (lines == 0)
		fprintf(stderr, "capengine help: %s begins with no comment\n", path);
	free(path);
	return lines > 0 ? 0 : lines < 0 ? EXIT_USAGE : EXIT_RUNTIME;
}

int help_main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete_main(argc - 1, argv + 1);
	if (argc > 1)
		return print_manual(argv[1]);
	print_usage(stdout);
	printf("\nScripts that come with capengine:");
	help_each_script(print_name, NULL);
	putchar('\n');
	return 0;
}
