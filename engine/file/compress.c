/* SPDX-License-Identifier: BSD-3-Clause */
/* compress.c - see compress_int.h. */
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "compress_int.h"

enum {
	GZIP_LEVEL = 1, /* captures come fast; zstd is for those who want more */
	GZIP_WINDOW = 15 + 16,
	GZIP_MEMORY = 8,
	ZSTD_LEVEL = 3,
};

struct ceint_compressor {
	enum ceint_compression how;
	ZSTD_CCtx *zstd;
	z_stream gzip;
};

struct ceint_compressor *ceint_compressor_open(enum ceint_compression how)
{
	struct ceint_compressor *compressor = calloc(1, sizeof(*compressor));
	int rc = 0;

	if (!compressor)
		return NULL;
	compressor->how = how;
	if (how == CEINT_ZSTD)
		rc = (compressor->zstd = ZSTD_createCCtx()) ? 0 : -1;
	else
		rc = deflateInit2(&compressor->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
		                  GZIP_MEMORY, Z_DEFAULT_STRATEGY);
	if (rc == 0)
		return compressor;
	free(compressor);
	return NULL;
}

void ceint_compressor_close(struct ceint_compressor *compressor)
{
	if (!compressor)
		return;
	if (compressor->how == CEINT_ZSTD)
		ZSTD_freeCCtx(compressor->zstd);
	else
		deflateEnd(&compressor->gzip);
	free(compressor);
}

size_t ceint_compressor_bound(struct ceint_compressor *compressor, size_t size)
{
	return compressor->how == CEINT_ZSTD ? ZSTD_compressBound(size)
	                                     : deflateBound(&compressor->gzip, size);
}

static size_t gzip(z_stream *stream, void *to, size_t room, const void *from, size_t size)
{
	deflateReset(stream);
	stream->next_in = (void *)(uintptr_t)from;
	stream->avail_in = (unsigned)size;
	stream->next_out = to;
	stream->avail_out = (unsigned)room;
	return deflate(stream, Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
}

size_t ceint_compress(struct ceint_compressor *compressor, void *to, size_t room,
                      const void *from, size_t size)
{
	size_t written;

	if (compressor->how == CEINT_GZIP)
		return gzip(&compressor->gzip, to, room, from, size);
	written = ZSTD_compressCCtx(compressor->zstd, to, room, from, size, ZSTD_LEVEL);
	return ZSTD_isError(written) ? 0 : written;
}
