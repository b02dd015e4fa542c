/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_brief.c - see group_int.h: short keys, for as long as all addresses are of IPv4.
 *
 * A row of flows is half as large with them, and looking it up takes less. All rows have
 * them, or none: at the first address of IPv6 all keys become long, once.
 */
#include <string.h>

#include "group/group_int.h"

void ceint_brief_open(struct ce_group *group, uint32_t *entry_bytes)
{
	struct ceint_keys brief;
	uint32_t less;

	ceint_keys_shorten(&brief, &group->long_keys);
	less = group->long_keys.bytes - brief.bytes;
	if (ceint_table_stride(*entry_bytes - less) == ceint_table_stride(*entry_bytes))
		return;
	group->keys = brief;
	*entry_bytes -= less;
	for (size_t k = 0; k < group->value_count; k++)
		group->value[k].offset -= less;
}

/* For ceint_table_lengthen. */
static uint64_t lengthen(const void *arg, const void *key, void *longer)
{
	const struct ce_group *group = arg;

	ceint_keys_convert(&group->keys, key, &group->long_keys, longer);
	return ceint_keys_hash_one(&group->long_keys, longer);
}

/* The same for a row that is not in the table, at its place. */
static void lengthen_row(const struct ce_group *group, const struct ceint_table *brief,
                         unsigned char *row)
{
	unsigned char *at = row + brief->key_offset;
	unsigned char key[CE_GROUP_BY * CE_GROUP_VALUE_BYTES];

	memcpy(key, at, brief->key_bytes);
	memmove(at + group->long_keys.bytes, at + brief->key_bytes,
	        brief->bytes - brief->key_offset - brief->key_bytes);
	lengthen(group, key, at);
}

int ceint_brief_end(struct ce_group *group)
{
	const uint32_t more = group->long_keys.bytes - group->keys.bytes;
	const struct ceint_table brief = group->table;
	struct ceint_over *over = &group->over;
	int rc = ceint_table_lengthen(&group->table, group->long_keys.bytes, lengthen,
	                              group);

	if (rc < 0)
		return rc;
	for (size_t i = over->first; i < over->end; i++)
		lengthen_row(group, &brief, over->rows + i * group->row_bytes);
	lengthen_row(group, &brief, group->other);
	lengthen_row(group, &brief, group->taken);
	for (size_t k = 0; k < group->value_count; k++)
		group->value[k].offset += more;
	memcpy(group->long_keys.column, group->keys.column, sizeof(group->keys.column));
	group->keys = group->long_keys;
	for (int i = 0; i < CEINT_STAGES; i++)
		ceint_block_clear(&group->blocks[i], &group->keys);
	return 0;
}
