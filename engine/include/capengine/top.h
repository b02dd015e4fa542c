/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * top.h - the heaviest keys in bounded memory, by space-saving.
 *
 * Of any number of keys it keeps `capacity`. A new key takes the place of the lightest
 * one, and its count, which is then what it may be wrong by. So a row's count is
 * never too low, and too high by its `error` at most:
 *
 *     count - error <= true count <= count      error <= total / capacity
 *
 * and every key with more than total / capacity has a row. Merging two keeps that.
 * (Metwally, Agrawal, El Abbadi 2005; Agarwal et al., "Mergeable summaries", 2012.)
 *
 *     open -> add(batch), add, ... -> rows -> close
 *
 * Threads    one at a time
 * Ownership  The caller owns the top. Rows' keys are lent until the next call that
 *            changes it.
 * Blocking   open, merge and rows allocate; nothing waits
 */
#ifndef CAPENGINE_TOP_H
#define CAPENGINE_TOP_H

#include <stddef.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>
#include <capengine/field.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_decode;
struct ce_top;

enum { CE_TOP_CAPACITY = 1 << 24 }; /* most keys that are kept */

struct ce_top_options {
	const struct ce_field *const *by; /* up to CE_GROUP_BY fields */
	size_t by_count;
	const struct ce_field *weight; /* a number; NULL: each packet counts 1 */
	uint32_t capacity;             /* keys that are kept, 1 to CE_TOP_CAPACITY */
	const uint64_t *seed;          /* of the hash; NULL: a random one */
};

struct ce_top_row {
	const unsigned char *key; /* see ce_top_key_offset */
	uint64_t count;
	uint64_t error; /* count may be too high by so much */
};

/* Returns 0; -EINVAL with words for a field of the wrong kind; or -ENOMEM. */
int ce_top_open(struct ce_top **top, const struct ce_top_options *options,
                struct ce_err *err);

/* NULL is fine. */
void ce_top_close(struct ce_top *top);

/*
 * Add the selected packets of decode's batch. One without a field of the key is
 * skipped; one without the weight weighs nothing. 0 or -ENOMEM.
 */
int ce_top_add(struct ce_top *top, struct ce_decode *decode,
               const uint64_t selected[CE_BATCH_WORDS]);

/* Add another's rows. 0; -EINVAL: it has another key, weight or capacity, or is the
   same; or -ENOMEM: nothing was added. */
int ce_top_merge(struct ce_top *top, const struct ce_top *other);

void ce_top_clear(struct ce_top *top);

uint32_t ce_top_len(const struct ce_top *top);

/* What all packets that were added weigh together. */
uint64_t ce_top_total(const struct ce_top *top);

/* Packets without a field of the key. */
uint64_t ce_top_skipped(const struct ce_top *top);

/* Bytes of memory that it has, as ce_group_memory. */
size_t ce_top_memory(const struct ce_top *top);

/* Changes with every call that changes rows. */
uint64_t ce_top_version(const struct ce_top *top);

/* Gives the first `limit` rows (0: all) in *rows, for free(3): the largest count
   first, equals by their keys. Returns how many, or -ENOMEM. */
int64_t ce_top_rows(const struct ce_top *top, size_t limit, struct ce_top_row **rows);

/* Field k of the key; NULL: it has no more. */
const struct ce_field *ce_top_field(const struct ce_top *top, size_t k);

/* Where field k's value stands in a row's key. */
size_t ce_top_key_offset(const struct ce_top *top, size_t k);

#ifdef __cplusplus
}
#endif

#endif
