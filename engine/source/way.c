/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * way.c - see way_int.h.
 *
 * What disturbs a measurement makes it longer: so a shorter one is believed at once, and a
 * longer one by and by. A way that is not used seems better the longer it was not, until
 * it is tried again: one that takes a quarter more after 32 stretches, one that takes
 * twice as long, or however much, after 128. So it costs under one part in a hundred to
 * try again what is not much worse than that.
 */
#include <pthread.h>

#include "way_int.h"

#define BELIEF (1.0 / 4)
#define HOPE   (1.0 / 128)
#define MOST   2 /* times what the one takes that was used last */

static int64_t in_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/*
 * Each thread's own clock is exact. The process's is not: what a thread that runs on
 * another processor has used is added to it at the scheduler's ticks, some milliseconds
 * apart, in which several stretches go by.
 */
static int64_t processor_time_ns(struct ceint_ways *ways)
{
	struct timespec now;

	if (clock_gettime(ways->opener, &now) == 0) /* else it has ended */
		ways->opener_ns = in_ns(now);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return ways->opener_ns + in_ns(now);
}

/* What a way may be thought to take, so that the least is tried next. */
static double hoped(const struct ceint_ways *ways, int way, double most)
{
	const double cost = ways->cost[way] < most ? ways->cost[way] : most;

	return cost / (1 + ways->unused[way] * HOPE);
}

static enum ceint_way best(const struct ceint_ways *ways)
{
	const double most = ways->cost[ways->now] * MOST;
	int best = 0;

	for (int way = 1; way < CEINT_WAYS; way++)
		if (hoped(ways, way, most) < hoped(ways, best, most))
			best = way;
	return (enum ceint_way)best;
}

/* The way of the stretch took so long a byte. Where both ways to map are one they have one
   cost, and the first of them is used. */
static void learn(struct ceint_ways *ways, double cost, bool alike)
{
	double *known = &ways->cost[ways->now];

	if (*known <= 0 || cost < *known)
		*known = cost;
	else
		*known += (cost < 2 * *known ? cost - *known : *known) * BELIEF;
	for (int way = 0; way < CEINT_WAYS; way++)
		ways->unused[way]++;
	ways->unused[ways->now] = 0;
	if (alike && ways->now != CEINT_READ) {
		ways->cost[CEINT_MAP_LARGE] = ways->cost[CEINT_MAP_ALL] = *known;
		ways->unused[CEINT_MAP_LARGE] = ways->unused[CEINT_MAP_ALL] = 0;
	}
}

void ceint_ways_init(struct ceint_ways *ways)
{
	*ways = (struct ceint_ways){.opener = CLOCK_THREAD_CPUTIME_ID};
	pthread_getcpuclockid(pthread_self(), &ways->opener);
}

void ceint_ways_begin(struct ceint_ways *ways, off_t at)
{
	ways->from = at;
	ways->begun_ns = 0;
	/* The best that is known, not one that was being tried; reading is known first. */
	ways->now = CEINT_READ;
	for (int way = 0; way < CEINT_WAYS; way++)
		if (ways->cost[way] > 0 && ways->cost[way] < ways->cost[ways->now])
			ways->now = (enum ceint_way)way;
}

enum ceint_way ceint_ways_choose(struct ceint_ways *ways, off_t at, bool alike)
{
	int64_t now_ns;

	if (at - ways->from < (ways->begun_ns ? CEINT_STRETCH : CEINT_WARMING))
		return ways->now;
	now_ns = processor_time_ns(ways);
	if (ways->begun_ns) {
		learn(ways, (double)(now_ns - ways->begun_ns) / (double)(at - ways->from),
		      alike);
		ways->now = best(ways);
	}
	ways->from = at;
	ways->begun_ns = now_ns;
	return ways->now;
}
