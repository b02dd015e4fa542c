/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_walk.h - walks the records of a mapped file, for the floors: classic, of
 * this machine's byte order.
 *
 *     map_records -> next_record, next_record, ...
 *
 * The file is mapped whole; the lines of the record after next are prefetched by
 * a stream 4 KiB ahead of the walk.
 *
 * Threads    any
 * Ownership  the mapping stays
 * Blocking   map_records for the disk
 */
#ifndef PEER_WALK_H
#define PEER_WALK_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 24, RECORD = 16, AHEAD = 4096, LINE = 64 };

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

/* 0 or -1, with errno. */
static inline int map_records(const char *path, struct walk *walk)
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

#endif
