/* SPDX-License-Identifier: BSD-3-Clause */
/* apart.c - see apart_int.h. */
#include <sched.h>
#include <stddef.h>

#include "apart_int.h"

void ceint_apart_from(int cpu)
{
	cpu_set_t all, others;

	if (sched_getcpu() != cpu || sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	others = all;
	CPU_CLR((size_t)cpu, &others);
	/* Without others it is refused. */
	if (sched_setaffinity(0, sizeof(others), &others) == 0)
		sched_setaffinity(0, sizeof(all), &all);
}
