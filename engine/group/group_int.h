/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_int.h - what the files of a group share.
 *
 * An entry of the table is a row:
 *
 *     count | has | seen | key | value, value, ...
 *
 * count is 0 where no row is. `has` is there when a value may be missing, one bit for
 * each; `seen` when rows may go, see `stamp`. All are of 8 bytes.
 *
 * Packets of a block get their entries one after the other, and are then counted in
 * them all at once: settled. Before a row goes, what came before is settled.
 *
 * Threads    one at a time
 * Ownership  the group owns everything
 * Blocking   nothing waits
 */
#ifndef CE_GROUP_INT_H
#define CE_GROUP_INT_H

#include "capengine/group.h"
#include "capengine/packet_time.h"
#include "group/group_keys_int.h"
#include "group/group_table_int.h"

enum {
	CEINT_DISTINCT_PRECISION = 8, /* of CE_GROUP_DISTINCT */
	CEINT_STAGES = 3,
};

struct ceint_value {
	enum ce_group_op op;
	const struct ce_field *field;
	uint32_t offset;            /* in an entry */
	uint32_t bytes;             /* there: a multiple of 8 */
	uint64_t bias;              /* xor: makes the order of numbers the field's */
	const struct ce_column *in; /* of the current batch */
};

/* Rows that are over and wait for take, as entries. */
struct ceint_over {
	unsigned char *rows;
	size_t first, end; /* those of [first, end) wait */
	size_t room;
};

/* Rows that can be idle within the next half of idle_ns, the idlest first. */
struct ceint_due {
	struct ceint_due_row {
		int64_t seen_ns; /* then; a packet may have come since */
		uint32_t number; /* of the entry */
	} * rows;
	size_t next, end; /* those of [next, end) were not looked at again */
	size_t room;
	int64_t from_ns; /* when they were noted */
	bool known;      /* they were */
};

struct ce_group {
	struct ceint_table table;
	struct ceint_keys keys;                  /* as rows have them: maybe short */
	struct ceint_keys long_keys;             /* as callers see them */
	struct ceint_block blocks[CEINT_STAGES]; /* on their way: see group.c */
	struct ceint_block *block;               /* the one that is counted */
	int64_t stamp[CEINT_BLOCK]; /* of the block's packets: packet time or, where
	                               rows are never idle, their number */
	uint32_t settled;           /* the block's packets before it are */

	uint32_t has_offset;  /* in an entry; 0: there is none */
	uint32_t seen_offset; /* the same */
	struct ceint_value value[CE_GROUP_VALUES];
	size_t value_count;
	struct ce_group_column column[CE_GROUP_BY + 1 + CE_GROUP_VALUES];
	size_t columns;

	uint32_t capacity;
	bool evict;
	bool keep;
	int64_t idle_ns;
	struct ce_packet_time time;
	int64_t lapsed_ns;   /* packet time when the hand moved last */
	double lapse;        /* entries that the hand is behind */
	uint32_t hand;       /* the entry that is looked at next, for being idle */
	uint32_t evict_hand; /* the same, for making room */

	uint32_t row_bytes;   /* of a row outside the table: with room for long keys */
	unsigned char *other; /* an entry without a key */
	unsigned char *taken; /* what take gave */
	struct ceint_over over;
	struct ceint_due due;
	uint32_t flush_left; /* rows that take flushes */
	uint32_t flush_hand; /* the entry that it looks at next */
	struct ce_group_counts counts;
	uint64_t touches; /* of rows by packets, where that says which is idlest */
	uint64_t version;
};

static inline uint64_t *ceint_number(unsigned char *entry, uint32_t offset)
{
	return (uint64_t *)(void *)(entry + offset);
}

static inline uint64_t ceint_count(const unsigned char *entry)
{
	return *(const uint64_t *)(const void *)entry;
}

static inline int64_t *ceint_seen(const struct ce_group *group, unsigned char *entry)
{
	return (int64_t *)(void *)(entry + group->seen_offset);
}

/* group_values.c */

/* Lay out the values behind `offset`; gives the entry's bytes, or -EINVAL. */
int ceint_values_open(struct ce_group *group, const struct ce_group_column *values,
                      size_t count, uint32_t offset, struct ce_err *err);

/* Columns are of this decode's batch from now on. 0 or -ENOMEM. */
int ceint_values_begin(struct ce_group *group, struct ce_decode *decode);

/* Count the block's packets [from, to) in their entries. */
void ceint_values_add(const struct ce_group *group, uint32_t from, uint32_t to);

/* Count a row of another group, of the same columns, in an entry of this one. */
void ceint_values_merge(const struct ce_group *group, unsigned char *entry,
                        const struct ce_group *other, unsigned char *row);

/* group_brief.c */

/* Have short keys where that makes an entry, of so many bytes with long ones, smaller. */
void ceint_brief_open(struct ce_group *group, uint32_t *entry_bytes);

/* From now on keys are long ones. 0; or -ENOMEM: then nothing has changed. */
int ceint_brief_end(struct ce_group *group);

/* group_over.c */

/* Make sure that so many more rows can be over. 0 or -ENOMEM. */
int ceint_over_reserve(struct ce_group *group, size_t count);

/* The entry's row is over: for the key that it has, begin another. */
void ceint_over_restart(struct ce_group *group, unsigned char *entry);

/* Remove the row that is idle longest, of a few. */
void ceint_over_evict(struct ce_group *group);

/* Put what is left of a flush with the rows that wait, before packets of the same keys
   come. 0; or -ENOMEM: then nothing has changed. */
int ceint_over_end_flush(struct ce_group *group);

/* Can a row be idle at now_ns? */
bool ceint_over_is_due(const struct ce_group *group, int64_t now_ns);

/* Remove all rows that are idle at now_ns, when what came before is settled. 0 or
   -ENOMEM. */
int ceint_over_make_room(struct ce_group *group, int64_t now_ns);

/* Remove rows that are idle, of as many as packet time says. 0 or -ENOMEM. */
int ceint_over_lapse(struct ce_group *group);

#endif
