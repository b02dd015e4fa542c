/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping.c - see mapping_int.h.
 *
 * The whole file has its addresses at once, in a place where huge pages fit; what is
 * behind the last user is given back to the page cache.
 *
 * The signal handler may not lock, so it looks for the mapping of an address in a table
 * of fixed size. A place in it is claimed by whoever puts START into a free one, and is
 * the claimer's alone until it is free again.
 *
 * Memory order. The handler runs in the thread that touched the mapping, and that thread
 * has got the mapping from its opener; other places may be changing.
 *
 *   edge   store (release)      load (acquire)       so that
 *   PLACE  start, in            start, in find_place its size is that of this mapping,
 *          claim_place                               unless start has changed behind it
 *   TORN   torn, in the         a fence behind the   who read zeros that another
 *          handler, before it   packets, in check    thread's fault had put there
 *          maps zeros                                knows it
 *
 * Every atomic access below names its edge.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mapping_int.h"

enum {
	PLACES = 256,
	PAGE = 4096,
	START = 1, /* of a place that is claimed, and nothing is mapped yet */
	WINDOW = CEINT_WINDOW,
	KEPT = 6 * WINDOW, /* bytes that nobody needs: to give back fewer costs more */
};

struct ceint_mapping {
	unsigned char *bytes;
	size_t size;
	size_t end;      /* of what is found */
	size_t returned; /* before it all was given back */
	int fd;          /* its own */
	int place;       /* in the table of the signal handler */
	uint32_t users;  /* with the opener */
	char *name;

	_Atomic unsigned char *pages; /* enum ceint_pages of windows */
	_Atomic bool small;           /* some window's are, or were */
};

static struct place {
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t size;
	_Atomic size_t torn; /* the first byte that is gone; SIZE_MAX: none */
} places[PLACES];

static struct sigaction before; /* the handler that we stand in front of */
static bool guarded;

static struct place *find_place(uintptr_t address)
{
	for (int i = 0; i < PLACES; i++) {
		struct place *place = &places[i];
		uintptr_t start = /* PLACE */
			atomic_load_explicit(&place->start, memory_order_acquire);
		size_t size = /* PLACE */
			atomic_load_explicit(&place->size, memory_order_acquire);

		if (start > START && address >= start && address - start < size &&
		    atomic_load_explicit(&place->start, memory_order_relaxed) ==
		            start) /* PLACE */
			return place;
	}
	return NULL;
}

/* Not ours: whose it was before gets it. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(number, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(number);
	else if (info->si_code > 0)
		sigaction(SIGBUS, &before, NULL); /* and the access is tried again */
	else if (before.sa_handler == SIG_DFL) {  /* somebody sent it */
		sigaction(SIGBUS, &before, NULL);
		raise(number);
	}
}

/* What is gone there, from this byte on. */
static void tear(struct place *place, size_t at)
{
	size_t torn = atomic_load_explicit(&place->torn, memory_order_relaxed); /* own */

	while (at < torn &&
	       !atomic_compare_exchange_weak_explicit(&place->torn, &torn, at,
	                                              memory_order_release, /* TORN */
	                                              memory_order_relaxed))
		;
}

static void mend(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t address = (uintptr_t)info->si_addr;
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
	struct place *place = info->si_code > 0 ? find_place(address) : NULL;

	if (place) {
		tear(place, page - atomic_load_explicit(&place->start,
		                                        memory_order_relaxed)); /* own */
		/* Not by mmap, which ThreadSanitizer takes for a write to what another
		   thread reads. */
		if (syscall(SYS_mmap, page, PAGE, PROT_READ,
		            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == -1)
			place = NULL;
	}
	if (!place)
		pass_on(number, info, context);
	errno = saved;
}

int ceint_mapping_guard(void)
{
	struct sigaction action = {.sa_sigaction = mend,
	                           .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sigaction now;
	sigset_t ours;

	if (sysconf(_SC_PAGESIZE) != PAGE)
		return 0; /* and nothing is mapped */
	sigemptyset(&ours);
	sigaddset(&ours, SIGBUS);
	sigprocmask(SIG_UNBLOCK, &ours, NULL); /* a parent may have blocked it */
	if (sigaction(SIGBUS, NULL, &now) < 0)
		return -errno;
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == mend)
		return 0;
	sigemptyset(&action.sa_mask);
	before = now;
	if (sigaction(SIGBUS, &action, NULL) < 0)
		return -errno;
	guarded = true;
	return 0;
}

/* Have the handler mend what is mapped there. False: the table is full. */
static bool claim_place(struct ceint_mapping *mapping)
{
	for (int i = 0; i < PLACES; i++) {
		struct place *place = &places[i];
		uintptr_t nothing = 0;

		/* Only one of us gets it: orders nothing. */
		if (!atomic_compare_exchange_strong_explicit(&place->start, &nothing,
		                                             START, memory_order_relaxed,
		                                             memory_order_relaxed))
			continue;
		atomic_store_explicit(&place->size, mapping->size,
		                      memory_order_release); /* PLACE */
		atomic_store_explicit(&place->torn, SIZE_MAX,
		                      memory_order_relaxed); /* own */
		atomic_store_explicit(&place->start, (uintptr_t)mapping->bytes,
		                      memory_order_release); /* PLACE */
		mapping->place = i;
		return true;
	}
	return false;
}

static void leave_place(int i)
{
	/* PLACE */
	atomic_store_explicit(&places[i].start, 0, memory_order_release);
}

/* Does something stand at `end`, as the time of the next record? Then nothing before it was
   truncated. To ask the system takes a microsecond in some virtual machines. */
static bool is_followed(const struct ceint_mapping *mapping, size_t end)
{
	const volatile unsigned char *byte = mapping->bytes + end;

	return end + sizeof(uint32_t) <= mapping->size &&
	       (byte[0] | byte[1] | byte[2] | byte[3]);
}

int ceint_mapping_check(const struct ceint_mapping *mapping, off_t end,
                        struct ce_err *err)
{
	const struct place *place = &places[mapping->place];
	struct stat status;

	atomic_thread_fence(memory_order_acquire); /* TORN */
	if (!is_followed(mapping, (size_t)end) && fstat(mapping->fd, &status) == 0 &&
	    status.st_size < end)
		return ce_err_set(err, -EBADMSG,
		                  "%s: truncated while it was read (to %lld bytes)",
		                  mapping->name, (long long)status.st_size);
	if (atomic_load_explicit(&place->torn, memory_order_relaxed) <
	    (size_t)end) /* TORN */
		return ce_err_set(err, -EIO, "%s: a part of it could not be read",
		                  mapping->name);
	return 0;
}

static void close_mapping(struct ceint_mapping *mapping)
{
	if (mapping->place >= 0) /* before somebody else's memory may be there */
		leave_place(mapping->place);
	if (mapping->bytes)
		munmap(mapping->bytes, mapping->size);
	if (mapping->fd >= 0)
		close(mapping->fd);
	free((void *)mapping->pages);
	free(mapping->name);
	free(mapping);
}

/* So many bytes of the file, at an address that is one of a huge page. NULL: no. */
static unsigned char *map(int fd, size_t size)
{
	unsigned char *at = ceint_pages_reserve(size);

	if (!at || mmap(at, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED)
		return at;
	munmap(at, size);
	return NULL;
}

struct ceint_mapping *ceint_mapping_open(int fd, size_t slack, const char *name)
{
	enum { BLOCK = 512 }; /* of st_blocks */
	struct ceint_mapping *mapping;
	struct stat status;
	size_t size;

	if (!guarded || fstat(fd, &status) < 0 ||
	    status.st_size < WINDOW + (off_t)slack ||
	    status.st_blocks * BLOCK < status.st_size ||
	    (uintmax_t)status.st_size > SIZE_MAX / 2)
		return NULL;
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return NULL;
	size = (size_t)status.st_size;
	mapping->size = size;
	mapping->end = (size - slack) / WINDOW * WINDOW;
	mapping->users = 1;
	mapping->place = -1;
	mapping->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	mapping->name = strdup(name);
	mapping->pages = calloc(size / WINDOW, 1);
	if (mapping->fd >= 0 && mapping->name && mapping->pages)
		mapping->bytes = map(fd, size);
	if (mapping->bytes && claim_place(mapping))
		return mapping;
	close_mapping(mapping);
	return NULL;
}

/* Sanitizers would cause faults of their own here. */
#define UNWATCHED __attribute__((no_sanitize("address", "thread")))

struct faults {
	long all;
	long of_disk;
};

UNWATCHED static struct faults count_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (struct faults){usage.ru_minflt + usage.ru_majflt, usage.ru_majflt};
}

/* What pages does the window have? Four of its blocks are touched, at the first byte and
   in the middle: where the first fault does not map the middle as well, pages are small.
   One such block is none too many. */
UNWATCHED static enum ceint_pages touch(const struct ceint_mapping *mapping,
                                        size_t window)
{
	enum { BLOCK = 256 << 10, APART = WINDOW / 4 };
	const volatile unsigned char *bytes = mapping->bytes + window * WINDOW;
	struct faults seen, now;
	int small = 0;

	count_faults(); /* those of its own come first */
	seen = count_faults();
	for (size_t at = 0; at < WINDOW && small < 2; at += APART) {
		(void)bytes[at];
		(void)bytes[at + BLOCK / 2];
		now = count_faults();
		if (now.of_disk != seen.of_disk)
			return CEINT_NONE;
		small += now.all - seen.all > 1;
		seen = now;
	}
	return small < 2 ? CEINT_LARGE : CEINT_SMALL;
}

/* Look at one of which nothing is known. The values order nothing: what is mapped is the
   kernel's to know. */
static void look_at(struct ceint_mapping *mapping, size_t window)
{
	unsigned char pages = CEINT_UNKNOWN;

	if (!atomic_compare_exchange_strong_explicit(&mapping->pages[window], &pages,
	                                             CEINT_NONE, memory_order_relaxed,
	                                             memory_order_relaxed))
		return;
	pages = (unsigned char)touch(mapping, window);
	atomic_store_explicit(&mapping->pages[window], pages, memory_order_relaxed);
	if (pages == CEINT_SMALL)
		atomic_store_explicit(&mapping->small, true, memory_order_relaxed);
}

bool ceint_mapping_has_small(const struct ceint_mapping *mapping)
{
	return atomic_load_explicit(&mapping->small, memory_order_relaxed); /* as above */
}

const unsigned char *ceint_mapping_find(struct ceint_mapping *mapping, off_t from,
                                        off_t to, enum ceint_pages least)
{
	size_t window = (size_t)from / WINDOW;

	if (to > (off_t)mapping->end)
		return NULL;
	for (; (off_t)(window * WINDOW) < to; window++) {
		look_at(mapping, window);
		if (atomic_load_explicit(&mapping->pages[window], memory_order_relaxed) <
		    least)
			return NULL;
	}
	/* The next one, before another thread needs it while it is being looked at. */
	if (window < mapping->end / WINDOW)
		look_at(mapping, window);
	return mapping->bytes + from;
}

void ceint_mapping_use(struct ceint_mapping *mapping)
{
	mapping->users++;
}

void ceint_mapping_release(struct ceint_mapping *mapping)
{
	if (mapping && --mapping->users == 0)
		close_mapping(mapping);
}

void ceint_mapping_done(struct ceint_mapping *mapping, off_t before_it)
{
	const size_t behind = (size_t)before_it / WINDOW * WINDOW;

	if (behind >= mapping->returned + KEPT) {
		madvise(mapping->bytes + mapping->returned, behind - mapping->returned,
		        MADV_DONTNEED);
		mapping->returned = behind;
	}
	ceint_mapping_release(mapping);
}
