/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * where_octets.c - steps that look at octets: packet by packet, for those that are
 * left, and never behind what was captured.
 *
 * A slice that reaches beyond a value ends there: of several, those before it count.
 */
#include <string.h>

#include "filter/where_int.h"

static const unsigned char nothing[1];

static const unsigned char *literal(const struct ce_where *where,
                                    const struct ceint_operand *operand)
{
	return operand->bytes
	               ? (const unsigned char *)where->octets.items + operand->octets
	               : nothing;
}

/* `count` octets of a number, the most significant first. */
static struct ceint_octets in_order(unsigned char *to, uint64_t value, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		to[i] = (unsigned char)(value >> 8 * (count - 1 - i));
	return (struct ceint_octets){to, count};
}

static uint32_t header_bytes(enum ceint_header header, struct ceint_octets all)
{
	switch (header) {
	case CEINT_HEADER_ALL:
		return all.bytes;
	case CEINT_HEADER_4:
		return 4;
	case CEINT_HEADER_8:
		return 8;
	case CEINT_HEADER_14:
		return 14;
	case CEINT_HEADER_40:
		return 40;
	case CEINT_HEADER_ARP: /* two hardware and two protocol addresses */
		return all.bytes > 5 ? 8 + 2u * (all.at[4] + all.at[5]) : all.bytes;
	case CEINT_HEADER_IPV4:
		return all.bytes ? (all.at[0] & 15) * 4u : 0;
	case CEINT_HEADER_TCP:
		return all.bytes > 12 ? (all.at[12] >> 4) * 4u : all.bytes;
	}
	return 0;
}

/* A protocol's octets: no more than were captured. */
static struct ceint_octets protocol(const struct ceint_octets_view *view, int side,
                                    uint32_t i)
{
	const struct ce_range *ranges = view->column[side]->values;
	struct ceint_octets all = {view->batch->data[i], view->batch->caplen[i]};
	uint32_t header;

	if (ranges[i].offset >= all.bytes)
		return (struct ceint_octets){all.at, 0};
	all.at += ranges[i].offset;
	all.bytes -= ranges[i].offset;
	if (ranges[i].bytes < all.bytes)
		all.bytes = ranges[i].bytes;
	header = header_bytes(view->operand[side]->header, all);
	if (header < all.bytes)
		all.bytes = header;
	return all;
}

/* All octets of one side's value. */
static struct ceint_octets whole(struct ceint_octets_view *view, int side, uint32_t i)
{
	const struct ceint_operand *operand = view->operand[side];
	unsigned char *to = view->address[side];
	const void *value;

	if (!view->column[side])
		return (struct ceint_octets){literal(view->where, operand),
		                             operand->bytes};
	value = ce_column_value(view->column[side], i);
	switch (operand->field->type) {
	case CE_FIELD_BYTES:
		return protocol(view, side, i);
	case CE_FIELD_ETHER:
		return in_order(to, *(const uint64_t *)value, 6);
	case CE_FIELD_IPV4:
		return in_order(to, *(const uint32_t *)value, 4);
	default:
		return (struct ceint_octets){value, 16};
	}
}

/* The octets of one slice; false: it reaches beyond the value. */
static bool cut(const struct ceint_slice *slice, struct ceint_octets all,
                struct ceint_octets *piece)
{
	int64_t start = slice->start < 0 ? (int64_t)all.bytes + slice->start
	                                 : slice->start;
	int64_t bytes = slice->length ? slice->length : (int64_t)all.bytes - start;

	if (start < 0 || start >= all.bytes || start + bytes > all.bytes)
		return false;
	*piece = (struct ceint_octets){all.at + start, (uint32_t)bytes};
	return true;
}

/* Put the slices together, unless there is but one. */
static struct ceint_octets sliced(struct ceint_octets_view *view, int side,
                                  struct ceint_octets all)
{
	const struct ceint_operand *operand = view->operand[side];
	const struct ceint_slice *slices = view->where->slices.items;
	struct ceint_list *pieces = &view->where->pieces[side];
	struct ceint_octets piece = {all.at, 0};

	slices += operand->slice;
	if (operand->slices == 1) {
		cut(slices, all, &piece);
		return piece;
	}
	pieces->count = 0;
	for (uint32_t i = 0; i < operand->slices && cut(&slices[i], all, &piece); i++) {
		void *to = ceint_list_add(pieces, 1, piece.bytes);

		if (!to) {
			view->failed = true;
			break;
		}
		memcpy(to, piece.at, piece.bytes);
	}
	return (struct ceint_octets){pieces->items ? pieces->items : all.at,
	                             pieces->count};
}

/* As many octets as both have, each masked. */
static struct ceint_octets masked(struct ceint_octets_view *view, int side,
                                  struct ceint_octets value)
{
	const struct ceint_operand *operand = view->operand[side];
	const unsigned char *mask = literal(view->where, operand);
	uint32_t bytes = value.bytes < operand->bytes ? value.bytes : operand->bytes;
	struct ceint_list *masked = &view->where->masked[side];
	unsigned char *to;

	masked->count = 0;
	to = bytes ? ceint_list_add(masked, 1, bytes) : NULL;
	if (!to) {
		view->failed |= bytes > 0;
		return (struct ceint_octets){nothing, 0};
	}
	for (uint32_t k = 0; k < bytes; k++)
		to[k] = value.at[k] & mask[k];
	return (struct ceint_octets){to, bytes};
}

static struct ceint_octets octets(struct ceint_octets_view *view, int side, uint32_t i)
{
	const struct ceint_operand *operand = view->operand[side];
	struct ceint_octets value = whole(view, side, i);

	if (operand->slices)
		value = sliced(view, side, value);
	if (operand->field && operand->bytes)
		value = masked(view, side, value);
	return value;
}

/* Of different lengths the shorter comes first. */
static bool before(struct ceint_octets left, struct ceint_octets right)
{
	if (left.bytes != right.bytes)
		return left.bytes < right.bytes;
	return memcmp(left.at, right.at, left.bytes) < 0;
}

static bool nonzero(struct ceint_octets value)
{
	for (uint32_t k = 0; k < value.bytes; k++)
		if (value.at[k])
			return true;
	return false;
}

bool ceint_where_octets_pass(struct ceint_octets_view *view, enum ceint_step_kind kind,
                             uint32_t i)
{
	struct ceint_octets left = octets(view, 0, i), right;

	if (kind == CEINT_NONZERO)
		return nonzero(left);
	right = octets(view, 1, i);
	switch (kind) {
	case CEINT_SAME:
		return left.bytes == right.bytes &&
		       !memcmp(left.at, right.at, left.bytes);
	case CEINT_BEFORE:
		return before(left, right);
	default: /* nothing contains no octets, as in Wireshark */
		return right.bytes && memmem(left.at, left.bytes, right.at, right.bytes);
	}
}
