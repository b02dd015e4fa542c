/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * script_path.c - finds scripts. Those that are shipped stand in the folder
 * share/capengine/scripts above the program or, in another program, above the
 * module: in an installation as in a build tree.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capengine/source.h"
#include "cmd_int.h"

/* The file that this code is in, the module or the program: its real path. */
static char *own_path(void)
{
	static const char anchor;
	const char *path = "/proc/self/exe";
	Dl_info info;

	if (dladdr(&anchor, &info) && strstr(info.dli_fname, ".so"))
		path = info.dli_fname;
	return realpath(path, NULL);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

char *script_folder(void)
{
	char *above = own_path(), *slash, *folder = NULL;

	while (!folder && above && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		if (asprintf(&folder, "%s/share/capengine/scripts", above) < 0) {
			folder = NULL;
			break;
		}
		if (!is_folder(folder)) {
			free(folder);
			folder = NULL;
		}
	}
	free(above);
	return folder;
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

char *script_find(const char *name)
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
	return NULL;
}

bool is_savefile(const char *path)
{
	unsigned char first[4];
	FILE *file = fopen(path, "re");
	bool found;

	if (!file)
		return false;
	found = fread(first, sizeof(first), 1, file) == 1 && ce_source_is_savefile(first);
	fclose(file);
	return found;
}
