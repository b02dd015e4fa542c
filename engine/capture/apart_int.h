/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * apart_int.h - the capture's thread on another processor than its consumer.
 *
 * Linux wakes a thread where its waker runs, unless it knows of an idle processor. In a
 * virtual machine it knows of none: one that has halted looks like one that the host has
 * taken away. Then both threads take turns on one processor for many milliseconds, and
 * the others are idle, until the scheduler balances its load.
 *
 * Threads    any, for itself
 * Ownership  nothing is kept
 * Blocking   three system calls where the thread moves, which takes some microseconds;
 *            two where it may run nowhere else; none where it is apart already
 */
#ifndef CE_APART_INT_H
#define CE_APART_INT_H

/*
 * Let the calling thread leave this processor, if it runs there and may run elsewhere;
 * -1: none. Afterwards it may run where it might before, and come back. That is its own
 * mask from then on: sched_setaffinity(2). So processors that its cpuset gets later are
 * not for this thread, and whoever changes its mask at the same moment is not heeded.
 */
void ceint_apart_from(int cpu);

#endif
