/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream_int.h - a pipe as a FILE that can be told to stop.
 *
 * libpcap reads a FILE and blocks in it. This one waits through the source's
 * `wait` before it would block, so that the packets read so far are handed on
 * and a stop ends the wait; see fopencookie(3).
 *
 * Threads    the source's
 * Ownership  open takes fd when it succeeds; fclose closes it and the stream
 * Blocking   reads wait through source->wait; open does, for the first bytes
 */
#ifndef CE_STREAM_INT_H
#define CE_STREAM_INT_H

#include <stdio.h>

struct ce_source;

enum { CEINT_STREAM_PEEK = 4 };

/*
 * A FILE over fd; first[] gets its first bytes, which the FILE gives again
 * (zeros where the pipe ends before them). *file is set only on success, which
 * is 0; else -EINTR, -ENOMEM, or what read(2) said.
 */
int ceint_stream_open(FILE **file, struct ce_source *source, int fd,
                      unsigned char first[CEINT_STREAM_PEEK]);

#endif
