/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compress_int.h - bytes to a gzip member or a zstd frame, each of which can be
 * read without the others: what is written one after the other is one stream.
 *
 * Threads    one at a time
 * Ownership  the caller closes a compressor; compress copies
 * Blocking   compress computes; nothing waits
 */
#ifndef CE_COMPRESS_INT_H
#define CE_COMPRESS_INT_H

#include <stddef.h>

enum ceint_compression {
	CEINT_NONE,
	CEINT_GZIP,
	CEINT_ZSTD,
};

struct ceint_compressor;

/* NULL: no memory. */
struct ceint_compressor *ceint_compressor_open(enum ceint_compression how);

void ceint_compressor_close(struct ceint_compressor *compressor);

/* Bytes that compress may need for so many. */
size_t ceint_compressor_bound(struct ceint_compressor *compressor, size_t size);

/* All of `from` into `to`; gives its length there, 0 for want of memory. */
size_t ceint_compress(struct ceint_compressor *compressor, void *to, size_t room,
                      const void *from, size_t size);

#endif
