/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lanes_int.h - the walk over records that are long enough to leave lines of memory
 * between their headers.
 *
 * From one header to the next is a wait for memory, and to fetch all that lies between
 * costs more than it is worth. So a run is divided into lanes, all of which are walked
 * a step at a time: while one waits, the others go on. Where the first record of a lane
 * begins is guessed, and was right if the lane before ends there.
 *
 * Threads    any
 * Ownership  as ceint_records_walk
 * Blocking   nothing waits or allocates; needs 36 KiB of the stack
 */
#ifndef CE_LANES_INT_H
#define CE_LANES_INT_H

#include "records_int.h"

/*
 * Make packets of the records of a run, at most 4 GiB of bytes, of an empty batch, as
 * far as lanes have found them. Gives where that is: the records from there on are not
 * looked at yet.
 */
const unsigned char *ceint_lanes_walk(const struct ceint_records *records,
                                      struct ce_batch *batch,
                                      const struct ceint_run *run);

#endif
