/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel_filter_int.h - a filter program put into the kernel in one step.
 *
 * libpcap's own pcap_setfilter lets nothing in for a moment, and then filters
 * what waits in the kernel's ring once more, where nobody counts what it rejects
 * and where `inbound` means nothing. This one replaces the program atomically,
 * and what waits is left to the caller.
 *
 * Threads    the source's
 * Ownership  copies
 * Blocking   nothing waits
 */
#ifndef CE_KERNEL_FILTER_INT_H
#define CE_KERNEL_FILTER_INT_H

struct bpf_program;

/*
 * Attach a program that was compiled for a live handle of this link type to its
 * packet socket. Returns 0; or a negative errno, and the socket has no filter:
 * -EOPNOTSUPP for what only the capturing side can evaluate, else what
 * setsockopt(2) said.
 */
int ceint_kernel_filter_attach(int fd, int linktype, const struct bpf_program *program);

/* Let nothing in any more. */
void ceint_kernel_filter_reject(int fd);

#endif
