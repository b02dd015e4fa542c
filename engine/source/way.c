/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * way.c - see way_int.h.
 *
 * What disturbs a measurement makes it longer: so a shorter one is believed at once, and a
 * longer one by and by. A way that is not used seems better the longer it was not, until
 * it is tried again: so one that takes twice as long is tried in one stretch of 90, one
 * that is nearly as good more often, and however bad it was, in one of 140.
 */
#include <time.h>

#include "way_int.h"

#define BELIEF (1.0 / 4)
#define HOPE   (1.0 / 128)
#define MOST   3 /* times what the best one takes */

/* Of all threads: what one of them saves may cost the other. */
static int64_t processor_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum ceint_way best(const struct ceint_ways *ways)
{
	int best = 0;

	for (int way = 1; way < CEINT_WAYS; way++)
		if (ways->cost[way] < ways->cost[best])
			best = way;
	return (enum ceint_way)best;
}

/* The way of the stretch took so long a byte. Where both ways to map are one they have one
   cost, and the first of them is used. */
static void learn(struct ceint_ways *ways, double cost, bool alike)
{
	double *known = &ways->cost[ways->now], most;

	if (!ways->again || cost < *known) /* it was a hope, or better than that */
		*known = cost;
	else
		*known += (cost < 2 * *known ? cost - *known : *known) * BELIEF;
	most = MOST * ways->cost[best(ways)];
	for (int way = 0; way < CEINT_WAYS; way++) {
		if (way != (int)ways->now)
			ways->cost[way] *= 1 - HOPE;
		if (most > 0 && ways->cost[way] > most)
			ways->cost[way] = most;
	}
	if (alike && ways->now != CEINT_READ)
		ways->cost[CEINT_MAP_LARGE] = ways->cost[CEINT_MAP_ALL] = *known;
}

enum ceint_way ceint_ways_choose(struct ceint_ways *ways, off_t at, bool alike)
{
	int64_t now_ns;

	if (at - ways->from < (ways->begun_ns ? CEINT_STRETCH : CEINT_WARMING))
		return ways->now;
	now_ns = processor_time_ns();
	if (ways->begun_ns) {
		const enum ceint_way before = ways->now;

		learn(ways, (double)(now_ns - ways->begun_ns) / (double)(at - ways->from),
		      alike);
		ways->now = best(ways);
		ways->again = ways->now == before;
	}
	ways->from = at;
	ways->begun_ns = now_ns;
	return ways->now;
}
