/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotate_name.c - what the next file of a rotation is called, see <capengine/rotate.h>.
 *
 *     trace.pcap.gz           trace-00001.pcap.gz, trace-00002.pcap.gz, ...
 *     trace-%H%M.pcap         trace-0959.pcap, trace-0959-00002.pcap, trace-1000.pcap
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rotate_int.h"

enum { NAME = CEINT_ROTATE_NAME, PART = CEINT_ROTATE_PART };

static const int64_t SECOND_NS = 1000000000;

/* Where in a path its endings begin: at .pcap of a/b.c.pcap.gz. */
static const char *endings(const char *path)
{
	static const char *const known[] = {".gz", ".zst", ".pcapng", ".pcap", ".cap"};
	const char *name = strrchr(path, '/'), *end = path + strlen(path);
	size_t i = 0;

	name = name ? name + 1 : path;
	while (i < sizeof(known) / sizeof(*known)) {
		size_t length = strlen(known[i]);

		if ((size_t)(end - name) > length &&
		    !strncmp(end - length, known[i], length)) {
			end -= length;
			i = 0;
		} else {
			i++;
		}
	}
	return end;
}

/* The path with a time in it. 0, or -ENAMETOOLONG. */
static int expand(const struct ce_rotate *rotate, int64_t ts_ns, char base[NAME])
{
	time_t seconds = (time_t)(ts_ns / SECOND_NS);
	struct tm parts;

	if (!strchr(rotate->path, '%')) {
		if (strlen(rotate->path) >= NAME)
			return -ENAMETOOLONG;
		strcpy(base, rotate->path);
		return 0;
	}
	localtime_r(&seconds, &parts);
	return strftime(base, NAME, rotate->path, &parts) ? 0 : -ENAMETOOLONG;
}

int ceint_rotate_choose_name(struct ce_rotate *rotate, int64_t ts_ns)
{
	char base[NAME];
	const char *end;
	int length, rc = expand(rotate, ts_ns, base);
	bool same = rc == 0 && !strcmp(base, rotate->base);

	if (rc < 0)
		return rc;
	rotate->number = same ? rotate->number + 1 : 1;
	strcpy(rotate->base, base);
	if (!same && strchr(rotate->path, '%')) {
		strcpy(rotate->name, base);
		return 0;
	}
	end = endings(base);
	length = snprintf(rotate->name, NAME, "%.*s-%05u%s", (int)(end - base), base,
	                  rotate->number, end);
	return length < NAME - PART ? 0 : -ENAMETOOLONG;
}
