/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes_int.h - numbers as the network has them: most significant octet first.
 *
 * Threads any thread · Ownership nothing · Blocking nothing
 */
#ifndef CE_BYTES_INT_H
#define CE_BYTES_INT_H

#include <stdint.h>
#include <string.h>

static inline uint16_t ceint_be16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t ceint_be32(const unsigned char *at)
{
	return (uint32_t)ceint_be16(at) << 16 | ceint_be16(at + 2);
}

static inline void ceint_put16(unsigned char *at, uint16_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

/* Of 16 octets, bit i: octet i has one of these bits. */
static inline uint64_t ceint_bits_of_16(const uint8_t *octets, uint8_t bits)
{
#ifdef __SSE2__
	typedef char sixteen __attribute__((vector_size(16)));
	sixteen some;

	memcpy(&some, octets, sizeof(some));
	some = (some & (char)bits) != 0;
	return (uint32_t)__builtin_ia32_pmovmskb128(some);
#else
	uint64_t word = 0;

	for (uint32_t i = 0; i < 16; i++)
		word |= (uint64_t)((octets[i] & bits) != 0) << i;
	return word;
#endif
}

/* The same of 64. */
static inline uint64_t ceint_bits_of(const uint8_t *octets, uint8_t bits)
{
	return ceint_bits_of_16(octets, bits) |
	       ceint_bits_of_16(octets + 16, bits) << 16 |
	       ceint_bits_of_16(octets + 32, bits) << 32 |
	       ceint_bits_of_16(octets + 48, bits) << 48;
}

/* Of 64 octets that are 0 or 1, bit i: octet i. */
static inline uint64_t ceint_pack(const uint8_t octets[64])
{
	return ceint_bits_of(octets, 1);
}

#endif
