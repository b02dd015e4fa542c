/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_decode.c - what a column costs for a packet: of each layer, and of flow.*.
 * Each case begins anew, so that the walk over the headers is in it.
 *
 *     bench_decode SAVEFILE
 */
#include <capengine/decode.h>
#include <capengine/field.h>

#include "bench_batches.h"

enum { FIELDS = 5 };

struct job {
	const struct bench_batches *loaded;
	struct ce_decode *decode;
	const char *const *names; /* of fields; NULL last */
};

static void decode_all(void *state)
{
	const struct job *job = state;

	for (uint32_t i = 0; i < job->loaded->count; i++) {
		const struct ce_batch *batch = job->loaded->batches[i];

		ce_decode_begin(job->decode, batch, batch->selected);
		for (const char *const *name = job->names; *name; name++)
			if (!ce_decode_column(job->decode, ce_field_find(*name)))
				bench_check(-ENOMEM, "ce_decode_column");
	}
}

int main(int argc, char **argv)
{
	static const char *const cases[][FIELDS + 1] = {
		{"frame.len"},
		{"eth.type"},
		{"ip.ttl"},
		{"tcp.dstport"},
		{"flow.src"},
		{"flow.hash"},
		{"flow.src", "flow.dst", "flow.srcport", "flow.dstport", "flow.proto"},
	};
	struct bench_batches loaded;
	struct job job = {&loaded, NULL, NULL};

	if (argc != 2) {
		fprintf(stderr, "usage: bench_decode SAVEFILE\n");
		return 2;
	}
	loaded = bench_load(argv[1]);
	bench_check(ce_decode_open(&job.decode, 1), "ce_decode_open");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char what[80];

		job.names = cases[i];
		snprintf(what, sizeof(what), cases[i][1] ? "%s and four more" : "%s",
		         cases[i][0]);
		bench_run("decode", what, loaded.packets, decode_all, &job);
	}
	ce_decode_close(job.decode);
	bench_unload(&loaded);
	return 0;
}
