/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure.c - runs a command and notes what it took.
 *
 *     measure [-m MIB] FILE COMMAND [ARGUMENT ...]
 *
 * Appends a line "WALL_NS CPU_NS MEMORY_KIB" to FILE: time by the monotonic
 * clock, user and system time, and the largest resident memory, pages of mapped
 * files included; the last two over the command and the processes that it waited
 * for. The command's output and exit status are those of measure.
 *
 * With -m, that much memory is used, and freed, just before. In a virtual machine, what
 * has been free for a while may have gone back to the host, and then the first use of a
 * page takes several times as long: whoever comes next would pay for it.
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Use memory in a process of its own, since the command would inherit the peak. */
static void use_memory(size_t bytes)
{
	enum { PAGE = 4096 };
	pid_t pid = fork();
	volatile char *memory;

	if (pid == 0) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory != MAP_FAILED)
			madvise((void *)memory, bytes, MADV_HUGEPAGE);
		for (size_t at = 0; memory != MAP_FAILED && at < bytes; at += PAGE)
			memory[at] = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		perror("measure: memory");
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

static int usage_error(void)
{
	fprintf(stderr, "usage: measure [-m MIB] FILE COMMAND [ARGUMENT ...]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct rusage usage = {0};
	int64_t wall_ns = 0;
	size_t mib = 0;
	FILE *file;
	int option, status;

	while ((option = getopt(argc, argv, "+m:")) == 'm')
		mib = strtoul(optarg, NULL, 10);
	if (option != -1 || argc - optind < 2)
		return usage_error();
	argv += optind;
	file = fopen(argv[0], "a");
	if (!file) {
		perror(argv[0]);
		return 2;
	}
	if (mib)
		use_memory(mib << 20);
	status = run(argv + 1, &wall_ns, &usage);
	fprintf(file, "%lld %lld %ld\n", (long long)wall_ns,
	        (long long)(time_ns(usage.ru_utime) + time_ns(usage.ru_stime)),
	        usage.ru_maxrss);
	if (fclose(file) != 0) {
		perror(argv[0]);
		return 1;
	}
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
