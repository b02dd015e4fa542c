/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_floor.c - the floor: what this machine needs to read the records of a file
 * and to do the task, with all that was measured to help and no other duties.
 *
 *     peer_floor count|match|sources|flows FILE
 *
 * Probes of the table are prefetched in batches of 64 packets.
 */
#include <stdio.h>
#include <string.h>

#include "peer_table.h"
#include "peer_walk.h"

enum { BATCH = 64 };

static void count(struct walk *walk)
{
	unsigned long long packets = 0, bytes = 0;
	const struct record *record;

	while ((record = next_record(walk))) {
		packets++;
		bytes += record->len;
	}
	printf("%llu %llu\n", packets, bytes);
}

static void match(struct walk *walk)
{
	unsigned long long packets = 0;
	const struct record *record;
	struct ip ip;

	while ((record = next_record(walk)))
		packets += decode(frame_of(record), record->caplen, &ip) && matches(&ip);
	printf("%llu\n", packets);
}

struct probe {
	struct key key;
	uint64_t hash, bytes;
};

/* Add a batch of probes, whose slots have been prefetched meanwhile. */
static inline void add_batch(struct table *table, const struct probe *probes,
                             unsigned count, size_t words)
{
	for (unsigned i = 0; i < count; i++)
		table_add(table, &probes[i].key, probes[i].hash, probes[i].bytes, words);
}

static inline void group(struct walk *walk, size_t words)
{
	struct table table = table_open(words);
	struct probe probes[BATCH];
	const struct record *record;
	unsigned waiting = 0;
	struct ip ip;

	while ((record = next_record(walk))) {
		struct probe *probe = &probes[waiting];

		if (!decode(frame_of(record), record->caplen, &ip) ||
		    (words == FLOW_WORDS && !has_ports(&ip)))
			continue;
		probe->key = words == FLOW_WORDS ? key_of_flow(&ip) : key_of_source(&ip);
		probe->hash = table_hash(&probe->key, words);
		probe->bytes = record->len;
		__builtin_prefetch(table_slot(&table, probe->hash, words), 1);
		if (++waiting == BATCH) {
			add_batch(&table, probes, waiting, words);
			waiting = 0;
		}
	}
	add_batch(&table, probes, waiting, words);
	table_print(&table);
}

static void sources(struct walk *walk)
{
	group(walk, SOURCE_WORDS);
}

static void flows(struct walk *walk)
{
	group(walk, FLOW_WORDS);
}

int main(int argc, char **argv)
{
	static const struct task {
		const char *name;
		void (*run)(struct walk *walk);
	} tasks[] = {{"count", count},
	             {"match", match},
	             {"sources", sources},
	             {"flows", flows}};
	struct walk walk;

	if (argc == 3 && map_records(argv[2], &walk) < 0) {
		perror(argv[2]);
		return 1;
	}
	for (size_t i = 0; argc == 3 && i < sizeof(tasks) / sizeof(*tasks); i++)
		if (strcmp(argv[1], tasks[i].name) == 0)
			return tasks[i].run(&walk), 0;
	fprintf(stderr, "usage: peer_floor count|match|sources|flows FILE\n");
	return 2;
}
