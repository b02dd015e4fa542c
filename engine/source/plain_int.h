/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain_int.h - the plain records of a savefile, read straight into a batch.
 *
 * Nearly every record of nearly every savefile is plain: in this host's byte
 * order, of the current version, no longer than the file's snap length. A run
 * of them is read in one piece into the arena, where packets then stand behind
 * their record headers as the file has them, and libpcap is not asked. At the
 * first record that is not plain, and at the end, libpcap goes on: what odd
 * files mean stays its decision.
 *
 *     open -> read, read, ... until 0 -> libpcap from `at` on
 *
 * Threads    the source's
 * Ownership  the descriptor stays its FILE's
 * Blocking   read waits for the disk
 */
#ifndef CE_PLAIN_INT_H
#define CE_PLAIN_INT_H

#include <stdint.h>
#include <sys/types.h>

struct ce_batch;
struct pcap;

struct ceint_plain {
	int fd;          /* a regular file; -1: its records are not plain */
	off_t at;        /* where the next record begins */
	uint32_t most;   /* longest plain packet */
	int64_t unit_ns; /* of a record's frac */
};

/*
 * Are this file's records plain? first: its first four bytes; start: where they
 * stand; pcap: the file, opened.
 */
void ceint_plain_open(struct ceint_plain *plain, struct pcap *pcap, int fd, off_t start,
                      const unsigned char first[4]);

/* Fill an empty batch; gives the number of packets, 0 when the next record is
   not plain. */
uint32_t ceint_plain_read(struct ceint_plain *plain, struct ce_batch *batch);

#endif
