/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_floor_write.c - the floor of what is written: what this machine needs to walk
 * the records of a mapped file and to write them, or those of TCP from or to port
 * 443, to another.
 *
 *     peer_floor_write copy|filter FILE OUT
 *
 * All records are written from the mapping, in pieces of 256 KiB; those that a filter
 * chooses are gathered first. Packets behind a VLAN tag are not looked at, as in the
 * filter expression "tcp port 443".
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "peer_decode.h"
#include "peer_walk.h"

enum { PIECE = 256 << 10, MOST_CAPLEN = 262144, HTTPS = 443 };

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

static bool copy(struct walk *walk, int fd)
{
	const uint8_t *from = walk->at - HEADER; /* the file's own header, too */

	while (next_record(walk)) {
		if (walk->at - from < PIECE)
			continue;
		if (!write_all(fd, from, (size_t)(walk->at - from)))
			return false;
		from = walk->at;
	}
	return write_all(fd, from, (size_t)(walk->at - from));
}

/* TCP, and one of its ports is 443; tagged frames are others. */
static bool chosen(const uint8_t *frame, uint32_t caplen)
{
	struct ip ip;

	if (caplen < 14 || get16(frame + 12) == 0x8100 || get16(frame + 12) == 0x88a8 ||
	    !decode(frame, caplen, &ip))
		return false;
	return ip.proto == IPPROTO_TCP && ip.end - ip.transport >= 4 &&
	       (get16(ip.transport) == HTTPS || get16(ip.transport + 2) == HTTPS);
}

static bool filter(struct walk *walk, int fd)
{
	static uint8_t piece[PIECE + RECORD + MOST_CAPLEN];
	const struct record *record;
	size_t used = HEADER;

	memcpy(piece, walk->at - HEADER, HEADER);
	while ((record = next_record(walk))) {
		if (!chosen((const uint8_t *)(record + 1), record->caplen))
			continue;
		memcpy(piece + used, record, RECORD + record->caplen);
		used += RECORD + record->caplen;
		if (used < PIECE)
			continue;
		if (!write_all(fd, piece, used))
			return false;
		used = 0;
	}
	return write_all(fd, piece, used);
}

int main(int argc, char **argv)
{
	bool filters = argc == 4 && strcmp(argv[1], "filter") == 0;
	struct walk walk;
	int fd;

	if (argc != 4 || (!filters && strcmp(argv[1], "copy") != 0)) {
		fprintf(stderr, "usage: peer_floor_write copy|filter FILE OUT\n");
		return 2;
	}
	fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (map_records(argv[2], &walk) < 0 || fd < 0 ||
	    !(filters ? filter : copy)(&walk, fd) || close(fd) < 0) {
		perror("peer_floor_write");
		return 1;
	}
	return 0;
}
