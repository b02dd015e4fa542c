/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_out.c - where a dump's bytes go: to its file, or first into a frame.
 *
 * A frame holds whole records, is compressed in one go, and is written as a piece
 * of its own: a file that ends anywhere can be read to its last whole frame.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump_int.h"

enum { SMALL = 4 << 10, FRAME = 256 << 10 };

int ce_dump_pool_open(struct ce_dump_pool **out, unsigned files)
{
	struct ce_dump_pool *pool = calloc(1, sizeof(*pool));
	int rc = pool ? ceint_pool_open(&pool->files, files) : -ENOMEM;

	if (rc < 0)
		free(pool);
	else
		*out = pool;
	return rc;
}

void ce_dump_pool_close(struct ce_dump_pool *pool)
{
	if (!pool)
		return;
	ceint_pool_close(pool->files);
	for (int how = 0; how <= CEINT_ZSTD; how++)
		ceint_compressor_close(pool->compressors[how]);
	free(pool);
}

void ce_dump_pool_hurry(struct ce_dump_pool *pool, int (*hurry)(void))
{
	ceint_pool_hurry(pool->files, hurry);
}

int ce_dump_pool_refused(const struct ce_dump_pool *pool)
{
	return ceint_pool_refused(pool->files);
}

int ceint_dump_compress(struct ce_dump *dump, struct ce_dump_pool *pool,
                        enum ceint_compression how)
{
	if (how == CEINT_NONE)
		return 0;
	if (!pool->compressors[how])
		pool->compressors[how] = ceint_compressor_open(how);
	dump->frame.compressor = pool->compressors[how];
	return dump->frame.compressor ? 0 : -ENOMEM;
}

static void empty(struct ceint_frame *frame)
{
	frame->used = 0;
	frame->packets = 0;
}

int ceint_dump_end_frame(struct ce_dump *dump)
{
	struct ceint_frame *frame = &dump->frame;
	size_t size;
	unsigned char *room;
	int rc;

	if (!frame->used)
		return ceint_dump_error(dump);
	rc = ceint_outfile_rest(dump->file,
	                        ceint_compressor_bound(frame->compressor, frame->used),
	                        &room, &size);
	if (rc == -EAGAIN) {
		dump->dropped += frame->packets;
		dump->gap_drops += frame->packets;
	} else if (rc == 0) {
		size = ceint_compress(frame->compressor, room, size, frame->data,
		                      frame->used);
		ceint_outfile_add(dump->file, size, frame->packets);
		ceint_outfile_push(dump->file);
	}
	empty(frame);
	return rc == -EAGAIN ? 0 : rc;
}

/* Room for so many more bytes in the frame, which may grow. */
static bool grow(struct ceint_frame *frame, size_t bytes)
{
	size_t size = frame->size ? frame->size : SMALL;
	unsigned char *data;

	while (size < frame->used + bytes)
		size *= 2;
	if (size == frame->size)
		return true;
	data = realloc(frame->data, size);
	if (!data)
		return false;
	frame->data = data;
	frame->size = size;
	return true;
}

int ceint_dump_room(struct ce_dump *dump, size_t bytes, unsigned char **room,
                    size_t *size)
{
	struct ceint_frame *frame = &dump->frame;
	int rc;

	if (!frame->compressor)
		return ceint_outfile_rest(dump->file, bytes, room, size);
	rc = frame->used && frame->used + bytes > FRAME ? ceint_dump_end_frame(dump)
	                                                : ceint_dump_error(dump);
	if (rc < 0)
		return rc;
	if (!grow(frame, bytes))
		return -ENOMEM;
	*room = frame->data + frame->used;
	*size = frame->size - frame->used;
	return 0;
}

void ceint_dump_add(struct ce_dump *dump, size_t bytes, uint64_t packets)
{
	struct ceint_frame *frame = &dump->frame;

	if (!frame->compressor) {
		ceint_outfile_add(dump->file, bytes, packets);
		return;
	}
	frame->used += bytes;
	frame->packets += packets;
}
