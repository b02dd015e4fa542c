/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * way_int.h - how to have a savefile's parts: read, or mapped, as takes less time.
 *
 * Which is better differs from machine to machine, by a factor of two either way: by what
 * a page fault costs, which in a guest may be more than to copy the page; how fast memory
 * is copied; how large the page cache's pages are; how much of each packet is looked at.
 * So a file is gone through in stretches, each in one way, whose processor time is
 * measured; and the next one is had in the way that took least.
 *
 * Threads    one at a time
 * Ownership  nothing
 * Blocking   nothing waits
 */
#ifndef CE_WAY_INT_H
#define CE_WAY_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In the order in which they are tried. */
enum ceint_way {
	CEINT_READ,
	CEINT_MAP_LARGE, /* map what is in large pages, and read the rest */
	CEINT_MAP_ALL,   /* map what is in memory */
	CEINT_WAYS,
};

/* Bytes. */
enum {
	CEINT_STRETCH = 8 << 20,
	/* What is read at first, and not measured. A program does everything for the first
	   time then, and what the system has read ahead is in small pages. */
	CEINT_WARMING = 32 << 20,
};

/* Zero at first. */
struct ceint_ways {
	double cost[CEINT_WAYS]; /* ns a byte; 0: it was not tried */
	enum ceint_way now;
	bool again;       /* the stretch before was of the same way */
	off_t from;       /* where this stretch begins */
	int64_t begun_ns; /* and when; 0: none is measured yet */
};

/* The way for what stands at `at`, behind what was asked for before. alike: as far as is
   known all pages are large, and mapping all is mapping these; it is not tried then. */
enum ceint_way ceint_ways_choose(struct ceint_ways *ways, off_t at, bool alike);

#endif
