/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - where every packet went: 64-bit counters, split by stage.
 *
 * Once everything that was read has been handed out or given up:
 *
 *     received = captured + kernel_drops
 *     captured = filtered + delivered + undelivered
 *
 * interface_drops were lost before the kernel counted them as received, and
 * what a filter in the kernel rejects is counted by nobody.
 *
 * Threads    a struct is the caller's; ce_reader_stats says who may fill it
 * Ownership  copies
 * Blocking   nothing here
 */
#ifndef CAPENGINE_STATS_H
#define CAPENGINE_STATS_H

#include <stdint.h>

struct ce_stats {
	uint64_t received;        /* captured + kernel_drops */
	uint64_t captured;        /* packets that the source handed to us */
	uint64_t kernel_drops;    /* no room in the kernel's ring */
	uint64_t interface_drops; /* dropped by the interface or its driver */
	uint64_t filtered;        /* rejected here by a filter */
	uint64_t delivered;       /* handed to the script */
	uint64_t undelivered;     /* passed the filters, given up: close, limit, error */
	uint64_t written;         /* packets written to savefiles */
};

#endif
