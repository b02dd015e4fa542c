/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain_int.h - the plain records of a savefile, made into batches by ourselves.
 *
 * Nearly every record of nearly every savefile is plain: of the current version,
 * in either byte order, no longer than the file's snap length, of a link type
 * whose packets libpcap hands over as they are. A part of the file is mapped, or read in
 * one piece into the arena; there packets stand behind their record headers as the file
 * has them, and libpcap is not asked. At the first record that is not plain, and at the end,
 * libpcap goes on: what odd files mean stays its decision.
 *
 *     open -> read, read, ... until 0 -> libpcap from `at` on; close
 *
 * Threads    the source's
 * Ownership  the descriptor stays its FILE's
 * Blocking   read waits for the disk
 */
#ifndef CE_PLAIN_INT_H
#define CE_PLAIN_INT_H

#include <stdint.h>
#include <sys/types.h>

#include "piece_int.h"
#include "way_int.h"

struct pcap;

struct ceint_plain {
	int fd;                        /* a regular file; -1: its records are not plain */
	struct ceint_mapping *mapping; /* of it; NULL: none */
	struct ceint_ways *ways;       /* whether to map what comes next */
	off_t at;                      /* where the next record begins */
	struct ceint_records records;
	struct ceint_pieces *pieces; /* the parts behind `part` */
	struct ceint_part part;      /* where `at` is, or the one before */
	off_t offered;               /* where the last piece ends */
	size_t average; /* bytes of a record in the last batch; 0: none was */
	uint32_t sec;   /* when its last packet came */
};

/*
 * Are this file's records plain? first: its first four bytes; start: where they
 * stand; pcap: the file, opened; name: its, for errors; pieces and ways: lent until
 * close.
 */
void ceint_plain_open(struct ceint_plain *plain, struct pcap *pcap, int fd, off_t start,
                      const unsigned char first[4], const char *name,
                      struct ceint_pieces *pieces, struct ceint_ways *ways);

/* Fill an empty batch. Returns the number of packets; 0 when the next record is not
   plain, or not whole, or larger than the arena. */
uint32_t ceint_plain_read(struct ceint_plain *plain, struct ce_batch *batch);

/* Nothing is read any more. */
void ceint_plain_close(struct ceint_plain *plain);

#endif
