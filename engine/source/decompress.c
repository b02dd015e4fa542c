/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decompress.c - see decompress_int.h.
 *
 * Each format is a table of three functions around its library's own state.
 */
#include <errno.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "decompress_int.h"

enum { INPUT = 65536 };

/* Where a step reads and writes. */
struct buffers {
	const unsigned char *from;
	size_t left; /* bytes at from */
	unsigned char *to;
	size_t room; /* bytes at to */
};

struct format {
	unsigned char magic[CEINT_DECOMPRESS_PEEK];
	size_t magic_bytes;
	void *(*open)(void);
	void (*close)(void *state);
	/* Go on as far as the buffers allow. Returns whether a frame has ended just
	   there: 1 or 0; -1 with *error. */
	int (*step)(void *state, struct buffers *buffers, const char **error);
};

struct ceint_decompressor {
	const struct format *format;
	void *state;
	const unsigned char *from; /* of input */
	size_t left;
	bool between; /* frames: the stream may end here */
	bool ended;   /* the compressed one has */
	const char *error;
	unsigned char input[INPUT];
};

static void *gzip_open(void)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	if (stream && inflateInit2(stream, 15 + 16) != Z_OK) { /* a gzip header */
		free(stream);
		stream = NULL;
	}
	return stream;
}

static void gzip_close(void *state)
{
	inflateEnd(state);
	free(state);
}

static int gzip_step(void *state, struct buffers *buffers, const char **error)
{
	z_stream *stream = state;
	int rc;

	stream->next_in = (unsigned char *)(uintptr_t)buffers->from;
	stream->avail_in = (uInt)buffers->left;
	stream->next_out = buffers->to;
	stream->avail_out = (uInt)buffers->room;
	rc = inflate(stream, Z_NO_FLUSH);
	buffers->from = stream->next_in;
	buffers->left = stream->avail_in;
	buffers->to = stream->next_out;
	buffers->room = stream->avail_out;
	if (rc == Z_STREAM_END)
		return inflateReset(stream) == Z_OK;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	*error = stream->msg ? stream->msg : "bad gzip data";
	return -1;
}

static void *zstd_open(void)
{
	return ZSTD_createDCtx();
}

static void zstd_close(void *state)
{
	ZSTD_freeDCtx(state);
}

static int zstd_step(void *state, struct buffers *buffers, const char **error)
{
	ZSTD_inBuffer in = {buffers->from, buffers->left, 0};
	ZSTD_outBuffer out = {buffers->to, buffers->room, 0};
	size_t rc = ZSTD_decompressStream(state, &out, &in);

	buffers->from += in.pos;
	buffers->left -= in.pos;
	buffers->to += out.pos;
	buffers->room -= out.pos;
	if (!ZSTD_isError(rc))
		return rc == 0;
	*error = ZSTD_getErrorName(rc);
	return -1;
}

static void *lz4_open(void)
{
	LZ4F_dctx *context;

	return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))
	               ? NULL
	               : context;
}

static void lz4_close(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

static int lz4_step(void *state, struct buffers *buffers, const char **error)
{
	size_t in = buffers->left, out = buffers->room;
	size_t rc = LZ4F_decompress(state, buffers->to, &out, buffers->from, &in, NULL);

	buffers->from += in;
	buffers->left -= in;
	buffers->to += out;
	buffers->room -= out;
	if (!LZ4F_isError(rc))
		return rc == 0;
	*error = LZ4F_getErrorName(rc);
	return -1;
}

static const struct format formats[] = {
	{{0x1f, 0x8b, 8}, 3, gzip_open, gzip_close, gzip_step},
	{{0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_open, zstd_close, zstd_step},
	{{0x04, 0x22, 0x4d, 0x18}, 4, lz4_open, lz4_close, lz4_step},
};

static const struct format *recognize(const unsigned char first[CEINT_DECOMPRESS_PEEK])
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!memcmp(first, formats[i].magic, formats[i].magic_bytes))
			return &formats[i];
	return NULL;
}

bool ceint_decompress_knows(const unsigned char first[CEINT_DECOMPRESS_PEEK])
{
	return recognize(first);
}

struct ceint_decompressor *ceint_decompress_open(
	const unsigned char first[CEINT_DECOMPRESS_PEEK])
{
	struct ceint_decompressor *decompressor = calloc(1, sizeof(*decompressor));

	if (!decompressor)
		return NULL;
	decompressor->format = recognize(first);
	decompressor->state = decompressor->format->open();
	if (!decompressor->state) {
		free(decompressor);
		return NULL;
	}
	return decompressor;
}

void ceint_decompress_close(struct ceint_decompressor *decompressor)
{
	if (!decompressor)
		return;
	decompressor->format->close(decompressor->state);
	free(decompressor);
}

static ssize_t fail(struct ceint_decompressor *decompressor, const char *error)
{
	decompressor->error = error;
	errno = EBADMSG;
	return -1;
}

/* Have bytes to go on with: 1; 0: the compressed stream is at its end; -1. */
static ssize_t have_input(struct ceint_decompressor *decompressor,
                          ssize_t (*input)(void *arg, char *to, size_t), void *arg)
{
	ssize_t got;

	if (decompressor->left)
		return 1;
	if (decompressor->ended)
		return 0;
	got = input(arg, (char *)decompressor->input, sizeof(decompressor->input));
	if (got < 0)
		return -1;
	decompressor->from = decompressor->input;
	decompressor->left = (size_t)got;
	decompressor->ended = got == 0;
	return got > 0;
}

ssize_t ceint_decompress_read(struct ceint_decompressor *decompressor, void *to,
                              size_t size, ssize_t (*input)(void *arg, char *to, size_t),
                              void *arg)
{
	struct buffers buffers = {.to = to, .room = size};

	while (buffers.room == size) {
		ssize_t more = have_input(decompressor, input, arg);
		size_t left;
		int rc;

		if (more < 0)
			return -1;
		if (!more && decompressor->between)
			return 0;
		left = decompressor->left;
		buffers.from = decompressor->from;
		buffers.left = left;
		rc = decompressor->format->step(decompressor->state, &buffers,
		                                &decompressor->error);
		if (rc < 0)
			return fail(decompressor, decompressor->error);
		decompressor->from = buffers.from;
		decompressor->left = buffers.left;
		decompressor->between = rc;
		if (!more && buffers.room == size && !rc)
			return fail(decompressor, "the compressed data is truncated");
	}
	return (ssize_t)(size - buffers.room);
}

const char *ceint_decompress_error(const struct ceint_decompressor *decompressor)
{
	return decompressor->error;
}
