/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping_int.h - those parts of a savefile that the page cache has, mapped: nobody copies
 * them.
 *
 * A large page, be it a huge one or what Linux calls a large folio, is mapped by one fault,
 * in recent kernels; small ones cost many. So whoever needs a part says which pages will
 * do, and reads it where nothing is found. The file is divided into windows, as large as a
 * huge page. The first who asks for a window touches it, and sees by its faults what it
 * is; also the one behind it, so that the next one who asks need not wait.
 *
 *     open -> find, ... -> release   |   use -> done, in the order of the file
 *
 * A file that is truncated takes mapped pages away. Whoever then reads there gets zeros
 * instead of dying of SIGBUS, and check says so. That takes a signal handler: without
 * ceint_mapping_guard nothing is mapped; nor are holes, which a fault might fill.
 *
 * Threads    find, check: any; all else: the source's
 * Ownership  the opener and each user keep a mapping
 * Blocking   find waits for the disk, also for the window behind; check may, where the
 *            page behind `end` is another one
 */
#ifndef CE_MAPPING_INT_H
#define CE_MAPPING_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/pages_int.h"
#include "capengine/err.h"

enum { CEINT_WINDOW = CEINT_HUGE_PAGE };

struct ceint_mapping;

/* Install the signal handler, in front of the one that is there now, unless that is
   ours; the caller's thread gets the signal. 0 or what sigaction(2) said. */
int ceint_mapping_guard(void);

/*
 * Map the file as it is now; slack: bytes that must stand behind what is found; name:
 * copied, for errors. NULL: it cannot be mapped, or is too small.
 */
struct ceint_mapping *ceint_mapping_open(int fd, size_t slack, const char *name);

enum ceint_pages {
	CEINT_UNKNOWN,
	CEINT_NONE,  /* they are not in memory, or being looked at */
	CEINT_SMALL, /* of 4 KiB and more */
	CEINT_LARGE, /* of 256 KiB and more, mostly */
};

/* The bytes [from, to) of the file, and `slack` more. NULL: they are not in pages of that
   size at least. */
const unsigned char *ceint_mapping_find(struct ceint_mapping *mapping, off_t from,
                                        off_t to, enum ceint_pages least);

/* Were there small pages, in what was looked for so far? */
bool ceint_mapping_has_small(const struct ceint_mapping *mapping);

/* Keep it. */
void ceint_mapping_use(struct ceint_mapping *mapping);

/* The user needs it no more, nor anybody what stands before `before`. */
void ceint_mapping_done(struct ceint_mapping *mapping, off_t before);

/* The opener needs it no more. NULL is fine. */
void ceint_mapping_release(struct ceint_mapping *mapping);

/* 0; -EBADMSG: the file was truncated before `end`; -EIO: a page there could not be read.
   Then what was seen may be zeros. It costs no system call where something but zeros
   stands at `end`, as mostly in the middle of a savefile. */
int ceint_mapping_check(const struct ceint_mapping *mapping, off_t end,
                        struct ce_err *err);

#endif
