/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream_int.h - a pipe as a FILE that can be told to stop, and what is compressed
 * as a FILE that is not.
 *
 * libpcap reads a FILE and blocks in it. This one waits through the source's
 * `wait` before it would block, so that the packets read so far are handed on
 * and a stop ends the wait; see fopencookie(3). It decompresses on the way.
 *
 * Threads    the source's
 * Ownership  open takes fd when it succeeds; fclose closes it and the stream
 * Blocking   reads wait through source->wait; open does, for the first bytes
 */
#ifndef CE_STREAM_INT_H
#define CE_STREAM_INT_H

#include <stdio.h>
#include <sys/types.h>

struct ce_source;
struct ceint_stream;

enum { CEINT_STREAM_PEEK = 4 };

/*
 * A FILE over fd; first[] gets its first bytes, decompressed, which the FILE gives
 * again (zeros where it ends before them). *file and *stream, which is the FILE's,
 * are set only on success, which is 0; else -EINTR, -ENOMEM, -EBADMSG for bad
 * compressed data, or what read(2) said.
 */
int ceint_stream_open(FILE **file, struct ceint_stream **stream, struct ce_source *source,
                      int fd, unsigned char first[CEINT_STREAM_PEEK]);

/* Bytes that were read of the descriptor, which is a regular file's; else -1. */
off_t ceint_stream_at(const struct ceint_stream *stream);

/* What is wrong with the compressed data; NULL: nothing. */
const char *ceint_stream_error(const struct ceint_stream *stream);

#endif
