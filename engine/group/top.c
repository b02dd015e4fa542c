/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * top.c - see <capengine/top.h>.
 *
 * A heap of counts with the least on top, beside a table from keys to places in the
 * heap. An entry of the table is
 *
 *     place | error | key
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/top.h"
#include "group/group_table_int.h"

enum { PLACE = 0, ERROR = 8, KEY = 16 };

/* A key in the heap. */
struct light {
	uint64_t count;
	uint32_t number; /* of its entry */
};

struct ce_top {
	struct ceint_table table;
	struct ceint_keys keys;
	struct ceint_block block;
	const struct ce_field *weight;
	const struct ce_column *weights; /* of the current batch */
	struct light *heap;
	uint32_t count; /* in the heap */
	uint32_t capacity;
	uint64_t total;
	uint64_t skipped;
	uint64_t version;
};

static int check_weight(const struct ce_field *weight, struct ce_err *err)
{
	int rc = weight ? ceint_keys_check(weight, err) : 0;

	if (rc == 0 && weight && weight->type != CE_FIELD_NUMBER)
		rc = ce_err_set(err, -EINVAL,
		                "%s is not a number: it cannot weigh packets",
		                weight->name);
	return rc;
}

static int open_rows(struct ce_top *top, struct ce_err *err)
{
	top->heap = malloc(top->capacity * sizeof(*top->heap));
	if (!top->heap || ceint_block_open(&top->block, &top->keys) < 0 ||
	    ceint_table_open(&top->table, KEY + top->keys.bytes, KEY, top->keys.bytes) <
	            0)
		return ce_err_set(err, -ENOMEM, "out of memory");
	return 0;
}

int ce_top_open(struct ce_top **top, const struct ce_top_options *options,
                struct ce_err *err)
{
	struct ce_top *self;
	int rc;

	if (options->capacity < 1 || options->capacity > CE_TOP_CAPACITY)
		return ce_err_set(err, -EINVAL, "a capacity is from 1 to %d, not %u",
		                  CE_TOP_CAPACITY, options->capacity);
	self = calloc(1, sizeof(*self));
	if (!self)
		return ce_err_set(err, -ENOMEM, "out of memory");
	self->weight = options->weight;
	self->capacity = options->capacity;
	rc = ceint_keys_open(&self->keys, options->by, options->by_count, options->seed,
	                     err);
	if (rc == 0)
		rc = check_weight(options->weight, err);
	if (rc == 0)
		rc = open_rows(self, err);
	if (rc < 0) {
		ce_top_close(self);
		return rc;
	}
	*top = self;
	return 0;
}

void ce_top_close(struct ce_top *top)
{
	if (!top)
		return;
	ceint_table_close(&top->table);
	ceint_block_close(&top->block);
	free(top->heap);
	free(top);
}

void ce_top_clear(struct ce_top *top)
{
	ceint_table_clear(&top->table);
	top->count = 0;
	top->total = top->skipped = 0;
	top->version++;
}

static uint64_t *entry_number(const struct ce_top *top, uint32_t number, uint32_t offset)
{
	return (uint64_t *)(void *)(ceint_table_entry(&top->table, number) + offset);
}

static void put(struct ce_top *top, uint32_t place, struct light light)
{
	top->heap[place] = light;
	*entry_number(top, light.number, PLACE) = place;
}

/* The count at a place has grown: it sinks. */
static void sink(struct ce_top *top, uint32_t place)
{
	struct light light = top->heap[place];
	uint32_t child;

	while ((child = 2 * place + 1) < top->count) {
		if (child + 1 < top->count &&
		    top->heap[child + 1].count < top->heap[child].count)
			child++;
		if (top->heap[child].count >= light.count)
			break;
		put(top, place, top->heap[child]);
		place = child;
	}
	put(top, place, light);
}

/* A new count stands last: it rises. */
static void rise(struct ce_top *top, uint32_t place)
{
	struct light light = top->heap[place];

	while (place && top->heap[(place - 1) / 2].count > light.count) {
		put(top, place, top->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(top, place, light);
}

/* A key for which there is room. */
static void insert(struct ce_top *top, uint64_t hash, const void *key, uint64_t count,
                   uint64_t error)
{
	unsigned char *entry = ceint_table_insert(&top->table, hash, key);
	uint32_t number = ceint_table_number(&top->table, entry);

	*entry_number(top, number, ERROR) = error;
	top->heap[top->count] = (struct light){count, number};
	rise(top, top->count++);
}

/* A new key takes the place of the lightest. */
static void replace(struct ce_top *top, uint64_t hash, const void *key, uint64_t weight)
{
	struct light least = top->heap[0];
	unsigned char *entry = ceint_table_entry(&top->table, least.number);
	const void *old = ceint_table_key(&top->table, entry);

	ceint_table_remove(&top->table, ceint_keys_hash_one(&top->keys, old), entry);
	entry = ceint_table_insert(&top->table, hash, key);
	top->heap[0].number = ceint_table_number(&top->table, entry);
	top->heap[0].count = least.count + weight;
	*entry_number(top, top->heap[0].number, ERROR) = least.count;
	sink(top, 0);
}

static void add_one(struct ce_top *top, uint64_t hash, const void *key, uint64_t weight)
{
	unsigned char *entry = ceint_table_find(&top->table, hash, key);

	top->total += weight;
	if (entry) {
		uint32_t number = ceint_table_number(&top->table, entry);
		uint32_t place = (uint32_t)*entry_number(top, number, PLACE);

		top->heap[place].count += weight;
		sink(top, place);
	} else if (top->count < top->capacity) {
		insert(top, hash, key, weight, 0);
	} else {
		replace(top, hash, key, weight);
	}
}

static uint64_t weight_of(const struct ce_top *top, uint32_t packet)
{
	uint64_t weight = 0; /* little-endian, as all machines that this is for */

	if (!top->weight)
		return 1;
	if (ce_column_has(top->weights, packet))
		memcpy(&weight, ce_column_value(top->weights, packet),
		       top->weight->width);
	return weight;
}

static int add_block(struct ce_top *top)
{
	struct ceint_block *block = &top->block;
	int rc = ceint_table_reserve(&top->table, CEINT_BLOCK);

	if (rc < 0)
		return rc;
	ceint_keys_hash(&top->keys, &top->block);
	ceint_table_prefetch(&top->table, block);
	ceint_table_prefetch_entries(&top->table, block);
	for (uint32_t i = 0; i < block->count; i++)
		add_one(top, block->hash[i], ceint_block_key(block, top->keys.bytes, i),
		        weight_of(top, block->packet[i]));
	return 0;
}

static int begin(struct ce_top *top, struct ce_decode *decode)
{
	if (top->weight) {
		top->weights = ce_decode_column(decode, top->weight);
		if (!top->weights)
			return -ENOMEM;
	}
	return ceint_keys_begin(&top->keys, decode);
}

int ce_top_add(struct ce_top *top, struct ce_decode *decode,
               const uint64_t selected[CE_BATCH_WORDS])
{
	const struct ce_batch *batch = ce_decode_batch(decode);
	int rc = begin(top, decode);

	top->version++;
	for (uint32_t word = 0; rc == 0 && word * 64 < batch->count; word++) {
		top->skipped +=
			ceint_keys_gather(&top->keys, word, selected[word], &top->block);
		if (top->block.count)
			rc = add_block(top);
	}
	return rc;
}

uint32_t ce_top_len(const struct ce_top *top)
{
	return top->count;
}

uint64_t ce_top_total(const struct ce_top *top)
{
	return top->total;
}

uint64_t ce_top_skipped(const struct ce_top *top)
{
	return top->skipped;
}

uint64_t ce_top_version(const struct ce_top *top)
{
	return top->version;
}

size_t ce_top_memory(const struct ce_top *top)
{
	return sizeof(*top) + ceint_table_memory(&top->table) +
	       (size_t)CEINT_BLOCK * top->keys.bytes + top->capacity * sizeof(*top->heap);
}

const struct ce_field *ce_top_field(const struct ce_top *top, size_t k)
{
	return k < top->keys.count ? top->keys.field[k] : NULL;
}

size_t ce_top_key_offset(const struct ce_top *top, size_t k)
{
	return top->keys.offset[k];
}

static struct ce_top_row row_at(const struct ce_top *top, uint32_t place)
{
	uint32_t number = top->heap[place].number;
	unsigned char *entry = ceint_table_entry(&top->table, number);

	return (struct ce_top_row){ceint_table_key(&top->table, entry),
	                           top->heap[place].count,
	                           *entry_number(top, number, ERROR)};
}

/* Largest first, equals by their keys; for qsort_r. */
static int compare(const void *one, const void *two, void *context)
{
	const struct ce_top_row *a = one, *b = two;
	const struct ceint_keys *keys = context;
	int by = 0;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	for (uint32_t k = 0; !by && k < keys->count; k++)
		by = ceint_keys_compare(keys->field[k], a->key + keys->offset[k],
		                        b->key + keys->offset[k]);
	return by;
}

int64_t ce_top_rows(const struct ce_top *top, size_t limit, struct ce_top_row **rows)
{
	struct ceint_keys keys = top->keys;

	*rows = malloc(((size_t)top->count + 1) * sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < top->count; i++)
		(*rows)[i] = row_at(top, i);
	qsort_r(*rows, top->count, sizeof(**rows), compare, &keys);
	return limit && limit < top->count ? (int64_t)limit : top->count;
}

/* What a key that has no row may weigh. */
static uint64_t least(const struct ce_top *top)
{
	return top->count == top->capacity ? top->heap[0].count : 0;
}

/* Rows of `from` into `into`, with what `beside` has or may have of the same keys;
   those that `beside` has only when `shared`. Gives how many. */
static size_t join(const struct ce_top *from, const struct ce_top *beside, bool shared,
                   struct ce_top_row *into)
{
	size_t count = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		struct ce_top_row row = row_at(from, i);
		uint64_t hash = ceint_keys_hash_one(&beside->keys, row.key), more;
		unsigned char *entry = ceint_table_find(&beside->table, hash, row.key);

		if (entry && !shared)
			continue;
		if (entry) {
			uint64_t place;

			memcpy(&place, entry + PLACE, sizeof(place));
			more = beside->heap[place].count;
			row.error += *(const uint64_t *)(const void *)(entry + ERROR);
		} else {
			more = least(beside);
			row.error += more;
		}
		row.count += more;
		into[count++] = row;
	}
	return count;
}

/* The rows that `top` is to have, in place of its own. */
static void take_rows(struct ce_top *top, struct ceint_table *table,
                      const struct ce_top_row *rows, size_t count)
{
	struct ceint_table old = top->table;

	top->table = *table;
	top->count = 0;
	for (size_t i = 0; i < count && i < top->capacity; i++)
		insert(top, ceint_keys_hash_one(&top->keys, rows[i].key), rows[i].key,
		       rows[i].count, rows[i].error);
	ceint_table_close(&old);
}

static bool same_shape(const struct ce_top *a, const struct ce_top *b)
{
	return a->keys.count == b->keys.count && a->weight == b->weight &&
	       a->capacity == b->capacity &&
	       !memcmp(a->keys.field, b->keys.field,
	               a->keys.count * sizeof(a->keys.field[0]));
}

int ce_top_merge(struct ce_top *top, const struct ce_top *other)
{
	struct ce_top_row *rows;
	struct ceint_table table;
	size_t count;

	if (top == other || !same_shape(top, other))
		return -EINVAL;
	rows = malloc(((size_t)top->count + other->count + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	if (ceint_table_open(&table, KEY + top->keys.bytes, KEY, top->keys.bytes) < 0 ||
	    ceint_table_reserve(&table, top->capacity) < 0) {
		ceint_table_close(&table);
		free(rows);
		return -ENOMEM;
	}
	count = join(top, other, true, rows);
	count += join(other, top, false, rows + count);
	qsort_r(rows, count, sizeof(*rows), compare, &top->keys);
	take_rows(top, &table, rows, count);
	free(rows);
	top->total += other->total;
	top->skipped += other->skipped;
	top->version++;
	return 0;
}
