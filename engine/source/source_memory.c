/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_memory.c - packets from an array, any number of rounds: for tests,
 * benchmarks, and handles that have a link type but no packets.
 */
#include <errno.h>

#include "capengine/batch.h"
#include "capengine/source.h"

enum { DEFAULT_SNAPLEN = 262144 };

struct memory {
	struct ce_source source;
	const struct ce_memory_packet *packets;
	size_t count;
	size_t at;
	uint64_t rounds; /* yet to be read, the current one included */
};

static int memory_open(struct ce_source *source, const struct ce_source_options *options,
                       struct ce_err *err)
{
	struct memory *memory = (struct memory *)source;

	(void)err;
	memory->packets = options->packets;
	memory->count = options->packet_count;
	memory->rounds = options->rounds ? options->rounds : 1;
	source->snapshot = options->snaplen ? options->snaplen : DEFAULT_SNAPLEN;
	source->origin = (struct ce_origin){
		.linktype = options->linktype,
		.snaplen = (uint32_t)source->snapshot,
		.nano = true,
	};
	return 0;
}

static void memory_close(struct ce_source *source)
{
	(void)source;
}

/* The next packet, or NULL: all rounds are over. */
static const struct ce_memory_packet *next_packet(struct memory *memory)
{
	if (memory->at == memory->count) {
		if (memory->count == 0 || --memory->rounds == 0)
			return NULL;
		memory->at = 0;
	}
	return &memory->packets[memory->at];
}

static int append(struct ce_batch *batch, const struct ce_memory_packet *packet)
{
	int64_t frac_ns = packet->ts_ns % 1000000000;
	const struct ce_record record = {
		.sec = (uint32_t)(packet->ts_ns / 1000000000 - (frac_ns < 0)),
		.frac = (uint32_t)(frac_ns < 0 ? frac_ns + 1000000000 : frac_ns),
		.caplen = packet->caplen,
		.len = packet->len,
	};

	return ce_batch_append(batch, &record, packet->ts_ns, packet->data);
}

static int memory_read(struct ce_source *source, struct ce_batch *batch,
                       struct ce_err *err)
{
	struct memory *memory = (struct memory *)source;
	const struct ce_memory_packet *packet;

	batch->origin = source->origin;
	while ((packet = next_packet(memory))) {
		int rc = append(batch, packet);

		if (rc == -ENOSPC)
			return CE_SOURCE_FULL;
		if (rc < 0)
			return ce_err_set(err, rc, "out of memory");
		memory->at++;
	}
	memory->rounds = 1; /* stay at the end */
	return -ENODATA;
}

const struct ce_source_ops ce_source_memory = {
	.name = "memory",
	.size = sizeof(struct memory),
	.open = memory_open,
	.close = memory_close,
	.read = memory_read,
};
