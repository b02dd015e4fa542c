/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead.c - see <capengine/ahead.h>.
 *
 * Each slot of the ring has a decode of its own, since its columns are read while the
 * next batch is decoded; the layers, which nobody else reads, they share.
 *
 * What is asked for is told by numbers that may be read half new, half old: then other
 * columns are made than were asked for, and nothing else happens.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ahead_int.h"

enum {
	PATIENCE = 16,     /* batches that are decoded while nobody asks */
	MOST_DECODES = 16, /* so that a large ring takes no more memory than it says */
};

struct ce_ahead {
	_Atomic uint64_t asked[CEINT_FIELD_WORDS]; /* a struct ceint_fields */
	_Atomic uint64_t asks;                     /* how often that was told */

	/* Whoever decodes has the rest. */
	uint64_t seed;
	uint64_t asks_seen;
	uint32_t unasked; /* batches since */
	struct ceint_layers layers;
	struct ce_decode *decodes[MOST_DECODES]; /* all that batches have */
	size_t count;
};

int ce_ahead_open(struct ce_ahead **out, uint64_t seed)
{
	struct ce_ahead *ahead = calloc(1, sizeof(*ahead));

	if (!ahead)
		return -ENOMEM;
	ahead->seed = seed;
	*out = ahead;
	return 0;
}

void ce_ahead_close(struct ce_ahead *ahead)
{
	if (!ahead)
		return;
	for (size_t i = 0; i < ahead->count; i++)
		ce_decode_close(ahead->decodes[i]);
	free(ahead);
}

void ceint_ahead_ask(struct ce_ahead *ahead, const struct ceint_fields *fields)
{
	for (int i = 0; i < CEINT_FIELD_WORDS; i++) /* orders nothing */
		atomic_store_explicit(&ahead->asked[i], fields->bits[i],
		                      memory_order_relaxed);
	atomic_fetch_add_explicit(&ahead->asks, 1, memory_order_relaxed); /* the same */
}

/* What was asked for lately. False: nothing. */
static bool asked(struct ce_ahead *ahead, struct ceint_fields *fields)
{
	uint64_t any = 0, asks;

	/* orders nothing */
	asks = atomic_load_explicit(&ahead->asks, memory_order_relaxed);
	ahead->unasked = asks == ahead->asks_seen ? ahead->unasked + 1 : 0;
	ahead->asks_seen = asks;
	if (ahead->unasked >= PATIENCE)
		return false;
	for (int i = 0; i < CEINT_FIELD_WORDS; i++) { /* the same */
		fields->bits[i] =
			atomic_load_explicit(&ahead->asked[i], memory_order_relaxed);
		any |= fields->bits[i];
	}
	return any;
}

/* Have a decode for the batch's slot. False: there are enough, or no memory. */
static bool have_decode(struct ce_ahead *ahead, struct ce_batch *batch)
{
	if (batch->ahead)
		return true;
	if (ahead->count == MOST_DECODES ||
	    ceint_decode_open(&batch->ahead, ahead->seed, &ahead->layers) < 0)
		return false;
	ahead->decodes[ahead->count++] = batch->ahead;
	return true;
}

void ce_ahead_decode(struct ce_ahead *ahead, struct ce_batch *batch)
{
	uint64_t all[CE_BATCH_WORDS];
	struct ceint_fields fields;

	if (!asked(ahead, &fields) || !have_decode(ahead, batch))
		return;
	memset(all, 0xff, sizeof(all));
	ce_decode_begin(batch->ahead, batch, all);
	for (uint32_t word = 0; word < CEINT_FIELD_WORDS; word++)
		for (uint64_t left = fields.bits[word]; left; left &= left - 1)
			if (!ce_decode_column(
				    batch->ahead,
				    &ceint_fields[word * 64 +
			                          (uint32_t)__builtin_ctzll(left)]))
				return;
	batch->decoded = true;
}
