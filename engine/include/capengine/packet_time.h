/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_time.h - the clock that timers of scripts run on, live and from files.
 *
 * Packet time is the running maximum of the packets' stamps. It divides into
 * intervals that begin at multiples of `every_ns` since 1970. One corrupt
 * stamp must neither call a timer a billion times nor put the clock in the
 * next century: passing any number of borders is one tick, and a jump ahead of
 * more than an hour is believed once a second packet agrees with it. So is the
 * first stamp: a second one more than an hour earlier starts the clock anew.
 *
 * Stamps are at most 4.5e9 seconds from 1970, as sources give them.
 *
 *     open -> due(stamp)? -> tick -> the packet -> due? ...
 *
 * Threads    one at a time
 * Ownership  the caller owns the struct
 * Blocking   nothing waits or allocates
 */
#ifndef CAPENGINE_PACKET_TIME_H
#define CAPENGINE_PACKET_TIME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_packet_time {
	int64_t now_ns;     /* running maximum; meaningless before `started` */
	int64_t every_ns;   /* length of an interval; 0: no ticks */
	int64_t last_ns;    /* border at which the current interval began */
	int64_t suspect_ns; /* a far stamp that nobody has confirmed */
	bool started;       /* a stamp was seen */
	bool confirmed;     /* a second stamp did not contradict the first */
	bool suspected;     /* suspect_ns is set */
};

struct ce_tick {
	int64_t now_ns;     /* the border that was passed, the latest of several */
	int64_t elapsed_ns; /* since the tick before, or since the first border */
};

/* Start afresh, with a tick every every_ns (0: never). */
void ce_packet_time_open(struct ce_packet_time *time, int64_t every_ns);

/*
 * A packet with this stamp comes next. True when packet time thereby passes a
 * border: *tick says which, and its call belongs before the packet.
 */
bool ce_packet_time_due(struct ce_packet_time *time, int64_t ts_ns, struct ce_tick *tick);

/*
 * No packet came: it is now_ns, and none older can come. True as above. Does
 * nothing before the first packet.
 */
bool ce_packet_time_idle(struct ce_packet_time *time, int64_t now_ns,
                         struct ce_tick *tick);

/* The next border; INT64_MAX when there are no ticks or no packet yet. */
int64_t ce_packet_time_next(const struct ce_packet_time *time);

#ifdef __cplusplus
}
#endif

#endif
