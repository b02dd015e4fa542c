/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gather.c - see recipe_int.h: one field of all packets of a batch at once.
 *
 * No branch depends on a packet but on whether it is plain. One that lacks the field is
 * read from a block of zeros instead, and its bit stays clear. Of 64 packets, those that
 * are plain have the field where all plain ones have it, or in numbers that the walk has
 * kept of them.
 */
#include <endian.h>
#include <string.h>

#include "bytes_int.h"
#include "recipe_int.h"

static const uint8_t all_zero[CE_BATCH_PACKETS];
static const uint32_t at_zero[CE_BATCH_PACKETS];
static const unsigned char nothing[16];

/* Which header, as columns: packet i has it when kind[i] & kinds. */
struct place {
	const uint8_t *kind;
	const uint32_t *at;
	const uint32_t *limit;
	uint32_t offset; /* in the header */
	uint32_t needs;
	uint8_t kinds;
	uint8_t flip; /* xor for kind[i]: an array of zeros becomes one of ones */
};

/* What is done with the bytes; `whole`: they are the value. */
struct bits {
	uint64_t mask;
	uint32_t shift, scale;
	uint16_t any; /* of two bytes as they stand: those of a boolean */
	bool whole;
};

static struct bits bits_of(const struct ceint_recipe *recipe)
{
	const uint64_t mask = recipe->mask ? recipe->mask : UINT64_MAX;

	return (struct bits){
		.mask = mask,
		.shift = recipe->shift,
		.scale = recipe->scale ? recipe->scale : 1,
		.any = htobe16((uint16_t)(mask << recipe->shift)),
		.whole = !recipe->mask && !recipe->shift && recipe->scale <= 1,
	};
}

static inline __attribute__((always_inline)) uint64_t load(const unsigned char *at,
                                                           uint32_t bytes)
{
	switch (bytes) {
	case 1:
		return *at;
	case 2:
		return ceint_be16(at);
	case 4:
		return ceint_be32(at);
	default:
		return (uint64_t)ceint_be16(at) << 32 | ceint_be32(at + 2);
	}
}

static inline __attribute__((always_inline)) void put(void *values, uint32_t i,
                                                      uint32_t width, uint64_t value)
{
	switch (width) {
	case 1:
		((uint8_t *)values)[i] = (uint8_t)value;
		break;
	case 2:
		((uint16_t *)values)[i] = (uint16_t)value;
		break;
	case 4:
		((uint32_t *)values)[i] = (uint32_t)value;
		break;
	default:
		((uint64_t *)values)[i] = value;
		break;
	}
}

/* Store what stands at `from`, for constants `bytes`, `width` and bits.whole. */
static inline __attribute__((always_inline)) void take(const unsigned char *from,
                                                       struct bits bits, void *values,
                                                       uint32_t i, uint32_t bytes,
                                                       uint32_t width)
{
	uint64_t value;
	uint16_t pair;

	if (width < bytes) { /* only booleans are narrower */
		memcpy(&pair, from, sizeof(pair));
		((uint8_t *)values)[i] = (pair & bits.any) != 0;
		return;
	}
	if (width == 16) {
		memcpy((unsigned char *)values + (size_t)i * 16, from, 16);
		return;
	}
	value = load(from, bytes);
	if (!bits.whole)
		value = (value >> bits.shift & bits.mask) * bits.scale;
	put(values, i, width, value);
}

/* Which of 64 packets would have the field if they were plain. */
static uint64_t bits_if_plain(const struct ceint_view *view,
                              const struct ceint_recipe *recipe, uint32_t first)
{
	const struct ceint_layers *layers = view->layers;

	switch (recipe->header) {
	case CEINT_AT_LINK:
		return layers->link == recipe->kinds ? UINT64_MAX : 0;
	case CEINT_AT_NETWORK:
		return recipe->kinds & CEINT_PLAIN_KINDS ? UINT64_MAX : 0;
	default:
		return ceint_bits_of(layers->transport + first, recipe->kinds);
	}
}

/* Where in numbers of their layers plain packets have a field. */
struct numbers {
	const uint32_t *of; /* packet i has of[i]; NULL: nowhere */
	uint32_t shift;     /* to have its octets lowest */
};

static struct numbers numbers_of(const struct ceint_layers *layers,
                                 const struct ceint_recipe *recipe)
{
	const bool back = recipe->at >= CEINT_BACK;
	const uint32_t at = recipe->at - (back ? (uint32_t)CEINT_BACK : 0);

	if (recipe->header != CEINT_AT_TRANSPORT || at + recipe->bytes > 4)
		return (struct numbers){0};
	return (struct numbers){back ? layers->back : layers->front,
	                        8 * (4 - at - recipe->bytes)};
}

/* Store those of a word, for constants `bytes`, `width` and bits.whole. */
static inline __attribute__((always_inline)) void take_numbers(
	struct numbers numbers, struct bits bits, void *values, uint32_t first,
	uint32_t bytes, uint32_t width)
{
	const uint32_t mask = (uint32_t)((UINT64_C(1) << 8 * bytes) - 1);
	const uint16_t any = be16toh(bits.any);

#pragma GCC ivdep
	for (uint32_t i = first; i < first + 64; i++) {
		uint32_t value = numbers.of[i] >> numbers.shift & mask;

		if (width < bytes)
			value = (value & any) != 0;
		else if (!bits.whole)
			value = (value >> bits.shift & (uint32_t)bits.mask) * bits.scale;
		put(values, i, width, value);
	}
}

/*
 * The plain packets of a word: every field of IPv4 and of a transport's fixed part is
 * captured, and a packet of another transport may be read as if it were of this one. Of
 * numbers a whole word is stored, with what they are for packets that are not plain.
 */
static inline __attribute__((always_inline)) uint64_t gather_plain(
	const struct ceint_view *view, const struct ceint_recipe *recipe,
	struct numbers numbers, struct bits bits, void *values, uint32_t word,
	uint32_t bytes, uint32_t width)
{
	static const uint32_t base[] = {
		[CEINT_AT_LINK] = 0,
		[CEINT_AT_NETWORK] = CEINT_PLAIN_NETWORK,
		[CEINT_AT_TRANSPORT] = CEINT_PLAIN_TRANSPORT,
	};
	const unsigned char *const *data = view->batch->data;
	uint32_t offset = base[recipe->header] + recipe->at, first = word * 64;
	uint64_t plain = view->layers->plain[word];
	uint64_t present = bits_if_plain(view, recipe, first) & plain;

	if (!present)
		return 0;
	if (bytes <= 4 && numbers.of)
		take_numbers(numbers, bits, values, first, bytes, width);
	else if (plain == UINT64_MAX)
#pragma GCC unroll 4
		for (uint32_t i = first; i < first + 64; i++)
			take(data[i] + offset, bits, values, i, bytes, width);
	else
		for (uint64_t left = plain; left; left &= left - 1) {
			uint32_t i = first + (uint32_t)__builtin_ctzll(left);

			take(data[i] + offset, bits, values, i, bytes, width);
		}
	return present;
}

/* The packets of a word whose bits are set, none of which is known to be plain. */
static inline __attribute__((always_inline)) uint64_t gather_each(
	const struct ceint_view *view, const struct place *place, struct bits bits,
	void *values, uint32_t word, uint64_t wanted, uint32_t bytes, uint32_t width)
{
	const unsigned char *const *data = view->batch->data;
	uint64_t present = 0;

	for (uint64_t left = wanted; left; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left), i = word * 64 + bit;
		uint32_t at = place->at[i], limit = place->limit[i];
		bool has = ((place->kind[i] ^ place->flip) & place->kinds) &&
		           at <= limit && limit - at >= place->needs;

		present |= (uint64_t)has << bit;
		take(has ? data[i] + at + place->offset : nothing, bits, values, i, bytes,
		     width);
	}
	return present;
}

/* The loop, for constants `bytes`, `width` and bits.whole. */
static inline __attribute__((always_inline)) void gather_words(
	const struct ceint_view *view, const struct place *place,
	const struct ceint_recipe *recipe, struct bits bits, struct ce_column *column,
	void *values, uint32_t bytes, uint32_t width)
{
	const struct numbers numbers = numbers_of(view->layers, recipe);

	for (uint32_t word = 0; word * 64 < view->batch->count; word++) {
		uint64_t others = view->wanted[word] & ~view->layers->plain[word];
		uint64_t present;

		ceint_claim(values, word + CEINT_CLAIM_AHEAD, width);
		/* Plain ones first: what this stores for others may be no value. */
		present = gather_plain(view, recipe, numbers, bits, values, word, bytes,
		                       width);
		present |= gather_each(view, place, bits, values, word, others, bytes,
		                       width);
		column->present[word] = present;
	}
}

static inline __attribute__((always_inline)) void gather(
	const struct ceint_view *view, const struct place *place,
	const struct ceint_recipe *recipe, struct ce_column *column, void *values,
	uint32_t bytes, uint32_t width)
{
	struct bits bits = bits_of(recipe);

	if (bits.whole) { /* compiled twice, so that it is a constant in the loop */
		bits.whole = true;
		gather_words(view, place, recipe, bits, column, values, bytes, width);
	} else {
		bits.whole = false;
		gather_words(view, place, recipe, bits, column, values, bytes, width);
	}
}

/* Every recipe is one of these shapes. */
static void gather_shape(const struct ceint_view *view, const struct place *place,
                         const struct ceint_recipe *recipe, struct ce_column *column,
                         void *values)
{
	switch ((uint32_t)recipe->bytes << 8 | column->field->width) {
	case 0x0101:
		gather(view, place, recipe, column, values, 1, 1);
		break;
	case 0x0102:
		gather(view, place, recipe, column, values, 1, 2);
		break;
	case 0x0201:
		gather(view, place, recipe, column, values, 2, 1);
		break;
	case 0x0202:
		gather(view, place, recipe, column, values, 2, 2);
		break;
	case 0x0204:
		gather(view, place, recipe, column, values, 2, 4);
		break;
	case 0x0404:
		gather(view, place, recipe, column, values, 4, 4);
		break;
	case 0x0608:
		gather(view, place, recipe, column, values, 6, 8);
		break;
	default:
		gather(view, place, recipe, column, values, 16, 16);
		break;
	}
}

void ceint_gather(const struct ceint_view *view, const struct ceint_recipe *recipe,
                  struct ce_column *column, void *values)
{
	const struct ceint_layers *layers = view->layers;
	struct place place = {
		.kind = all_zero,
		.at = at_zero,
		.limit = view->batch->caplen,
		.offset = recipe->at,
		.needs = recipe->needs ? recipe->needs
	                               : recipe->at + (uint32_t)recipe->bytes,
		.kinds = recipe->kinds,
	};

	switch (recipe->header) {
	case CEINT_AT_LINK:
		if (layers->link == recipe->kinds)
			place.flip = UINT8_MAX;
		break;
	case CEINT_AT_NETWORK:
		place.kind = layers->network;
		place.at = layers->network_at;
		break;
	case CEINT_AT_TRANSPORT:
		place.kind = layers->transport;
		place.at = layers->transport_at;
		place.limit = layers->captured;
		break;
	}
	gather_shape(view, &place, recipe, column, values);
}
