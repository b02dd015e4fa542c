/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file_header_int.h - the header of a classic savefile, as libpcap writes it.
 *
 * Only libpcap knows which number a link type has in savefiles; it is asked by
 * letting it write a header into memory.
 *
 * Threads    any thread
 * Ownership  copies
 * Blocking   allocates
 */
#ifndef CE_FILE_HEADER_INT_H
#define CE_FILE_HEADER_INT_H

#include <stdbool.h>

enum { CEINT_FILE_HEADER = 24 }; /* bytes */

/*
 * The header in host byte order for packets of this link type (DLT_ number).
 * Returns 0; -EINVAL for a link type that savefiles do not have; -ENOMEM.
 */
int ceint_file_header(unsigned char header[CEINT_FILE_HEADER], int linktype, int snapshot,
                      bool nano);

#endif
