/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hll_int.h - HyperLogLog: how many different hashes there were, from 2^precision
 * registers of a byte, with a standard error of 1.04 / sqrt(2^precision).
 *
 * Registers begin as zeros. Merging two sets of registers is as adding both to one.
 *
 * Threads    one at a time
 * Ownership  the caller owns the registers
 * Blocking   nothing waits or allocates
 */
#ifndef CE_HLL_INT_H
#define CE_HLL_INT_H

#include <stdint.h>

static inline void ceint_hll_add(uint8_t *registers, uint32_t precision, uint64_t hash)
{
	uint8_t *at = &registers[hash >> (64 - precision)];
	/* The zeros that the rest begins with, plus 1; a mark ends them. */
	uint64_t rest = hash << precision | UINT64_C(1) << (precision - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

	*at = rank > *at ? rank : *at;
}

void ceint_hll_merge(uint8_t *registers, const uint8_t *other, uint32_t precision);

double ceint_hll_estimate(const uint8_t *registers, uint32_t precision);

#endif
