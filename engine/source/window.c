/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.c - see window_int.h.
 *
 * The signal handler may not lock, so it looks for the window of an address in a
 * table of fixed size. A place in it is claimed by whoever puts START into a free
 * one, and is the claimer's alone until it is free again.
 *
 * Memory order. The handler runs in the thread that touched the window, and that
 * thread has got the window from its opener; other places may be changing.
 *
 *   edge   store (release)      load (acquire)       so that
 *   PLACE  start, in open       start, in find       its size is that of this
 *                                                    window and no other
 *   TORN   torn, in the         torn, in check       who read zeros that another
 *          handler, before it                        thread's fault had put there
 *          maps zeros                                knows it
 *
 * Every atomic access below names its edge.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capengine/source.h"
#include "window_int.h"

enum {
	PLACES = 256,
	PAGE = 4096,
	START = 1,           /* of a place that is claimed, and nothing is mapped yet */
	FAULT_BYTES = 65536, /* that the kernel maps at least around a page */
};

static struct place {
	_Atomic uintptr_t start; /* 0: free */
	size_t size;
	_Atomic bool torn;
} places[PLACES];

static struct sigaction before; /* the handler that we stand in front of */
static bool guarded;

static struct place *find(uintptr_t address)
{
	for (int i = 0; i < PLACES; i++) {
		uintptr_t start = /* PLACE */
			atomic_load_explicit(&places[i].start, memory_order_acquire);

		if (start > START && address >= start && address - start < places[i].size)
			return &places[i];
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
	else
		sigaction(SIGBUS, &before, NULL); /* and the access is tried again */
}

static void mend(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t address = (uintptr_t)info->si_addr;
	struct place *place = info->si_code > 0 ? find(address) : NULL;

	if (place) {
		/* TORN */
		atomic_store_explicit(&place->torn, true, memory_order_release);
		if (mmap((void *)(address & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ,
		         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			place = NULL;
	}
	if (!place)
		pass_on(number, info, context);
	errno = saved;
}

int ceint_window_guard(void)
{
	struct sigaction action = {.sa_sigaction = mend,
	                           .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sigaction now;

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

static int claim_place(void)
{
	for (int i = 0; i < PLACES; i++) {
		uintptr_t nothing = 0;

		/* Only one of us gets it: orders nothing. */
		if (atomic_compare_exchange_strong_explicit(&places[i].start, &nothing,
		                                            START, memory_order_relaxed,
		                                            memory_order_relaxed))
			return i;
	}
	return -1;
}

static void leave_place(int i)
{
	/* PLACE */
	atomic_store_explicit(&places[i].start, 0, memory_order_release);
}

static void show(const struct ceint_window *window)
{
	struct place *place = &places[window->place];

	place->size = window->size;
	atomic_store_explicit(&place->torn, false, memory_order_relaxed); /* no edge */
	atomic_store_explicit(&place->start, (uintptr_t)window->bytes,    /* PLACE */
	                      memory_order_release);
}

int ceint_window_check(const struct ceint_window *window, struct ce_err *err)
{
	const struct place *place = &places[window->place];
	struct stat status;

	if (fstat(window->fd, &status) == 0 &&
	    status.st_size < window->offset + (off_t)window->size)
		return ce_err_set(err, -EBADMSG,
		                  "%s: truncated while it was read (to %lld bytes)",
		                  window->name, (long long)status.st_size);
	if (atomic_load_explicit(&place->torn, memory_order_acquire)) /* TORN */
		return ce_err_set(err, -EIO, "%s: a part of it could not be read",
		                  window->name);
	return 0;
}

static int check_lender(const struct ce_lender *lender, struct ce_err *err)
{
	return ceint_window_check((const struct ceint_window *)lender, err);
}

static void close_window(struct ceint_window *window)
{
	if (window->bytes)
		munmap((void *)(uintptr_t)window->bytes, window->size);
	if (window->place >= 0)
		leave_place(window->place);
	if (window->fd >= 0)
		close(window->fd);
	free(window);
}

void ceint_window_release(struct ceint_window *window)
{
	if (window && --window->users == 0)
		close_window(window);
}

static void take_back(struct ce_lender *lender)
{
	ceint_window_release((struct ceint_window *)lender);
}

void ceint_window_lend(struct ceint_window *window, struct ce_batch *batch)
{
	window->users++;
	batch->lender = &window->lender;
}

/*
 * MADV_POPULATE_READ takes twice the time: it looks at every page, where a fault maps a
 * whole folio of the page cache.
 *
 * A file that is not in the page cache is read ahead by the kernel, from these
 * faults. To ask for that (madvise, posix_fadvise, io_uring) was measured, and takes
 * twice the time: what is asked for gets the smallest folios, which are also slower
 * to map, for every reader from then on.
 */
void ceint_window_touch(const unsigned char *from, const unsigned char *to)
{
	for (; from < to; from += FAULT_BYTES)
		(void)*(const volatile unsigned char *)from;
}

struct ceint_window *ceint_window_open(int fd, off_t offset, size_t size,
                                       const char *name)
{
	struct ceint_window *window = guarded ? malloc(sizeof(*window)) : NULL;
	void *bytes;

	if (!window)
		return NULL;
	*window = (struct ceint_window){
		.lender = {take_back, check_lender},
		.size = size,
		.offset = offset,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.name = name,
		.users = 1,
		.place = claim_place(),
	};
	bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, offset);
	if (bytes != MAP_FAILED)
		window->bytes = bytes;
	if (!window->bytes || window->fd < 0 || window->place < 0) {
		close_window(window);
		return NULL;
	}
	show(window);
	return window;
}
