/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * part.c - see part_int.h.
 *
 * A copy is made by read(2) into memory that stays in a cache. Of what is mapped, where
 * records are long, only headers are fetched.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lanes_int.h"
#include "part_int.h"

enum {
	SLACK = 4096, /* bytes behind a part, for its last record: most are shorter */
	ENOUGH = 4,   /* records that are no chance */
};

/* The part's bytes and some more, as far as they are there. */
struct loaded {
	const struct ceint_part *part;
	struct ce_batch *batch;
	const unsigned char *bytes; /* mapped, or the batch's arena */
	size_t size;
};

/*
 * Read as much as the file still has afterwards. Whoever truncates it sets the size first,
 * and then makes zeros of what is behind the new end in its page of memory, which may have
 * 2 MiB: also while read(2) copies from there.
 */
static size_t read_file(int fd, unsigned char *to, size_t bytes, off_t at)
{
	struct stat status;
	ssize_t got;

	do
		got = pread(fd, to, bytes, at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return 0;
	if (fstat(fd, &status) == 0 && status.st_size < at + got)
		return status.st_size > at ? (size_t)(status.st_size - at) : 0;
	return (size_t)got;
}

/* Load so many bytes more, if the arena has room for them. False: it has not, or the
   file has fewer. */
static bool load(struct loaded *loaded, size_t bytes)
{
	const struct ceint_part *part = loaded->part;
	struct ce_batch *batch = loaded->batch;
	size_t got;

	if (batch->mapped || bytes > batch->arena_bytes - loaded->size)
		return false;
	got = read_file(part->fd, batch->arena + loaded->size, bytes,
	                part->from + (off_t)loaded->size);
	loaded->size += got;
	return got == bytes;
}

/* Have the part mapped, or load it. */
static void have_part(struct loaded *loaded, const struct ceint_part *part,
                      const struct ceint_records *records, struct ce_batch *batch)
{
	size_t bytes = (size_t)(part->last - part->from);

	*loaded = (struct loaded){part, batch, batch->arena, 0};
	if (part->mapping)
		loaded->bytes = ceint_mapping_find(part->mapping, part->from, part->last,
		                                   part->least);
	batch->mapped = part->mapping && loaded->bytes;
	if (batch->mapped) {
		loaded->size = bytes + ceint_records_longest(records);
		return;
	}
	loaded->bytes = batch->arena;
	bytes += SLACK;
	load(loaded, bytes < batch->arena_bytes ? bytes : batch->arena_bytes);
}

/* What is loaded, from the offset in the file on. */
static struct ceint_run run_from(const struct loaded *loaded, off_t at)
{
	const struct ceint_part *part = loaded->part;
	const unsigned char *begin = loaded->bytes;
	size_t from = (size_t)(at - part->from), last = (size_t)(part->last - part->from);
	struct ceint_run run = {.end = begin + loaded->size};

	run.at = from < loaded->size ? begin + from : run.end;
	run.last = last < loaded->size ? begin + last : run.end;
	return run;
}

/* A mapped last record may be longer than what would have been read: then it belongs into
   the next batch, as if it had been. Gives where the packets end. */
static const unsigned char *shorten(const struct loaded *loaded,
                                    const struct ceint_records *records,
                                    const unsigned char *end)
{
	struct ce_batch *batch = loaded->batch;

	if ((size_t)(end - loaded->bytes) <= batch->arena_bytes)
		return end;
	batch->count--;
	return batch->data[batch->count] - ceint_record_header(records);
}

/* Walk what is loaded, and load what a last record still lacks. */
static off_t walk(struct loaded *loaded, const struct ceint_records *records, off_t at)
{
	struct ce_batch *batch = loaded->batch;
	struct ceint_run run;
	size_t missing;

	do {
		run = run_from(loaded, at);
		if (batch->mapped && loaded->part->sparse)
			run.at = ceint_lanes_walk(records, batch, &run);
		run.at = ceint_records_walk(records, batch, &run);
		run.at = shorten(loaded, records, run.at);
		at = loaded->part->from + (run.at - loaded->bytes);
		missing = at < loaded->part->last && batch->count < batch->capacity
		                  ? ceint_records_missing(records, run.at, run.end)
		                  : 0;
	} while (missing && load(loaded, missing));
	batch->arena_used =
		batch->count && !batch->mapped ? (size_t)(run.at - batch->arena) : 0;
	if (!batch->count) {
		batch->layout = CE_LAYOUT_RECORD;
		batch->mapped = false;
	}
	return at;
}

off_t ceint_part_read(const struct ceint_part *part, const struct ceint_records *records,
                      off_t at, struct ce_batch *batch)
{
	struct loaded loaded;

	if (at >= part->last) /* a record before it ends behind it */
		return at;
	have_part(&loaded, part, records, batch);
	return at - part->from < (off_t)loaded.size ? walk(&loaded, records, at) : at;
}

off_t ceint_part_guess(const struct ceint_part *part, const struct ceint_records *records,
                       uint32_t sec, off_t *begun, struct ce_batch *batch)
{
	const unsigned char *at;
	struct loaded loaded;
	struct ceint_run run;

	have_part(&loaded, part, records, batch);
	run = run_from(&loaded, part->from);
	at = ceint_records_guess(records, &run, sec, ENOUGH);
	*begun = at ? part->from + (at - loaded.bytes) : -1;
	return at ? walk(&loaded, records, *begun) : -1;
}
