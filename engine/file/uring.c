/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uring.c - see uring_int.h; and the table of io_int.h, whose calls stand here.
 *
 * A ring whose submit has failed for good is not submitted to again, since what
 * stands in its queue would be written a second time: from then on writes are
 * plain calls, and what the kernel has still comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io_int.h"
#include "uring_int.h"

enum { ENTRIES = 64 };

struct ceint_uring {
	struct io_uring ring;
	bool opened;
	int refused;
	unsigned flying; /* writes that the kernel has */
};

static int system_open(const char *path, int flags)
{
	int fd = open(path, flags, 0666);

	return fd < 0 ? -errno : fd;
}

static int64_t system_write(int fd, const void *data, size_t size, int64_t offset)
{
	ssize_t written = offset < 0 ? write(fd, data, size)
	                             : pwrite(fd, data, size, offset);

	return written < 0 ? -errno : written;
}

static int system_truncate(int fd, int64_t size)
{
	return ftruncate(fd, size) < 0 ? -errno : 0;
}

static int system_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

static int system_hasten(int fd, int64_t offset, int64_t size)
{
	return sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE) < 0 ? -errno : 0;
}

static int system_close(int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

static int system_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : 0;
}

static int system_submit(struct ceint_uring *uring, struct ceint_write *write)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
	unsigned size = write->size > INT32_MAX ? INT32_MAX : (unsigned)write->size;
	int rc;

	if (!sqe)
		return -EBUSY;
	if (write->sync)
		io_uring_prep_fsync(sqe, write->fd, 0);
	else
		io_uring_prep_write(sqe, write->fd, write->data, size,
		                    (uint64_t)write->offset);
	io_uring_sqe_set_data(sqe, write);
	do
		rc = io_uring_submit(&uring->ring);
	while (rc == -EINTR);
	if (rc < 0) { /* it stays in the queue: whoever submits again submits nothing */
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data(sqe, NULL);
	}
	return rc < 0 ? rc : 0;
}

static int next_completion(struct io_uring *ring, int wait_ms, struct io_uring_cqe **cqe)
{
	struct __kernel_timespec timeout = {
		.tv_sec = wait_ms / 1000,
		.tv_nsec = wait_ms % 1000 * 1000000,
	};

	return wait_ms == 0  ? io_uring_peek_cqe(ring, cqe)
	       : wait_ms < 0 ? io_uring_wait_cqe(ring, cqe)
	                     : io_uring_wait_cqe_timeout(ring, cqe, &timeout);
}

/* Of a completion without a write, that of a cancel, nobody learns. */
static int system_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	struct io_uring_cqe *cqe = NULL;
	int rc;

	*over = NULL;
	do {
		do
			rc = next_completion(&uring->ring, wait_ms, &cqe);
		while (rc == -EINTR && wait_ms < 0);
		if (rc < 0)
			return rc == -EAGAIN || rc == -ETIME || rc == -EINTR ? 0 : rc;
		*over = io_uring_cqe_get_data(cqe);
		if (*over)
			(*over)->result = cqe->res;
		io_uring_cqe_seen(&uring->ring, cqe);
	} while (!*over);
	return 0;
}

static int system_cancel(struct ceint_uring *uring, struct ceint_write *write)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
	int rc;

	if (!sqe)
		return -EBUSY;
	io_uring_prep_cancel(sqe, write, 0);
	io_uring_sqe_set_data(sqe, NULL);
	rc = io_uring_submit(&uring->ring);
	return rc < 0 ? rc : 0;
}

struct ceint_io ceint_io = {
	.open = system_open,
	.write = system_write,
	.truncate = system_truncate,
	.sync = system_sync,
	.hasten = system_hasten,
	.close = system_close,
	.rename = system_rename,
	.submit = system_submit,
	.reap = system_reap,
	.cancel = system_cancel,
};

int ceint_uring_open(struct ceint_uring **out)
{
	struct ceint_uring *uring = calloc(1, sizeof(*uring));

	if (!uring)
		return -ENOMEM;
	uring->refused = io_uring_queue_init(ENTRIES, &uring->ring, 0);
	uring->opened = uring->refused == 0;
	*out = uring;
	return 0;
}

void ceint_uring_close(struct ceint_uring *uring)
{
	if (!uring)
		return;
	if (uring->opened)
		io_uring_queue_exit(&uring->ring);
	free(uring);
}

int ceint_uring_refused(const struct ceint_uring *uring)
{
	return uring->refused;
}

void ceint_uring_write_now(struct ceint_write *write)
{
	write->result = write->sync ? ceint_io.sync(write->fd)
	                            : ceint_io.write(write->fd, write->data, write->size,
	                                             write->offset);
	write->busy = false;
}

void ceint_uring_start(struct ceint_uring *uring, struct ceint_write *write)
{
	write->busy = true;
	if (!uring->refused)
		uring->refused = ceint_io.submit(uring, write);
	if (uring->refused)
		ceint_uring_write_now(write);
	else
		uring->flying++;
}

/* See to one write that is over. False when none is. */
static bool see_to_one(struct ceint_uring *uring, int wait_ms)
{
	struct ceint_write *write;

	if (!uring->flying || ceint_io.reap(uring, wait_ms, &write) < 0 || !write)
		return false;
	uring->flying--;
	write->busy = false;
	write->over(write);
	return true;
}

void ceint_uring_reap(struct ceint_uring *uring)
{
	while (see_to_one(uring, 0))
		;
}

bool ceint_uring_wait(struct ceint_uring *uring, int wait_ms)
{
	return see_to_one(uring, wait_ms);
}

void ceint_uring_cancel(struct ceint_uring *uring, struct ceint_write *write)
{
	ceint_io.cancel(uring, write);
}
