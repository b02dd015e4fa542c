/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decode.c - see <capengine/decode.h>. A column is made when it is first asked for
 * after a begin, unless it was decoded ahead, and the walk over the headers when the
 * first such column needs it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ahead_int.h"

struct slot {
	struct ce_column column;
	void *memory;   /* for values that are not borrowed; NULL: none yet */
	uint64_t begun; /* made after so many begins */
};

struct ce_decode {
	struct ceint_layers *layers;
	struct ceint_view view;
	uint64_t wanted[CE_BATCH_WORDS];
	bool sparse;         /* less than half of the batch is wanted */
	uint64_t begun;      /* how often */
	uint64_t walked;     /* after so many begins */
	struct slot **slots; /* ceint_field_count of them; NULL: not used yet */

	struct ce_ahead *ahead; /* which is told what was asked for; NULL: none */
	uint64_t sequence;      /* of the batch */
	struct ceint_fields asked;

	struct ceint_layers own[]; /* unless they are shared */
};

int ceint_decode_open(struct ce_decode **out, uint64_t seed, struct ceint_layers *layers)
{
	struct ce_decode *decode =
		calloc(1, sizeof(*decode) + (layers ? 0 : sizeof(*layers)));

	if (!decode)
		return -ENOMEM;
	decode->slots = calloc(ceint_field_count, sizeof(struct slot *));
	if (!decode->slots) {
		free(decode);
		return -ENOMEM;
	}
	decode->layers = layers ? layers : decode->own;
	decode->view = (struct ceint_view){
		.layers = decode->layers, .wanted = decode->wanted, .seed = seed};
	*out = decode;
	return 0;
}

int ce_decode_open(struct ce_decode **decode, uint64_t seed)
{
	return ceint_decode_open(decode, seed, NULL);
}

void ce_decode_follow(struct ce_decode *decode, struct ce_ahead *ahead)
{
	decode->ahead = ahead;
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

/* Where a batch follows another: tell what that was asked for. */
static void tell_asked(struct ce_decode *decode, const struct ce_batch *batch)
{
	if (!decode->ahead || batch->sequence == decode->sequence)
		return;
	decode->sequence = batch->sequence;
	ceint_ahead_ask(decode->ahead, &decode->asked);
	decode->asked = (struct ceint_fields){0};
}

void ce_decode_begin(struct ce_decode *decode, const struct ce_batch *batch,
                     const uint64_t wanted[CE_BATCH_WORDS])
{
	tell_asked(decode, batch);
	decode->view.batch = batch;
	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++)
		decode->wanted[word] = wanted[word] &
		                       ce_selection_range(word, 0, batch->count);
	decode->sparse = decode->ahead &&
	                 ce_selection_count(wanted, 0, batch->count) < batch->count / 2;
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
		ceint_layers_walk(decode->layers, decode->view.batch, decode->wanted);
		decode->walked = decode->begun;
	}
	slot->begun = decode->begun;
	if (recipe->borrow) {
		slot->column.values = recipe->borrow(decode->view.batch);
		memcpy(slot->column.present, decode->wanted, sizeof(decode->wanted));
		return;
	}
	slot->column.values = slot->memory;
	for (uint32_t word = 0; word < CEINT_CLAIM_AHEAD; word++)
		ceint_claim(slot->memory, word, slot->column.field->width);
	if (recipe->compute)
		recipe->compute(&decode->view, &slot->column, slot->memory);
	else
		ceint_gather(&decode->view, recipe, &slot->column, slot->memory);
}

/* Have a column that was decoded ahead, for the wanted packets. False: there is none. */
static bool adopt(struct ce_decode *decode, struct slot *slot, size_t field)
{
	const struct ce_batch *batch = decode->view.batch;
	const struct slot *made = batch->decoded ? batch->ahead->slots[field] : NULL;

	if (!made || made->begun != batch->ahead->begun)
		return false;
	slot->column.values = made->column.values;
	for (uint32_t word = 0; word < CE_BATCH_WORDS; word++) {
		slot->column.present[word] = made->column.present[word] &
		                             decode->wanted[word];
		slot->column.ipv4[word] = made->column.ipv4[word];
	}
	slot->begun = decode->begun;
	return true;
}

const struct ce_column *ce_decode_column(struct ce_decode *decode,
                                         const struct ce_field *field)
{
	const struct ceint_recipe *recipe = field->recipe;
	const size_t index = (size_t)(field - ceint_fields);
	struct slot *slot = slot_for(decode, field);

	if (!slot)
		return NULL;
	if (!recipe->frame && !decode->sparse)
		decode->asked.bits[index / 64] |= (uint64_t)1 << index % 64;
	if (slot->begun != decode->begun && !adopt(decode, slot, index))
		make(decode, slot);
	return &slot->column;
}
