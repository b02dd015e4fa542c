/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faulty.c - makes of `capengine` a program whose nth system call for savefiles fails.
 *
 *     FAULT=CALL:NTH:ERRNO[:plain] faulty_capengine run ...
 *
 * CALL is open, write, truncate, sync, close, rename, submit, or reap; ERRNO 0 lets a
 * write be short, or a pipe's be as small as it gets; with `plain` the kernel refuses
 * io_uring. In the end a line on standard error says how many such calls there were:
 *
 *     faulty: 7 calls
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/io_int.h"

static struct ceint_io real;
static char name[16];
static int at, error, calls;
static bool plain;

static bool strikes(const char *call)
{
	return !strcmp(call, name) && ++calls == at;
}

static int faulty_open(const char *path, int flags)
{
	return strikes("open") ? -error : real.open(path, flags);
}

static int faulty_truncate(int fd, int64_t size)
{
	return strikes("truncate") ? -error : real.truncate(fd, size);
}

static int faulty_sync(int fd)
{
	return strikes("sync") ? -error : real.sync(fd);
}

static int faulty_close(int fd)
{
	int rc = real.close(fd);

	return strikes("close") ? -error : rc;
}

static int faulty_rename(const char *from, const char *to)
{
	return strikes("rename") ? -error : real.rename(from, to);
}

static int64_t faulty_write(int fd, const void *data, size_t size, int64_t offset)
{
	if (!strikes("write"))
		return real.write(fd, data, size, offset);
	return error ? -error : real.write(fd, data, size / 3 + 1, offset);
}

/* A write through io_uring fails where it goes to a descriptor that there is not. */
static int faulty_submit(struct ceint_uring *uring, struct ceint_write *write)
{
	if (plain)
		return -EPERM;
	if (strikes("submit"))
		return -error;
	if (strikes("write")) {
		if (error)
			write->fd = -1;
		else
			write->size = write->size / 3 + 1;
	}
	return real.submit(uring, write);
}

static int faulty_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	int rc;

	if (wait_ms && strikes("reap"))
		return -error;
	rc = real.reap(uring, wait_ms, over);
	if (rc == 0 && *over && (*over)->result == -EBADF)
		(*over)->result = -error;
	return rc;
}

static void say_calls(void)
{
	fprintf(stderr, "faulty: %d calls\n", calls);
}

__attribute__((constructor)) static void replace_calls(void)
{
	const char *fault = getenv("FAULT");
	char tail[16] = "";

	if (!fault)
		return;
	if (sscanf(fault, "%15[a-z]:%d:%d:%15s", name, &at, &error, tail) < 3) {
		fprintf(stderr, "faulty: FAULT=%s: see faulty.c\n", fault);
		exit(2);
	}
	plain = !strcmp(tail, "plain");
	real = ceint_io;
	ceint_io = (struct ceint_io){
		.open = faulty_open,
		.write = faulty_write,
		.truncate = faulty_truncate,
		.sync = faulty_sync,
		.close = faulty_close,
		.rename = faulty_rename,
		.submit = faulty_submit,
		.reap = faulty_reap,
		.cancel = real.cancel,
	};
	atexit(say_calls);
}
