/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_table.c - see group_table_int.h.
 *
 * A slot's place is where the low bits of the hash say, or behind it: whatever
 * stands between is taken. Removing moves back what came to stand behind.
 *
 * Memory is the system's pages: they are zero, and they grow without being copied.
 */
#include <errno.h>
#include <string.h>

#include "base/pages_int.h"
#include "group/group_table_int.h"

enum { FIRST_SLOTS = 256, FIRST_ENTRIES = 128 };

static const uint64_t NUMBER = UINT32_MAX; /* the bits of a slot that are one */

static size_t slot_bytes(const struct ceint_table *table)
{
	return ((size_t)table->mask + 1) * sizeof(*table->slots);
}

static size_t entry_bytes(const struct ceint_table *table)
{
	return (size_t)table->room * table->stride;
}

/* So that entries which fit into a cache line do not cross into a second. */
static uint32_t stride_for(uint32_t bytes)
{
	uint32_t stride = 16;

	while (stride < 64 && stride < bytes)
		stride *= 2;
	return bytes > 64 ? (bytes + 63) / 64 * 64 : stride;
}

int ceint_table_open(struct ceint_table *table, uint32_t bytes, uint32_t key_offset,
                     uint32_t key_bytes)
{
	*table = (struct ceint_table){
		.stride = stride_for(bytes),
		.key_offset = key_offset,
		.key_bytes = key_bytes,
		.mask = FIRST_SLOTS - 1,
		.room = FIRST_ENTRIES,
	};
	table->slots = ceint_pages_open(slot_bytes(table));
	table->entries = ceint_pages_open(entry_bytes(table));
	if (table->slots && table->entries)
		return 0;
	ceint_table_close(table);
	return -ENOMEM;
}

void ceint_table_close(struct ceint_table *table)
{
	ceint_pages_close(table->slots, slot_bytes(table));
	ceint_pages_close(table->entries, entry_bytes(table));
	*table = (struct ceint_table){0};
}

void ceint_table_clear(struct ceint_table *table)
{
	memset(table->slots, 0, slot_bytes(table));
	memset(table->entries, 0, (size_t)table->used * table->stride);
	table->used = table->live = table->freed = 0;
}

size_t ceint_table_memory(const struct ceint_table *table)
{
	return slot_bytes(table) + entry_bytes(table);
}

/* The first empty place for a hash. */
static inline uint32_t empty_place(const uint64_t *slots, uint32_t mask, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & mask;

	while (slots[at])
		at = (at + 1) & mask;
	return at;
}

/* Slots move in two streams, to their old places and to the upper half. */
static int double_slots(struct ceint_table *table)
{
	uint32_t mask = table->mask * 2 + 1;
	uint64_t *slots = ceint_pages_open(((size_t)mask + 1) * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i <= table->mask; i++)
		if (table->slots[i])
			slots[empty_place(slots, mask, table->slots[i] >> 32)] =
				table->slots[i];
	ceint_pages_close(table->slots, slot_bytes(table));
	table->slots = slots;
	table->mask = mask;
	return 0;
}

static int double_entries(struct ceint_table *table)
{
	void *entries = ceint_pages_resize(table->entries, entry_bytes(table),
	                                   entry_bytes(table) * 2);

	if (!entries)
		return -ENOMEM;
	table->entries = entries;
	table->room *= 2;
	return 0;
}

int ceint_table_reserve(struct ceint_table *table, uint32_t count)
{
	int rc = 0;

	/* Of 8 slots at most 5 are taken: two are looked at on average. */
	while (rc == 0 && ((uint64_t)table->live + count) * 8 > (uint64_t)table->mask * 5)
		rc = double_slots(table);
	while (rc == 0 && (uint64_t)table->used + count > table->room)
		rc = double_entries(table);
	return rc;
}

static inline unsigned char *slot_entry(const struct ceint_table *table, uint64_t slot)
{
	return ceint_table_entry(table, (uint32_t)slot - 1);
}

/* Mostly a key is in the first slot or in the second. */
static inline unsigned char *likely_entry(const struct ceint_table *table, uint32_t hash)
{
	uint32_t at = hash & table->mask;
	uint64_t slot = table->slots[at];

	if (slot >> 32 != hash && slot)
		slot = table->slots[(at + 1) & table->mask];
	return slot ? slot_entry(table, slot) : NULL;
}

void ceint_table_prefetch(const struct ceint_table *table, struct ceint_block *block)
{
	for (uint32_t i = 0; i < block->count; i++)
		__builtin_prefetch(&table->slots[(uint32_t)block->hash[i] & table->mask]);
	for (uint32_t i = 0; i < block->count; i++) {
		block->entry[i] = likely_entry(table, (uint32_t)block->hash[i]);
		__builtin_prefetch(block->entry[i], 1);
	}
}

static inline __attribute__((always_inline)) unsigned char *find(
	const struct ceint_table *table, uint64_t hash, const void *key, size_t bytes)
{
	uint32_t at = (uint32_t)hash & table->mask;
	uint64_t slot;

	for (; (slot = table->slots[at]); at = (at + 1) & table->mask) {
		unsigned char *entry = slot_entry(table, slot);

		if (slot >> 32 == (uint32_t)hash &&
		    !memcmp(ceint_table_key(table, entry), key, bytes))
			return entry;
	}
	return NULL;
}

/* Is this the entry with that key? One that was removed since has no count. */
static inline __attribute__((always_inline)) bool is_entry(
	const struct ceint_table *table, unsigned char *entry, const void *key,
	size_t bytes)
{
	return entry && *(const uint64_t *)(const void *)entry &&
	       !memcmp(ceint_table_key(table, entry), key, bytes);
}

static inline __attribute__((always_inline)) uint32_t look(
	const struct ceint_table *table, struct ceint_block *block, uint32_t i,
	size_t bytes)
{
	for (; i < block->count; i++) {
		const unsigned char *key = block->keys + i * bytes;

		if (is_entry(table, block->entry[i], key, bytes))
			continue;
		block->entry[i] = find(table, block->hash[i], key, bytes);
		if (!block->entry[i])
			break;
	}
	return i;
}

uint32_t ceint_table_look(const struct ceint_table *table, struct ceint_block *block,
                          uint32_t from)
{
	switch (table->key_bytes) { /* of the usual widths, comparing is a few moves */
	case 8:
		return look(table, block, from, 8);
	case 16:
		return look(table, block, from, 16);
	case 40:
		return look(table, block, from, 40);
	default:
		return look(table, block, from, table->key_bytes);
	}
}

unsigned char *ceint_table_find(const struct ceint_table *table, uint64_t hash,
                                const void *key)
{
	return find(table, hash, key, table->key_bytes);
}

/* An entry that is zero. */
static unsigned char *take_entry(struct ceint_table *table)
{
	unsigned char *entry;

	if (!table->freed)
		return ceint_table_entry(table, table->used++);
	entry = ceint_table_entry(table, table->freed - 1);
	memcpy(&table->freed, ceint_table_key(table, entry), sizeof(table->freed));
	memset(entry, 0, table->stride);
	return entry;
}

unsigned char *ceint_table_insert(struct ceint_table *table, uint64_t hash,
                                  const void *key)
{
	unsigned char *entry = take_entry(table);
	uint64_t number = ceint_table_number(table, entry) + UINT64_C(1);

	memcpy(ceint_table_key(table, entry), key, table->key_bytes);
	table->slots[empty_place(table->slots, table->mask, hash)] = hash << 32 | number;
	table->live++;
	return entry;
}

/* Empty a place: what stands behind it and may stand there moves up. */
static void empty_slot(struct ceint_table *table, uint32_t at)
{
	uint64_t *slots = table->slots;
	uint32_t mask = table->mask;

	for (uint32_t next = (at + 1) & mask; slots[next]; next = (next + 1) & mask) {
		uint32_t home = (uint32_t)(slots[next] >> 32) & mask;

		if (((next - home) & mask) < ((next - at) & mask))
			continue; /* it belongs behind `at` */
		slots[at] = slots[next];
		at = next;
	}
	slots[at] = 0;
}

void ceint_table_remove(struct ceint_table *table, uint64_t hash, unsigned char *entry)
{
	uint32_t number = ceint_table_number(table, entry) + 1;
	uint32_t at = (uint32_t)hash & table->mask;

	while ((table->slots[at] & NUMBER) != number)
		at = (at + 1) & table->mask;
	empty_slot(table, at);
	memcpy(ceint_table_key(table, entry), &table->freed, sizeof(table->freed));
	table->freed = number;
	table->live--;
}
