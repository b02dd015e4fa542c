/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pages_int.h - memory in whole pages, for what is large: zero at first, and huge pages
 * where there is enough for one. A huge one is a single fault instead of 512, and spares
 * most misses of the TLB.
 *
 * Threads    any
 * Ownership  the caller owns pages until they are closed
 * Blocking   nothing waits; the memory is there when it is first used
 */
#ifndef CE_PAGES_INT_H
#define CE_PAGES_INT_H

#include <stddef.h>

enum { CEINT_HUGE_PAGE = 2 << 20 };

/* So many bytes or a few more: a multiple of huge pages. */
static inline size_t ceint_pages_huge(size_t bytes)
{
	return (bytes + CEINT_HUGE_PAGE - 1) / CEINT_HUGE_PAGE * CEINT_HUGE_PAGE;
}

/* NULL: out of memory. */
void *ceint_pages_open(size_t bytes);

/* The same pages with so many bytes, perhaps elsewhere; NULL: out of memory, and the old
   ones are as they were. */
void *ceint_pages_resize(void *pages, size_t old_bytes, size_t bytes);

/* NULL is fine. */
void ceint_pages_close(void *pages, size_t bytes);

#endif
