/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * part_int.h - a part of a savefile, read into a batch: the records that begin in it.
 *
 * The bytes stay as the file has them, each packet behind its record's header: in the
 * file's mapping, if the part is to be mapped and can be; else they are read into the
 * batch's arena in one piece. The last record may end behind the part.
 *
 * Threads    any, each with a batch of its own
 * Ownership  the descriptor and the mapping are the caller's; a batch that is `mapped`
 *            needs the mapping, and does not keep it
 * Blocking   waits for the disk
 */
#ifndef CE_PART_INT_H
#define CE_PART_INT_H

#include <sys/types.h>

#include "mapping_int.h"
#include "records_int.h"

struct ceint_part {
	int fd;                        /* a regular file whose size is known */
	struct ceint_mapping *mapping; /* of it; NULL: read the part */
	enum ceint_pages least;        /* map it only where these are */
	bool sparse;                   /* its records are long */
	off_t from; /* what is read begins here: <= where the first record does */
	off_t last; /* no record that begins here or later */
};

/*
 * Fill the empty batch with records that are plain, from the one at `at` on. Gives
 * where the last one ends: `at` when there is none, or none that the arena has room for.
 * Nothing that was read is taken if the file does not have it any more by then.
 */
off_t ceint_part_read(const struct ceint_part *part, const struct ceint_records *records,
                      off_t at, struct ce_batch *batch);

/* The same from where a record seems to begin, with times near `sec`: *begun. It is -1
   when none does. */
off_t ceint_part_guess(const struct ceint_part *part, const struct ceint_records *records,
                       uint32_t sec, off_t *begun, struct ce_batch *batch);

#endif
