/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * script_path.c - finds scripts. Those that are shipped stand beside the program,
 * in ../share/capengine/scripts, in an installation as in a build tree.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_int.h"

char *script_folder(void)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *folder;

	if (length < 0)
		return NULL;
	program[length] = '\0';
	return asprintf(&folder, "%s/../share/capengine/scripts", dirname(program)) < 0
	               ? NULL
	               : folder;
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

char *script_path(const char *name)
{
	char *folder = NULL, *path = NULL;

	if (is_file(name))
		return strdup(name);
	if (!strchr(name, '/'))
		folder = script_folder();
	if (folder && asprintf(&path, "%s/%s.lua", folder, name) < 0)
		path = NULL;
	free(folder);
	if (path && is_file(path))
		return path;
	free(path);
	fprintf(stderr,
	        "capengine: %s: no such script, neither a file nor one that comes "
	        "with capengine; `capengine help` lists those\n",
	        name);
	return NULL;
}
