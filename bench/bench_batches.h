/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_batches.h - the first 65,536 packets of a savefile, as batches that stay: what
 * benches of decode, where and group work on.
 *
 *     bench_load -> batches[i] -> bench_unload
 *
 * Threads    one
 * Ownership  the caller owns what load gives, and unloads it
 * Blocking   load reads the file; an error ends the program
 */
#ifndef BENCH_BATCHES_H
#define BENCH_BATCHES_H

#include <errno.h>

#include <capengine/batch.h>
#include <capengine/ring.h>
#include <capengine/source.h>

#include "bench.h"

enum { BENCH_BATCHES = 16, BENCH_ARENA = 8 << 20 };

struct bench_batches {
	struct ce_source *source; /* whose memory batches have */
	struct ce_ring *ring;
	struct ce_batch *batches[BENCH_BATCHES]; /* every packet selected */
	uint32_t count;
	uint64_t packets;
};

/* Fill one batch; false: the file has no more. */
static inline bool bench_fill(struct ce_source *source, struct ce_batch *batch)
{
	struct ce_err err;
	int rc = CE_SOURCE_MORE;

	while (rc == CE_SOURCE_MORE)
		rc = source->ops->read(source, batch, &err);
	if (rc != -ENODATA)
		bench_check(rc, err.text);
	return batch->count > 0;
}

static inline struct bench_batches bench_load(const char *path)
{
	const struct ce_ring_options ring = {.slots = BENCH_BATCHES,
	                                     .arena_bytes = BENCH_ARENA};
	const struct ce_source_options options = {.files = &path, .file_count = 1};
	struct bench_batches loaded = {0};
	struct ce_err err;

	if (ce_source_open(&loaded.source, &ce_source_savefile, &options, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	bench_check(ce_ring_open(&loaded.ring, &ring), "ce_ring_open");
	while (loaded.count < BENCH_BATCHES &&
	       bench_fill(loaded.source, ce_ring_reserve(loaded.ring))) {
		struct ce_batch *batch;

		ce_ring_commit(loaded.ring);
		batch = ce_ring_peek(loaded.ring);
		ce_batch_select_all(batch);
		loaded.packets += batch->count;
		loaded.batches[loaded.count++] = batch;
	}
	return loaded;
}

static inline void bench_unload(struct bench_batches *loaded)
{
	ce_ring_close(loaded->ring);
	ce_source_close(loaded->source);
}

#endif
