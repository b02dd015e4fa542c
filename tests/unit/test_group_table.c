/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_group_table.c - what group_table_int.h promises, where hashes are so few that lines
 * are full, and slots are lines away from where their hash says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group/group_table_int.h"

enum { KEYS = 600, KEY_AT = 8, ENTRY = 24, HUGE_PAGE = 2 << 20 };

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* A table, and what is to be in it: by key, the entry's count or 0. */
struct model {
	struct ceint_table table;
	uint64_t counts[KEYS];
	uint32_t live;
	uint32_t hashes; /* how many different ones there are */
};

static void open_model(struct model *model, uint32_t hashes)
{
	*model = (struct model){.hashes = hashes};
	assert_int_equal(ceint_table_open(&model->table, ENTRY, KEY_AT, 8), 0);
}

/* So that neighbours in a table of any size have keys, and its last line, too. */
static uint64_t hash_of(const struct model *model, uint64_t key)
{
	return (uint64_t)0x5a5a5a5a << 32 | (uint32_t)(key % model->hashes - 4);
}

static unsigned char *find(const struct model *model, uint64_t key)
{
	return ceint_table_find(&model->table, hash_of(model, key), &key);
}

static void insert(struct model *model, uint64_t key)
{
	uint64_t hash = hash_of(model, key), count = pick(1000) + 1;
	unsigned char *entry;

	assert_int_equal(ceint_table_reserve(&model->table, 1), 0);
	entry = ceint_table_insert(&model->table, hash, &key);
	memcpy(entry, &count, sizeof(count));
	model->counts[key] = count;
	model->live++;
}

static void take_out(struct model *model, uint64_t key)
{
	unsigned char *entry = find(model, key);

	assert_non_null(entry);
	ceint_table_remove(&model->table, hash_of(model, key), entry);
	memset(entry, 0, sizeof(uint64_t));
	model->counts[key] = 0;
	model->live--;
}

/* The block's keys from `first` on; one may come twice. */
static void fill(const struct model *model, struct ceint_block *block, uint64_t keys[],
                 uint64_t first)
{
	block->count = CEINT_BLOCK;
	block->keys = (const unsigned char *)keys;
	for (uint32_t i = 0; i < CEINT_BLOCK; i++)
		keys[i] = (first + i) % KEYS;
	keys[pick(CEINT_BLOCK)] = keys[pick(CEINT_BLOCK)];
	for (uint32_t i = 0; i < CEINT_BLOCK; i++)
		block->hash[i] = hash_of(model, keys[i]);
}

/* Look the keys up as a block, whose entries were guessed before. */
static void expect_block(struct model *model, struct ceint_block *block)
{
	const uint64_t *keys = (const void *)block->keys;
	uint32_t i = 0;

	while ((i = ceint_table_add(&model->table, block, i, 0, block)) < CEINT_BLOCK) {
		assert_int_equal(model->counts[keys[i]], 0);
		block->entry[i] = NULL;
		i++;
	}
	for (i = 0; i < CEINT_BLOCK; i++)
		if (model->counts[keys[i]])
			assert_memory_equal(block->entry[i], &model->counts[keys[i]], 8);
		else
			assert_null(block->entry[i]);
}

/* Add the keys as a block, as far as there is room for so many more. */
static void add_block(struct model *model, struct ceint_block *block, uint32_t more)
{
	const uint64_t *keys = (const void *)block->keys;
	const uint32_t most = model->live + more;
	uint32_t end;

	assert_int_equal(ceint_table_reserve(&model->table, CEINT_BLOCK), 0);
	ceint_table_prefetch(&model->table, block);
	ceint_table_prefetch_entries(&model->table, block);
	end = ceint_table_add(&model->table, block, 0, most, block);
	for (uint32_t i = 0; i < end; i++) {
		uint64_t *count = &model->counts[keys[i]];

		model->live += !*count;
		if (!*count)
			*count = pick(1000) + 1;
		memcpy(block->entry[i], count, sizeof(*count));
	}
	if (end < CEINT_BLOCK) {
		assert_int_equal(model->live, most);
		assert_int_equal(model->counts[keys[end]], 0);
	}
}

static void expect_all(const struct model *model)
{
	assert_int_equal(model->table.live, model->live);
	for (uint64_t key = 0; key < KEYS; key++) {
		const unsigned char *entry = find(model, key);

		if (!model->counts[key]) {
			assert_null(entry);
			continue;
		}
		assert_non_null(entry);
		assert_memory_equal(entry, &model->counts[key], 8);
		assert_memory_equal(entry + KEY_AT, &key, 8);
	}
}

/* With few hashes, hundreds of slots follow each other from a line on. */
static void what_was_inserted_is_found_until_it_is_removed(void **state)
{
	static const uint32_t hashes[] = {1, 3, 9, 50, KEYS};
	static struct ceint_block block;
	uint64_t keys[CEINT_BLOCK];

	(void)state;
	for (size_t h = 0; h < sizeof(hashes) / sizeof(*hashes); h++) {
		struct model model;

		random_state = (uint32_t)h;
		open_model(&model, hashes[h]);
		for (int round = 0; round < 4000; round++) {
			/* At first mostly inserts, later as many of either. */
			uint64_t key = pick(KEYS);
			bool more = round < 1500 || pick(2);

			fill(&model, &block, keys, pick(KEYS));
			if (!ceint_table_reserve(&model.table, 1)) {
				ceint_table_prefetch(&model.table, &block);
				ceint_table_prefetch_entries(&model.table, &block);
			}
			if (model.counts[key] && !more)
				take_out(&model, key);
			else if (!model.counts[key] && more)
				insert(&model, key);
			expect_block(&model, &block);
			if (round % 64 == 0) {
				add_block(&model, &block, pick(CEINT_BLOCK + 1));
				expect_all(&model);
			}
		}
		for (uint64_t key = 0; key < KEYS; key++)
			if (model.counts[key])
				take_out(&model, key);
		for (uint32_t i = 0; i <= model.table.mask; i++)
			assert_int_equal(model.table.slots[i], 0);
		ceint_table_close(&model.table);
	}
}

/* As many as are reserved at once, and from any size; slots and entries may each have the
   rest of a huge page. */
static void reserved_memory_is_enough(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 2000000; count = count * 3 + 1) {
		struct ceint_table table;

		assert_int_equal(ceint_table_open(&table, ENTRY, KEY_AT, 8), 0);
		assert_int_equal(ceint_table_reserve(&table, count), 0);
		assert_true((uint64_t)count * 8 <= (uint64_t)table.mask * 5);
		assert_true(count <= table.room);
		if (count >= HUGE_PAGE / table.stride) /* and none of it is left */
			assert_true((table.room + UINT64_C(1)) * table.stride %
			                    HUGE_PAGE <=
			            table.stride);
		assert_true(ceint_table_memory(&table) <
		            8192 + (size_t)count * 160 +
		                    (count < 1000 ? 0 : 2 * HUGE_PAGE));
		ceint_table_close(&table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_inserted_is_found_until_it_is_removed),
		cmocka_unit_test(reserved_memory_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
