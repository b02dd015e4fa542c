/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure.c - runs a command and notes what it took.
 *
 *     measure FILE COMMAND [ARGUMENT ...]
 *
 * Appends a line "WALL_NS CPU_NS MEMORY_KIB" to FILE: time by the monotonic
 * clock, user and system time, and the largest resident memory, pages of mapped
 * files included; the last two over the command and the processes that it waited
 * for. The command's output and exit status are those of measure.
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t time_ns(struct timeval time)
{
	return time.tv_sec * INT64_C(1000000000) + time.tv_usec * INT64_C(1000);
}

/* Run the command and wait for it; returns its wait status, or -1. */
static int run(char **command, int64_t *wall_ns, struct rusage *usage)
{
	int64_t start = now_ns();
	int status = -1;
	pid_t pid;
	int rc = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);

	if (rc != 0) {
		fprintf(stderr, "measure: %s: %s\n", command[0], strerror(rc));
		return -1;
	}
	if (wait4(pid, &status, 0, usage) < 0)
		perror("measure: wait4");
	*wall_ns = now_ns() - start;
	return status;
}

int main(int argc, char **argv)
{
	struct rusage usage = {0};
	int64_t wall_ns = 0;
	FILE *file = argc > 2 ? fopen(argv[1], "a") : NULL;
	int status;

	if (!file) {
		if (argc > 2)
			perror(argv[1]);
		else
			fprintf(stderr, "usage: measure FILE COMMAND [ARGUMENT ...]\n");
		return 2;
	}
	status = run(argv + 2, &wall_ns, &usage);
	fprintf(file, "%lld %lld %ld\n", (long long)wall_ns,
	        (long long)(time_ns(usage.ru_utime) + time_ns(usage.ru_stime)),
	        usage.ru_maxrss);
	if (fclose(file) != 0) {
		perror(argv[1]);
		return 1;
	}
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
