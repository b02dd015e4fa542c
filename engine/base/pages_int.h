/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pages_int.h - memory in whole pages, for what is large: zero at first, and huge pages
 * from an eighth of one on. A huge one is a single fault instead of 512, and spares most
 * misses of the TLB.
 *
 * Threads    any
 * Ownership  the caller owns pages until they are closed
 * Blocking   nothing waits; the memory is there when it is first used
 */
#ifndef CE_PAGES_INT_H
#define CE_PAGES_INT_H

#include <stddef.h>

enum {
	CEINT_HUGE_PAGE = 2 << 20,
	/* Bytes that are worth a huge page: to touch 64 small ones takes as long, in some
	   virtual machines. */
	CEINT_HUGE_FROM = 256 << 10,
};

/* What one has who asks for so many bytes: a multiple of huge pages where these are worth
   it. The rest may be used, too. */
static inline size_t ceint_pages_room(size_t bytes)
{
	if (bytes < CEINT_HUGE_FROM)
		return bytes;
	return (bytes + CEINT_HUGE_PAGE - 1) / CEINT_HUGE_PAGE * CEINT_HUGE_PAGE;
}

/* NULL: out of memory. */
void *ceint_pages_open(size_t bytes);

/* The same pages with so many bytes, which are no fewer, perhaps elsewhere. NULL: out of
   memory, and the old ones are as they were. */
void *ceint_pages_grow(void *pages, size_t old_bytes, size_t bytes);

/* NULL is fine. */
void ceint_pages_close(void *pages, size_t bytes);

/* Addresses of so many bytes in whole pages of 4 KiB, from one of a huge page on, that
   nothing else gets; to be mapped anew, and given back by munmap. NULL: there are none. */
void *ceint_pages_reserve(size_t bytes);

#endif
