/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_group.c - what a packet costs in a group, beside the columns that it looks at:
 * by the width of the key, and by what is kept.
 *
 *     bench_group SAVEFILE
 *
 * How the cost grows with the number of keys: bench/run --curves.
 */
#include <capengine/decode.h>
#include <capengine/field.h>
#include <capengine/group.h>

#include "bench_batches.h"

enum { FIELDS = 5 };

struct job {
	struct ce_decode *decodes[BENCH_BATCHES]; /* one for each batch: columns stay */
	const struct bench_batches *loaded;
	struct ce_group *group;
};

static void add_all(void *state)
{
	const struct job *job = state;

	for (uint32_t i = 0; i < job->loaded->count; i++)
		bench_check(ce_group_add(job->group, job->decodes[i],
		                         job->loaded->batches[i]->selected),
		            "ce_group_add");
}

static void open_decodes(struct job *job)
{
	for (uint32_t i = 0; i < job->loaded->count; i++) {
		const struct ce_batch *batch = job->loaded->batches[i];

		bench_check(ce_decode_open(&job->decodes[i], 1), "ce_decode_open");
		ce_decode_begin(job->decodes[i], batch, batch->selected);
	}
}

/* A group by these fields; op: what is kept of frame.len, beside the count. */
static void time_group(struct job *job, const char *what, const char *const *names,
                       enum ce_group_op op)
{
	const struct ce_group_column value = {op, ce_field_find("frame.len")};
	const struct ce_field *by[FIELDS];
	const uint64_t seed = 1;
	struct ce_group_options options = {.by = by,
	                                   .values = &value,
	                                   .value_count = op != CE_GROUP_COUNT,
	                                   .seed = &seed};
	struct ce_err err;

	for (; names[options.by_count]; options.by_count++)
		by[options.by_count] = ce_field_find(names[options.by_count]);
	bench_check(ce_group_open(&job->group, &options, &err), err.text);
	bench_run("group", what, job->loaded->packets, add_all, job);
	ce_group_close(job->group);
}

int main(int argc, char **argv)
{
	static const char *const source[] = {"flow.src", NULL};
	static const char *const flow[] = {"flow.src",     "flow.dst",   "flow.srcport",
	                                   "flow.dstport", "flow.proto", NULL};
	static const char *const key[] = {"flow.key", NULL};
	struct bench_batches loaded;
	struct job job = {.loaded = &loaded};

	if (argc != 2) {
		fprintf(stderr, "usage: bench_group SAVEFILE\n");
		return 2;
	}
	loaded = bench_load(argv[1]);
	open_decodes(&job);
	time_group(&job, "packets by flow.src", source, CE_GROUP_COUNT);
	time_group(&job, "bytes by flow.src", source, CE_GROUP_SUM);
	time_group(&job, "bytes by flow, each direction one", flow, CE_GROUP_SUM);
	time_group(&job, "bytes by flow.key", key, CE_GROUP_SUM);
	time_group(&job, "different lengths by flow.src", source, CE_GROUP_DISTINCT);
	for (uint32_t i = 0; i < loaded.count; i++)
		ce_decode_close(job.decodes[i]);
	bench_unload(&loaded);
	return 0;
}
