/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotate_int.h - what the files of a rotation share: its state, and what becomes of a file.
 *
 *     rotate.c: packets, and when a file is over
 *       begin    -> rotate_name.c: its name -> NAME.part
 *       complete -> finished, or behind those that still are on their way -> NAME
 *
 * Threads    one at a time
 * Ownership  the rotation owns what it points to, unless a comment says otherwise
 * Blocking   as rotate.h says
 */
#ifndef CE_ROTATE_INT_H
#define CE_ROTATE_INT_H

#include "capengine/packet_time.h"
#include "capengine/rotate.h"
#include "dump_int.h"

enum {
	CEINT_ROTATE_NAME = 4096, /* bytes of a name, */
	CEINT_ROTATE_PART = 8,    /* of which so many are for .part */
};

struct ceint_ending;

struct ce_rotate {
	struct ce_rotate_options options;
	char *path;
	struct ce_dump *dump;         /* NULL: the next packet begins a file */
	char name[CEINT_ROTATE_NAME]; /* of that file, once it is complete */
	char base[CEINT_ROTATE_NAME]; /* the same without its number */
	unsigned number;              /* of the files with this base */
	struct ce_packet_time time;
	int64_t first_ns; /* stamp of the first packet */
	bool started;
	uint64_t bytes; /* of the file, with what is still gathered */
	uint64_t packets;
	uint64_t seen;                       /* packets, of all files */
	struct ceint_ending *ending, **last; /* files before, the oldest first */
	struct ce_dump_counters closed;      /* sums over files before those */
	struct ceint_from from;              /* what options.dump.from points to */
	const char *comment;                 /* of the next packet; lent; NULL: none */
	size_t comment_size;
	char **kept; /* names, the oldest first */
	unsigned kept_count;
	struct ce_err failure; /* what every further call says; code 0: nothing */
};

/* rotate_name.c: name the file that begins at this time. 0 or -ENAMETOOLONG. */
int ceint_rotate_choose_name(struct ce_rotate *rotate, int64_t ts_ns);

/* rotate_files.c: begin the file of a packet with this stamp. As ce_dump_open. */
int ceint_rotate_begin(struct ce_rotate *rotate, int64_t ts_ns, struct ce_err *err);

/* Nothing comes to the file any more. Where packets do not wait for the disk, it is
   completed behind them. 0, or what the first file said that could not be. */
int ceint_rotate_complete(struct ce_rotate *rotate, struct ce_err *err);

/* Complete the files before: all, or those for which nothing is to be waited. The same. */
int ceint_rotate_end_files(struct ce_rotate *rotate, bool wait, struct ce_err *err);

#endif
