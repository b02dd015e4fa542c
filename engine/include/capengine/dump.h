/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump.h - write packets to a classic savefile, as pcap_dump does, and notice
 * when that fails.
 *
 *     open -> write, write, ... -> flush -> close
 *
 * Threads    one at a time
 * Ownership  the caller owns an open dump; write copies
 * Blocking   every call may wait for the disk
 */
#ifndef CAPENGINE_DUMP_H
#define CAPENGINE_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_dump;

struct ce_dump_options {
	int linktype;     /* DLT_ number of every packet */
	int linktype_ext; /* what struct ce_source says of frame check sequences */
	int snapshot;     /* for the header; 0: 262144 */
	bool nano;        /* nanosecond stamps; else microseconds, cut off */
	int fd;           /* write there, whatever path says; taken; 0: none */
};

/*
 * Create or truncate the file and write its header; "-" is standard output.
 * Returns 0, or what open(2) said, or -EINVAL for a link type that savefiles
 * do not have.
 */
int ce_dump_open(struct ce_dump **dump, const char *path,
                 const struct ce_dump_options *options, struct ce_err *err);

/*
 * Write packet i of a batch. Returns 0, or what write(2) said, then again at
 * every call: after the first error the file is cut to its last whole record.
 * -EINVAL for a batch of another link type.
 */
int ce_dump_write(struct ce_dump *dump, const struct ce_batch *batch, uint32_t i,
                  struct ce_err *err);

/* The same for a packet that is in no batch. */
int ce_dump_write_packet(struct ce_dump *dump, const struct ce_origin *origin,
                         const struct ce_record *record, const void *data,
                         struct ce_err *err);

/* Hand everything to the kernel. 0 or as write. */
int ce_dump_flush(struct ce_dump *dump, struct ce_err *err);

/* Packets written so far; after a failure, those that the file holds. */
uint64_t ce_dump_packets(const struct ce_dump *dump);

/* Bytes of the file so far, or a negative errno where it cannot tell. */
int64_t ce_dump_tell(const struct ce_dump *dump);

/* Flush and close; the dump is gone even when that fails. NULL is fine. */
int ce_dump_close(struct ce_dump *dump, struct ce_err *err);

#ifdef __cplusplus
}
#endif

#endif
