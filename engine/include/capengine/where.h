/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where.h - Wireshark's display-filter language (wireshark-filter(4)), over the
 * columns of a batch.
 *
 * An expression is compiled once into a program over columns; running it makes
 * a selection of a whole batch at a time. It means what it means to tshark 4.0:
 * a comparison is false where a packet lacks the field, a field with parts
 * matches with any of them, and `!=` wants all of them to differ.
 *
 * The octets of "tcp" or "ip", in comparisons and slices, are those of the header, as
 * they are to `tshark -T fields`; `contains` looks into the payload too.
 *
 * Not there, and refused with a sentence: regular expressions (matches, ~), functions,
 * arithmetic, layers (#), references (${}), names of values (ip.proto == TCP), negative
 * values of unsigned fields, slices of slices, fields behind &, and `all` with `in`.
 *
 *     open -> select, select, ... -> close
 *
 * Threads    one at a time
 * Ownership  open copies the expression; the caller owns the where
 * Blocking   open allocates; select does where a column is new, and for octets that
 *            it has to put together
 */
#ifndef CAPENGINE_WHERE_H
#define CAPENGINE_WHERE_H

#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_decode;
struct ce_where;

/*
 * Compile an expression; the empty one selects all. Returns 0; -EINVAL with words
 * that say what is wrong, the expression and a caret below the mistake, and a near
 * name where a field is unknown; or -ENOMEM.
 */
int ce_where_open(struct ce_where **where, const char *expression, struct ce_err *err);

/* NULL is fine. */
void ce_where_close(struct ce_where *where);

/* Keep in `selected` the packets of decode's batch that match. 0 or -ENOMEM. */
int ce_where_select(struct ce_where *where, struct ce_decode *decode,
                    uint64_t selected[CE_BATCH_WORDS]);

#ifdef __cplusplus
}
#endif

#endif
