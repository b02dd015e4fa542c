/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capengine.h - all of the engine: the way of a packet, in the order it goes.
 *
 *     source -> capture -> ring -> batch -> reader (filter) -> dump
 *
 * Threads    ce_version: any thread
 * Ownership  texts returned are constants
 * Blocking   nothing waits
 */
#ifndef CAPENGINE_CAPENGINE_H
#define CAPENGINE_CAPENGINE_H

#include <capengine/ahead.h>
#include <capengine/anonymize.h>
#include <capengine/batch.h>
#include <capengine/capture.h>
#include <capengine/clock.h>
#include <capengine/decode.h>
#include <capengine/distinct.h>
#include <capengine/dump.h>
#include <capengine/err.h>
#include <capengine/field.h>
#include <capengine/filter.h>
#include <capengine/group.h>
#include <capengine/inject.h>
#include <capengine/near.h>
#include <capengine/packet_time.h>
#include <capengine/reader.h>
#include <capengine/ring.h>
#include <capengine/rotate.h>
#include <capengine/selection.h>
#include <capengine/source.h>
#include <capengine/stats.h>
#include <capengine/top.h>
#include <capengine/where.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
const char *ce_version(void);

#ifdef __cplusplus
}
#endif

#endif
