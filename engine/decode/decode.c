/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decode.c - see <capengine/decode.h>. A column is made when it is first asked for
 * after a begin, and the walk over the headers when the first such column needs it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "field_table_int.h"

struct slot {
	struct ce_column column;
	void *memory;   /* for values that are not borrowed; NULL: none yet */
	uint64_t begun; /* made after so many begins */
};

struct ce_decode {
	struct ceint_layers layers;
	struct ceint_view view;
	uint64_t wanted[CE_BATCH_WORDS];
	uint64_t begun;      /* how often */
	uint64_t walked;     /* after so many begins */
	struct slot **slots; /* ceint_field_count of them; NULL: not used yet */
};

int ce_decode_open(struct ce_decode **out, uint64_t seed)
{
	struct ce_decode *decode = calloc(1, sizeof(*decode));

	if (!decode)
		return -ENOMEM;
	decode->slots = calloc(ceint_field_count, sizeof(struct slot *));
	if (!decode->slots) {
		free(decode);
		return -ENOMEM;
	}
	decode->view = (struct ceint_view){
		.layers = &decode->layers, .wanted = decode->wanted, .seed = seed};
	*out = decode;
	return 0;
}

void ce_decode_close(struct ce_decode *decode)
{
	if (!decode)
		return;
	for (size_t i = 0; i < ceint_field_count; i++) {
		if (decode->slots[i])
			free(decode->slots[i]->memory);
		free(decode->slots[i]);
	}
	free(decode->slots);
	free(decode);
}

void ce_decode_begin(struct ce_decode *decode, const struct ce_batch *batch,
                     const uint64_t wanted[CE_BATCH_WORDS])
{
	decode->view.batch = batch;
	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		decode->wanted[word] = wanted[word] &
		                       ce_selection_range(word, 0, batch->count);
	decode->begun++;
}

const struct ce_batch *ce_decode_batch(const struct ce_decode *decode)
{
	return decode->view.batch;
}

/* The field's slot, with memory for its values; NULL: out of memory. */
static struct slot *slot_for(struct ce_decode *decode, const struct ce_field *field)
{
	const struct ceint_recipe *recipe = field->recipe;
	struct slot **slot = &decode->slots[field - ceint_fields];

	if (*slot)
		return *slot;
	*slot = calloc(1, sizeof(**slot));
	if (!*slot)
		return NULL;
	(*slot)->column.field = field;
	if (recipe->borrow)
		return *slot;
	(*slot)->memory = calloc(CE_BATCH_PACKETS, field->width);
	(*slot)->column.values = (*slot)->memory;
	if ((*slot)->memory)
		return *slot;
	free(*slot);
	*slot = NULL;
	return NULL;
}

static void make(struct ce_decode *decode, struct slot *slot)
{
	const struct ceint_recipe *recipe = slot->column.field->recipe;

	if (!recipe->frame && decode->walked != decode->begun) {
		ceint_layers_walk(&decode->layers, decode->view.batch, decode->wanted);
		decode->walked = decode->begun;
	}
	if (recipe->borrow) {
		slot->column.values = recipe->borrow(decode->view.batch);
		memcpy(slot->column.present, decode->wanted, sizeof(decode->wanted));
	} else if (recipe->compute) {
		recipe->compute(&decode->view, &slot->column, slot->memory);
	} else {
		ceint_gather(&decode->view, recipe, &slot->column, slot->memory);
	}
	slot->begun = decode->begun;
}

const struct ce_column *ce_decode_column(struct ce_decode *decode,
                                         const struct ce_field *field)
{
	struct slot *slot = slot_for(decode, field);

	if (slot && slot->begun != decode->begun)
		make(decode, slot);
	return slot ? &slot->column : NULL;
}
