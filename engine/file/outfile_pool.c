/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile_pool.c - what the files of a pool share, see outfile_int.h: memory for pieces,
 * and descriptors, of which the file that is used has one.
 *
 * When there are no more descriptors, that of the file idle for longest is closed: what it
 * has is written first, and its small piece goes too. It is opened again at its next byte,
 * unless another file has its name by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io_int.h"
#include "outfile_parts_int.h"
#include "uring_int.h"

enum {
	ALIGNMENT = 4 << 10,
	SPARE = 8, /* pieces that the pool keeps */
	MOST_FILES = 256,
};

/* Half of the descriptors that the process may have are for others. */
static unsigned usual_most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= MOST_FILES)
		return MOST_FILES;
	return limit.rlim_cur > 2 ? (unsigned)limit.rlim_cur / 2 : 1;
}

int ceint_pool_open(struct ceint_pool **out, unsigned files)
{
	struct ceint_pool *pool = calloc(1, sizeof(*pool));
	int rc = -ENOMEM;

	if (pool)
		rc = ceint_uring_open(&pool->uring);
	if (rc < 0) {
		free(pool);
		return rc;
	}
	pool->most = files ? files : usual_most();
	*out = pool;
	return 0;
}

static void free_piece(struct ceint_outfile_piece *piece)
{
	if (piece)
		free(piece->data);
	free(piece);
}

void ceint_pool_close(struct ceint_pool *pool)
{
	if (!pool)
		return;
	while (pool->spare) {
		struct ceint_outfile_piece *piece = pool->spare;

		pool->spare = piece->next;
		free_piece(piece);
	}
	ceint_uring_close(pool->uring);
	free(pool);
}

bool ceint_pool_reap(struct ceint_pool *pool)
{
	ceint_uring_reap(pool->uring);
	return pool->queued > 0;
}

void ceint_pool_may_wait(struct ceint_pool *pool, bool may_wait)
{
	pool->may_wait = may_wait;
}

void ceint_pool_hurry(struct ceint_pool *pool, int (*hurry)(void))
{
	pool->hurry = hurry;
}

int ceint_pool_refused(const struct ceint_pool *pool)
{
	return ceint_uring_refused(pool->uring);
}

static size_t round_up(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

struct ceint_outfile_piece *ceint_outfile_piece_new(struct ceint_pool *pool, size_t size)
{
	struct ceint_outfile_piece *piece = pool->spare;

	if (piece && size > CEINT_PIECE_SMALL && size <= piece->size) {
		pool->spare = piece->next;
		pool->spares--;
		*piece = (struct ceint_outfile_piece){.data = piece->data,
		                                      .size = piece->size};
		return piece;
	}
	piece = calloc(1, sizeof(*piece));
	if (!piece)
		return NULL;
	piece->size = round_up(size);
	piece->data = aligned_alloc(ALIGNMENT, piece->size);
	if (piece->data)
		return piece;
	free(piece);
	return NULL;
}

void ceint_outfile_piece_put(struct ceint_pool *pool, struct ceint_outfile_piece *piece)
{
	if (piece && piece->lent)
		return;
	if (!piece || piece->size < CEINT_PIECE || piece->size > CEINT_PIECE_MOST ||
	    pool->spares == SPARE) {
		free_piece(piece);
		return;
	}
	piece->next = pool->spare;
	pool->spare = piece;
	pool->spares++;
}

static void unlist(struct ceint_outfile *file)
{
	struct ceint_pool *pool = file->pool;

	if (file->older)
		file->older->newer = file->newer;
	if (file->newer)
		file->newer->older = file->older;
	else if (pool->latest == file)
		pool->latest = file->older;
	file->newer = file->older = NULL;
}

static void list(struct ceint_outfile *file)
{
	file->older = file->pool->latest;
	if (file->older)
		file->older->newer = file;
	file->pool->latest = file;
}

void ceint_outfile_look_for_name(struct ceint_outfile *file)
{
	struct stat status;

	if (file->error || !file->linked || fstat(file->fd, &status) < 0 ||
	    status.st_nlink > 0)
		return;
	ceint_outfile_end(file, -ENOENT);
	file->packets = 0;
	file->size = 0;
}

int ceint_outfile_put_away(struct ceint_outfile *file)
{
	int fd = file->fd, rc;

	ceint_outfile_queue_filled(file);
	ceint_outfile_drain(file, 0);
	ceint_outfile_piece_put(file->pool, file->filled);
	file->filled = NULL;
	file->usual = CEINT_PIECE_SMALL;
	if (!file->error && file->options.sync && file->regular && !file->synced &&
	    (rc = ceint_io.sync(fd)) < 0)
		ceint_outfile_end(file, rc);
	ceint_outfile_look_for_name(file);
	unlist(file);
	file->pool->open--;
	file->fd = -1;
	if (fd != STDOUT_FILENO && (rc = ceint_io.close(fd)) < 0 && rc != -EINTR &&
	    !file->error)
		ceint_outfile_end(file, rc);
	return file->error;
}

/* Of the files that can be opened again, the one idle for longest. */
static struct ceint_outfile *longest_idle(const struct ceint_pool *pool)
{
	struct ceint_outfile *idle = NULL;

	for (struct ceint_outfile *file = pool->latest; file; file = file->older)
		if (file->regular && file->options.fd < 0)
			idle = file;
	return idle;
}

/* Open the path; for want of descriptors, put other files away. */
static int open_path(struct ceint_outfile *file, int flags)
{
	struct ceint_pool *pool = file->pool;
	struct ceint_outfile *idle;
	int fd;

	while (pool->open >= pool->most && (idle = longest_idle(pool)))
		ceint_outfile_put_away(idle);
	fd = ceint_io.open(file->path, flags);
	while ((fd == -EMFILE || fd == -ENFILE) && (idle = longest_idle(pool))) {
		ceint_outfile_put_away(idle);
		fd = ceint_io.open(file->path, flags);
	}
	if (fd < 0)
		return fd;
	file->fd = fd;
	pool->open++;
	list(file);
	return 0;
}

/* Learn what it is that was opened. */
static int look_at(struct ceint_outfile *file)
{
	struct stat status;
	off_t at = lseek(file->fd, 0, SEEK_CUR);
	int flags = fcntl(file->fd, F_GETFL);

	if (fstat(file->fd, &status) < 0)
		return -errno;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->regular = S_ISREG(status.st_mode);
	file->linked = file->regular && file->options.fd < 0 && status.st_nlink > 0;
	file->seekable = at >= 0;
	file->at = !file->seekable                         ? 0
	           : flags >= 0 && (flags & O_APPEND) != 0 ? status.st_size
	                                                   : at;
	file->size = file->at;
	return 0;
}

/* The descriptor that the pool took. -ESTALE: another file stands there now. */
static int reopen(struct ceint_outfile *file)
{
	struct stat status;
	int rc = open_path(file, O_WRONLY | O_CLOEXEC);

	if (rc < 0)
		return rc;
	if (fstat(file->fd, &status) == 0 && status.st_dev == file->device &&
	    status.st_ino == file->inode)
		return 0;
	ceint_outfile_put_away(file);
	return -ESTALE;
}

static int open_descriptor(struct ceint_outfile *file)
{
	if (file->options.fd < 0)
		return open_path(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
	file->fd = file->options.fd;
	file->pool->open++;
	list(file);
	return 0;
}

int ceint_outfile_open_first(struct ceint_outfile *file)
{
	int rc = open_descriptor(file);

	return rc < 0 ? rc : look_at(file);
}

int ceint_outfile_wake(struct ceint_outfile *file)
{
	int rc;

	if (file->pool->latest == file)
		return 0;
	if (file->fd >= 0) {
		unlist(file);
		list(file);
		return 0;
	}
	rc = reopen(file);
	if (rc < 0)
		ceint_outfile_end(file, rc);
	return rc;
}
