/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter_int.h - pcap_compile under the one lock of this process.
 *
 * Threads    any thread that may use the handle
 * Ownership  on success the caller owns program: pcap_freecode
 * Blocking   waits for the lock; may ask the resolver
 */
#ifndef CE_FILTER_INT_H
#define CE_FILTER_INT_H

#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct ce_err;
struct pcap;

/* 0, or -EINVAL with libpcap's words. */
int ceint_filter_compile(struct pcap *pcap, struct bpf_program *program,
                         const char *expression, uint32_t netmask, struct ce_err *err);

enum { CEINT_FILTER_HINT = 160 };

/* filter_hint.c: what to say behind "syntax error"; "": nothing. */
void ceint_filter_hint(char *hint, size_t size, const char *expression);

#endif
