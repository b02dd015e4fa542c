/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wait.c - see wait_int.h for how a bell is used.
 *
 * Memory order. `armed` is written by both sides, always by one atomic
 * read-modify-write. All of those stand in one order, and each reads the one
 * before it: so of arm and ring, the later one sees the earlier one and all
 * that its thread did before it.
 *
 *   edge    store (acq_rel)         load (acq_rel)          so that
 *   SLEEP   armed, in arm           armed, in ring          the bell is rung,
 *           armed, in ring          armed, in arm           or the sleeper's look
 *                                                           sees what was made
 *
 * A plain store followed by a load of something else would not do: each
 * processor may let the load go first, both sides see the old state, and the
 * sleeper sleeps for ever. ThreadSanitizer cannot see that; stress_hang can.
 *
 * What is not promised: that a ring means news. A slow waker may ring when the
 * sleeper has long seen what it made and sleeps again, or write to fd just after
 * disarm has emptied it. So whoever is woken looks, and may go back to sleep.
 *
 * Every atomic access below names its edge.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wait_int.h"

int ceint_bell_open(struct ceint_bell *bell)
{
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd < 0)
		return -errno;
	atomic_init(&bell->armed, 0);
	return 0;
}

void ceint_bell_close(struct ceint_bell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void ceint_bell_arm(struct ceint_bell *bell, unsigned reasons)
{
	/* SLEEP */
	atomic_exchange_explicit(&bell->armed, reasons, memory_order_acq_rel);
}

void ceint_bell_disarm(struct ceint_bell *bell)
{
	uint64_t rings;

	/* SLEEP */
	atomic_exchange_explicit(&bell->armed, 0, memory_order_acq_rel);
	while (read(bell->fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
}

void ceint_bell_ring(struct ceint_bell *bell, unsigned reason)
{
	static const uint64_t one = 1;
	/* SLEEP */
	unsigned armed = atomic_fetch_or_explicit(&bell->armed, 0, memory_order_acq_rel);

	/* Of several wakers, the one that disarms the bell rings it. */
	while (armed & reason)
		if (atomic_compare_exchange_weak_explicit(
			    &bell->armed, &armed, 0, /* SLEEP */
			    memory_order_acq_rel, memory_order_acquire)) {
			while (write(bell->fd, &one, sizeof(one)) < 0 && errno == EINTR)
				;
			return;
		}
}

bool ceint_bell_armed(struct ceint_bell *bell, unsigned reason)
{
	/* SLEEP */
	return atomic_fetch_or_explicit(&bell->armed, 0, memory_order_acq_rel) & reason;
}
