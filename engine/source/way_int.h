/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * way_int.h - how to have a savefile's parts: read, or mapped, as takes less time.
 *
 * Which is better differs from machine to machine, by a factor of two either way: by what
 * a page fault costs, which in a guest may be more than to copy the page; how fast memory
 * is copied; how large the page cache's pages are; how much of each packet is looked at.
 * So a file is gone through in stretches, each in one way, whose processor time is
 * measured; and the next one is had in the way that took least. That is the time of two
 * threads, since what one of them saves may cost the other: of the one that reads, and of
 * the one that has opened the file, as the one that looks at the packets.
 *
 *     init -> begin -> choose, choose, ... -> begin -> choose, ...
 *
 * Threads    init: whose time is measured too; all else: one at a time
 * Ownership  nothing
 * Blocking   nothing waits
 */
#ifndef CE_WAY_INT_H
#define CE_WAY_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

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
	/* What is not measured of a file, its beginning: a program does everything for the
	   first time then, and what the system has read ahead is in small pages. */
	CEINT_WARMING = 32 << 20,
};

struct ceint_ways {
	double cost[CEINT_WAYS];     /* ns a byte; 0: it was not tried */
	uint32_t unused[CEINT_WAYS]; /* stretches since it was */
	enum ceint_way now;
	off_t from;        /* where this stretch begins */
	int64_t begun_ns;  /* and when; 0: none is measured yet */
	clockid_t opener;  /* the processor time of init's caller */
	int64_t opener_ns; /* when it was read last */
};

void ceint_ways_init(struct ceint_ways *ways);

/* A file begins, in the way that is best by what was learned of the ones before it, or else
   it is read. at: its first record. */
void ceint_ways_begin(struct ceint_ways *ways, off_t at);

/* The way for what stands at `at`, behind what was asked for before. alike: as far as is
   known all pages are large, and mapping all is mapping these; it is not tried then. */
enum ceint_way ceint_ways_choose(struct ceint_ways *ways, off_t at, bool alike);

#endif
