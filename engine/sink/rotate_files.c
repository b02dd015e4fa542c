/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotate_files.c - the files of a rotation: begun, completed, and removed where only the
 * last ones are kept.
 *
 * A file that is over has its name as soon as all of it is written. Where packets do not
 * wait for the disk, that is later: it stands in a list then, the oldest first, in whose
 * order files are completed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/io_int.h"
#include "rotate_int.h"

enum { NAME = CEINT_ROTATE_NAME, PART = CEINT_ROTATE_PART };

/* A file to which nothing comes any more, and which may still be on its way. */
struct ceint_ending {
	struct ceint_ending *next;
	struct ce_dump *dump;
	char name[]; /* once it is complete */
};

static void add_counters(struct ce_dump_counters *sum, const struct ce_dump *dump)
{
	struct ce_dump_counters one;

	ce_dump_count(dump, &one);
	sum->written += one.written;
	sum->dropped += one.dropped;
	sum->bytes += one.bytes;
}

/* Of files beyond those to be kept, the oldest goes: where one had this name, it is that
   one, whose place the new one has. 0 or -ENOMEM. */
static int keep(struct ce_rotate *rotate, const char *path)
{
	char **kept = rotate->kept, *name;
	unsigned goes = 0;

	if (!rotate->options.files)
		return 0;
	name = strdup(path);
	if (!name)
		return -ENOMEM;
	while (goes < rotate->kept_count && strcmp(kept[goes], path) != 0)
		goes++;
	if (goes == rotate->kept_count && goes == rotate->options.files) {
		goes = 0;
		unlink(kept[goes]);
	}
	if (goes < rotate->kept_count) {
		free(kept[goes]);
		rotate->kept_count--;
		memmove(kept + goes, kept + goes + 1,
		        (rotate->kept_count - goes) * sizeof(*kept));
	}
	kept[rotate->kept_count++] = name;
	return 0;
}

/* Give a file that is closed its final name. */
static int finish_name(struct ce_rotate *rotate, const char *name,
                       const struct ce_dump_counters *counters, struct ce_err *err)
{
	char part[NAME + PART];
	int rc;

	snprintf(part, sizeof(part), "%s.part", name);
	rc = ceint_io.rename(part, name);
	if (rc < 0)
		return ce_err_set(
			err, rc, "%s: cannot be renamed: %s; it holds %llu packets", part,
			strerror(-rc), (unsigned long long)counters->written);
	rc = keep(rotate, name);
	if (rotate->options.complete)
		rotate->options.complete(rotate->options.arg, name, counters);
	return rc < 0 ? ce_err_set(err, rc, "out of memory") : 0;
}

/* Complete a file. One that has failed keeps its .part. */
static int end_file(struct ce_rotate *rotate, struct ce_dump *dump, const char *name,
                    struct ce_err *err)
{
	struct ce_dump_counters counters;
	int rc = ce_dump_finish(dump, err);

	ce_dump_count(dump, &counters);
	add_counters(&rotate->closed, dump);
	if (rc < 0)
		ce_dump_close(dump, NULL);
	else
		rc = ce_dump_close(dump, err);
	return rc < 0 ? rc : finish_name(rotate, name, &counters, err);
}

int ceint_rotate_end_files(struct ce_rotate *rotate, bool wait, struct ce_err *err)
{
	int rc = 0;

	while (rc == 0 && rotate->ending &&
	       (wait || ceint_dump_is_idle(rotate->ending->dump))) {
		struct ceint_ending *ending = rotate->ending;

		rotate->ending = ending->next;
		if (!rotate->ending)
			rotate->last = &rotate->ending;
		rc = end_file(rotate, ending->dump, ending->name, err);
		free(ending);
	}
	return rc;
}

/* Is a file of this name not complete yet? Stamps may go back, and with them names. */
static bool is_ending(const struct ce_rotate *rotate, const char *name)
{
	const struct ceint_ending *ending = rotate->ending;

	while (ending && strcmp(ending->name, name) != 0)
		ending = ending->next;
	return ending;
}

static bool is_read(const struct ce_rotate *rotate, const char *path)
{
	const struct ce_rotate_options *options = &rotate->options;

	return options->reads && options->reads(options->arg, path);
}

int ceint_rotate_begin(struct ce_rotate *rotate, int64_t ts_ns, struct ce_err *err)
{
	char part[NAME + PART];
	int rc = ceint_rotate_choose_name(rotate, ts_ns);

	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", rotate->path, strerror(-rc));
	snprintf(part, sizeof(part), "%s.part", rotate->name);
	if (is_read(rotate, rotate->name) || is_read(rotate, part))
		return ce_err_set(err, -EINVAL, "%s: it is a file that is read",
		                  rotate->name);
	if (is_ending(rotate, rotate->name))
		rc = ceint_rotate_end_files(rotate, true, err);
	if (rc < 0)
		return rc;
	rc = ce_dump_open(&rotate->dump, part, &rotate->options.dump, err);
	rotate->packets = rotate->bytes = 0;
	return rc;
}

int ceint_rotate_complete(struct ce_rotate *rotate, struct ce_err *err)
{
	struct ce_dump *dump = rotate->dump;
	struct ceint_ending *ending = NULL;
	int rc;

	if (!dump)
		return 0;
	if (rotate->options.stats)
		rotate->options.stats(rotate->options.arg, dump);
	if (rotate->options.dump.queue)
		ending = malloc(sizeof(*ending) + strlen(rotate->name) + 1);
	rotate->dump = NULL;
	if (ending) {
		*ending = (struct ceint_ending){.dump = dump};
		strcpy(ending->name, rotate->name);
		ceint_dump_wind_up(dump);
		*rotate->last = ending;
		rotate->last = &ending->next;
		return ceint_rotate_end_files(rotate, false, err);
	}
	rc = ceint_rotate_end_files(rotate, true, err);
	if (rc == 0)
		return end_file(rotate, dump, rotate->name, err);
	add_counters(&rotate->closed, dump);
	ce_dump_close(dump, NULL);
	return rc;
}

void ce_rotate_count(const struct ce_rotate *rotate, struct ce_dump_counters *counters)
{
	*counters = rotate->closed;
	for (const struct ceint_ending *ending = rotate->ending; ending;
	     ending = ending->next)
		add_counters(counters, ending->dump);
	if (rotate->dump)
		add_counters(counters, rotate->dump);
	counters->failed = rotate->seen - counters->written - counters->dropped;
}
