/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records_int.h - the walk from record header to record header over bytes of a
 * savefile, which makes columns of them: pcap-savefile(5).
 *
 * Threads    any
 * Ownership  a batch's columns point into the bytes, which stay the caller's
 * Blocking   nothing waits or allocates
 */
#ifndef CE_RECORDS_INT_H
#define CE_RECORDS_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "capengine/batch.h"

/* Bytes of a record's header, by layout. */
enum {
	CEINT_RECORD = sizeof(struct ce_record),
	CEINT_MODIFIED = CEINT_RECORD + 8,
};

/* What all records of a file have in common. */
struct ceint_records {
	uint32_t most;   /* longest plain packet */
	int64_t unit_ns; /* of a record's frac */
	enum ce_layout layout;
};

static inline size_t ceint_record_header(const struct ceint_records *records)
{
	return records->layout >= CE_LAYOUT_MODIFIED ? CEINT_MODIFIED : CEINT_RECORD;
}

/* Bytes of the longest plain record. */
static inline size_t ceint_records_longest(const struct ceint_records *records)
{
	return ceint_record_header(records) + records->most;
}

/* Bytes in which records stand one behind the other: at <= last <= end. */
struct ceint_run {
	const unsigned char *at;
	const unsigned char *end;
	const unsigned char *last; /* no record that begins here or later */
};

static inline uint32_t ceint_record_word(const unsigned char *at, bool swapped)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return swapped ? __builtin_bswap32(word) : word;
}

static inline int64_t ceint_record_time(const unsigned char *at, bool swapped,
                                        int64_t unit_ns)
{
	return ceint_record_word(at, swapped) * INT64_C(1000000000) +
	       ceint_record_word(at + 4, swapped) * unit_ns;
}

/*
 * Append the plain records of a run to a batch. Gives where it ended: at the first
 * that is not plain or not whole, where the batch is full, or where the run ends.
 */
const unsigned char *ceint_records_walk(const struct ceint_records *records,
                                        struct ce_batch *batch,
                                        const struct ceint_run *run);

/* How many bytes behind `end` are needed to know more of the record at `at`: the rest of
   its header, or of a plain packet. 0: it is whole, or not plain. */
size_t ceint_records_missing(const struct ceint_records *records, const unsigned char *at,
                             const unsigned char *end);

/*
 * The first place at or behind run->at, and before run->last, where by all appearances
 * a record begins: so many that are plain stand there one behind the other, with times
 * near `sec`. A guess, since packets may have such bytes in them. NULL: there is none.
 */
const unsigned char *ceint_records_guess(const struct ceint_records *records,
                                         const struct ceint_run *run, uint32_t sec,
                                         int enough);

#endif
