/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.c - see stream_int.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capengine/source.h"
#include "decompress_int.h"
#include "stream_int.h"

/* Bytes that were looked at, and are given again. */
struct peek {
	size_t peeked; /* of them, there are */
	size_t given;
	unsigned char first[CEINT_STREAM_PEEK];
};

struct ceint_stream {
	struct ce_source *source;
	int fd;
	struct peek raw;   /* of what the descriptor has */
	struct peek plain; /* of what the reader gets, where that is decompressed */
	struct ceint_decompressor *decompressor; /* or NULL */
};

static ssize_t read_waiting(struct ceint_stream *stream, char *to, size_t size)
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

/* What was peeked at, first. 0: all of it has been given. */
static size_t give_again(struct peek *peek, char *to, size_t size)
{
	size_t left = peek->peeked - peek->given;

	if (size > left)
		size = left;
	memcpy(to, peek->first + peek->given, size);
	peek->given += size;
	return size;
}

static ssize_t read_raw(void *arg, char *to, size_t size)
{
	struct ceint_stream *stream = arg;
	size_t again = give_again(&stream->raw, to, size);

	return again ? (ssize_t)again : read_waiting(stream, to, size);
}

static ssize_t read_plain(void *arg, char *to, size_t size)
{
	struct ceint_stream *stream = arg;
	size_t again = give_again(&stream->plain, to, size);

	if (again)
		return (ssize_t)again;
	return ceint_decompress_read(stream->decompressor, to, size, read_raw, stream);
}

static ssize_t stream_read(void *cookie, char *to, size_t size)
{
	struct ceint_stream *stream = cookie;

	return stream->decompressor ? read_plain(stream, to, size)
	                            : read_raw(stream, to, size);
}

off_t ceint_stream_at(const struct ceint_stream *stream)
{
	return lseek(stream->fd, 0, SEEK_CUR);
}

const char *ceint_stream_error(const struct ceint_stream *stream)
{
	return stream->decompressor ? ceint_decompress_error(stream->decompressor) : NULL;
}

static int stream_close(void *cookie)
{
	struct ceint_stream *stream = cookie;

	close(stream->fd);
	ceint_decompress_close(stream->decompressor);
	free(stream);
	return 0;
}

/* Look at the first bytes that `read` gives, as far as there are any. */
static int look(struct ceint_stream *stream, struct peek *peek,
                ssize_t (*read_some)(void *arg, char *to, size_t size))
{
	unsigned char first[CEINT_STREAM_PEEK];
	size_t count = 0;

	while (count < sizeof(first)) {
		ssize_t got =
			read_some(stream, (char *)first + count, sizeof(first) - count);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		count += (size_t)got;
	}
	*peek = (struct peek){.peeked = count};
	memcpy(peek->first, first, count);
	return 0;
}

/* Look at the beginning, and through compression if there is one. */
static int open_stages(struct ceint_stream *stream,
                       unsigned char first[CEINT_STREAM_PEEK])
{
	int rc = look(stream, &stream->raw, read_raw);

	memcpy(first, stream->raw.first, CEINT_STREAM_PEEK);
	if (rc < 0 || !ceint_decompress_knows(first))
		return rc;
	stream->decompressor = ceint_decompress_open(first);
	if (!stream->decompressor)
		return -ENOMEM;
	rc = look(stream, &stream->plain, read_plain);
	memcpy(first, stream->plain.first, CEINT_STREAM_PEEK);
	return rc;
}

int ceint_stream_open(FILE **out, struct ceint_stream **opened, struct ce_source *source,
                      int fd, unsigned char first[CEINT_STREAM_PEEK])
{
	static const cookie_io_functions_t functions = {
		.read = stream_read,
		.close = stream_close,
	};
	struct ceint_stream *stream = calloc(1, sizeof(*stream));
	FILE *file = NULL;
	int rc;

	if (!stream)
		return -ENOMEM;
	stream->source = source;
	stream->fd = fd;
	rc = open_stages(stream, first);
	if (rc == 0) {
		file = fopencookie(stream, "r", functions);
		rc = file ? 0 : -ENOMEM;
	}
	if (rc < 0) {
		ceint_decompress_close(stream->decompressor);
		free(stream);
		return rc;
	}
	*out = file;
	*opened = stream;
	return 0;
}
