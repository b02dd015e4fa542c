/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * err_pcap_int.h - libpcap's codes as negative errno, in one place.
 *
 * Threads any thread · Ownership nothing · Blocking nothing
 */
#ifndef CE_ERR_PCAP_INT_H
#define CE_ERR_PCAP_INT_H

/* -EPERM for PCAP_ERROR_PERM_DENIED and so on; -EIO for PCAP_ERROR. */
int ceint_err_from_pcap(int code);

#endif
