/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - what time it is, in nanoseconds.
 *
 * Threads    any thread
 * Ownership  nothing
 * Blocking   nothing waits
 */
#ifndef CAPENGINE_CLOCK_H
#define CAPENGINE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Since 1970, as packets are stamped; it may be set back. */
int64_t ce_clock_wall_ns(void);

/* Since some moment; it never goes back. */
int64_t ce_clock_mono_ns(void);

/* Milliseconds until then by ce_clock_mono_ns, rounded up; 0 when it is past. */
int ce_clock_ms_until(int64_t mono_ns);

#ifdef __cplusplus
}
#endif

#endif
