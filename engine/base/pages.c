/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c - see pages_int.h. */
#include <sys/mman.h>

#include "pages_int.h"

/* Huge pages are a wish: no error matters. */
static void *with_huge_pages(void *pages, size_t bytes)
{
	if (pages == MAP_FAILED)
		return NULL;
	if (bytes >= CEINT_HUGE_PAGE)
		madvise(pages, bytes, MADV_HUGEPAGE);
	return pages;
}

void *ceint_pages_open(size_t bytes)
{
	return with_huge_pages(mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
	                       bytes);
}

void *ceint_pages_resize(void *pages, size_t old_bytes, size_t bytes)
{
	return with_huge_pages(mremap(pages, old_bytes, bytes, MREMAP_MAYMOVE), bytes);
}

void ceint_pages_close(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
}
