/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_over.c - rows that are over: idle, evicted or flushed; see group.h.
 *
 * Idle rows are found in two ways. A packet whose row is idle begins another, so
 * that what rows say does not depend on when they were looked at. And a hand goes
 * over the entries, once in half of idle_ns: the rows to whose keys nothing comes.
 *
 * In a full group a row that is idle must not keep a new key out, whether the hand has
 * come to it or not. So that no packet has to look for one among all, those that can be
 * idle within the next half of idle_ns are noted in the order in which they will be: no
 * other can, as rows are only touched later. A merge brings rows that were touched
 * earlier: behind it none are noted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group/group_int.h"

enum { PROBED = 8 }; /* rows of which the idlest makes room */

int ceint_over_reserve(struct ce_group *group, size_t count)
{
	struct ceint_over *over = &group->over;
	size_t row_bytes = group->row_bytes, room = over->room ? over->room : CEINT_BLOCK;
	unsigned char *rows;

	if (!group->keep || over->end + count <= over->room)
		return 0;
	if (over->first) {
		memmove(over->rows, over->rows + over->first * row_bytes,
		        (over->end - over->first) * row_bytes);
		over->end -= over->first;
		over->first = 0;
	}
	while (over->end + count > room)
		room *= 2;
	if (room <= over->room)
		return 0;
	rows = realloc(over->rows, room * row_bytes);
	if (!rows)
		return -ENOMEM;
	over->rows = rows;
	over->room = room;
	return 0;
}

/* Hand a copy of the row to whoever takes it. */
static void hand_over(struct ce_group *group, const unsigned char *entry)
{
	struct ceint_over *over = &group->over;

	if (group->keep)
		memcpy(over->rows + over->end++ * group->row_bytes, entry,
		       group->table.stride);
}

static void remove_row(struct ce_group *group, unsigned char *entry)
{
	const void *key = ceint_table_key(&group->table, entry);

	ceint_table_remove(&group->table, ceint_keys_hash_one(&group->keys, key), entry);
	*ceint_number(entry, 0) = 0;
}

void ceint_over_restart(struct ce_group *group, unsigned char *entry)
{
	const struct ceint_table *table = &group->table;
	uint32_t behind = table->key_offset + table->key_bytes;

	hand_over(group, entry);
	group->counts.expired++;
	memset(entry, 0, table->key_offset);
	memset(entry + behind, 0, table->stride - behind);
}

/* The next entry that a hand comes to. */
static unsigned char *step(const struct ce_group *group, uint32_t *hand)
{
	if (*hand >= group->table.used)
		*hand = 0;
	return ceint_table_entry(&group->table, (*hand)++);
}

void ceint_over_evict(struct ce_group *group)
{
	unsigned char *idlest = NULL;

	for (uint32_t tries = group->table.used, found = 0; tries && found < PROBED;
	     tries--) {
		unsigned char *entry = step(group, &group->evict_hand);

		if (!ceint_count(entry))
			continue;
		found++;
		if (!idlest || *ceint_seen(group, entry) < *ceint_seen(group, idlest))
			idlest = entry;
	}
	hand_over(group, idlest);
	remove_row(group, idlest);
	group->counts.evicted++;
}

/* Look at one row. 0 or -ENOMEM. */
static int look_at(struct ce_group *group, unsigned char *entry, int64_t now_ns)
{
	int64_t *seen = ceint_seen(group, entry);

	if (!ceint_count(entry))
		return 0;
	if (*seen > now_ns)
		*seen = now_ns; /* the clock has begun anew: see packet_time.h */
	if (now_ns - *seen <= group->idle_ns)
		return 0;
	if (ceint_over_reserve(group, 1) < 0)
		return -ENOMEM;
	hand_over(group, entry);
	remove_row(group, entry);
	group->counts.expired++;
	return 0;
}

/* Are those noted that can be idle at now_ns? */
static bool are_noted(const struct ce_group *group, int64_t now_ns)
{
	const struct ceint_due *due = &group->due;

	return due->known && now_ns >= due->from_ns &&
	       now_ns - due->from_ns <= group->idle_ns / 2;
}

/* Is the next that was noted idle, if nothing came since? */
static bool next_is_due(const struct ce_group *group, int64_t now_ns)
{
	const struct ceint_due *due = &group->due;

	return due->next < due->end &&
	       now_ns - due->rows[due->next].seen_ns > group->idle_ns;
}

bool ceint_over_is_due(const struct ce_group *group, int64_t now_ns)
{
	return !are_noted(group, now_ns) || next_is_due(group, now_ns);
}

/* For qsort. */
static int compare_due(const void *one, const void *two)
{
	const struct ceint_due_row *a = one, *b = two;

	return (a->seen_ns > b->seen_ns) - (a->seen_ns < b->seen_ns);
}

/* Room to note all rows. 0 or -ENOMEM. */
static int reserve_due(struct ce_group *group)
{
	struct ceint_due *due = &group->due;
	const size_t room = group->table.live;

	due->known = false;
	due->next = due->end = 0;
	if (room <= due->room)
		return 0;
	free(due->rows);
	due->rows = malloc(room * sizeof(*due->rows));
	due->room = due->rows ? room : 0;
	return due->rows ? 0 : -ENOMEM;
}

/* Remove rows that are idle, and note those that soon can be. 0 or -ENOMEM. */
static int note_due(struct ce_group *group, int64_t now_ns)
{
	struct ceint_due *due = &group->due;
	int rc = reserve_due(group);

	for (uint32_t i = 0; rc == 0 && i < group->table.used; i++) {
		unsigned char *entry = ceint_table_entry(&group->table, i);
		int64_t seen_ns;

		rc = look_at(group, entry, now_ns);
		seen_ns = *ceint_seen(group, entry);
		if (ceint_count(entry) && now_ns - seen_ns >= group->idle_ns / 2)
			due->rows[due->end++] = (struct ceint_due_row){seen_ns, i};
	}
	if (rc < 0)
		return rc;
	if (due->end)
		qsort(due->rows, due->end, sizeof(*due->rows), compare_due);
	due->from_ns = now_ns;
	due->known = true;
	return 0;
}

int ceint_over_make_room(struct ce_group *group, int64_t now_ns)
{
	struct ceint_due *due = &group->due;
	int rc = are_noted(group, now_ns) ? 0 : note_due(group, now_ns);

	for (; rc == 0 && next_is_due(group, now_ns); due->next += rc == 0)
		rc = look_at(
			group,
			ceint_table_entry(&group->table, due->rows[due->next].number),
			now_ns);
	return rc;
}

/* How many rows are to be looked at now. */
static uint32_t lapsed(struct ce_group *group)
{
	double half = (double)group->idle_ns / 2;
	uint32_t count;

	if (group->time.now_ns > group->lapsed_ns)
		group->lapse += (double)group->table.used *
		                ((double)(group->time.now_ns - group->lapsed_ns) / half);
	group->lapsed_ns = group->time.now_ns;
	if (group->lapse > (double)group->table.used)
		group->lapse = (double)group->table.used;
	count = (uint32_t)group->lapse;
	group->lapse -= count;
	return count;
}

int ceint_over_lapse(struct ce_group *group)
{
	int rc = 0;

	if (!group->idle_ns || !group->time.started)
		return 0;
	for (uint32_t count = lapsed(group); count && rc == 0; count--)
		rc = look_at(group, step(group, &group->hand), group->time.now_ns);
	return rc;
}

void ce_group_flush(struct ce_group *group)
{
	group->version++;
	group->flush_left = group->table.live;
	group->flush_hand = 0;
	if (group->keep)
		return;
	group->counts.expired += group->flush_left;
	group->flush_left = 0;
	ceint_table_clear(&group->table);
}

/* The entry of the next row that is flushed; NULL: there is none. */
static unsigned char *next_flushed(struct ce_group *group)
{
	const struct ceint_table *table = &group->table;

	while (group->flush_left && group->flush_hand < table->used) {
		unsigned char *entry = ceint_table_entry(table, group->flush_hand++);

		if (ceint_count(entry))
			return entry;
	}
	group->flush_left = 0;
	return NULL;
}

/* What was flushed has been copied. */
static void remove_flushed(struct ce_group *group, unsigned char *entry)
{
	remove_row(group, entry);
	group->counts.expired++;
	if (--group->flush_left == 0 && group->table.live == 0)
		ceint_table_clear(&group->table);
}

int ceint_over_end_flush(struct ce_group *group)
{
	unsigned char *entry;

	if (!group->flush_left)
		return 0;
	if (ceint_over_reserve(group, group->flush_left) < 0)
		return -ENOMEM;
	while ((entry = next_flushed(group))) {
		hand_over(group, entry);
		remove_flushed(group, entry);
	}
	return 0;
}

/* Take the next row that is flushed; NULL: there is none. */
static const struct ce_group_row *take_flushed(struct ce_group *group)
{
	unsigned char *entry = next_flushed(group);

	if (!entry)
		return NULL;
	memcpy(group->taken, entry, group->table.stride);
	remove_flushed(group, entry);
	return (const void *)group->taken;
}

const struct ce_group_row *ce_group_take(struct ce_group *group)
{
	struct ceint_over *over = &group->over;

	group->version++;
	if (over->first == over->end)
		return take_flushed(group);
	memcpy(group->taken, over->rows + over->first * group->row_bytes,
	       group->table.stride);
	if (++over->first == over->end)
		over->first = over->end = 0;
	return (const void *)group->taken;
}

int ce_group_expire(struct ce_group *group, int64_t now_ns)
{
	struct ce_tick tick;
	int rc = ceint_over_end_flush(group);

	group->version++;
	ce_packet_time_idle(&group->time, now_ns, &tick);
	return rc < 0 ? rc : ceint_over_lapse(group);
}
