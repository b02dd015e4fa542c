/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.c - see stream_int.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capengine/source.h"
#include "stream_int.h"

struct stream {
	struct ce_source *source;
	int fd;
	size_t peeked; /* bytes of `first` */
	size_t given;  /* of them, given again */
	unsigned char first[CEINT_STREAM_PEEK];
};

static ssize_t read_waiting(struct stream *stream, char *to, size_t size)
{
	struct ce_source *source = stream->source;

	for (;;) {
		int rc = source->wait(source, stream->fd, source->wait_arg);
		ssize_t got;

		if (rc < 0) {
			source->interrupted = true;
			errno = -rc;
			return -1;
		}
		got = read(stream->fd, to, size);
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			return got;
	}
}

static ssize_t stream_read(void *cookie, char *to, size_t size)
{
	struct stream *stream = cookie;
	size_t left = stream->peeked - stream->given;

	if (!left)
		return read_waiting(stream, to, size);
	if (size > left)
		size = left;
	memcpy(to, stream->first + stream->given, size);
	stream->given += size;
	return (ssize_t)size;
}

static int stream_close(void *cookie)
{
	struct stream *stream = cookie;

	close(stream->fd);
	free(stream);
	return 0;
}

static int peek(struct stream *stream)
{
	while (stream->peeked < sizeof(stream->first)) {
		ssize_t got = read_waiting(stream, (char *)stream->first + stream->peeked,
		                           sizeof(stream->first) - stream->peeked);

		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		stream->peeked += (size_t)got;
	}
	return 0;
}

int ceint_stream_open(FILE **out, struct ce_source *source, int fd,
                      unsigned char first[CEINT_STREAM_PEEK])
{
	static const cookie_io_functions_t functions = {
		.read = stream_read,
		.close = stream_close,
	};
	struct stream *stream = calloc(1, sizeof(*stream));
	FILE *file = NULL;
	int rc;

	if (!stream)
		return -ENOMEM;
	stream->source = source;
	stream->fd = fd;
	rc = peek(stream);
	if (rc == 0) {
		memcpy(first, stream->first, sizeof(stream->first));
		file = fopencookie(stream, "r", functions);
		rc = file ? 0 : -ENOMEM;
	}
	if (rc < 0) {
		free(stream);
		return rc;
	}
	*out = file;
	return 0;
}
