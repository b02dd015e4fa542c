/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_time.c - see <capengine/packet_time.h>. */
#include "capengine/packet_time.h"

static const int64_t HOUR_NS = 3600 * INT64_C(1000000000);

/* The border at or before t, also for times before 1970. */
static int64_t border(int64_t t, int64_t every_ns)
{
	int64_t past = t % every_ns;

	return t - (past < 0 ? past + every_ns : past);
}

void ce_packet_time_open(struct ce_packet_time *time, int64_t every_ns)
{
	*time = (struct ce_packet_time){.every_ns = every_ns};
}

static void start(struct ce_packet_time *time, int64_t ts_ns)
{
	time->started = true;
	time->now_ns = ts_ns;
	if (time->every_ns)
		time->last_ns = border(ts_ns, time->every_ns);
}

static bool advance(struct ce_packet_time *time, int64_t ts_ns, struct ce_tick *tick)
{
	int64_t passed;

	time->now_ns = ts_ns;
	if (!time->every_ns || ts_ns - time->last_ns < time->every_ns)
		return false;
	passed = border(ts_ns, time->every_ns);
	*tick = (struct ce_tick){passed, passed - time->last_ns};
	time->last_ns = passed;
	return true;
}

/* Is a stamp so far ahead that a second one must agree, and does none? */
static bool doubtful(struct ce_packet_time *time, int64_t ts_ns)
{
	bool agreed = time->suspected && ts_ns >= time->suspect_ns - HOUR_NS &&
	              ts_ns - HOUR_NS <= time->suspect_ns;

	if (ts_ns - HOUR_NS <= time->now_ns || agreed) {
		time->suspected = false;
		return false;
	}
	time->suspected = true;
	time->suspect_ns = ts_ns;
	return true;
}

bool ce_packet_time_due(struct ce_packet_time *time, int64_t ts_ns, struct ce_tick *tick)
{
	if (!time->started || (!time->confirmed && ts_ns < time->now_ns - HOUR_NS)) {
		start(time, ts_ns);
		return false;
	}
	time->confirmed = true;
	if (ts_ns <= time->now_ns || doubtful(time, ts_ns))
		return false;
	return advance(time, ts_ns, tick);
}

bool ce_packet_time_idle(struct ce_packet_time *time, int64_t now_ns,
                         struct ce_tick *tick)
{
	if (!time->started || now_ns <= time->now_ns)
		return false;
	return advance(time, now_ns, tick);
}

int64_t ce_packet_time_next(const struct ce_packet_time *time)
{
	return time->started && time->every_ns ? time->last_ns + time->every_ns
	                                       : INT64_MAX;
}
