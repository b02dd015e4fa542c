/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_out.c - where a dump's bytes go: to its file, or first into a frame.
 *
 * A frame holds whole records, is compressed in one go, by the pool's thread, and is
 * written as a piece of its own: a file that ends anywhere can be read to its last whole
 * frame.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump_int.h"

enum {
	FRAME = 256 << 10,
	MOST_GIVEN = 4, /* frames on their way where packets may wait for the disk */
};

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
		ceint_packer_close(pool->packers[how]);
	free(pool);
}

void ce_dump_pool_may_wait(struct ce_dump_pool *pool, bool may_wait)
{
	ceint_pool_may_wait(pool->files, may_wait);
}

void ce_dump_pool_hurry(struct ce_dump_pool *pool, int (*hurry)(void))
{
	ceint_pool_hurry(pool->files, hurry);
}

bool ce_dump_pool_reap(struct ce_dump_pool *pool)
{
	return ceint_pool_reap(pool->files);
}

int ce_dump_pool_refused(const struct ce_dump_pool *pool)
{
	return ceint_pool_refused(pool->files);
}

int ceint_dump_compress(struct ce_dump *dump, struct ce_dump_pool *pool,
                        enum ceint_compression how)
{
	int rc = 0;

	if (how == CEINT_NONE)
		return 0;
	if (!pool->packers[how])
		rc = ceint_packer_open(&pool->packers[how], how);
	dump->packer = pool->packers[how];
	return rc;
}

/* There is no room for so many packets. */
static void drop(struct ce_dump *dump, uint64_t packets)
{
	dump->dropped += packets;
	dump->gap_drops += packets;
}

/* A frame that is compressed goes into its dump's file. */
static void write_frame(const struct ceint_frame *frame)
{
	struct ce_dump *dump = frame->owner;
	unsigned char *room;
	size_t size;
	int rc;

	dump->given -= frame->used;
	dump->given_packets -= frame->packets;
	if (!frame->length) {
		ceint_outfile_fail(dump->file, -ENOMEM);
		return;
	}
	ceint_outfile_set_queue(dump->file, frame->needed ? 0 : dump->queue);
	rc = ceint_outfile_rest(dump->file, frame->length, &room, &size);
	ceint_outfile_set_queue(dump->file, dump->queue);
	if (rc == -EAGAIN)
		drop(dump, frame->packets);
	if (rc < 0)
		return;
	memcpy(room, frame->packed, frame->length);
	ceint_outfile_add(dump->file, frame->length, frame->packets);
	ceint_outfile_push(dump->file);
}

/* Write the oldest frame, whosever it is. False: none is compressed yet. */
static bool write_oldest(struct ceint_packer *packer, bool wait)
{
	struct ceint_frame *frame = ceint_packer_take(packer, wait);

	if (!frame)
		return false;
	write_frame(frame);
	ceint_packer_put(packer, frame);
	return true;
}

void ceint_dump_take_done(struct ce_dump *dump)
{
	while (dump->packer && write_oldest(dump->packer, false))
		;
}

int ceint_dump_settle(struct ce_dump *dump)
{
	while (dump->given)
		write_oldest(dump->packer, true);
	return ceint_dump_error(dump);
}

/* May another frame be on its way? Waits for that, or says no. */
static bool admits(struct ce_dump *dump)
{
	bool waits = !dump->queue || dump->frame->needed;

	ceint_dump_take_done(dump);
	while (waits && ceint_packer_given(dump->packer) >= MOST_GIVEN)
		write_oldest(dump->packer, true);
	return waits || dump->given < dump->queue;
}

int ceint_dump_end_frame(struct ce_dump *dump)
{
	struct ceint_frame *frame = dump->frame;

	if (!frame || !frame->used)
		return ceint_dump_error(dump);
	if (admits(dump)) {
		frame->owner = dump;
		dump->given += frame->used;
		dump->given_packets += frame->packets;
		ceint_packer_give(dump->packer, frame);
	} else {
		drop(dump, frame->packets);
		ceint_packer_put(dump->packer, frame);
	}
	dump->frame = NULL;
	return ceint_dump_error(dump);
}

int ceint_dump_room(struct ce_dump *dump, size_t bytes, unsigned char **room,
                    size_t *size)
{
	int rc;

	if (!dump->packer)
		return ceint_outfile_rest(dump->file, bytes, room, size);
	rc = dump->frame && dump->frame->used && dump->frame->used + bytes > FRAME
	             ? ceint_dump_end_frame(dump)
	             : ceint_dump_error(dump);
	if (rc < 0)
		return rc;
	if (!dump->frame)
		dump->frame = ceint_packer_new(dump->packer);
	if (!dump->frame || !ceint_frame_grow(dump->frame, bytes))
		return -ENOMEM;
	*room = dump->frame->data + dump->frame->used;
	*size = dump->frame->size - dump->frame->used;
	return 0;
}

void ceint_dump_add(struct ce_dump *dump, size_t bytes, uint64_t packets)
{
	if (!dump->packer) {
		ceint_outfile_add(dump->file, bytes, packets);
		return;
	}
	dump->unpacked += bytes;
	dump->frame->needed |= !packets;
	dump->frame->used += bytes;
	dump->frame->packets += packets;
}
