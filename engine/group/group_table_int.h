/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_table_int.h - a hash table from keys of one size to entries of one size.
 *
 * Entries stand side by side in the order in which they came, so that going through
 * all is reading memory, and each has its key in it. Slots point to them: 8 bytes
 * each, with 32 bits of the hash, in lines of 8; a lookup that finds its key costs a
 * cache line of slots and one of the entry.
 *
 *     open -> reserve -> prefetch -> add, or find and insert -> remove -> close
 *
 * Threads    one at a time
 * Ownership  The table lends entries until the next reserve or clear; a removed
 *            one until the next insert or add.
 * Blocking   reserve allocates, nothing else
 */
#ifndef CE_GROUP_TABLE_INT_H
#define CE_GROUP_TABLE_INT_H

#include <stddef.h>
#include <stdint.h>

#include "group/group_keys_int.h"

struct ceint_table {
	uint64_t *slots;     /* hash << 32 | entry's number + 1; 0: empty */
	uint32_t mask;       /* slots less one: a power of two less one */
	uint32_t room;       /* entries that have memory */
	uint32_t used;       /* entries that were ever in use: the first so many */
	uint32_t live;       /* of them, those that are */
	uint32_t freed;      /* one that is not, + 1; 0: none. Its key says the next */
	uint32_t fetched;    /* entries before it are used, or were prefetched */
	uint32_t bytes;      /* of an entry */
	uint32_t stride;     /* bytes from one entry to the next */
	uint32_t key_offset; /* of the key in its entry */
	uint32_t key_bytes;
	unsigned char *entries;
};

/* An empty table whose entries have so many bytes, at least. 0 or -ENOMEM. */
int ceint_table_open(struct ceint_table *table, uint32_t entry_bytes, uint32_t key_offset,
                     uint32_t key_bytes);
void ceint_table_close(struct ceint_table *table);

/* From one entry of so many bytes to the next. */
uint32_t ceint_table_stride(uint32_t entry_bytes);

/* Makes a longer key of one, in `longer`, and gives its hash. */
typedef uint64_t ceint_lengthen_fn(const void *arg, const void *key, void *longer);

/* Give the entries longer keys; what is behind these moves back. Numbers of entries stay
   as they are, and those whose count is 0 have no key. 0; or -ENOMEM: then nothing has
   changed. */
int ceint_table_lengthen(struct ceint_table *table, uint32_t key_bytes,
                         ceint_lengthen_fn *lengthen, const void *arg);

/* Make sure that so many more can be inserted. 0 or -ENOMEM. */
int ceint_table_reserve(struct ceint_table *table, uint32_t count);

/*
 * Begin to fetch what looking up the block's keys will need, in two steps: their slots;
 * then, where these are likely to be there, the entries to which they point, and entries
 * for those that seem to be new. block->entry is set to where each key seems to be: so
 * nothing is reserved between this and add.
 */
void ceint_table_prefetch(const struct ceint_table *table,
                          const struct ceint_block *block);
void ceint_table_prefetch_entries(struct ceint_table *table, struct ceint_block *block);

/*
 * Look up the block's keys, which were prefetched, from number `from` on, and insert those
 * that are not there, which were reserved, while there are fewer than `most`. Gives the
 * number of the first that has no room then, or block->count. Of those before it,
 * block->entry is set. An entry's first 8 bytes are its count: whoever removes one sets it
 * to 0, and in one that was inserted since it may be 0.
 *
 * Meanwhile the slots of `next` are prefetched, which are too many to be asked for at once.
 */
uint32_t ceint_table_add(struct ceint_table *table, struct ceint_block *block,
                         uint32_t from, uint32_t most, const struct ceint_block *next);

/* The entry with this key; NULL: there is none. */
unsigned char *ceint_table_find(const struct ceint_table *table, uint64_t hash,
                                const void *key);

/* A new entry, zero but for its key, which is not there yet and was reserved. */
unsigned char *ceint_table_insert(struct ceint_table *table, uint64_t hash,
                                  const void *key);

/* Remove the entry, whose key has this hash. It stays as it is until an insert, but
   for its key. */
void ceint_table_remove(struct ceint_table *table, uint64_t hash, unsigned char *entry);

/* Remove all. */
void ceint_table_clear(struct ceint_table *table);

size_t ceint_table_memory(const struct ceint_table *table);

static inline unsigned char *ceint_table_entry(const struct ceint_table *table,
                                               uint32_t number)
{
	return table->entries + (size_t)number * table->stride;
}

static inline uint32_t ceint_table_number(const struct ceint_table *table,
                                          const unsigned char *entry)
{
	return (uint32_t)((size_t)(entry - table->entries) / table->stride);
}

static inline unsigned char *ceint_table_key(const struct ceint_table *table,
                                             unsigned char *entry)
{
	return entry + table->key_offset;
}

#endif
