/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead_int.h - what decode.c and ahead.c have of each other.
 *
 * Threads    ask: that of the decode which follows
 * Ownership  nothing is kept but the layers
 * Blocking   open allocates
 */
#ifndef CE_AHEAD_INT_H
#define CE_AHEAD_INT_H

#include "capengine/ahead.h"
#include "capengine/decode.h"
#include "field_table_int.h"

/* These were asked for of the last batch. */
void ceint_ahead_ask(struct ce_ahead *ahead, const struct ceint_fields *fields);

/*
 * As ce_decode_open, with layers that several decodes share, until close: each asks for
 * all its columns before the next one begins. NULL: it has its own.
 */
int ceint_decode_open(struct ce_decode **decode, uint64_t seed,
                      struct ceint_layers *layers);

#endif
