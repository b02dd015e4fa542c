/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.h - libpcap's filter expressions (pcap-filter(7)), over batches.
 *
 * A filter keeps its expression and compiles it for each origin of packets that
 * it meets: link type, snap length, and the byte order of a savefile. It selects,
 * it does not delete: what does not match stays in the batch, and another filter
 * can select it.
 *
 *     open -> select, select, ... -> close
 *
 * Threads    a filter: one at a time; the calls: any thread, since libpcap's
 *            compiler, which is not thread-safe, runs under a lock here
 * Ownership  open copies the expression; the caller owns the filter
 * Blocking   Compiling allocates, and an expression that names a host asks the
 *            resolver and waits for it.
 */
#ifndef CAPENGINE_FILTER_H
#define CAPENGINE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_batch;
struct ce_filter;
struct ce_origin;

/* The netmask of `ip broadcast` when it is not known; libpcap's value. */
#define CE_FILTER_NETMASK_UNKNOWN UINT32_C(0xffffffff)

/*
 * Keep an expression; the first octet of the netmask is the most significant.
 * Compiles nothing yet. Returns 0 or -ENOMEM.
 */
int ce_filter_open(struct ce_filter **filter, const char *expression, uint32_t netmask);

/* NULL is fine. */
void ce_filter_close(struct ce_filter *filter);

/* The expression, lent until close. */
const char *ce_filter_expression(const struct ce_filter *filter);

uint32_t ce_filter_netmask(const struct ce_filter *filter);

/*
 * Does the expression compile for packets of this origin?
 * Returns 0, or -EINVAL with libpcap's words.
 */
int ce_filter_check(const struct ce_origin *origin, const char *expression,
                    uint32_t netmask, struct ce_err *err);

/*
 * Deselect the packets from batch->at on that do not match. Conditions on what
 * only the kernel knows (`inbound`) match nothing here. Returns 0, or -EINVAL
 * when the expression does not compile for the batch's link type.
 */
int ce_filter_select(struct ce_filter *filter, struct ce_batch *batch,
                     struct ce_err *err);

/* Does one packet match? 1, 0, or -EINVAL as above. */
int ce_filter_match(struct ce_filter *filter, const struct ce_origin *origin,
                    uint32_t caplen, uint32_t len, const void *data, struct ce_err *err);

#ifdef __cplusplus
}
#endif

#endif
