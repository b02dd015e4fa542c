/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pages.c - see pages_int.h.
 *
 * What has huge pages begins at the address of one, before it is moved and after: only so
 * they are huge all over, and move as they are.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "pages_int.h"

enum {
	PAGE = 4096,
	PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
};

static void *or_null(void *pages)
{
	return pages == MAP_FAILED ? NULL : pages;
}

void *ceint_pages_reserve(size_t bytes)
{
	const size_t size = (bytes + PAGE - 1) / PAGE * PAGE;
	unsigned char *begin =
		or_null(mmap(NULL, size + CEINT_HUGE_PAGE, PROT_NONE, PRIVATE, -1, 0));
	const size_t front = (size_t)(-(uintptr_t)begin % CEINT_HUGE_PAGE);

	if (!begin)
		return NULL;
	if (front)
		munmap(begin, front);
	munmap(begin + front + size, CEINT_HUGE_PAGE - front);
	return begin + front;
}

/* So many bytes in huge pages, which are a wish: no error of theirs matters. */
static void *open_huge(size_t bytes)
{
	void *pages = ceint_pages_reserve(bytes);

	if (!pages)
		return NULL;
	if (mprotect(pages, bytes, PROT_READ | PROT_WRITE) < 0) {
		munmap(pages, bytes);
		return NULL;
	}
	madvise(pages, bytes, MADV_HUGEPAGE);
	return pages;
}

void *ceint_pages_open(size_t bytes)
{
	if (bytes >= CEINT_HUGE_FROM)
		return open_huge(ceint_pages_room(bytes));
	return or_null(mmap(NULL, bytes, PROT_READ | PROT_WRITE, PRIVATE, -1, 0));
}

/* From small pages to huge ones. */
static void *copy(void *pages, size_t old_bytes, size_t bytes)
{
	void *copied = ceint_pages_open(bytes);

	if (!copied)
		return NULL;
	memcpy(copied, pages, old_bytes);
	ceint_pages_close(pages, old_bytes);
	return copied;
}

/* For a moment there are addresses for both. */
static void *move_huge(void *pages, size_t old_bytes, size_t bytes)
{
	void *to = ceint_pages_reserve(bytes);

	if (!to)
		return NULL;
	/* If it cannot, it may have unmapped what was there, and another thread may have
	   the addresses by now: so they are not given back. */
	return or_null(
		mremap(pages, old_bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to));
}

void *ceint_pages_grow(void *pages, size_t old_bytes, size_t bytes)
{
	const size_t old_room = ceint_pages_room(old_bytes),
		     room = ceint_pages_room(bytes);

	if (room == old_room)
		return pages;
	if (bytes < CEINT_HUGE_FROM)
		return or_null(mremap(pages, old_bytes, bytes, MREMAP_MAYMOVE));
	return old_bytes < CEINT_HUGE_FROM ? copy(pages, old_bytes, bytes)
	                                   : move_huge(pages, old_room, room);
}

void ceint_pages_close(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, ceint_pages_room(bytes));
}
