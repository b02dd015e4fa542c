/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_where.c - what an expression costs for a packet, beside the columns that it
 * looks at: those are there after the warm-up of each batch.
 *
 *     bench_where SAVEFILE
 */
#include <string.h>

#include <capengine/decode.h>
#include <capengine/where.h>

#include "bench_batches.h"

struct job {
	struct ce_decode *decodes[BENCH_BATCHES]; /* one for each batch: columns stay */
	const struct bench_batches *loaded;
	struct ce_where *where;
};

static void select_all(void *state)
{
	const struct job *job = state;

	for (uint32_t i = 0; i < job->loaded->count; i++) {
		uint64_t selected[CE_BATCH_WORDS];

		memcpy(selected, job->loaded->batches[i]->selected, sizeof(selected));
		bench_check(ce_where_select(job->where, job->decodes[i], selected),
		            "ce_where_select");
	}
}

static void open_decodes(struct job *job)
{
	for (uint32_t i = 0; i < job->loaded->count; i++) {
		const struct ce_batch *batch = job->loaded->batches[i];

		bench_check(ce_decode_open(&job->decodes[i], 1), "ce_decode_open");
		ce_decode_begin(job->decodes[i], batch, batch->selected);
	}
}

int main(int argc, char **argv)
{
	static const char *const expressions[] = {
		"tcp",
		"frame.len > 1000",
		"tcp.dstport == 443",
		"tcp.dstport == 443 or tcp.flags.syn == 1",
		"flow.proto in {6, 17}",
		"ip.src == 10.0.0.0/8",
		"tcp.port in {80, 443, 8000..8100} and not ip.addr == 10.0.0.1",
		"ipv6.src == 2001:db8::/32",
	};
	struct bench_batches loaded;
	struct job job = {.loaded = &loaded};
	struct ce_err err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_where SAVEFILE\n");
		return 2;
	}
	loaded = bench_load(argv[1]);
	open_decodes(&job);
	for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
		bench_check(ce_where_open(&job.where, expressions[i], &err), err.text);
		bench_run("where", expressions[i], loaded.packets, select_all, &job);
		ce_where_close(job.where);
	}
	for (uint32_t i = 0; i < loaded.count; i++)
		ce_decode_close(job.decodes[i]);
	bench_unload(&loaded);
	return 0;
}
