/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum_int.h - the Internet checksum, changed by as much as what it covers.
 *
 * Threads any thread · Ownership nothing · Blocking nothing
 */
#ifndef CE_CHECKSUM_INT_H
#define CE_CHECKSUM_INT_H

#include <stddef.h>
#include <stdint.h>

#include "decode/bytes_int.h"

/* The sum, in ones' complement, of 16-bit words; a last odd octet is an upper one. */
static inline uint32_t ceint_sum(const unsigned char *at, size_t bytes)
{
	uint64_t sum = 0;
	size_t i = 0;

	for (; i + 2 <= bytes; i += 2)
		sum += ceint_be16(at + i);
	if (i < bytes)
		sum += (uint64_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* Two sums as one. */
static inline uint32_t ceint_sum_add(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return (sum & 0xffff) + (sum >> 16);
}

/* The checksum of what had the sum `before`, and now has `after`: RFC 1624, eqn. 3. */
static inline uint16_t ceint_checksum_follow(uint16_t checksum, uint32_t before,
                                             uint32_t after)
{
	if (before == after)
		return checksum;
	return (uint16_t)~ceint_sum_add(
		ceint_sum_add((uint16_t)~checksum, (uint16_t)~before), after);
}

#endif
