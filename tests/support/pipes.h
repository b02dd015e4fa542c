/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipes.h - a pipe with a thread that writes a savefile to it; for tests.
 *
 * Threads    the writer has its own; the calls: one at a time
 * Ownership  start takes the bytes; end frees them
 * Blocking   end joins the thread
 */
#ifndef CE_TESTS_PIPES_H
#define CE_TESTS_PIPES_H

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "support/packets.h"

struct pipes_writer {
	pthread_t thread;
	int ends[2];
	char path[32]; /* of the end to read from */
	struct packets_bytes bytes;
	size_t piece;   /* bytes in one write */
	size_t stop_at; /* bytes before it pauses; 0: never */
	int resume_fd;  /* the eventfd on which it then waits */
};

static inline void *pipes_write(void *arg)
{
	struct pipes_writer *writer = arg;
	size_t at = 0;
	uint64_t one;

	while (at < writer->bytes.size) {
		size_t size = writer->piece;

		if (writer->stop_at && at == writer->stop_at &&
		    read(writer->resume_fd, &one, sizeof(one)) != sizeof(one))
			break;
		if (size > writer->bytes.size - at)
			size = writer->bytes.size - at;
		if (at < writer->stop_at && size > writer->stop_at - at)
			size = writer->stop_at - at;
		if (write(writer->ends[1], writer->bytes.data + at, size) != (ssize_t)size)
			break;
		at += size;
	}
	close(writer->ends[1]);
	return NULL;
}

static inline void pipes_start(struct pipes_writer *writer)
{
	if (pipe2(writer->ends, O_CLOEXEC) < 0)
		abort();
	snprintf(writer->path, sizeof(writer->path), "/proc/self/fd/%d", writer->ends[0]);
	writer->resume_fd = eventfd(0, EFD_CLOEXEC);
	if (pthread_create(&writer->thread, NULL, pipes_write, writer))
		abort();
}

/* Let it end, though nobody reads any more: ignore SIGPIPE. */
static inline void pipes_end(struct pipes_writer *writer)
{
	const uint64_t one = 1;

	if (write(writer->resume_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	close(writer->ends[0]);
	pthread_join(writer->thread, NULL);
	close(writer->resume_fd);
	free(writer->bytes.data);
}

#endif
