/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * only_calls.c - run a program that the kernel kills when it makes another system call
 * than these.
 *
 *     only_calls NUMBERS PROGRAM [ARGUMENT ...]
 *
 * NUMBERS are those of the calls, with spaces between. As systemd's SystemCallFilter does
 * it. Exit status 77: no filters here; 2: wrong usage, or no such program.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SKIP = 77, USAGE = 2, MOST = 1000 };

int main(int argc, char **argv)
{
	static struct sock_filter filter[1 + 2 * MOST + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {1, filter};
	char *at, *end;

	if (argc < 3)
		return USAGE;
	for (at = argv[1];; at = end) {
		const unsigned number = (unsigned)strtoul(at, &end, 10);

		if (end == at || program.len > 2 * MOST)
			break;
		filter[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
		filter[program.len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	if (*at)
		return USAGE;
	filter[program.len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return SKIP;
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return USAGE;
}
