/* SPDX-License-Identifier: BSD-3-Clause */
/* group.c - see <capengine/group.h>: a group's life, and adding to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group/group_int.h"

enum { MOST_ROWS = 1 << 30 };

/* Has a row something that may be missing? */
static bool has_missable(const struct ce_group_options *options)
{
	for (size_t k = 0; k < options->value_count; k++)
		if (options->values[k].op != CE_GROUP_SUM &&
		    options->values[k].op != CE_GROUP_DISTINCT)
			return true;
	return false;
}

static void name_columns(struct ce_group *group)
{
	for (uint32_t k = 0; k < group->keys.count; k++)
		group->column[group->columns++] =
			(struct ce_group_column){CE_GROUP_KEY, group->keys.field[k]};
	group->column[group->columns++] = (struct ce_group_column){.op = CE_GROUP_COUNT};
	for (size_t k = 0; k < group->value_count; k++)
		group->column[group->columns++] = (struct ce_group_column){
			group->value[k].op, group->value[k].field};
}

/* Lay out an entry, and allocate. */
static int open_rows(struct ce_group *group, const struct ce_group_options *options,
                     struct ce_err *err)
{
	uint32_t offset = sizeof(uint64_t), key_offset, bytes;
	int rc;

	if (has_missable(options)) {
		group->has_offset = offset;
		offset += (uint32_t)sizeof(uint64_t);
	}
	if (group->evict || group->idle_ns) {
		group->seen_offset = offset;
		offset += (uint32_t)sizeof(int64_t);
	}
	key_offset = offset;
	rc = ceint_values_open(group, options->values, options->value_count,
	                       key_offset + group->keys.bytes, err);
	if (rc < 0)
		return rc;
	bytes = (uint32_t)rc;
	name_columns(group);
	group->row_bytes = ceint_table_stride(bytes);
	ceint_brief_open(group, &bytes);
	if (ceint_table_open(&group->table, bytes, key_offset, group->keys.bytes) < 0)
		return ce_err_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < CEINT_STAGES; i++)
		if (ceint_block_open(&group->blocks[i], &group->long_keys) < 0)
			return ce_err_set(err, -ENOMEM, "out of memory");
	group->other = calloc(2, group->row_bytes);
	if (!group->other)
		return ce_err_set(err, -ENOMEM, "out of memory");
	group->taken = group->other + group->row_bytes;
	return 0;
}

int ce_group_open(struct ce_group **group, const struct ce_group_options *options,
                  struct ce_err *err)
{
	struct ce_group *self = calloc(1, sizeof(*self));
	int rc;

	if (!self)
		return ce_err_set(err, -ENOMEM, "out of memory");
	self->capacity = options->capacity && options->capacity < MOST_ROWS
	                         ? options->capacity
	                         : MOST_ROWS;
	self->evict = options->evict;
	self->keep = options->keep;
	self->idle_ns = options->idle_ns;
	ce_packet_time_open(&self->time, 0);
	rc = ceint_keys_open(&self->long_keys, options->by, options->by_count,
	                     options->seed, err);
	self->keys = self->long_keys;
	if (rc == 0)
		rc = open_rows(self, options, err);
	if (rc < 0) {
		ce_group_close(self);
		return rc;
	}
	*group = self;
	return 0;
}

void ce_group_close(struct ce_group *group)
{
	if (!group)
		return;
	ceint_table_close(&group->table);
	for (int i = 0; i < CEINT_STAGES; i++)
		ceint_block_close(&group->blocks[i]);
	free(group->over.rows);
	free(group->due.rows);
	free(group->other);
	free(group);
}

void ce_group_clear(struct ce_group *group)
{
	group->version++;
	ceint_table_clear(&group->table);
	memset(group->other, 0, group->row_bytes);
	group->over.first = group->over.end = 0;
	group->due.known = false;
	group->flush_left = 0;
	group->hand = group->evict_hand = 0;
	group->counts = (struct ce_group_counts){0};
	ce_packet_time_open(&group->time, 0);
	group->lapse = 0;
}

/* Note when packet i came; a row that was idle until then is over. */
static void touch(struct ce_group *group, uint32_t i)
{
	unsigned char *entry = group->block->entry[i];
	int64_t *seen = ceint_seen(group, entry), now = group->stamp[i];

	if (group->idle_ns && entry != group->other && now - *seen > group->idle_ns) {
		ceint_values_add(group, group->settled, i);
		group->settled = i;
		if (ceint_count(entry))
			ceint_over_restart(group, entry);
	}
	*seen = now;
}

/* Settle the block's packets before `to`. */
static void settle(struct ce_group *group, uint32_t to)
{
	for (uint32_t i = group->settled; group->seen_offset && i < to; i++)
		touch(group, i);
	ceint_values_add(group, group->settled, to);
	group->settled = to;
}

/* Before the full group looks for a place for packet i, rows that are over by then give
   theirs. 0 or -ENOMEM. */
static int end_idle(struct ce_group *group, uint32_t i, int64_t now_ns)
{
	int rc;

	if (!group->idle_ns || !ceint_over_is_due(group, now_ns))
		return 0;
	settle(group, i);
	rc = ceint_over_make_room(group, now_ns);
	return rc < 0 ? rc : ceint_over_reserve(group, group->block->count);
}

/* An entry for key i of the block, which has none, at now_ns, if rows may be idle; NULL:
   no memory. */
static unsigned char *place(struct ce_group *group, uint32_t i, int64_t now_ns)
{
	const struct ceint_block *block = group->block;

	if (group->table.live >= group->capacity && end_idle(group, i, now_ns) < 0)
		return NULL;
	if (group->table.live >= group->capacity) {
		if (!group->evict)
			return group->other;
		settle(group, i);
		ceint_over_evict(group);
	}
	return ceint_table_insert(&group->table, block->hash[i],
	                          ceint_block_key(block, group->keys.bytes, i));
}

/* Memory for so many packets, each of which may have a new key. 0 or -ENOMEM. */
static int reserve(struct ce_group *group, uint32_t packets)
{
	const struct ceint_table *table = &group->table;
	uint32_t left = table->live < group->capacity ? group->capacity - table->live : 0;

	return ceint_table_reserve(&group->table, packets < left ? packets : left);
}

/* The block is counted from here on. 0 or -ENOMEM. */
static int begin_block(struct ce_group *group, struct ceint_block *block)
{
	group->block = block;
	group->settled = 0;
	/* A packet ends one row at most: that of its key, or one that makes room. */
	return ceint_over_reserve(group, block->count);
}

/* When the block's packets came. */
static void stamp(struct ce_group *group, const struct ce_batch *batch)
{
	struct ce_tick tick;

	for (uint32_t i = 0; i < group->block->count; i++)
		if (group->idle_ns) {
			int64_t ts_ns = batch->ts_ns[group->block->packet[i]];

			ce_packet_time_due(&group->time, ts_ns, &tick);
			group->stamp[i] = group->time.now_ns;
		} else {
			group->stamp[i] = (int64_t)++group->touches;
		}
}

/* Find or make the rows of the block's packets, and count them there; meanwhile the slots
   of `next` are fetched. 0 or -ENOMEM. */
static int count_block(struct ce_group *group, struct ceint_block *block,
                       const struct ceint_block *next, const struct ce_batch *batch)
{
	int rc = begin_block(group, block);
	uint32_t i = 0;

	if (rc < 0)
		return rc;
	if (group->seen_offset)
		stamp(group, batch);
	while ((i = ceint_table_add(&group->table, block, i, group->capacity, next)) <
	       block->count) {
		block->entry[i] = place(group, i, group->stamp[i]);
		if (!block->entry[i])
			return -ENOMEM;
		i++;
	}
	settle(group, i);
	return 0;
}

/* Have the word's packets with a key in a block. False: there are none. */
static bool gather_block(struct ce_group *group, uint32_t word, uint64_t selected,
                         struct ceint_block *block)
{
	group->counts.skipped += ceint_keys_gather(&group->keys, word, selected, block);
	ceint_keys_hash(&group->keys, block);
	return block->count;
}

/*
 * When block number n has been gathered: its slots are fetched, and the entries of the one
 * before; and the one before that is counted. So nothing waits for what has just been
 * asked for.
 */
static int follow(struct ce_group *group, const struct ce_batch *batch, uint32_t n)
{
	struct ceint_block *const blocks = group->blocks;
	struct ceint_block *const block = &blocks[n % CEINT_STAGES];

	if (n > 0)
		ceint_table_prefetch_entries(&group->table,
		                             &blocks[(n - 1) % CEINT_STAGES]);
	if (n > 1)
		return count_block(group, &blocks[(n - 2) % CEINT_STAGES], block, batch);
	ceint_table_prefetch(&group->table, block);
	return 0;
}

static int add_words(struct ce_group *group, const struct ce_batch *batch,
                     const uint64_t selected[CE_BATCH_WORDS])
{
	struct ceint_block *const blocks = group->blocks;
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t word = 0; rc == 0 && word * 64 < batch->count; word++)
		if (selected[word] &&
		    gather_block(group, word, selected[word], &blocks[n % CEINT_STAGES]))
			rc = follow(group, batch, n++);
	for (int left = CEINT_STAGES - 1; rc == 0 && left; left--) {
		blocks[n % CEINT_STAGES].count = 0;
		rc = follow(group, batch, n++);
	}
	return rc;
}

/* Columns are of this decode's batch from now on. 0 or -ENOMEM. */
static int begin_batch(struct ce_group *group, struct ce_decode *decode,
                       const uint64_t selected[CE_BATCH_WORDS])
{
	const uint32_t words = (ce_decode_batch(decode)->count + 63) / 64;
	int rc = ceint_keys_begin(&group->keys, decode);

	if (rc == 0 && group->keys.brief &&
	    !ceint_keys_are_ipv4(&group->keys, selected, words))
		rc = ceint_brief_end(group);
	return rc < 0 ? rc : ceint_values_begin(group, decode);
}

int ce_group_add(struct ce_group *group, struct ce_decode *decode,
                 const uint64_t selected[CE_BATCH_WORDS])
{
	const struct ce_batch *batch = ce_decode_batch(decode);
	int rc = ceint_over_end_flush(group);

	group->version++;
	if (rc == 0)
		rc = begin_batch(group, decode, selected);
	if (rc == 0)
		rc = reserve(group, ce_selection_count(selected, 0, batch->count));
	if (rc == 0)
		rc = add_words(group, batch, selected);
	return rc < 0 ? rc : ceint_over_lapse(group);
}

static bool same_shape(const struct ce_group *a, const struct ce_group *b)
{
	bool same = a->columns == b->columns;

	for (size_t k = 0; same && k < a->columns; k++)
		same = a->column[k].op == b->column[k].op &&
		       a->column[k].field == b->column[k].field;
	return same;
}

/* Put the keys of other's rows from *number on into the block, as this group's are;
   moves on. */
static void gather_rows(struct ce_group *group, const struct ce_group *other,
                        uint32_t *number, unsigned char **rows)
{
	struct ceint_block *block = &group->blocks[0];

	block->count = 0;
	block->keys = block->own;
	for (; *number < other->table.used && block->count < CEINT_BLOCK; ++*number) {
		unsigned char *row = ceint_table_entry(&other->table, *number);

		if (!ceint_count(row))
			continue;
		ceint_keys_convert(&other->keys, ceint_table_key(&other->table, row),
		                   &group->keys,
		                   block->own + (size_t)block->count * group->keys.bytes);
		rows[block->count++] = row;
	}
}

/* When other's row was last seen, for this group. */
static int64_t seen_in(const struct ce_group *group, const struct ce_group *other,
                       unsigned char *row)
{
	bool comparable = group->idle_ns && other->idle_ns;

	return comparable       ? *ceint_seen(other, row)
	       : group->idle_ns ? group->time.now_ns
	                        : (int64_t)group->touches;
}

static void merge_row(struct ce_group *group, unsigned char *entry,
                      const struct ce_group *other, unsigned char *row)
{
	ceint_values_merge(group, entry, other, row);
	if (group->seen_offset && *ceint_seen(group, entry) < seen_in(group, other, row))
		*ceint_seen(group, entry) = seen_in(group, other, row);
}

/* Find or make the rows of the block's keys, and count other's rows there. 0 or
   -ENOMEM. */
static int merge_block(struct ce_group *group, const struct ce_group *other,
                       unsigned char **rows)
{
	struct ceint_block *block = &group->blocks[0];
	int rc = reserve(group, block->count);

	if (rc == 0)
		rc = begin_block(group, block);
	if (rc < 0)
		return rc;
	ceint_keys_hash(&group->keys, block);
	ceint_table_prefetch(&group->table, block);
	ceint_table_prefetch_entries(&group->table, block);
	for (uint32_t i = 0; i < block->count; i++) {
		const void *key = ceint_block_key(block, group->keys.bytes, i);
		uint64_t hash = block->hash[i];
		unsigned char *entry = ceint_table_find(&group->table, hash, key);

		group->settled = i; /* nothing waits to be settled */
		group->touches++;
		if (!entry)
			entry = place(group, i, group->time.now_ns);
		if (!entry)
			return -ENOMEM;
		merge_row(group, entry, other, rows[i]);
	}
	return 0;
}

static void merge_counts(struct ce_group *group, const struct ce_group *other)
{
	group->counts.skipped += other->counts.skipped;
	group->counts.expired += other->counts.expired;
	group->counts.evicted += other->counts.evicted;
	ceint_values_merge(group, group->other, other, other->other);
}

int ce_group_merge(struct ce_group *group, const struct ce_group *other)
{
	unsigned char *rows[CEINT_BLOCK];
	uint32_t number = 0;
	int rc;

	if (group == other || !same_shape(group, other))
		return -EINVAL;
	group->version++;
	rc = ceint_over_end_flush(group);
	if (rc < 0)
		return rc;
	if (other->time.started &&
	    (!group->time.started || other->time.now_ns > group->time.now_ns))
		group->time = other->time;
	if (group->keys.brief && !other->keys.brief)
		rc = ceint_brief_end(group);
	while (rc == 0 && number < other->table.used) {
		gather_rows(group, other, &number, rows);
		rc = merge_block(group, other, rows);
	}
	group->due.known = false; /* rows may have come that were touched earlier */
	if (rc < 0)
		return rc;
	merge_counts(group, other);
	return 0;
}
