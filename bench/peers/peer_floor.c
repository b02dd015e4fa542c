/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_floor.c - the floor: what this machine needs to read the records of a file
 * and to do the task, with all that was measured to help and no other duties.
 *
 *     peer_floor count|match|sources|flows FILE
 *
 * The file is mapped whole; the lines of the record after next are prefetched by
 * a stream 4 KiB ahead of the walk. Probes of the table are prefetched in batches
 * of 64 packets. It reads one format: classic, of this machine's byte order.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer_table.h"

enum { HEADER = 24, RECORD = 16, AHEAD = 4096, LINE = 64, BATCH = 64 };

struct walk {
	const uint8_t *at, *end, *fetched;
};

struct record {
	uint32_t sec, fraction, caplen, len;
};

/* Step to the next record; returns it, or NULL at the end. */
static inline const struct record *next_record(struct walk *walk)
{
	const struct record *record = (const void *)walk->at;

	if (walk->end - walk->at < RECORD ||
	    walk->end - walk->at - RECORD < (ptrdiff_t)record->caplen)
		return NULL;
	for (; walk->fetched < walk->at + AHEAD; walk->fetched += LINE)
		__builtin_prefetch(walk->fetched);
	walk->at += RECORD + record->caplen;
	return record;
}

static inline const uint8_t *frame_of(const struct record *record)
{
	return (const uint8_t *)(record + 1);
}

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

static int map_records(const char *path, struct walk *walk)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	const uint8_t *map;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -1;
	map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd,
	           0);
	if (map == MAP_FAILED)
		return -1;
	*walk = (struct walk){map + HEADER, map + stat.st_size, map};
	return close(fd);
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
