/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group.h - packets counted by the values of some of their fields.
 *
 * A row for each key, that is for each combination of values of the fields in
 * `by`: how many packets had it, and of other fields the sum, the least, the
 * largest, the first, the last value, or how many different ones there were.
 * A packet that lacks one of the fields in `by` is skipped, and counted.
 *
 *     open -> add(batch), add, ... -> order -> row, row, ... -> close
 *                      |
 *                      +-> take, take, ...   rows that are over, when asked for
 *
 * Bounded: at `capacity` rows a new key takes the place of the row that was idle
 * longest of a few, or counts in one row more, ce_group_other. With `idle_ns` a row
 * is over once no packet had its key for longer than that, in packet time
 * (packet_time.h): a packet that comes later begins a new row, whenever rows that
 * are over are taken. They are looked for little by little, and found at the latest
 * one and a half times idle_ns after their last packet.
 *
 * What rows say does not depend on how packets are cut into batches: in a full group,
 * rows that are over when a packet with a new key comes make room first, for which the
 * group has up to 16 bytes more a row. Three things do depend on it: when a row that is
 * over is found; where there are both `evict` and idle_ns, which few rows are looked at,
 * and which of equally idle ones goes; and what is over when the clock begins anew
 * (packet_time.h).
 *
 * Where that makes rows smaller, an address takes four octets of one as long as no packet
 * of IPv6 was added. The first has all rows copied, which takes memory for both copies and,
 * where there are millions, its time; then they are as large as they would have been, until
 * close.
 *
 * Keys are hashed with a seed, so that nobody can choose keys that collide. What
 * is different is estimated (CE_GROUP_DISTINCT): HyperLogLog with 256 registers,
 * 256 bytes a row, a standard error of 6.5 %, less where there are few.
 *
 * Threads    one at a time
 * Ownership  The caller owns the group. It lends rows until the next call that
 *            changes it, and what take gives until the next take.
 * Blocking   open, add and merge allocate; nothing waits
 */
#ifndef CAPENGINE_GROUP_H
#define CAPENGINE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>
#include <capengine/field.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_decode;
struct ce_group;
struct ce_group_row;

enum {
	CE_GROUP_BY = 16,     /* most fields in a key */
	CE_GROUP_VALUES = 32, /* most values in a row, beside its key and count */
	CE_GROUP_VALUE_BYTES = sizeof(struct ce_flow_key), /* of any field: the most */
};

enum ce_group_op {
	CE_GROUP_KEY,
	CE_GROUP_COUNT,
	CE_GROUP_SUM, /* of numbers and booleans; modulo 2^64 */
	CE_GROUP_MIN, /* of numbers, booleans and times */
	CE_GROUP_MAX,
	CE_GROUP_FIRST,
	CE_GROUP_LAST,
	CE_GROUP_DISTINCT,
};

struct ce_group_column {
	enum ce_group_op op;
	const struct ce_field *field; /* NULL: that of CE_GROUP_COUNT */
};

struct ce_group_options {
	const struct ce_field *const *by;
	size_t by_count; /* 1 to CE_GROUP_BY */
	const struct ce_group_column *values;
	size_t value_count; /* to CE_GROUP_VALUES */
	uint32_t capacity;  /* most rows; 0: 2^30, which is also the most */
	bool evict;         /* at capacity a new key evicts the idlest row of eight */
	bool keep; /* rows that are over wait for take; else they are only counted */
	int64_t idle_ns;      /* 0: no row is over before flush */
	const uint64_t *seed; /* of the hash; NULL: a random one */
};

/*
 * Open an empty group. Returns 0; -EINVAL with words for a field that has parts, is
 * not of the type that its use takes, or too many; or -ENOMEM.
 */
int ce_group_open(struct ce_group **group, const struct ce_group_options *options,
                  struct ce_err *err);

/* NULL is fine. */
void ce_group_close(struct ce_group *group);

/*
 * Add the packets of decode's batch that are selected. Returns 0, or -ENOMEM: then
 * some of them were added.
 */
int ce_group_add(struct ce_group *group, struct ce_decode *decode,
                 const uint64_t selected[CE_BATCH_WORDS]);

/*
 * Add another group's rows, as if its packets came after this one's. Returns 0;
 * -EINVAL: its columns are others, or it is the same group; or -ENOMEM: then some
 * of them were added.
 */
int ce_group_merge(struct ce_group *group, const struct ce_group *other);

/* Forget all rows, also those that wait for take, and all counts. */
void ce_group_clear(struct ce_group *group);

/* No packet came: it is now_ns. Rows may be over. 0 or -ENOMEM. */
int ce_group_expire(struct ce_group *group, int64_t now_ns);

/* All rows are over: take gives each, in the order in which they began as long as
   none had gone; then in no particular one. */
void ce_group_flush(struct ce_group *group);

/* The next row that is over, and is in the group no longer; NULL: none is. */
const struct ce_group_row *ce_group_take(struct ce_group *group);

/* How many rows there are, `other` apart. */
uint32_t ce_group_len(const struct ce_group *group);

struct ce_group_counts {
	uint64_t skipped; /* packets without a field of the key */
	uint64_t expired; /* rows that were over: idle, or flushed */
	uint64_t evicted; /* rows that made room */
};

struct ce_group_counts ce_group_counts(const struct ce_group *group);

/* Bytes of memory that the group has, used or not: from 256 KiB on in pieces of 2 MiB, of
   rows and of what finds them. */
size_t ce_group_memory(const struct ce_group *group);

/* Changes with every call that changes rows. */
uint64_t ce_group_version(const struct ce_group *group);

/* Column k: first those of the key, then the count, then the values. */
const struct ce_group_column *ce_group_column(const struct ce_group *group, size_t k);

size_t ce_group_columns(const struct ce_group *group);

struct ce_group_cell {
	uint64_t number; /* counts, sums, estimates; min and max as the field is */
	unsigned char value[CE_GROUP_VALUE_BYTES]; /* of a key, the first and the last:
	                                              as in a column of the field */
	bool wide;                                 /* it has that, and no number */
};

/* The row's value in column k. False: none of its packets has the field. */
bool ce_group_cell(const struct ce_group *group, const struct ce_group_row *row, size_t k,
                   struct ce_group_cell *cell);

/* Where the value of key column k has its place in a key for ce_group_get. */
size_t ce_group_key_offset(const struct ce_group *group, size_t k);

/* Bytes of a key: the values at their places, zeros between. */
size_t ce_group_key_bytes(const struct ce_group *group);

/* The row with this key; NULL: there is none. */
const struct ce_group_row *ce_group_get(const struct ce_group *group, const void *key);

/* What came when all rows were taken; NULL: nothing did. It has no key. */
const struct ce_group_row *ce_group_other(const struct ce_group *group);

struct ce_group_order {
	size_t column;  /* by which rows are ordered; equals by their keys, ascending */
	bool ordered;   /* false: in the order in which their keys first came, as far
	                   as none had gone */
	bool ascending; /* else the largest first; rows without a value last */
	size_t limit;   /* most rows; 0: all */
};

/*
 * Gives the numbers of the rows, in order, in *rows, for free(3). Returns how many
 * there are, or -ENOMEM. With a limit it keeps no more than so many at any time.
 */
int64_t ce_group_order(const struct ce_group *group, const struct ce_group_order *order,
                       uint32_t **rows);

/* The row of a number, of this version of the group. */
const struct ce_group_row *ce_group_row(const struct ce_group *group, uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
