/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faults.h - the system calls that savefiles are written with, of which the nth fails or
 * does less than it was asked for; for tests.
 *
 *     faults_install -> faults = { what fails } -> dumps -> faults.calls
 *
 * Threads    one at a time, with the dumps
 * Ownership  nothing
 * Blocking   as the calls themselves
 */
#ifndef CE_TESTS_FAULTS_H
#define CE_TESTS_FAULTS_H

#include <errno.h>

#include "file/io_int.h"

enum faults_call {
	FAULTS_OPEN,
	FAULTS_WRITE,
	FAULTS_TRUNCATE,
	FAULTS_SYNC,
	FAULTS_CLOSE,
	FAULTS_RENAME,
	FAULTS_SUBMIT,
	FAULTS_REAP,
};

/* What fails; all zero: nothing does. */
struct faults {
	enum faults_call call;
	int at;     /* which of them, from 1; 0: none */
	int error;  /* what it says; 0: a write succeeds, and does less than asked */
	bool plain; /* the kernel refuses io_uring */
	int calls;  /* that there were */
};

static struct faults faults;
static struct ceint_io faults_real;

static inline bool faults_strike(enum faults_call call)
{
	return faults.call == call && ++faults.calls == faults.at;
}

static inline int faults_open(const char *path, int flags)
{
	return faults_strike(FAULTS_OPEN) ? faults.error : faults_real.open(path, flags);
}

static inline int faults_truncate(int fd, int64_t size)
{
	return faults_strike(FAULTS_TRUNCATE) ? faults.error
	                                      : faults_real.truncate(fd, size);
}

static inline int faults_sync(int fd)
{
	return faults_strike(FAULTS_SYNC) ? faults.error : faults_real.sync(fd);
}

static inline int faults_close(int fd)
{
	int rc = faults_real.close(fd);

	return faults_strike(FAULTS_CLOSE) ? faults.error : rc;
}

static inline int faults_rename(const char *from, const char *to)
{
	return faults_strike(FAULTS_RENAME) ? faults.error : faults_real.rename(from, to);
}

static inline int64_t faults_write(int fd, const void *data, size_t size, int64_t offset)
{
	if (!faults_strike(FAULTS_WRITE))
		return faults_real.write(fd, data, size, offset);
	return faults.error ? faults.error
	                    : faults_real.write(fd, data, size / 3 + 1, offset);
}

/* A write through io_uring fails where it goes to a descriptor that there is not. */
static inline int faults_submit(struct ceint_uring *uring, struct ceint_write *write)
{
	if (faults.plain)
		return -EPERM;
	if (faults_strike(FAULTS_SUBMIT))
		return faults.error;
	if (write->sync && faults_strike(FAULTS_SYNC))
		write->fd = -1;
	if (!write->sync && faults_strike(FAULTS_WRITE)) {
		if (faults.error)
			write->fd = -1;
		else
			write->size = write->size / 3 + 1;
	}
	return faults_real.submit(uring, write);
}

static inline int faults_reap(struct ceint_uring *uring, int wait_ms,
                              struct ceint_write **over)
{
	int rc;

	if (wait_ms && faults_strike(FAULTS_REAP))
		return faults.error;
	rc = faults_real.reap(uring, wait_ms, over);
	if (rc == 0 && *over && (*over)->result == -EBADF)
		(*over)->result = faults.error;
	return rc;
}

static inline void faults_install(void)
{
	faults_real = ceint_io;
	ceint_io = (struct ceint_io){
		.open = faults_open,
		.write = faults_write,
		.truncate = faults_truncate,
		.sync = faults_sync,
		.close = faults_close,
		.rename = faults_rename,
		.submit = faults_submit,
		.reap = faults_reap,
		.cancel = faults_real.cancel,
	};
}

#endif
