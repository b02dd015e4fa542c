/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_table.h - a hash table from addresses or flows to bytes, for the peers in C.
 *
 * Open addressing, linear probing, at most half full; a slot is the words of its
 * key and the sum of bytes, 0 in an empty one. The number of words is a constant
 * where the functions are called, so that the compiler unrolls them.
 *
 *     table_open -> key_of_source | key_of_flow -> table_add ... -> table_print
 *
 * Threads    one
 * Ownership  the table owns its slots until the process ends
 * Blocking   table_add allocates when it grows; out of memory ends the process
 */
#ifndef PEER_TABLE_H
#define PEER_TABLE_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "peer_decode.h"

enum { SOURCE_WORDS = 3, FLOW_WORDS = 5, TOP = 10, FIRST_SIZE = 1 << 16 };

struct table {
	uint64_t *slots;
	size_t size, count; /* size: a power of two */
	size_t words;       /* of a key */
};

/* A source's key is the beginning of this, without the destination. */
struct key {
	uint8_t src[16];
	uint8_t version, proto, zero[2];
	uint16_t srcport, dstport; /* as in the packet */
	uint8_t dst[16];
};

static inline void copy_address(uint8_t to[16], const uint8_t *from, uint8_t version)
{
	if (version == 4)
		memcpy(to, from, 4);
	else
		memcpy(to, from, 16);
}

static inline struct key key_of_source(const struct ip *ip)
{
	struct key key = {.version = ip->version};

	copy_address(key.src, ip->src, ip->version);
	return key;
}

static inline struct key key_of_flow(const struct ip *ip)
{
	struct key key = {.version = ip->version, .proto = ip->proto};

	copy_address(key.src, ip->src, ip->version);
	copy_address(key.dst, ip->dst, ip->version);
	memcpy(&key.srcport, ip->transport, 2);
	memcpy(&key.dstport, ip->transport + 2, 2);
	return key;
}

static inline struct table table_open(size_t words)
{
	struct table table = {.size = FIRST_SIZE, .words = words};

	table.slots = calloc(table.size, (words + 1) * sizeof(uint64_t));
	if (!table.slots) {
		perror("table");
		exit(1);
	}
	return table;
}

static inline uint64_t table_hash(const struct key *key, size_t words)
{
	return XXH3_64bits(key, words * sizeof(uint64_t));
}

static inline uint64_t *table_slot(const struct table *table, uint64_t hash, size_t words)
{
	return table->slots + (hash & (table->size - 1)) * (words + 1);
}

/* The slot that has the key, or the empty one where it belongs. */
static inline uint64_t *table_find(const struct table *table, const struct key *key,
                                   uint64_t hash, size_t words)
{
	uint64_t *slot = table_slot(table, hash, words);

	while (slot[words] && memcmp(slot, key, words * sizeof(uint64_t)) != 0)
		slot = table_slot(table, ++hash, words);
	return slot;
}

static void __attribute__((noinline)) table_grow(struct table *table)
{
	const size_t words = table->words;
	struct table larger = *table;

	larger.size *= 2;
	larger.slots = calloc(larger.size, (words + 1) * sizeof(uint64_t));
	if (!larger.slots) {
		perror("table");
		exit(1);
	}
	for (size_t i = 0; i < table->size; i++) {
		const uint64_t *slot = table->slots + i * (words + 1);
		const struct key *key = (const struct key *)(const void *)slot;

		if (slot[words])
			memcpy(table_find(&larger, key, table_hash(key, words), words),
			       slot, (words + 1) * sizeof(uint64_t));
	}
	free(table->slots);
	*table = larger;
}

static inline void table_add(struct table *table, const struct key *key, uint64_t hash,
                             uint64_t bytes, size_t words)
{
	uint64_t *slot = table_find(table, key, hash, words);

	if (!slot[words]) {
		memcpy(slot, key, words * sizeof(uint64_t));
		if (++table->count * 2 > table->size) {
			slot[words] = bytes;
			table_grow(table);
			return;
		}
	}
	slot[words] += bytes;
}

/* The ten slots with most bytes into top, largest first; returns how many. */
static inline size_t table_top(const struct table *table, const uint64_t *top[TOP])
{
	const size_t words = table->words;
	size_t found = 0;

	for (size_t i = 0; i < table->size; i++) {
		const uint64_t *slot = table->slots + i * (words + 1);
		size_t at = found;

		for (; at > 0 && top[at - 1][words] < slot[words]; at--)
			if (at < TOP)
				top[at] = top[at - 1];
		if (slot[words] && at < TOP)
			top[at] = slot;
		if (slot[words] && found < TOP)
			found++;
	}
	return found;
}

/* Print the answer to "sources" or "flows", by the width of the keys. */
static inline void table_print(const struct table *table)
{
	const uint64_t *top[TOP];
	const size_t found = table_top(table, top);

	if (table->words == FLOW_WORDS)
		printf("%zu flows\n", table->count);
	for (size_t i = 0; i < found; i++) {
		const struct key *key = (const struct key *)(const void *)top[i];
		const int family = key->version == 4 ? AF_INET : AF_INET6;
		char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

		printf("%s\t", inet_ntop(family, key->src, src, sizeof(src)));
		if (table->words == FLOW_WORDS)
			printf("%s\t%d\t%d\t%d\t",
			       inet_ntop(family, key->dst, dst, sizeof(dst)),
			       ntohs(key->srcport), ntohs(key->dstport), key->proto);
		printf("%llu\n", (unsigned long long)top[i][table->words]);
	}
}

#endif
