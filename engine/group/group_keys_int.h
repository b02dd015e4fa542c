/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_keys_int.h - keys of packets: the values of some fields, side by side.
 *
 * A batch is gone through in blocks of 64 packets, so that of each block first all
 * keys are gathered, then all hashed, then all looked up, and the cache misses of a
 * block overlap.
 *
 *     open -> begin(batch) -> gather(word 0), gather(word 1), ...
 *
 * Addresses of either IP version have 16 octets, and most are IPv4's: so there are short
 * keys, in which they have 4, for as long as no others come.
 *
 * Threads    one at a time
 * Ownership  the caller owns the structs; close frees a block's keys
 * Blocking   block_open allocates, begin where a column is new
 */
#ifndef CE_GROUP_KEYS_INT_H
#define CE_GROUP_KEYS_INT_H

#include <stddef.h>
#include <stdint.h>

#include "capengine/decode.h"
#include "capengine/err.h"
#include "capengine/group.h"

enum { CEINT_BLOCK = 64 };

/* Where addresses have the octets that are IPv4's, and of a flow the ends of both. */
enum {
	CEINT_ADDRESS_IPV4 = 12,
	CEINT_LOWER_IPV4 = offsetof(struct ce_flow_key, address[0]) + CEINT_ADDRESS_IPV4,
	CEINT_UPPER_IPV4 = offsetof(struct ce_flow_key, address[1]) + CEINT_ADDRESS_IPV4,
	CEINT_FLOW_REST = offsetof(struct ce_flow_key, port), /* from there on */
	CEINT_REST = sizeof(struct ce_flow_key) - CEINT_FLOW_REST,
	CEINT_IPV4_BYTES = 4,
};

struct ceint_keys {
	const struct ce_field *field[CE_GROUP_BY];
	uint32_t offset[CE_GROUP_BY]; /* of the field in a key */
	uint32_t count;
	uint32_t bytes; /* of a key: a multiple of 8; zeros behind the last field */
	bool brief;     /* addresses in it are of 4 octets, which are IPv4's */
	uint64_t seed;
	const struct ce_column *column[CE_GROUP_BY]; /* of the batch of the last begin */
};

/* The packets of a batch's word that have a key. */
struct ceint_block {
	uint32_t count;
	uint32_t packet[CEINT_BLOCK]; /* its index in the batch */
	uint64_t hash[CEINT_BLOCK];
	unsigned char *entry[CEINT_BLOCK]; /* of the table, once looked up */
	/* One after the other: its own, or the values of a column. */
	const unsigned char *keys;
	unsigned char *own;
};

/* 0; -EINVAL with words; a NULL seed takes a random one. */
int ceint_keys_open(struct ceint_keys *keys, const struct ce_field *const *fields,
                    size_t count, const uint64_t *seed, struct ce_err *err);

/* Room for keys of that kind, and shorter ones. 0 or -ENOMEM. */
int ceint_block_open(struct ceint_block *block, const struct ceint_keys *keys);

/* Keys of that kind are gathered from now on: where none of their fields is, zeros are. */
void ceint_block_clear(struct ceint_block *block, const struct ceint_keys *keys);

void ceint_block_close(struct ceint_block *block);

/* Columns are of this decode's batch from now on. 0 or -ENOMEM. */
int ceint_keys_begin(struct ceint_keys *keys, struct ce_decode *decode);

/* Will short keys do for the selected packets, in so many words of the batch of the last
   begin, that have all fields of the key? */
bool ceint_keys_are_ipv4(const struct ceint_keys *keys, const uint64_t *selected,
                         uint32_t words);

/* Fill the block from the wanted packets of a word that have all fields of the key; it
   is for the batch of the last begin. Returns how many do not. */
uint32_t ceint_keys_gather(const struct ceint_keys *keys, uint32_t word, uint64_t wanted,
                           struct ceint_block *block);

/* Hash the block's keys. */
void ceint_keys_hash(const struct ceint_keys *keys, struct ceint_block *block);

uint64_t ceint_keys_hash_one(const struct ceint_keys *keys, const void *key);

/* A hash of any bytes that is the same in every run. */
uint64_t ceint_hash(const void *bytes, size_t size, uint64_t seed);

/* Is the field one, with values of a fixed size? 0; -EINVAL with words. */
int ceint_keys_check(const struct ce_field *field, struct ce_err *err);

static inline const unsigned char *ceint_block_key(const struct ceint_block *block,
                                                   uint32_t bytes, uint32_t i)
{
	return block->keys + (size_t)i * bytes;
}

/* group_key.c */

/* Set where each field is in a key. */
void ceint_keys_lay_out(struct ceint_keys *keys);

/* The bytes of field k in a key. */
uint32_t ceint_keys_width(const struct ceint_keys *keys, size_t k);

/* The same fields in short keys. */
void ceint_keys_shorten(struct ceint_keys *brief, const struct ceint_keys *keys);

/* The value of field k in a key, as in a column. */
void ceint_keys_value(const struct ceint_keys *keys, const void *key, size_t k,
                      unsigned char value[CE_GROUP_VALUE_BYTES]);

/* Make a key of one kind from one of another, or of the same. False: the new one is
   short, and an address is not IPv4's. */
bool ceint_keys_convert(const struct ceint_keys *from, const void *key,
                        const struct ceint_keys *to, void *converted);

/* Which of two values of a field comes first: < 0, 0 or > 0. Addresses of IPv4
   come before those of IPv6. */
int ceint_keys_compare(const struct ce_field *field, const void *a, const void *b);

#endif
