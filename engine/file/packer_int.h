/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packer_int.h - frames that a thread of its own compresses, while its owner gathers the
 * next; they come back in the order in which they were given.
 *
 *     open -> new, give, new, give, ... -> take, put, take, put, ... -> close
 *
 * Threads    one at a time; the thread is the packer's own
 * Ownership  new and take give a frame; give and put take it; each is taken before close
 * Blocking   take only if told to; give where there is no thread to be had
 */
#ifndef CE_PACKER_INT_H
#define CE_PACKER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compress_int.h"

struct ceint_packer;

struct ceint_frame {
	struct ceint_frame *next;
	void *owner;
	uint64_t packets;
	unsigned char *data; /* what is to be compressed: `used` of `size` bytes */
	size_t size;
	size_t used;
	/* What became of it: `length` of `room` bytes; 0: nothing, for want of memory. */
	unsigned char *packed;
	size_t room;
	size_t length;
	bool needed; /* it has more than packets, and is not dropped */
};

/* 0 or -ENOMEM. */
int ceint_packer_open(struct ceint_packer **packer, enum ceint_compression how);

/* NULL is fine. */
void ceint_packer_close(struct ceint_packer *packer);

/* An empty frame, or NULL for want of memory. */
struct ceint_frame *ceint_packer_new(struct ceint_packer *packer);

/* Room for so many more bytes behind those that are used. False: no memory. */
bool ceint_frame_grow(struct ceint_frame *frame, size_t bytes);

void ceint_packer_give(struct ceint_packer *packer, struct ceint_frame *frame);

/* Frames that were given and not taken. */
unsigned ceint_packer_given(const struct ceint_packer *packer);

/* The oldest of them, once it is compressed; NULL: it is not yet, or there is none. */
struct ceint_frame *ceint_packer_take(struct ceint_packer *packer, bool wait);

/* What was taken, or is not wanted. NULL is fine. */
void ceint_packer_put(struct ceint_packer *packer, struct ceint_frame *frame);

#endif
