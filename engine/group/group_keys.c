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
	uint32_t bytes = 0;

	if (count < 1 || count > CE_GROUP_BY)
		return ce_err_set(err, -EINVAL, "a key has 1 to %d fields, not %zu",
		                  CE_GROUP_BY, count);
	*keys = (struct ceint_keys){.count = (uint32_t)count};
	for (size_t k = 0; k < count; k++) {
		int rc = ceint_keys_check(fields[k], err);

		if (rc < 0)
			return rc;
		keys->field[k] = fields[k];
		keys->offset[k] = bytes;
		bytes += fields[k]->width;
	}
	keys->bytes = (bytes + 7) / 8 * 8;
	if (seed)
		keys->seed = *seed;
	return seed ? 0 : random_seed(&keys->seed, err);
}

int ceint_block_open(struct ceint_block *block, const struct ceint_keys *keys)
{
	block->keys = block->own = calloc(CEINT_BLOCK, keys->bytes);
	return block->own ? 0 : -ENOMEM;
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

/* A whole word of packets, as there mostly is, needs no list of them. */
static inline __attribute__((always_inline)) void copy_values(
	const struct ceint_block *block, unsigned char *to, size_t stride,
	const unsigned char *values, size_t width)
{
	if (block->count == CEINT_BLOCK) {
		values += block->packet[0] * width;
#pragma GCC unroll 4
		for (uint32_t i = 0; i < CEINT_BLOCK; i++)
			memcpy(to + i * stride, values + i * width, width);
		return;
	}
	for (uint32_t i = 0; i < block->count; i++)
		memcpy(to + i * stride, values + block->packet[i] * width, width);
}

static void copy_column(const struct ceint_keys *keys, uint32_t k,
                        const struct ceint_block *block)
{
	unsigned char *to = block->own + keys->offset[k];
	const unsigned char *values = keys->column[k]->values;
	size_t width = keys->field[k]->width, stride = keys->bytes;

	switch (width) {
	case 1:
		copy_values(block, to, stride, values, 1);
		break;
	case 2:
		copy_values(block, to, stride, values, 2);
		break;
	case 4:
		copy_values(block, to, stride, values, 4);
		break;
	case 8:
		copy_values(block, to, stride, values, 8);
		break;
	case 16:
		copy_values(block, to, stride, values, 16);
		break;
	default:
		copy_values(block, to, stride, values, width);
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
	    keys->field[0]->width == keys->bytes)
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

/* A value of up to 8 bytes as a number whose order is the field's. */
static uint64_t number_of(const struct ce_field *field, const void *value)
{
	uint64_t number = 0; /* little-endian, as all machines that this is for */

	memcpy(&number, value, field->width);
	return field->type == CE_FIELD_TIME ? number ^ UINT64_C(1) << 63 : number;
}

static int compare_addresses(const unsigned char *a, const unsigned char *b)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool a_is_ipv4 = !memcmp(a, mapped, sizeof(mapped));
	bool b_is_ipv4 = !memcmp(b, mapped, sizeof(mapped));

	return a_is_ipv4 != b_is_ipv4 ? b_is_ipv4 - a_is_ipv4 : memcmp(a, b, 16);
}

static int compare_flows(const struct ce_flow_key *a, const struct ce_flow_key *b)
{
	int order = 0;

	for (int end = 0; end < 2 && !order; end++) {
		order = compare_addresses(a->address[end], b->address[end]);
		if (!order)
			order = a->port[end] - b->port[end];
	}
	return order ? order : a->proto - b->proto;
}

int ceint_keys_compare(const struct ce_field *field, const void *a, const void *b)
{
	uint64_t number_a, number_b;

	if (field->type == CE_FIELD_FLOW)
		return compare_flows(a, b);
	if (field->width > sizeof(uint64_t))
		return compare_addresses(a, b);
	number_a = number_of(field, a);
	number_b = number_of(field, b);
	return (number_a > number_b) - (number_a < number_b);
}
