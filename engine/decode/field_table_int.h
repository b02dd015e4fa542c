/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * field_table_int.h - the table of all fields, for those who keep something for each.
 *
 * Threads any thread · Ownership constants · Blocking nothing
 */
#ifndef CE_FIELD_TABLE_INT_H
#define CE_FIELD_TABLE_INT_H

#include <stddef.h>

#include "capengine/field.h"
#include "recipe_int.h"

extern const struct ce_field ceint_fields[];
extern const size_t ceint_field_count;

enum { CEINT_FIELD_WORDS = 3 };

/* Some of them: bit i is field i. */
struct ceint_fields {
	uint64_t bits[CEINT_FIELD_WORDS];
};

#endif
