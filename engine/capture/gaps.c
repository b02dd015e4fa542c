/* SPDX-License-Identifier: BSD-3-Clause */
/* gaps.c - see gaps_int.h. */
#include <string.h>

#include "gaps_int.h"

static void add(struct ce_gap *sum, const struct ce_gap *gap)
{
	sum->kernel_drops += gap->kernel_drops;
	sum->interface_drops += gap->interface_drops;
}

void ceint_gaps_add(struct ceint_gaps *gaps, uint64_t place, struct ce_gap gap)
{
	uint32_t last = gaps->count;

	if (last == CEINT_GAPS)
		add(&gap, &gaps->list[--last].gap);
	gaps->list[last].place = place;
	gaps->list[last].gap = gap;
	gaps->count = last + 1;
}

uint64_t ceint_gaps_next(const struct ceint_gaps *gaps)
{
	return gaps->count ? gaps->list[0].place : UINT64_MAX;
}

void ceint_gaps_take(struct ceint_gaps *gaps, uint64_t packets, struct ce_gap *sum)
{
	uint32_t taken = 0;

	while (taken < gaps->count && gaps->list[taken].place <= packets)
		add(sum, &gaps->list[taken++].gap);
	gaps->count -= taken;
	memmove(gaps->list, gaps->list + taken, gaps->count * sizeof(*gaps->list));
}
