/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - times a piece of C: a warm-up, eleven runs, and their median, least and
 * most, as one line of JSON on standard output.
 *
 *     bench_run("ring", "two threads", batches, hand_over, &state);
 *     {"bench":"ring","case":"two threads","ns":41.7,"least":41.2,"most":50.3}
 *
 * Threads    one
 * Ownership  keeps nothing of yours
 * Blocking   as long as what it runs
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_RUNS = 11 };

static inline int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	const double one = *(const double *)a, two = *(const double *)b;

	return (one > two) - (one < two);
}

/* The program cannot go on. */
static inline void bench_check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: error %d\n", what, -rc);
	exit(1);
}

/* Time run(state), which does something with so many items; ns are of one item. */
static inline void bench_run(const char *bench, const char *what, uint64_t items,
                             void (*run)(void *state), void *state)
{
	double ns[BENCH_RUNS];

	run(state);
	for (int i = 0; i < BENCH_RUNS; i++) {
		const int64_t start = bench_now_ns();

		run(state);
		ns[i] = (double)(bench_now_ns() - start) / (double)items;
	}
	qsort(ns, BENCH_RUNS, sizeof(*ns), bench_compare);
	printf("{\"bench\":\"%s\",\"case\":\"%s\",\"ns\":%.2f,\"least\":%.2f,"
	       "\"most\":%.2f}\n",
	       bench, what, ns[BENCH_RUNS / 2], ns[0], ns[BENCH_RUNS - 1]);
	fflush(stdout);
}

#endif
