/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_savefile.c - any bytes as a savefile: from a file and from a pipe, in batches of
 * several sizes, the same packets come and the same end.
 *
 * From a pipe all is libpcap's; from a file, plain records are ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "capengine/ring.h"
#include "capengine/source.h"
#include "support/packets.h"

enum {
	MOST = 65536, /* bytes that a pipe holds */
	SIZES = 3,    /* of batches */
};

struct seen {
	uint64_t hash; /* of all packets */
	int end;       /* what ended the reading */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ce_ring *rings[SIZES];
static struct ce_batch *batches[SIZES];

static void open_all(void)
{
	static const struct ce_ring_options options[SIZES] = {
		{.slots = 1},
		{.slots = 1, .packets = 3, .arena_bytes = 200},
		{.slots = 1, .arena_bytes = 3000}};

	for (int i = 0; i < SIZES; i++) {
		if (ce_ring_open(&rings[i], &options[i]) < 0)
			abort();
		batches[i] = ce_ring_reserve(rings[i]);
	}
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* Each packet stands right behind the one before; all of them, in the arena. */
static void check_place(const struct ce_batch *batch)
{
	const size_t header = batch->layout >= CE_LAYOUT_MODIFIED ? 24 : 16;
	const unsigned char *at = batch->oversize ? batch->oversize : batch->arena;

	for (uint32_t i = 0; i < batch->count; i++) {
		if (batch->data[i] != at + header)
			abort();
		at = batch->data[i] + batch->caplen[i];
	}
	if (!batch->oversize && at != batch->arena + batch->arena_used)
		abort();
}

/* The record header says what the columns say, as far as 32 bits of seconds can. */
static void check_record(const struct ce_batch *batch, uint32_t i)
{
	const int64_t most = INT64_C(4500000000) * 1000000000, ts_ns = batch->ts_ns[i];
	const struct ce_record record = ce_batch_record(batch, i);
	const int64_t whole = ts_ns -
	                      record.frac * (batch->origin.nano ? 1 : INT64_C(1000));

	if (record.caplen != batch->caplen[i] || record.len != batch->len[i])
		abort();
	if (ts_ns < -most || ts_ns > most)
		abort();
	if (ts_ns > -most && ts_ns < most &&
	    (whole % 1000000000 || (uint32_t)(whole / 1000000000) != record.sec))
		abort();
}

static uint64_t look(const struct ce_batch *batch, uint64_t hash)
{
	if (!batch->count)
		return hash;
	check_place(batch);
	for (uint32_t i = 0; i < batch->count; i++) {
		check_record(batch, i);
		hash = mix(mix(hash, (uint64_t)batch->ts_ns[i]), batch->caplen[i]);
		hash = mix(mix(hash, batch->len[i]), (uint64_t)batch->origin.linktype);
		for (uint32_t at = 0; at < batch->caplen[i]; at++)
			hash = mix(hash, batch->data[i][at]);
	}
	return hash;
}

/* Read as a capture does, to the end. */
static struct seen read_path(const char *path, struct ce_batch *batch)
{
	const struct ce_source_options options = {.files = &path, .file_count = 1};
	struct ce_source *source = NULL;
	struct seen seen = {0};
	struct ce_err err;

	err.text[0] = '\0';
	seen.end = ce_source_open(&source, &ce_source_savefile, &options, &err);
	while (seen.end >= 0) {
		source->batch = batch;
		seen.end = source->ops->read(source, batch, &err);
		if (seen.end == CE_SOURCE_MORE && !ce_batch_full(batch))
			continue;
		seen.hash = look(batch, seen.hash);
		ce_batch_clear(batch);
	}
	if (seen.end != -ENODATA && !err.text[0])
		abort();
	ce_source_close(source);
	return seen;
}

static struct packets_file open_pipe(const uint8_t *data, size_t size)
{
	struct packets_file file;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    write(fds[1], data, size) != (ssize_t)size)
		abort();
	close(fds[1]);
	file.fd = fds[0];
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

static struct seen read_bytes(const uint8_t *data, size_t size, struct ce_batch *batch,
                              bool piped)
{
	struct packets_file file = piped ? open_pipe(data, size)
	                                 : packets_file_open(data, size);
	struct seen seen = read_path(file.path, batch);

	packets_file_close(&file);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first;

	if (size > MOST)
		return 0;
	if (!rings[0])
		open_all();
	first = read_bytes(data, size, batches[0], true);
	for (int piped = 0; piped < 2; piped++)
		for (int i = 0; i < SIZES; i++) {
			struct seen seen = read_bytes(data, size, batches[i], piped);

			if (seen.end != first.end || seen.hash != first.hash)
				abort();
		}
	return 0;
}
