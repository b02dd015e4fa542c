/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * selection.h - which packets of a batch: an array of words, bit i % 64 of word
 * i / 64 is packet i.
 *
 * Threads    one at a time for an array
 * Ownership  arrays are the caller's
 * Blocking   nothing waits or allocates
 */
#ifndef CAPENGINE_SELECTION_H
#define CAPENGINE_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is packet i selected? */
static inline bool ce_selection_has(const uint64_t *selected, uint32_t i)
{
	return selected[i / 64] >> i % 64 & 1;
}

/* The first selected packet at or after i and before count; count: none. */
static inline uint32_t ce_selection_next(const uint64_t *selected, uint32_t i,
                                         uint32_t count)
{
	uint32_t word = i / 64;
	uint64_t bits;

	if (i >= count)
		return count;
	bits = selected[word] >> i % 64 << i % 64;
	while (!bits) {
		if (++word * 64 >= count)
			return count;
		bits = selected[word];
	}
	i = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return i < count ? i : count;
}

/* The bits of word `word` that stand for packets in [first, end). */
static inline uint64_t ce_selection_range(uint32_t word, uint32_t first, uint32_t end)
{
	uint64_t bits = UINT64_MAX;

	if (end <= word * 64 || first >= word * 64 + 64)
		return 0;
	if (first > word * 64)
		bits &= UINT64_MAX << (first - word * 64);
	if (end < word * 64 + 64)
		bits &= UINT64_MAX >> (word * 64 + 64 - end);
	return bits;
}

/* How many packets in [first, end) are selected. */
static inline uint32_t ce_selection_count(const uint64_t *selected, uint32_t first,
                                          uint32_t end)
{
	uint32_t count = 0;

	for (uint32_t word = first / 64; word * 64 < end; word++)
		count += (uint32_t)__builtin_popcountll(
			selected[word] & ce_selection_range(word, first, end));
	return count;
}

#ifdef __cplusplus
}
#endif

#endif
