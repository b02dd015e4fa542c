/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c - see <capengine/clock.h>. */
#include <limits.h>
#include <time.h>

#include "capengine/clock.h"

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ce_clock_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

int64_t ce_clock_mono_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

int ce_clock_ms_until(int64_t mono_ns)
{
	int64_t left = mono_ns - ce_clock_mono_ns();

	if (left <= 0)
		return 0;
	return left / 1000000 >= INT_MAX ? INT_MAX : (int)((left + 999999) / 1000000);
}
