/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wait_int.h - a bell: one thread sleeps, others wake it.
 *
 *     sleeper                              waker
 *     arm(reasons) -> look -> poll(fd)     make it so -> ring(reason)
 *     disarm
 *
 * Either the sleeper's look sees what the waker made, or the waker sees that
 * the bell is armed and makes fd readable: see SLEEP in wait.c.
 *
 * Threads    arm and disarm: the one sleeper. ring, armed: any thread
 * Ownership  the caller owns the struct; close releases what open acquired
 * Blocking   none waits; ring makes a system call only when the bell is armed
 */
#ifndef CE_WAIT_INT_H
#define CE_WAIT_INT_H

#include <stdbool.h>

struct ceint_bell {
	int fd;                 /* eventfd, readable once rung */
	_Atomic unsigned armed; /* reasons that the sleeper waits for; 0: awake */
};

/* 0, or what eventfd(2) said. */
int ceint_bell_open(struct ceint_bell *bell);
void ceint_bell_close(struct ceint_bell *bell);

/* Sleeper: ring me for any of these reasons (not 0). Look before you sleep. */
void ceint_bell_arm(struct ceint_bell *bell, unsigned reasons);

/*
 * Sleeper: awake again; forgets a ring that came. One that is on its way may
 * still come, and wake the next sleep for nothing: look, and sleep again.
 */
void ceint_bell_disarm(struct ceint_bell *bell);

/* Waker: after the fact, wake the sleeper if it waits for this reason. */
void ceint_bell_ring(struct ceint_bell *bell, unsigned reason);

/* Does the sleeper wait for this reason? */
bool ceint_bell_armed(struct ceint_bell *bell, unsigned reason);

#endif
