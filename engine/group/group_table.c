/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_table.c - see group_table_int.h.
 *
 * The low bits of a hash say where a slot is to be: in its line, mostly at its place, or
 * else behind it, and round to the line's begin. Only where the line is full, it is in
 * the next one: so all lines between a slot's own and the one where it is are full, and a
 * search ends in the first line that is not. Removing moves back what is in a later line.
 *
 * Memory is the system's pages: they are zero, and but for the first few they grow without
 * being copied.
 */
#include <errno.h>
#include <string.h>

#include "base/pages_int.h"
#include "group/group_table_int.h"

enum {
	FIRST_SLOTS = 256,
	FIRST_ENTRIES = 128,
	LINE = 8,   /* slots */
	GROWTH = 4, /* of the slots, to be moved seldom: they are the smaller part */
	MOST_FRESH = 2 * CEINT_BLOCK, /* new entries to fetch before they are inserted */
};

static size_t slot_bytes(const struct ceint_table *table)
{
	return ((size_t)table->mask + 1) * sizeof(*table->slots);
}

static size_t entry_bytes(const struct ceint_table *table)
{
	return (size_t)table->room * table->stride;
}

/* Entries which fit into a cache line do not cross into a second. */
uint32_t ceint_table_stride(uint32_t entry_bytes)
{
	uint32_t stride = 16;

	while (stride < 64 && stride < entry_bytes)
		stride *= 2;
	return entry_bytes > 64 ? (entry_bytes + 63) / 64 * 64 : stride;
}

static int open_memory(struct ceint_table *table)
{
	table->slots = ceint_pages_open(slot_bytes(table));
	table->entries = ceint_pages_open(entry_bytes(table));
	if (table->slots && table->entries)
		return 0;
	ceint_table_close(table);
	return -ENOMEM;
}

int ceint_table_open(struct ceint_table *table, uint32_t entry_bytes, uint32_t key_offset,
                     uint32_t key_bytes)
{
	*table = (struct ceint_table){
		.bytes = entry_bytes,
		.stride = ceint_table_stride(entry_bytes),
		.key_offset = key_offset,
		.key_bytes = key_bytes,
		.mask = FIRST_SLOTS - 1,
		.room = FIRST_ENTRIES,
	};
	return open_memory(table);
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
	table->used = table->live = table->freed = table->fetched = 0;
}

size_t ceint_table_memory(const struct ceint_table *table)
{
	return ceint_pages_room(slot_bytes(table)) + ceint_pages_room(entry_bytes(table));
}

static inline uint32_t line_of(uint32_t place)
{
	return place & ~(uint32_t)(LINE - 1);
}

/* The place that is i-th from `home` on in its line, round to the line's begin. */
static inline uint32_t in_line(uint32_t home, uint32_t i)
{
	return line_of(home) | ((home + i) % LINE);
}

/* Of a line's slots, as bits. */
struct seen {
	uint32_t found; /* they have the hash */
	uint32_t empty;
};

/*
 * Look at a whole line, without a branch: which slot ends a search is different for each
 * key, and to guess it wrong takes longer than to look at all.
 */
static inline struct seen look_at_line(const uint64_t *line, uint32_t hash)
{
	typedef uint32_t pair __attribute__((vector_size(16), may_alias));
	const pair *pairs = (const void *)line;
	pair found = {0}, empty = {0};

#pragma GCC unroll 4
	for (uint32_t i = 0; i < LINE / 2; i++) {
		const uint32_t first = 1u << 2 * i, second = first << 1;

		/* A slot's two halves: the number and, behind it, the hash; little-
		   endian, as all machines that this is for. */
		found |= (pair)(pairs[i] == hash) & (pair){0, first, 0, second};
		empty |= (pair)(pairs[i] == 0) & (pair){first, 0, second, 0};
	}
	empty[0] |= empty[2];
	return (struct seen){(found[1] | found[3]) & ~empty[0], empty[0]};
}

/* The place that is at `home`, if it is empty, or behind it. */
static inline uint32_t nearest(uint32_t home, uint32_t empty)
{
	const uint32_t from = home % LINE;

	return in_line(home,
	               (uint32_t)__builtin_ctz(empty >> from | empty << (LINE - from)));
}

/* The first empty place for a hash. */
static inline uint32_t empty_place(const uint64_t *slots, uint32_t mask, uint32_t hash)
{
	for (uint32_t home = hash & mask;; home = (home + LINE) & mask) {
		uint32_t empty = look_at_line(slots + line_of(home), hash).empty;

		if (empty)
			return nearest(home, empty);
	}
}

/* Slots move in as many streams as there are times more of them. */
static int grow_slots(struct ceint_table *table, uint32_t mask)
{
	uint64_t *slots = ceint_pages_open(((size_t)mask + 1) * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i <= table->mask; i++) {
		const uint64_t slot = table->slots[i];
		const uint32_t hash = (uint32_t)(slot >> 32);

		if (slot) /* its place is mostly empty, as most are now */
			slots[slots[hash & mask] ? empty_place(slots, mask, hash)
			                         : hash & mask] = slot;
	}
	ceint_pages_close(table->slots, slot_bytes(table));
	table->slots = slots;
	table->mask = mask;
	return 0;
}

/* For so many entries or, where their pages have it, for more. */
static int grow_entries(struct ceint_table *table, uint32_t room)
{
	const size_t bytes = ceint_pages_room((size_t)room * table->stride);
	void *entries = ceint_pages_grow(table->entries, entry_bytes(table), bytes);

	if (!entries)
		return -ENOMEM;
	table->entries = entries;
	table->room = (uint32_t)(bytes / table->stride);
	return 0;
}

int ceint_table_reserve(struct ceint_table *table, uint32_t count)
{
	uint32_t mask = table->mask, room = table->room;
	int rc = 0;

	/* Of 8 slots at most 5 are taken on average: so few lines are full. */
	while (((uint64_t)table->live + count) * 8 > (uint64_t)mask * 5)
		mask = mask * GROWTH + GROWTH - 1;
	while ((uint64_t)table->live + count > room) /* those that are freed come first */
		room *= 2;
	if (mask != table->mask)
		rc = grow_slots(table, mask);
	if (rc == 0 && room != table->room)
		rc = grow_entries(table, room);
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

	if (slot >> 32 != hash)
		slot = table->slots[in_line(at, 1)];
	return slot && slot >> 32 == hash ? slot_entry(table, slot) : NULL;
}

static inline void prefetch_slot(const struct ceint_table *table,
                                 const struct ceint_block *block, uint32_t i)
{
	__builtin_prefetch(&table->slots[(uint32_t)block->hash[i] & table->mask]);
}

void ceint_table_prefetch(const struct ceint_table *table,
                          const struct ceint_block *block)
{
	for (uint32_t i = 0; i < block->count; i++)
		prefetch_slot(table, block, i);
}

void ceint_table_prefetch_entries(struct ceint_table *table, struct ceint_block *block)
{
	uint32_t fresh = table->fetched > table->used ? table->fetched : table->used;
	uint32_t end = table->room - table->used > MOST_FRESH ? table->used + MOST_FRESH
	                                                      : table->room;

	if (table->freed) /* none is fresh, then */
		end = fresh;
	for (uint32_t i = 0; i < block->count; i++) {
		unsigned char *entry = likely_entry(table, (uint32_t)block->hash[i]);

		block->entry[i] = entry;
		if (!entry && fresh < end)
			entry = ceint_table_entry(table, fresh++);
		if (entry) /* to look for where NULL is mapped takes long */
			__builtin_prefetch(entry, 1);
	}
	table->fetched = fresh;
}

/* The entry with this key; NULL: there is none, and *place is for its slot. */
static inline __attribute__((always_inline)) unsigned char *find(
	const struct ceint_table *table, uint64_t hash, const void *key, size_t bytes,
	uint32_t *place)
{
	uint32_t home = (uint32_t)hash & table->mask;

	for (;; home = (home + LINE) & table->mask) {
		const uint64_t *line = table->slots + line_of(home);
		const struct seen seen = look_at_line(line, (uint32_t)hash);

		for (uint32_t left = seen.found; left; left &= left - 1) {
			unsigned char *entry =
				slot_entry(table, line[__builtin_ctz(left)]);

			if (!memcmp(ceint_table_key(table, entry), key, bytes))
				return entry;
		}
		if (seen.empty) {
			*place = nearest(home, seen.empty);
			return NULL;
		}
	}
}

/* Is this the entry with that key? One that was removed since has no count. */
static inline __attribute__((always_inline)) bool is_entry(
	const struct ceint_table *table, unsigned char *entry, const void *key,
	size_t bytes)
{
	return entry && *(const uint64_t *)(const void *)entry &&
	       !memcmp(ceint_table_key(table, entry), key, bytes);
}

/* The number of an entry that is zero. */
static inline uint32_t take_entry(struct ceint_table *table)
{
	const uint32_t number = table->freed - 1;
	unsigned char *entry;

	if (!table->freed)
		return table->used++;
	entry = ceint_table_entry(table, number);
	memcpy(&table->freed, ceint_table_key(table, entry), sizeof(table->freed));
	memset(entry, 0, table->stride);
	return number;
}

static inline __attribute__((always_inline)) unsigned char *insert(
	struct ceint_table *table, uint32_t place, uint64_t hash, const void *key,
	size_t bytes)
{
	const uint32_t number = take_entry(table);
	unsigned char *entry = ceint_table_entry(table, number);

	memcpy(ceint_table_key(table, entry), key, bytes);
	table->slots[place] = hash << 32 | (number + UINT64_C(1));
	table->live++;
	return entry;
}

unsigned char *ceint_table_insert(struct ceint_table *table, uint64_t hash,
                                  const void *key)
{
	return insert(table, empty_place(table->slots, table->mask, (uint32_t)hash), hash,
	              key, table->key_bytes);
}

static inline __attribute__((always_inline)) uint32_t add(struct ceint_table *table,
                                                          struct ceint_block *block,
                                                          uint32_t i, uint32_t most,
                                                          const struct ceint_block *next,
                                                          size_t bytes)
{
	for (; i < block->count; i++) {
		const unsigned char *key = block->keys + i * bytes;
		unsigned char *entry;
		uint32_t place = 0;

		prefetch_slot(table, next, i);
		if (is_entry(table, block->entry[i], key, bytes))
			continue;
		entry = find(table, block->hash[i], key, bytes, &place);
		if (!entry && table->live >= most)
			return i;
		if (!entry)
			entry = insert(table, place, block->hash[i], key, bytes);
		block->entry[i] = entry;
	}
	for (uint32_t k = i; k < next->count; k++)
		prefetch_slot(table, next, k);
	return i;
}

uint32_t ceint_table_add(struct ceint_table *table, struct ceint_block *block,
                         uint32_t from, uint32_t most, const struct ceint_block *next)
{
	switch (table->key_bytes) { /* of the usual widths, comparing is a few moves */
	case 8:
		return add(table, block, from, most, next, 8);
	case 16:
		return add(table, block, from, most, next, 16);
	case 40:
		return add(table, block, from, most, next, 40);
	default:
		return add(table, block, from, most, next, table->key_bytes);
	}
}

unsigned char *ceint_table_find(const struct ceint_table *table, uint64_t hash,
                                const void *key)
{
	uint32_t place;

	return find(table, hash, key, table->key_bytes, &place);
}

/* Is a place of the line empty that begins there? */
static bool has_room(const struct ceint_table *table, uint32_t line)
{
	bool room = false;

	for (uint32_t i = 0; i < LINE; i++)
		room |= !table->slots[line + i];
	return room;
}

/* A slot in `line` that may as well be in the line `to` before it; LINE: there is none. */
static uint32_t find_movable(const struct ceint_table *table, uint32_t line, uint32_t to)
{
	for (uint32_t i = 0; i < LINE; i++) {
		uint64_t slot = table->slots[line + i];
		uint32_t home = line_of((uint32_t)(slot >> 32) & table->mask);

		if (slot && ((line - home) & table->mask) >= ((line - to) & table->mask))
			return i;
	}
	return LINE;
}

/* Empty a place. If its line was full, something that is in a later one for want of room
   moves there, and so on. */
static void empty_slot(struct ceint_table *table, uint32_t at)
{
	uint32_t to = line_of(at), line = to, i;
	bool more = !has_room(table, to);

	while (more) {
		line = (line + LINE) & table->mask;
		more = !has_room(table, line);
		i = find_movable(table, line, to);
		if (i == LINE)
			continue;
		table->slots[at] = table->slots[line + i];
		at = line + i;
		to = line;
	}
	table->slots[at] = 0;
}

/* Where the slot of the entry with this number, one more, is. */
static uint32_t place_of(const struct ceint_table *table, uint32_t hash, uint32_t number)
{
	for (uint32_t home = hash & table->mask;; home = (home + LINE) & table->mask)
		for (uint32_t i = 0; i < LINE; i++)
			if ((uint32_t)table->slots[in_line(home, i)] == number)
				return in_line(home, i);
}

/* Copy what is before and behind the key, and of this what says in one that is freed
   which is the next. */
static void copy_entry(const struct ceint_table *to, const struct ceint_table *from,
                       uint32_t number)
{
	const uint32_t behind = from->key_offset + from->key_bytes;
	const unsigned char *old = ceint_table_entry(from, number);
	unsigned char *entry = ceint_table_entry(to, number);

	memcpy(entry, old, from->key_offset + sizeof(from->freed));
	memcpy(entry + to->key_offset + to->key_bytes, old + behind,
	       from->bytes - behind);
}

/* Entries [first, end), a block at most: so that no slot is waited for alone. */
static void lengthen_entries(const struct ceint_table *to, const struct ceint_table *from,
                             uint32_t first, uint32_t end, ceint_lengthen_fn *lengthen,
                             const void *arg)
{
	uint64_t hash[CEINT_BLOCK];
	uint32_t number[CEINT_BLOCK], count = 0;

	for (uint32_t i = first; i < end; i++) {
		unsigned char *old = ceint_table_entry(from, i);
		unsigned char *entry = ceint_table_entry(to, i);

		copy_entry(to, from, i);
		if (!*(const uint64_t *)(const void *)old)
			continue;
		hash[count] = lengthen(arg, ceint_table_key(from, old),
		                       ceint_table_key(to, entry));
		__builtin_prefetch(&to->slots[(uint32_t)hash[count] & to->mask], 1);
		number[count++] = i;
	}
	for (uint32_t i = 0; i < count; i++)
		to->slots[empty_place(to->slots, to->mask, (uint32_t)hash[i])] =
			hash[i] << 32 | (number[i] + UINT64_C(1));
}

int ceint_table_lengthen(struct ceint_table *table, uint32_t key_bytes,
                         ceint_lengthen_fn *lengthen, const void *arg)
{
	struct ceint_table longer = *table;

	longer.bytes += key_bytes - table->key_bytes;
	longer.stride = ceint_table_stride(longer.bytes);
	longer.key_bytes = key_bytes;
	if (open_memory(&longer) < 0)
		return -ENOMEM;
	for (uint32_t first = 0, end; first < table->used; first = end) {
		end = table->used - first < CEINT_BLOCK ? table->used
		                                        : first + CEINT_BLOCK;
		lengthen_entries(&longer, table, first, end, lengthen, arg);
	}
	ceint_table_close(table);
	*table = longer;
	return 0;
}

void ceint_table_remove(struct ceint_table *table, uint64_t hash, unsigned char *entry)
{
	uint32_t number = ceint_table_number(table, entry) + 1;

	empty_slot(table, place_of(table, (uint32_t)hash, number));
	memcpy(ceint_table_key(table, entry), &table->freed, sizeof(table->freed));
	table->freed = number;
	table->live--;
}
