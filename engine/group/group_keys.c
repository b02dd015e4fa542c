/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_keys.c - see group_keys_int.h.
 *
 * Copies and hashes of the usual widths are compiled for that width: a copy is then
 * a move or two, and a hash has no branches.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "group/group_keys_int.h"

/* "tcp.srcport or tcp.dstport" */
static void name_parts(const struct ce_field *field, char *text, size_t size)
{
	size_t at = 0;

	for (size_t k = 0; field->parts[k] && at < size; k++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", k ? " or " : "",
		                       field->parts[k]);
}

int ceint_keys_check(const struct ce_field *field, struct ce_err *err)
{
	char parts[256] = "";

	if (!field->width) { /* vlan.id has parts, and a column of its own */
		name_parts(field, parts, sizeof(parts));
		return ce_err_set(
			err, -EINVAL,
			"%s stands for several fields, and one is wanted here: %s",
			field->name, parts);
	}
	if (field->type == CE_FIELD_BYTES)
		return ce_err_set(err, -EINVAL,
		                  "%s is a range of bytes, and has no value",
		                  field->name);
	return 0;
}

static int random_seed(uint64_t *seed, struct ce_err *err)
{
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		return ce_err_set(err, -EIO, "the system gives no random seed");
	return 0;
}

int ceint_keys_open(struct ceint_keys *keys, const struct ce_field *const *fields,
                    size_t count, const uint64_t *seed, struct ce_err *err)
{
	if (count < 1 || count > CE_GROUP_BY)
		return ce_err_set(err, -EINVAL, "a key has 1 to %d fields, not %zu",
		                  CE_GROUP_BY, count);
	*keys = (struct ceint_keys){.count = (uint32_t)count};
	for (size_t k = 0; k < count; k++) {
		int rc = ceint_keys_check(fields[k], err);

		if (rc < 0)
			return rc;
		keys->field[k] = fields[k];
	}
	ceint_keys_lay_out(keys);
	if (seed)
		keys->seed = *seed;
	return seed ? 0 : random_seed(&keys->seed, err);
}

int ceint_block_open(struct ceint_block *block, const struct ceint_keys *keys)
{
	block->keys = block->own = calloc(CEINT_BLOCK, keys->bytes);
	return block->own ? 0 : -ENOMEM;
}

void ceint_block_clear(struct ceint_block *block, const struct ceint_keys *keys)
{
	memset(block->own, 0, (size_t)CEINT_BLOCK * keys->bytes);
}

void ceint_block_close(struct ceint_block *block)
{
	free(block->own);
	block->keys = block->own = NULL;
}

int ceint_keys_begin(struct ceint_keys *keys, struct ce_decode *decode)
{
	for (uint32_t k = 0; k < keys->count; k++) {
		keys->column[k] = ce_decode_column(decode, keys->field[k]);
		if (!keys->column[k])
			return -ENOMEM;
	}
	return 0;
}

bool ceint_keys_are_ipv4(const struct ceint_keys *keys, const uint64_t *selected,
                         uint32_t words)
{
	for (uint32_t word = 0; word < words; word++) {
		uint64_t there = selected[word], ipv4 = UINT64_MAX;

		for (uint32_t k = 0; k < keys->count; k++) {
			there &= keys->column[k]->present[word];
			if (ceint_keys_width(keys, k) < keys->field[k]->width)
				ipv4 &= keys->column[k]->ipv4[word];
		}
		if (there & ~ipv4)
			return false;
	}
	return true;
}

/* The numbers of the bits that are set, plus `first`. */
static uint32_t list_bits(uint64_t bits, uint32_t first, uint32_t *list)
{
	uint32_t count = 0;

	if (bits == UINT64_MAX) {
		for (; count < 64; count++)
			list[count] = first + count;
		return count;
	}
	for (; bits; bits &= bits - 1)
		list[count++] = first + (uint32_t)__builtin_ctzll(bits);
	return count;
}

/* Copy `width` bytes of each packet's value, of which there is one in `apart` bytes. A
   whole word of packets, as there mostly is, needs no list of them. */
static inline __attribute__((always_inline)) void copy_values(
	const struct ceint_block *block, unsigned char *to, size_t stride,
	const unsigned char *values, size_t apart, size_t width)
{
	if (block->count == CEINT_BLOCK) {
		values += block->packet[0] * apart;
#pragma GCC unroll 4
		for (uint32_t i = 0; i < CEINT_BLOCK; i++)
			memcpy(to + i * stride, values + i * apart, width);
		return;
	}
	for (uint32_t i = 0; i < block->count; i++)
		memcpy(to + i * stride, values + block->packet[i] * apart, width);
}

static void copy_flows(const struct ceint_block *block, unsigned char *to, size_t stride,
                       const unsigned char *values)
{
	enum { APART = sizeof(struct ce_flow_key) };

	copy_values(block, to, stride, values + CEINT_LOWER_IPV4, APART,
	            CEINT_IPV4_BYTES);
	copy_values(block, to + CEINT_IPV4_BYTES, stride, values + CEINT_UPPER_IPV4,
	            APART, CEINT_IPV4_BYTES);
	copy_values(block, to + 2 * CEINT_IPV4_BYTES, stride, values + CEINT_FLOW_REST,
	            APART, CEINT_REST);
}

static void copy_column(const struct ceint_keys *keys, uint32_t k,
                        const struct ceint_block *block)
{
	unsigned char *to = block->own + keys->offset[k];
	const unsigned char *values = keys->column[k]->values;
	size_t width = keys->field[k]->width, stride = keys->bytes;

	if (keys->brief && keys->field[k]->type == CE_FIELD_FLOW) {
		copy_flows(block, to, stride, values);
		return;
	}
	if (keys->brief && keys->field[k]->type == CE_FIELD_ADDRESS) {
		copy_values(block, to, stride, values + CEINT_ADDRESS_IPV4, 16,
		            CEINT_IPV4_BYTES);
		return;
	}
	switch (width) {
	case 1:
		copy_values(block, to, stride, values, 1, 1);
		break;
	case 2:
		copy_values(block, to, stride, values, 2, 2);
		break;
	case 4:
		copy_values(block, to, stride, values, 4, 4);
		break;
	case 8:
		copy_values(block, to, stride, values, 8, 8);
		break;
	case 16:
		copy_values(block, to, stride, values, 16, 16);
		break;
	default:
		copy_values(block, to, stride, values, width, width);
	}
}

uint32_t ceint_keys_gather(const struct ceint_keys *keys, uint32_t word, uint64_t wanted,
                           struct ceint_block *block)
{
	uint64_t there = wanted;

	for (uint32_t k = 0; k < keys->count; k++)
		there &= keys->column[k]->present[word];
	block->count = list_bits(there, word * 64, block->packet);
	block->keys = block->own;
	if (there == UINT64_MAX && keys->count == 1 &&
	    keys->field[0]->width == keys->bytes &&
	    ceint_keys_width(keys, 0) == keys->bytes)
		block->keys = ce_column_value(keys->column[0], word * 64);
	else
		for (uint32_t k = 0; block->count && k < keys->count; k++)
			copy_column(keys, k, block);
	return (uint32_t)__builtin_popcountll(wanted & ~there);
}

static inline __attribute__((always_inline)) void hash_keys(struct ceint_block *block,
                                                            uint64_t seed, size_t bytes)
{
	for (uint32_t i = 0; i < block->count; i++)
		block->hash[i] =
			XXH3_64bits_withSeed(block->keys + i * bytes, bytes, seed);
}

void ceint_keys_hash(const struct ceint_keys *keys, struct ceint_block *block)
{
	switch (keys->bytes) {
	case 8:
		hash_keys(block, keys->seed, 8);
		break;
	case 16:
		hash_keys(block, keys->seed, 16);
		break;
	case 32:
		hash_keys(block, keys->seed, 32);
		break;
	case 40:
		hash_keys(block, keys->seed, 40);
		break;
	default:
		hash_keys(block, keys->seed, keys->bytes);
	}
}

uint64_t ceint_keys_hash_one(const struct ceint_keys *keys, const void *key)
{
	return ceint_hash(key, keys->bytes, keys->seed);
}

uint64_t ceint_hash(const void *bytes, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, size, seed);
}
