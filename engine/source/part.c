/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * part.c - see part_int.h.
 *
 * A copy by read(2) into memory that stays in a cache was measured against mapping the
 * file, and takes half the time: of a mapped file each page is a fault, and each packet
 * a miss, while copies keep to a stream.
 */
#include <errno.h>
#include <unistd.h>

#include "part_int.h"

enum { SLACK = 4096 }; /* bytes behind a part, for its last record: most are shorter */

/* The part's bytes, as far as they are in the batch's arena. */
struct loaded {
	const struct ceint_part *part;
	struct ce_batch *batch;
	size_t size;
};

/* Load so many bytes more, if the arena has room for them. False: it has not, or the
   file has fewer. */
static bool load(struct loaded *loaded, size_t bytes)
{
	const struct ceint_part *part = loaded->part;
	struct ce_batch *batch = loaded->batch;
	ssize_t got;

	if (bytes > batch->arena_bytes - loaded->size)
		return false;
	do
		got = pread(part->fd, batch->arena + loaded->size, bytes,
		            part->from + (off_t)loaded->size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		loaded->size += (size_t)got;
	return got == (ssize_t)bytes;
}

static void load_part(struct loaded *loaded, const struct ceint_part *part,
                      struct ce_batch *batch)
{
	size_t bytes = (size_t)(part->last - part->from) + SLACK;

	*loaded = (struct loaded){part, batch, 0};
	load(loaded, bytes < batch->arena_bytes ? bytes : batch->arena_bytes);
}

/* What is loaded, from the offset in the file on. */
static struct ceint_run run_from(const struct loaded *loaded, off_t at)
{
	const struct ceint_part *part = loaded->part;
	const unsigned char *begin = loaded->batch->arena;
	size_t from = (size_t)(at - part->from), last = (size_t)(part->last - part->from);
	struct ceint_run run = {.end = begin + loaded->size};

	run.at = from < loaded->size ? begin + from : run.end;
	run.last = last < loaded->size ? begin + last : run.end;
	return run;
}

/* Walk what is loaded, and load what a last record still lacks. */
static off_t walk(struct loaded *loaded, const struct ceint_records *records, off_t at)
{
	struct ce_batch *batch = loaded->batch;
	struct ceint_run run;
	size_t missing;

	do {
		run = run_from(loaded, at);
		run.at = ceint_records_walk(records, batch, &run);
		at = loaded->part->from + (run.at - batch->arena);
		missing = at < loaded->part->last && batch->count < batch->capacity
		                  ? ceint_records_missing(records, run.at, run.end)
		                  : 0;
	} while (missing && load(loaded, missing));
	batch->arena_used = batch->count ? (size_t)(run.at - batch->arena) : 0;
	if (!batch->count)
		batch->layout = CE_LAYOUT_RECORD;
	return at;
}

off_t ceint_part_read(const struct ceint_part *part, const struct ceint_records *records,
                      off_t at, struct ce_batch *batch)
{
	struct loaded loaded;

	if (at >= part->last) /* a record before it ends behind it */
		return at;
	load_part(&loaded, part, batch);
	return at - part->from < (off_t)loaded.size ? walk(&loaded, records, at) : at;
}

off_t ceint_part_guess(const struct ceint_part *part, const struct ceint_records *records,
                       uint32_t sec, off_t *begun, struct ce_batch *batch)
{
	const unsigned char *at;
	struct loaded loaded;
	struct ceint_run run;

	load_part(&loaded, part, batch);
	run = run_from(&loaded, part->from);
	at = ceint_records_guess(records, &run, sec);
	*begun = at ? part->from + (at - batch->arena) : -1;
	return at ? walk(&loaded, records, *begun) : -1;
}
