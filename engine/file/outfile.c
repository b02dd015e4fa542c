/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile.c - see outfile_int.h: how what is added becomes pieces. How those are written
 * is outfile_queue.c, and where their memory and the descriptor come from outfile_pool.c.
 *
 * A piece begins small and doubles while it fills, so that a file of few packets
 * takes little memory and one write; at CEINT_PIECE bytes it is queued. A queue gets
 * shorter by a piece when a further one is begun: where it has got long, since the disk was
 * slow or the kernel's thread had no processor, the next are larger, or it would never
 * get short. Not otherwise: larger ones leave the cache.
 *
 * Copying into pieces sets no batch of the ring waiting for the disk. Where the caller
 * waits for it anyway, a long run of records is a piece where it stands: no copy is made
 * but the kernel's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io_int.h"
#include "outfile_parts_int.h"
#include "uring_int.h"

enum { ENDS = 2 }; /* pieces of a file when room waits: one fills, one is written */

int ceint_outfile_open(struct ceint_outfile **out, struct ceint_pool *pool,
                       const struct ceint_outfile_options *options)
{
	struct ceint_outfile *file = calloc(1, sizeof(*file));
	int rc = -ENOMEM;

	if (!file)
		return -ENOMEM;
	file->pool = pool;
	file->options = *options;
	file->fd = -1;
	file->usual = CEINT_PIECE_SMALL;
	ceint_outfile_open_queue(file);
	file->path = strdup(options->path);
	file->filled = ceint_outfile_piece_new(pool, CEINT_PIECE_SMALL);
	if (file->path && file->filled)
		rc = ceint_outfile_open_first(file);
	if (rc < 0) {
		ceint_outfile_free(file);
		return rc;
	}
	*out = file;
	return 0;
}

/* Is there a piece, but no room in it for so many bytes? */
static bool lacks(const struct ceint_outfile *file, size_t bytes)
{
	return file->filled && file->filled->size - file->filled->used < bytes;
}

/* What is filled has no room for so many bytes: a larger piece, if memory allows. */
static void grow(struct ceint_outfile *file, size_t bytes)
{
	struct ceint_outfile_piece *small = file->filled, *large;
	size_t size = small->size;

	while (size < CEINT_PIECE && size - small->used < bytes)
		size *= 2;
	if (size == small->size || !(large = ceint_outfile_piece_new(file->pool, size)))
		return;
	memcpy(large->data, small->data, small->used);
	large->used = small->used;
	large->head = small->head;
	large->packets = small->packets;
	ceint_outfile_piece_put(file->pool, small);
	file->filled = large;
}

/* The size of the next piece: larger while more wait than room would wait for. */
static size_t next_size(struct ceint_outfile *file)
{
	bool behind = file->pieces > ENDS;

	if (file->usual < CEINT_PIECE)
		return file->usual;
	if (behind && file->usual < CEINT_PIECE_MOST)
		file->usual *= 2;
	else if (!behind && file->usual > CEINT_PIECE)
		file->usual /= 2;
	return file->usual;
}

/* A piece to fill; when memory is short, one that is on its way is waited for. */
static int begin_piece(struct ceint_outfile *file, size_t bytes)
{
	size_t usual = next_size(file), size = bytes > usual ? bytes : usual;

	file->filled = ceint_outfile_piece_new(file->pool, size);
	if (file->filled)
		return 0;
	ceint_outfile_drain(file, 0);
	if (!file->error)
		file->filled = ceint_outfile_piece_new(file->pool, size);
	if (!file->error && !file->filled)
		ceint_outfile_end(file, -ENOMEM);
	return file->error;
}

/* Wait until a further piece may be filled, if anybody waits. */
static int admit(struct ceint_outfile *file)
{
	ceint_uring_reap(file->pool->uring);
	if (!file->options.queue)
		ceint_outfile_drain(file, ENDS - 1);
	return file->error;
}

/* Have a piece with room for so many bytes. */
static int make_room(struct ceint_outfile *file, size_t bytes)
{
	int rc = ceint_outfile_wake(file);

	if (rc < 0)
		return rc;
	if (lacks(file, bytes))
		grow(file, bytes);
	if (lacks(file, bytes)) {
		ceint_outfile_queue_filled(file);
		ceint_outfile_piece_put(file->pool,
		                        file->filled); /* empty, and too small */
		file->filled = NULL;
	}
	if (file->filled)
		return 0;
	rc = admit(file);
	if (rc < 0)
		return rc;
	return begin_piece(file, bytes);
}

/* Does as much wait for the disk as may, of all files? One without packets gets a small
   piece all the same, with its header. */
static bool is_full(struct ceint_outfile *file)
{
	struct ceint_pool *pool = file->pool;

	if (!file->options.queue || !file->packets || pool->queued < file->options.queue)
		return false;
	ceint_uring_reap(pool->uring);
	return pool->queued >= file->options.queue;
}

int ceint_outfile_rest(struct ceint_outfile *file, size_t bytes, unsigned char **room,
                       size_t *size)
{
	struct ceint_outfile_piece *piece;
	int rc;

	if (is_full(file) && !file->error)
		return -EAGAIN;
	if (file->error)
		return file->error;
	piece = file->filled;
	if (file->pool->latest != file || !piece || piece->size - piece->used < bytes) {
		rc = make_room(file, bytes);
		if (rc < 0)
			return rc;
		piece = file->filled;
	}
	*room = piece->data + piece->used;
	*size = piece->size - piece->used;
	return 0;
}

int ceint_outfile_room(struct ceint_outfile *file, size_t bytes, unsigned char **room)
{
	size_t size;

	return ceint_outfile_rest(file, bytes, room, &size);
}

void ceint_outfile_add(struct ceint_outfile *file, size_t bytes, uint64_t packets)
{
	struct ceint_outfile_piece *piece = file->filled;

	piece->used += bytes;
	if (!packets && !piece->packets)
		piece->head = piece->used;
	piece->packets += packets;
	file->size += (int64_t)bytes;
	file->packets += packets;
}

bool ceint_outfile_borrows(const struct ceint_outfile *file)
{
	const struct ceint_pool *pool = file->pool;
	bool waits = !file->options.queue || (pool->may_wait && !pool->queued);

	return waits && !file->error && file->regular && file->seekable &&
	       file->options.fd < 0;
}

int ceint_outfile_borrow(struct ceint_outfile *file, const void *data, size_t bytes,
                         uint64_t packets)
{
	struct ceint_outfile_piece piece = {.data = (unsigned char *)(uintptr_t)data,
	                                    .size = bytes,
	                                    .used = bytes,
	                                    .packets = packets,
	                                    .lent = true};

	if (ceint_outfile_wake(file) == 0)
		ceint_outfile_queue_filled(file);
	if (file->error)
		return file->error;
	file->size += (int64_t)bytes;
	file->packets += packets;
	ceint_outfile_queue_piece(file, &piece);
	ceint_outfile_drain(file, 0);
	return file->error;
}

int ceint_outfile_push(struct ceint_outfile *file)
{
	ceint_outfile_queue_filled(file);
	ceint_uring_reap(file->pool->uring);
	return file->error;
}

int ceint_outfile_flush(struct ceint_outfile *file)
{
	if (!file->error && file->filled && file->filled->used &&
	    ceint_outfile_wake(file) == 0)
		ceint_outfile_queue_filled(file);
	ceint_outfile_drain(file, 0);
	if (file->fd >= 0)
		ceint_outfile_look_for_name(file);
	return file->error;
}

bool ceint_outfile_is_idle(struct ceint_outfile *file)
{
	return ceint_outfile_push(file) < 0 ||
	       (!file->pieces && (file->fd < 0 || ceint_outfile_sync(file)));
}

void ceint_outfile_fail(struct ceint_outfile *file, int error)
{
	if (ceint_outfile_flush(file) == 0)
		ceint_outfile_end(file, error);
}

void ceint_outfile_set_queue(struct ceint_outfile *file, size_t queue)
{
	file->options.queue = queue;
}

int ceint_outfile_error(const struct ceint_outfile *file)
{
	return file->error;
}

uint64_t ceint_outfile_packets(const struct ceint_outfile *file)
{
	return file->packets;
}

int64_t ceint_outfile_size(const struct ceint_outfile *file)
{
	return file->size;
}

bool ceint_outfile_seekable(const struct ceint_outfile *file)
{
	return file->seekable;
}

int ceint_outfile_close(struct ceint_outfile *file)
{
	if (!file->closed && file->fd >= 0)
		ceint_outfile_put_away(file);
	file->closed = true;
	return file->error;
}

void ceint_outfile_free(struct ceint_outfile *file)
{
	if (!file)
		return;
	ceint_outfile_close(file);
	ceint_outfile_piece_put(file->pool, file->filled);
	free(file->path);
	free(file);
}
