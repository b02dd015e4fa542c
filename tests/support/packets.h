/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packets.h - packets with a number, and savefiles of them, for tests.
 *
 * Packet i is an Ethernet frame with a UDP datagram to port 1000 + i % 10, whose
 * payload begins with i. So a test sees which packets came, in which order, and
 * can choose every tenth of them with a filter. Its stamp has whole microseconds.
 *
 * Threads    any thread
 * Ownership  the caller closes what it opened
 * Blocking   files are in memory
 */
#ifndef CE_TESTS_PACKETS_H
#define CE_TESTS_PACKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capengine/batch.h"
#include "capengine/source.h"

enum {
	PACKETS_ETHERNET = 1, /* DLT_EN10MB */
	PACKETS_RAW = 12,     /* DLT_RAW; as LINKTYPE_RAW, in files, 101 */
	PACKETS_RAW_IN_FILE = 101,
	PACKETS_HEADERS = 42, /* Ethernet, IPv4, UDP */
	PACKETS_MOST = 160,   /* bytes of the longest */
	PACKETS_RECORD = 16,
	PACKETS_FILE_HEADER = 24,
};

static inline void packets_put16(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
}

static inline void packets_put32(unsigned char *to, uint32_t value)
{
	packets_put16(to, value >> 16);
	packets_put16(to + 2, value);
}

/* The stamp of packet i. */
static inline int64_t packets_ts_ns(uint32_t i)
{
	return INT64_C(1700000000999000000) + i * INT64_C(1001000);
}

static inline uint32_t packets_length(uint32_t i)
{
	return PACKETS_HEADERS + 4 + i % 97;
}

/* Write packet i to `to`, of PACKETS_MOST bytes; gives its length. */
static inline uint32_t packets_format(unsigned char *to, uint32_t i)
{
	uint32_t length = packets_length(i);

	memset(to, (int)(i & 0xff), length);
	memcpy(to, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
	memcpy(to + 14, "\x45\0\0\0\0\0\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2", 20);
	packets_put16(to + 16, length - 14);
	packets_put16(to + 34, 5000);
	packets_put16(to + 36, 1000 + i % 10);
	packets_put16(to + 38, length - 34);
	packets_put16(to + 40, 0);
	packets_put32(to + PACKETS_HEADERS, i);
	return length;
}

/* Is packet `at` of the batch packet i, with its stamp and lengths? */
static inline bool packets_is(const struct ce_batch *batch, uint32_t at, uint32_t i)
{
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, i);

	return batch->caplen[at] == length && batch->len[at] == length &&
	       batch->ts_ns[at] == packets_ts_ns(i) &&
	       !memcmp(batch->data[at], bytes, length);
}

/* Packets 0 to count - 1 for a memory source; free() frees all of it. */
static inline struct ce_memory_packet *packets_array(uint32_t count)
{
	struct ce_memory_packet *array = malloc(count * (sizeof(*array) + PACKETS_MOST));
	unsigned char *bytes = (unsigned char *)(array + count);

	for (uint32_t i = 0; i < count; i++, bytes += PACKETS_MOST) {
		uint32_t length = packets_format(bytes, i);

		array[i] = (struct ce_memory_packet){packets_ts_ns(i), length, length, bytes};
	}
	return array;
}

struct packets_kind {
	uint32_t linktype; /* as in files; 0: Ethernet */
	uint32_t snaplen;  /* 0: 262144 */
	bool nano;
	bool swapped; /* the other byte order */
};

/* A growing savefile, not yet in a file. */
struct packets_bytes {
	unsigned char *data;
	size_t size;
};

/* Memory for so many bytes: each time twice as much, since realloc may copy. */
static inline size_t packets_room(size_t size)
{
	size_t room = size ? PACKETS_MOST : 0;

	while (room < size)
		room *= 2;
	return room;
}

static inline void packets_add(struct packets_bytes *bytes, const void *data, size_t size)
{
	size_t room = packets_room(bytes->size + size);

	if (room != packets_room(bytes->size))
		bytes->data = realloc(bytes->data, room);
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static inline void packets_add32(struct packets_bytes *bytes, uint32_t value, bool swapped)
{
	value = swapped ? __builtin_bswap32(value) : value;
	packets_add(bytes, &value, sizeof(value));
}

static inline void packets_add_header(struct packets_bytes *bytes,
                                      const struct packets_kind *kind)
{
	bool swapped = kind->swapped;

	packets_add32(bytes, kind->nano ? 0xa1b23c4d : 0xa1b2c3d4, swapped);
	packets_add32(bytes, swapped ? 2 << 16 | 4 : 4 << 16 | 2, swapped);
	packets_add32(bytes, 0, swapped);
	packets_add32(bytes, 0, swapped);
	packets_add32(bytes, kind->snaplen ? kind->snaplen : 262144, swapped);
	packets_add32(bytes, kind->linktype ? kind->linktype : PACKETS_ETHERNET, swapped);
}

/* A record as it is; `bytes` of it follow. */
static inline void packets_add_record(struct packets_bytes *bytes,
                                      const struct packets_kind *kind,
                                      const struct ce_record *record, const void *data)
{
	packets_add32(bytes, record->sec, kind->swapped);
	packets_add32(bytes, record->frac, kind->swapped);
	packets_add32(bytes, record->caplen, kind->swapped);
	packets_add32(bytes, record->len, kind->swapped);
	packets_add(bytes, data, record->caplen);
}

static inline void packets_add_packet(struct packets_bytes *bytes,
                                      const struct packets_kind *kind, uint32_t i)
{
	int64_t ts_ns = packets_ts_ns(i);
	unsigned char data[PACKETS_MOST];
	uint32_t length = packets_format(data, i);
	const struct ce_record record = {
		.sec = (uint32_t)(ts_ns / 1000000000),
		.frac = (uint32_t)(ts_ns % 1000000000 / (kind->nano ? 1 : 1000)),
		.caplen = length,
		.len = length,
	};

	packets_add_record(bytes, kind, &record, data);
}

/* A savefile of the packets [from, to); free(bytes.data). */
static inline struct packets_bytes packets_savefile(const struct packets_kind *kind,
                                                    uint32_t from, uint32_t to)
{
	struct packets_bytes bytes = {0};

	packets_add_header(&bytes, kind);
	for (uint32_t i = from; i < to; i++)
		packets_add_packet(&bytes, kind, i);
	return bytes;
}

/* A regular file without a name in any folder. */
struct packets_file {
	int fd;
	char path[32];
};

static inline struct packets_file packets_file_open(const void *data, size_t size)
{
	struct packets_file file = {.fd = memfd_create("packets", MFD_CLOEXEC)};

	if (file.fd < 0 || write(file.fd, data, size) != (ssize_t)size)
		abort();
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

/* The same of a savefile of the packets [from, to). */
static inline struct packets_file packets_file_of(const struct packets_kind *kind,
                                                  uint32_t from, uint32_t to)
{
	struct packets_bytes bytes = packets_savefile(kind, from, to);
	struct packets_file file = packets_file_open(bytes.data, bytes.size);

	free(bytes.data);
	return file;
}

static inline void packets_file_close(struct packets_file *file)
{
	close(file->fd);
	file->fd = -1;
}

#endif
