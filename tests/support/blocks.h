/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blocks.h - the blocks of a pcapng file of this machine's byte order; for tests.
 *
 * Threads    any thread
 * Ownership  the caller frees the data
 * Blocking   nothing waits
 */
#ifndef CE_TESTS_BLOCKS_H
#define CE_TESTS_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Types of blocks. */
enum {
	BLOCKS_SECTION = 0x0a0d0d0a,
	BLOCKS_INTERFACE = 1,
	BLOCKS_STATISTICS = 5,
	BLOCKS_PACKET = 6,
};

/* Options of a block of statistics. */
enum {
	BLOCKS_RECEIVED = 4,
	BLOCKS_INTERFACE_DROPS = 5,
	BLOCKS_KERNEL_DROPS = 7,
	BLOCKS_WRITTEN = 8,
};

struct blocks {
	unsigned char *data;
	size_t size;
};

static inline struct blocks blocks_read(int fd)
{
	struct blocks blocks = {0};
	struct stat status;

	if (fstat(fd, &status) < 0)
		abort();
	blocks.size = (size_t)status.st_size;
	blocks.data = malloc(blocks.size);
	if (pread(fd, blocks.data, blocks.size, 0) != status.st_size)
		abort();
	return blocks;
}

static inline uint32_t blocks_word(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Block number `n` of a type, or NULL; every block on the way is well-formed. */
static inline const unsigned char *blocks_find(const struct blocks *blocks, uint32_t type,
                                               int n)
{
	size_t at = 0;

	while (at < blocks->size) {
		const unsigned char *block = blocks->data + at;
		uint32_t size = blocks_word(block + 4);

		if (size % 4 || size < 12 || size > blocks->size - at ||
		    blocks_word(block + size - 4) != size)
			abort();
		if (blocks_word(block) == type && n-- == 0)
			return block;
		at += size;
	}
	return NULL;
}

static inline bool blocks_say(const unsigned char *block, const char *text)
{
	return memmem(block, blocks_word(block + 4), text, strlen(text));
}

/* The count in an option of a block of statistics; UINT64_MAX: it has none. */
static inline uint64_t blocks_count(const unsigned char *statistics, uint16_t wanted)
{
	size_t at = 20;

	while (at + 4 < blocks_word(statistics + 4)) {
		uint16_t head[2];
		uint64_t count;

		memcpy(head, statistics + at, sizeof(head));
		if (head[0] == wanted) {
			memcpy(&count, statistics + at + 4, sizeof(count));
			return count;
		}
		if (head[0] == 0) /* the end */
			break;
		at += 4 + (head[1] + 3u) / 4 * 4;
	}
	return UINT64_MAX;
}

#endif
