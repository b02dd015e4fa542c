/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * distinct.h - how many different keys there were, in bounded memory: HyperLogLog.
 *
 * With 2^precision registers of a byte the estimate has a standard error of
 * 1.04 / sqrt(2^precision), 0.8 % at 14; next to no bias, also for few keys, where it
 * is far better. Two that hash with the same seed can be merged: the result is as if
 * all packets had been added to one. The seed is 0 unless chosen, so that the same
 * packets give the same estimate; choose one where somebody could want to mislead.
 *
 *     open -> add(batch), add, ... -> estimate -> close
 *
 * Threads    one at a time
 * Ownership  the caller owns the distinct
 * Blocking   open allocates, add where a column is new; nothing waits
 */
#ifndef CAPENGINE_DISTINCT_H
#define CAPENGINE_DISTINCT_H

#include <stddef.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>
#include <capengine/field.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_decode;
struct ce_distinct;

enum { CE_DISTINCT_LEAST = 4, CE_DISTINCT_MOST = 18 }; /* precision */

struct ce_distinct_options {
	const struct ce_field *const *of; /* up to CE_GROUP_BY fields */
	size_t of_count;
	uint32_t precision; /* CE_DISTINCT_LEAST to CE_DISTINCT_MOST; 0: 14 */
	uint64_t seed;
};

/* Returns 0; -EINVAL with words for a field of the wrong kind or a precision out of
   range; or -ENOMEM. */
int ce_distinct_open(struct ce_distinct **distinct,
                     const struct ce_distinct_options *options, struct ce_err *err);

/* NULL is fine. */
void ce_distinct_close(struct ce_distinct *distinct);

/* Add the selected packets of decode's batch; one without a field is skipped. 0 or
   -ENOMEM. */
int ce_distinct_add(struct ce_distinct *distinct, struct ce_decode *decode,
                    const uint64_t selected[CE_BATCH_WORDS]);

/* 0; -EINVAL: the other has other fields, another precision or another seed. */
int ce_distinct_merge(struct ce_distinct *distinct, const struct ce_distinct *other);

void ce_distinct_clear(struct ce_distinct *distinct);

double ce_distinct_estimate(const struct ce_distinct *distinct);

/* Packets without a field. */
uint64_t ce_distinct_skipped(const struct ce_distinct *distinct);

#ifdef __cplusplus
}
#endif

#endif
