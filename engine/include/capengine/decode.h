/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decode.h - the fields of a batch's packets as columns, each decoded once.
 *
 * One walk finds where the headers of every wanted packet begin; a field that is
 * asked for is then gathered from all of them at once. Nothing is read past a
 * packet's captured bytes, and IP's own length, not padding, ends a payload.
 *
 *     open -> begin(batch) -> column, column, ... -> begin(next batch) -> close
 *
 * Link types: Ethernet (802.1Q and 802.1ad stacks, MPLS), raw IP, Linux cooked v1
 * and v2, BSD null and loop. A packet of another has the fields of frame.* only.
 *
 * Threads    one at a time
 * Ownership  The caller owns the decode; it lends columns until the next begin.
 *            begin keeps the batch, which must stay as it is until then.
 * Blocking   column allocates at a field's first use, and never again
 */
#ifndef CAPENGINE_DECODE_H
#define CAPENGINE_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/field.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_decode;

struct ce_column {
	const struct ce_field *field;
	uint64_t present[CE_BATCH_WORDS]; /* bit i: packet i has the field */
	/* Bit i: packet i is of IPv4; in flow.src, flow.dst and flow.key, of packets that
	   have them. */
	uint64_t ipv4[CE_BATCH_WORDS];
	const void *values; /* entry i: packet i's value, field->width bytes;
	                       unspecified where it has none */
};

/* Returns 0 or -ENOMEM. The seed is that of flow.hash. */
int ce_decode_open(struct ce_decode **decode, uint64_t seed);

/* NULL is fine. */
void ce_decode_close(struct ce_decode *decode);

/*
 * Columns are of this batch from now on, for the packets whose bits are set in
 * `wanted`; others have no field.
 */
void ce_decode_begin(struct ce_decode *decode, const struct ce_batch *batch,
                     const uint64_t wanted[CE_BATCH_WORDS]);

/* The batch of the last begin; NULL before one. */
const struct ce_batch *ce_decode_batch(const struct ce_decode *decode);

/* The column of a field that has one (width > 0); NULL: out of memory. */
const struct ce_column *ce_decode_column(struct ce_decode *decode,
                                         const struct ce_field *field);

/* Has packet i the column's field? */
static inline bool ce_column_has(const struct ce_column *column, uint32_t i)
{
	return column->present[i / 64] >> i % 64 & 1;
}

/* Packet i's value, field->width bytes; unspecified where it has none. */
static inline const void *ce_column_value(const struct ce_column *column, uint32_t i)
{
	return (const unsigned char *)column->values + (size_t)i * column->field->width;
}

#ifdef __cplusplus
}
#endif

#endif
