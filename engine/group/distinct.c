/* SPDX-License-Identifier: BSD-3-Clause */
/* distinct.c - see <capengine/distinct.h>. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/distinct.h"
#include "group/group_keys_int.h"
#include "group/hll_int.h"

enum { PRECISION = 14 };

struct ce_distinct {
	struct ceint_keys keys;
	struct ceint_block block;
	uint64_t skipped;
	uint32_t precision;
	uint8_t registers[];
};

int ce_distinct_open(struct ce_distinct **distinct,
                     const struct ce_distinct_options *options, struct ce_err *err)
{
	uint32_t precision = options->precision ? options->precision : PRECISION;
	struct ce_distinct *self;
	int rc;

	if (precision < CE_DISTINCT_LEAST || precision > CE_DISTINCT_MOST)
		return ce_err_set(err, -EINVAL, "a precision is from %d to %d, not %u",
		                  CE_DISTINCT_LEAST, CE_DISTINCT_MOST, precision);
	self = calloc(1, sizeof(*self) + ((size_t)1 << precision));
	if (!self)
		return ce_err_set(err, -ENOMEM, "out of memory");
	self->precision = precision;
	rc = ceint_keys_open(&self->keys, options->of, options->of_count, &options->seed,
	                     err);
	if (rc == 0 && ceint_block_open(&self->block, &self->keys) < 0)
		rc = ce_err_set(err, -ENOMEM, "out of memory");
	if (rc < 0) {
		ce_distinct_close(self);
		return rc;
	}
	*distinct = self;
	return 0;
}

void ce_distinct_close(struct ce_distinct *distinct)
{
	if (!distinct)
		return;
	ceint_block_close(&distinct->block);
	free(distinct);
}

int ce_distinct_add(struct ce_distinct *distinct, struct ce_decode *decode,
                    const uint64_t selected[CE_BATCH_WORDS])
{
	struct ceint_block *block = &distinct->block;
	const struct ce_batch *batch = ce_decode_batch(decode);
	int rc = ceint_keys_begin(&distinct->keys, decode);

	for (uint32_t word = 0; rc == 0 && word * 64 < batch->count; word++) {
		distinct->skipped +=
			ceint_keys_gather(&distinct->keys, word, selected[word], block);
		ceint_keys_hash(&distinct->keys, block);
		for (uint32_t i = 0; i < block->count; i++)
			ceint_hll_add(distinct->registers, distinct->precision,
			              block->hash[i]);
	}
	return rc;
}

int ce_distinct_merge(struct ce_distinct *distinct, const struct ce_distinct *other)
{
	const struct ceint_keys *a = &distinct->keys, *b = &other->keys;

	if (distinct->precision != other->precision || a->seed != b->seed ||
	    a->count != b->count ||
	    memcmp(a->field, b->field, a->count * sizeof(a->field[0])))
		return -EINVAL;
	ceint_hll_merge(distinct->registers, other->registers, distinct->precision);
	if (distinct != other)
		distinct->skipped += other->skipped;
	return 0;
}

void ce_distinct_clear(struct ce_distinct *distinct)
{
	memset(distinct->registers, 0, (size_t)1 << distinct->precision);
	distinct->skipped = 0;
}

double ce_distinct_estimate(const struct ce_distinct *distinct)
{
	return ceint_hll_estimate(distinct->registers, distinct->precision);
}

uint64_t ce_distinct_skipped(const struct ce_distinct *distinct)
{
	return distinct->skipped;
}
