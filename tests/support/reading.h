/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reading.h - read a source as a capture does, and look whether packets.h's
 * packets came in order; for tests.
 *
 * Include cmocka.h and all that it needs first.
 *
 * Threads    one at a time
 * Ownership  the caller closes what it opened
 * Blocking   as long as the source does
 */
#ifndef CE_TESTS_READING_H
#define CE_TESTS_READING_H

#include "capengine/batch.h"
#include "capengine/ring.h"
#include "capengine/source.h"
#include "support/packets.h"

/* What reading_all saw. */
struct reading {
	uint32_t packets;
	uint32_t batches; /* that had packets */
	uint32_t fulls;   /* times that read said CE_SOURCE_FULL */
	uint32_t wrong;   /* packets that were not the next of packets.h */
	int linktypes[8]; /* of the first batches with packets */
	uint32_t most;    /* packets in one batch */
	int end;          /* what ended it */
	struct ce_err err;
};

struct reading_room {
	uint32_t packets;
	size_t arena_bytes;
};

static inline void reading_look(const struct ce_batch *batch, struct reading *seen)
{
	if (!batch->count)
		return;
	if (seen->batches < 8)
		seen->linktypes[seen->batches] = batch->origin.linktype;
	seen->batches++;
	if (batch->count > seen->most)
		seen->most = batch->count;
	for (uint32_t i = 0; i < batch->count; i++)
		seen->wrong += !packets_is(batch, i, seen->packets++);
}

static inline struct ce_ring *reading_open_room(struct reading_room room)
{
	const struct ce_ring_options options = {
		.slots = 1, .packets = room.packets, .arena_bytes = room.arena_bytes};
	struct ce_ring *ring = NULL;

	assert_int_equal(ce_ring_open(&ring, &options), 0);
	return ring;
}

/* Read until the source ends, as a capture does, in batches of this room. */
static inline struct reading reading_all(struct ce_source *source, struct reading_room room)
{
	struct ce_ring *ring = reading_open_room(room);
	struct ce_batch *batch = ce_ring_reserve(ring);
	struct reading seen = {0};

	do {
		source->batch = batch;
		seen.end = source->ops->read(source, batch, &seen.err);
		seen.fulls += seen.end == CE_SOURCE_FULL;
		if (seen.end == CE_SOURCE_MORE && !ce_batch_full(batch))
			continue;
		reading_look(batch, &seen);
		ce_batch_clear(batch);
	} while (seen.end >= 0);
	ce_ring_close(ring);
	return seen;
}

static inline struct ce_source *reading_open_source(const struct ce_source_ops *kind,
                                                    const struct ce_source_options *options)
{
	struct ce_source *source = NULL;
	struct ce_err err = {0};

	if (ce_source_open(&source, kind, options, &err) < 0)
		fail_msg("%s", err.text);
	return source;
}

static inline struct ce_source *reading_open_files(const char *const *files, size_t count)
{
	return reading_open_source(&ce_source_savefile, &(struct ce_source_options){
		.files = files, .file_count = count});
}

/* What open says; it must give no source then. */
static inline int reading_open_fails(const struct ce_source_ops *kind,
                                     const struct ce_source_options *options,
                                     struct ce_err *err)
{
	struct ce_source *source = NULL;
	int rc = ce_source_open(&source, kind, options, err);

	assert_null(source);
	return rc;
}

#endif
