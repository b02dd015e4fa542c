/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inject.h - send a packet as it is, link-layer header included (pcap_inject).
 *
 * It has a socket of its own that receives nothing, so that sending and
 * capturing on one interface do not meet in one handle.
 *
 *     open -> send, send, ... -> close(2)
 *
 * Threads    one at a time
 * Ownership  the caller owns the descriptor: close(2)
 * Blocking   send waits while the interface's queue is full
 */
#ifndef CAPENGINE_INJECT_H
#define CAPENGINE_INJECT_H

#include <stddef.h>

#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A descriptor for sending on the interface, or a negative errno with words. */
int ce_inject_open(const char *device, struct ce_err *err);

/* The number of bytes sent, or a negative errno with words. */
int ce_inject_send(int fd, const void *data, size_t bytes, struct ce_err *err);

#ifdef __cplusplus
}
#endif

#endif
