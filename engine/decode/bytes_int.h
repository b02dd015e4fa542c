/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes_int.h - numbers as the network has them: most significant octet first.
 *
 * Threads any thread · Ownership nothing · Blocking nothing
 */
#ifndef CE_BYTES_INT_H
#define CE_BYTES_INT_H

#include <stdint.h>

static inline uint16_t ceint_be16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t ceint_be32(const unsigned char *at)
{
	return (uint32_t)ceint_be16(at) << 16 | ceint_be16(at + 2);
}

#endif
