/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decompress_int.h - a stream of bytes out of a gzip, zstd or lz4 one.
 *
 * It is recognized by its first bytes. Members and frames that follow each other
 * are one stream. Memory is what the frame's header asks for, whatever comes out.
 *
 *     open -> read, read, ... until 0 -> close
 *
 * Threads    one at a time
 * Ownership  the caller closes what it opened
 * Blocking   what `input` does
 */
#ifndef CE_DECOMPRESS_INT_H
#define CE_DECOMPRESS_INT_H

#include <stdbool.h>
#include <sys/types.h>

enum { CEINT_DECOMPRESS_PEEK = 4 };

struct ceint_decompressor;

/* Does a compressed stream begin so? */
bool ceint_decompress_knows(const unsigned char first[CEINT_DECOMPRESS_PEEK]);

/* A decompressor for a stream that begins so. NULL: no memory. */
struct ceint_decompressor *ceint_decompress_open(
	const unsigned char first[CEINT_DECOMPRESS_PEEK]);

/* NULL is fine. */
void ceint_decompress_close(struct ceint_decompressor *decompressor);

/*
 * At least one byte, as soon as there is one. input is read(2) of what is compressed.
 * Returns the number of bytes, 0 at the end, -1 with errno as input sets it, or with
 * EBADMSG: see ceint_decompress_error.
 */
ssize_t ceint_decompress_read(struct ceint_decompressor *decompressor, void *to,
                              size_t size, ssize_t (*input)(void *arg, char *to, size_t),
                              void *arg);

/* Why read set EBADMSG; NULL: it has not. */
const char *ceint_decompress_error(const struct ceint_decompressor *decompressor);

#endif
