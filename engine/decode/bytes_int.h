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

/* Of 64 octets that are 0 or 1, bit i: octet i. Eight at a time, which a product moves
   together. */
static inline uint64_t ceint_pack(const uint8_t octets[64])
{
	uint64_t word = 0;

	for (int i = 0; i < 64; i += 8) {
		uint64_t eight;

		memcpy(&eight, octets + i, sizeof(eight));
		word |= (le64toh(eight) * UINT64_C(0x0102040810204080)) >> 56 << i;
	}
	return word;
}

/*
 * Of 64 octets, bit i: octet i has one of these bits. Eight at a time: each octet that
 * is not zero carries into its uppermost bit.
 */
static inline uint64_t ceint_bits_of(const uint8_t *octets, uint8_t bits)
{
	const uint64_t low = UINT64_C(0x0101010101010101), high = low << 7;
	uint64_t word = 0;

	for (uint32_t i = 0; i < 64; i += 8) {
		uint64_t eight, some;

		memcpy(&eight, octets + i, sizeof(eight));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		eight &= low * bits;
		some = (((eight & ~high) + ~high) | eight) & high;
		word |= ((some >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
	}
	return word;
}

#endif
