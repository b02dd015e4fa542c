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
	static const unsigned char magics[][4] = {
		{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1},
		{0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1},
		{0x0a, 0x0d, 0x0d, 0x0a},
	};
	unsigned char first[4] = {0};
	FILE *file = fopen(path, "re");
	bool found = false;

	if (!file)
		return false;
	if (fread(first, sizeof(first), 1, file) == 1)
		for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
			found |= !memcmp(first, magics[i], sizeof(first));
	fclose(file);
	return found;
}
