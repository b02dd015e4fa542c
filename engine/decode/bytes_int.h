/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes_int.h - numbers as the network has them: most significant octet first.
 *
 * Threads any thread · Ownership nothing · Blocking nothing
 */
#ifndef CE_BYTES_INT_H
#define CE_BYTES_INT_H

#include <endian.h>
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

/* Eight octets, the first one lowest. */
static inline uint64_t ceint_eight(const uint8_t *octets)
{
	uint64_t eight;

	memcpy(&eight, octets, sizeof(eight));
	return le64toh(eight);
}

/* The lowest bits of eight octets whose others are 0: a product moves them together. */
static inline uint64_t ceint_pack_eight(uint64_t eight)
{
	return eight * UINT64_C(0x0102040810204080) >> 56;
}

/* Of 64 octets that are 0 or 1, bit i: octet i. */
static inline uint64_t ceint_pack(const uint8_t octets[64])
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < 64; i += 8)
		word |= ceint_pack_eight(ceint_eight(octets + i)) << i;
	return word;
}

/*
 * Of 64 octets, bit i: octet i has one of these bits. Each octet that is not zero carries
 * into its uppermost bit.
 */
static inline uint64_t ceint_bits_of(const uint8_t *octets, uint8_t bits)
{
	const uint64_t low = UINT64_C(0x0101010101010101), high = low << 7;
	uint64_t word = 0;

	for (uint32_t i = 0; i < 64; i += 8) {
		const uint64_t eight = ceint_eight(octets + i) & low * bits;
		const uint64_t some = (((eight & ~high) + ~high) | eight) & high;

		word |= ceint_pack_eight(some >> 7) << i;
	}
	return word;
}

#endif
