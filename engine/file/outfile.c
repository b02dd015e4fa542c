/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile.c - see outfile_int.h.
 *
 * A piece begins small and doubles while it fills, so that a file of few packets
 * takes little memory and one write; at PIECE bytes it is queued. A queue gets shorter
 * by a piece when a further one is begun: where it has got long, since the disk was
 * slow or the kernel's thread had no processor, the next are larger, or it would never
 * get short. Not otherwise: larger ones leave the cache.
 *
 * Copying into pieces sets no batch of the ring waiting for the disk. Where the caller
 * waits for it anyway, a long run of records is a piece where it stands: no copy is made
 * but the kernel's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capengine/clock.h"
#include "io_int.h"
#include "outfile_int.h"
#include "uring_int.h"

enum {
	PIECE = 256 << 10,
	MOST = 1 << 20, /* of those behind a slow disk */
	SMALL = 4 << 10,
	ALIGNMENT = 4 << 10,
	SPARE = 8, /* pieces that the pool keeps */
	MOST_FILES = 256,
	ENDS = 2,        /* pieces of a file when room waits: one fills, one is written */
	LOOK_MS = 100,   /* how often is asked whether to hurry, */
	GRACE_MS = 2000, /* and how long a pipe may then take nothing */
};

struct piece {
	struct piece *next;
	unsigned char *data;
	size_t size;
	size_t used;
	size_t head;      /* bytes before the first record */
	uint64_t packets; /* in the whole piece */
	bool lent;        /* it is the caller's, who waits */
};

struct ceint_pool {
	struct ceint_uring *uring;
	struct ceint_outfile *latest; /* the files with a descriptor, by last use */
	unsigned open;
	unsigned most;
	struct piece *spare;
	unsigned spares;
	int (*hurry)(void); /* NULL: never */
	size_t queued;      /* bytes in the queues of all files */
	bool may_wait;      /* the caller, where room would say -EAGAIN */
};

struct ceint_outfile {
	struct ceint_write write; /* first, so that its address is the file's */
	struct ceint_pool *pool;
	struct ceint_outfile *newer, *older; /* in the pool's list */
	struct ceint_outfile_options options;
	char *path;
	int fd; /* -1: none at the moment */
	dev_t device;
	ino_t inode;
	bool regular;
	bool linked; /* it had a name when it was opened */
	bool seekable;
	bool closed;
	bool given_up;    /* no further write is begun, and the last was cancelled */
	bool torn;        /* what was borrowed last cannot be read */
	int64_t stuck_ns; /* since when it takes nothing and is to hurry; 0: it is not */
	int unread;       /* bytes in a pipe, as last looked at */
	size_t usual; /* size of the next piece; SMALL until it has filled a PIECE since
	                 it got its descriptor */
	int64_t at;   /* where in the file the queue's first piece goes */
	struct piece *first;  /* on its way */
	struct piece **end;   /* where the next is queued */
	struct piece *filled; /* not queued yet */
	size_t done;          /* bytes of the first that are written */
	unsigned pieces;      /* in the queue */
	int64_t size;         /* bytes added, and what was there before */
	uint64_t packets;     /* added; after an error, those that are there */
	uint64_t safe;        /* packets before the queue */
	int error;
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

static void free_piece(struct piece *piece)
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
		struct piece *piece = pool->spare;

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

/* A piece of at least `size` bytes, or NULL. */
static struct piece *new_piece(struct ceint_pool *pool, size_t size)
{
	struct piece *piece = pool->spare;

	if (piece && size > SMALL && size <= piece->size) {
		pool->spare = piece->next;
		pool->spares--;
		*piece = (struct piece){.data = piece->data, .size = piece->size};
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

static void put_piece(struct ceint_pool *pool, struct piece *piece)
{
	if (piece && piece->lent)
		return;
	if (!piece || piece->size < PIECE || piece->size > MOST ||
	    pool->spares == SPARE) {
		free_piece(piece);
		return;
	}
	piece->next = pool->spare;
	pool->spare = piece;
	pool->spares++;
}

/* What is filled has no room for so many bytes: a larger piece, if memory allows. */
static void grow(struct ceint_outfile *file, size_t bytes)
{
	struct piece *small = file->filled, *large;
	size_t size = small->size;

	while (size < PIECE && size - small->used < bytes)
		size *= 2;
	if (size == small->size || !(large = new_piece(file->pool, size)))
		return;
	memcpy(large->data, small->data, small->used);
	large->used = small->used;
	large->head = small->head;
	large->packets = small->packets;
	free_piece(small);
	file->filled = large;
}

static void drop_first(struct ceint_outfile *file)
{
	struct piece *piece = file->first;

	file->first = piece->next;
	if (!file->first)
		file->end = &file->first;
	file->pool->queued -= piece->used;
	file->pieces--;
	file->done = 0;
	put_piece(file->pool, piece);
}

/* The first piece is in the kernel's hands. */
static void piece_is_written(struct ceint_outfile *file)
{
	file->at += (int64_t)file->first->used;
	file->safe += file->first->packets;
	drop_first(file);
}

/* Bytes of the first piece that are worth keeping, and the packets in them. */
static size_t keep_of_first(const struct ceint_outfile *file, uint64_t *packets)
{
	const struct piece *piece = file->first;
	size_t head;

	*packets = 0;
	if (!piece || file->done < piece->head)
		return 0;
	head = piece->head;
	if (!file->options.whole)
		return 0;
	return head + file->options.whole(piece->data + head, file->done - head, packets);
}

/* The end: keep what is whole, forget what waits. */
static void fail(struct ceint_outfile *file, int error)
{
	uint64_t packets;
	size_t kept = keep_of_first(file, &packets);

	file->error = error;
	if (file->regular && file->fd >= 0 &&
	    ceint_io.truncate(file->fd, file->at + (int64_t)kept) < 0)
		kept = packets = 0;
	file->size = file->at + (int64_t)kept;
	file->packets = file->safe + packets;
	while (file->first)
		drop_first(file);
	put_piece(file->pool, file->filled);
	file->filled = NULL;
}

/* Has somebody read of a pipe since the last look? */
static bool has_moved(struct ceint_outfile *file)
{
	int before = file->unread;

	return ioctl(file->fd, FIONREAD, &file->unread) == 0 && file->unread != before;
}

/* A write has not ended yet: has the file had time enough? */
static bool is_stuck(struct ceint_outfile *file)
{
	int hurry = file->pool->hurry ? file->pool->hurry() : 0;
	int64_t now_ns = ce_clock_mono_ns();

	if (!hurry || file->regular)
		return false;
	if (!file->stuck_ns || has_moved(file))
		file->stuck_ns = now_ns;
	return hurry > 1 || now_ns - file->stuck_ns >= GRACE_MS * INT64_C(1000000);
}

/* A pipe that takes no more for now: until it does. False: it is given up. */
static bool wait_until_writable(struct ceint_outfile *file)
{
	struct pollfd wanted = {.fd = file->fd, .events = POLLOUT};

	while (poll(&wanted, 1, LOOK_MS) <= 0)
		if (is_stuck(file))
			return false;
	return true;
}

static void start_first(struct ceint_outfile *file)
{
	struct ceint_write *write = &file->write;
	bool at = file->seekable && file->options.fd < 0;

	write->fd = file->fd;
	write->data = file->first->data + file->done;
	write->size = file->first->used - file->done;
	write->offset = at ? file->at + (int64_t)file->done : -1;
	if (!file->regular && ceint_pool_refused(file->pool)) {
		/* As much as fits when something does: no call that cannot be left. */
		write->size = write->size < PIPE_BUF ? write->size : PIPE_BUF;
		file->given_up = !wait_until_writable(file);
	}
	write->result = 0;
	if (file->given_up)
		return;
	if (file->first->lent) /* the lender waits: no other thread need do it */
		ceint_uring_write_now(write);
	else
		ceint_uring_start(file->pool->uring, write);
}

/* See what became of the last write. */
static void take_result(struct ceint_outfile *file)
{
	int64_t result = file->write.result;

	file->stuck_ns = 0;
	if (file->given_up) {
		file->done += result > 0 ? (size_t)result : 0;
		fail(file, -ETIMEDOUT);
	} else if (result == -EAGAIN)
		file->given_up = !wait_until_writable(file);
	else if (result == -EFAULT && file->first->lent) {
		file->torn = true; /* the lender's bytes are gone, of a mapped file */
		drop_first(file);
	} else if (result == 0)
		fail(file, -EIO); /* as little as a write that does nothing */
	else if (result < 0 && result != -EINTR)
		fail(file, (int)result);
	else if (result > 0)
		file->done += (size_t)result;
	if (file->first && file->done == file->first->used)
		piece_is_written(file);
}

/* Write what is queued, as far as that goes without waiting. */
static void advance(struct ceint_outfile *file)
{
	while (file->first && !file->write.busy) {
		start_first(file);
		if (!file->write.busy)
			take_result(file);
	}
}

static void on_written(struct ceint_write *write)
{
	struct ceint_outfile *file = (struct ceint_outfile *)write;

	take_result(file);
	advance(file);
}

/* Wait until no more than so many pieces are in the queue. */
static void drain(struct ceint_outfile *file, unsigned pieces)
{
	struct ceint_uring *uring = file->pool->uring;

	while (file->pieces > pieces)
		if (!ceint_uring_wait(uring, file->regular ? -1 : LOOK_MS) &&
		    !file->given_up && is_stuck(file)) {
			file->given_up = true;
			ceint_uring_cancel(uring, &file->write);
		}
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

static void queue(struct ceint_outfile *file, struct piece *piece)
{
	piece->next = NULL;
	*file->end = piece;
	file->end = &piece->next;
	file->pool->queued += piece->used;
	file->pieces++;
	advance(file);
}

/* What is filled goes to the end of the queue. */
static void enqueue(struct ceint_outfile *file)
{
	struct piece *piece = file->filled;

	if (!piece || !piece->used)
		return;
	file->filled = NULL;
	if (piece->size >= PIECE && file->usual < PIECE)
		file->usual = PIECE;
	queue(file, piece);
}

/* It was removed meanwhile: nobody will find what it holds. */
static void look_for_name(struct ceint_outfile *file)
{
	struct stat status;

	if (file->error || !file->linked || fstat(file->fd, &status) < 0 ||
	    status.st_nlink > 0)
		return;
	fail(file, -ENOENT);
	file->packets = 0;
	file->size = 0;
}

/* Everything written, and the descriptor given back. */
static int put_away(struct ceint_outfile *file)
{
	int fd = file->fd, rc;

	enqueue(file);
	drain(file, 0);
	put_piece(file->pool, file->filled);
	file->filled = NULL;
	file->usual = SMALL;
	if (!file->error && file->options.sync && file->regular &&
	    (rc = ceint_io.sync(fd)) < 0)
		fail(file, rc);
	look_for_name(file);
	unlist(file);
	file->pool->open--;
	file->fd = -1;
	if (fd != STDOUT_FILENO && (rc = ceint_io.close(fd)) < 0 && rc != -EINTR &&
	    !file->error)
		fail(file, rc);
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
		put_away(idle);
	fd = ceint_io.open(file->path, flags);
	while ((fd == -EMFILE || fd == -ENFILE) && (idle = longest_idle(pool))) {
		put_away(idle);
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
	put_away(file);
	return -ESTALE;
}

static int open_first(struct ceint_outfile *file)
{
	if (file->options.fd < 0)
		return open_path(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
	file->fd = file->options.fd;
	file->pool->open++;
	list(file);
	return 0;
}

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
	file->usual = SMALL;
	file->end = &file->first;
	file->write.over = on_written;
	file->path = strdup(options->path);
	file->filled = new_piece(pool, SMALL);
	if (file->path && file->filled)
		rc = open_first(file);
	if (rc == 0)
		rc = look_at(file);
	if (rc < 0) {
		ceint_outfile_free(file);
		return rc;
	}
	*out = file;
	return 0;
}

/* Become the file used last, with a descriptor. */
static int wake(struct ceint_outfile *file)
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
		fail(file, rc);
	return rc;
}

int ceint_outfile_push(struct ceint_outfile *file)
{
	enqueue(file);
	ceint_uring_reap(file->pool->uring);
	return file->error;
}

void ceint_outfile_set_queue(struct ceint_outfile *file, size_t queue)
{
	file->options.queue = queue;
}

bool ceint_outfile_borrows(const struct ceint_outfile *file)
{
	const struct ceint_pool *pool = file->pool;
	bool waits = !file->options.queue || (pool->may_wait && !pool->queued);

	return waits && !file->error && file->regular && file->seekable &&
	       file->options.fd < 0;
}

int ceint_outfile_take_back(struct ceint_outfile *file, size_t bytes, uint64_t packets)
{
	int rc;

	file->size -= (int64_t)bytes;
	file->packets -= packets;
	file->at = file->size;
	file->safe = file->packets;
	rc = ceint_io.truncate(file->fd, file->at);
	if (rc < 0)
		fail(file, rc);
	return file->error;
}

int ceint_outfile_borrow(struct ceint_outfile *file, const void *data, size_t bytes,
                         uint64_t packets)
{
	struct piece piece = {.data = (unsigned char *)(uintptr_t)data,
	                      .size = bytes,
	                      .used = bytes,
	                      .packets = packets,
	                      .lent = true};

	if (wake(file) == 0)
		enqueue(file);
	if (file->error)
		return file->error;
	file->size += (int64_t)bytes;
	file->packets += packets;
	file->torn = false;
	queue(file, &piece);
	drain(file, 0);
	if (!file->error && file->torn)
		return ceint_outfile_take_back(file, bytes, packets);
	return file->error ? file->error : 1;
}

/* Wait until a further piece may be filled, if anybody waits. */
static int admit(struct ceint_outfile *file)
{
	ceint_uring_reap(file->pool->uring);
	if (!file->options.queue)
		drain(file, ENDS - 1);
	return file->error;
}

/* The size of the next piece: larger while more wait than room would wait for. */
static size_t next_size(struct ceint_outfile *file)
{
	bool behind = file->pieces > ENDS;

	if (file->usual < PIECE)
		return file->usual;
	if (behind && file->usual < MOST)
		file->usual *= 2;
	else if (!behind && file->usual > PIECE)
		file->usual /= 2;
	return file->usual;
}

/* A piece to fill; when memory is short, one that is on its way is waited for. */
static int begin_piece(struct ceint_outfile *file, size_t bytes)
{
	size_t usual = next_size(file), size = bytes > usual ? bytes : usual;

	file->filled = new_piece(file->pool, size);
	if (file->filled)
		return 0;
	drain(file, 0);
	if (!file->error)
		file->filled = new_piece(file->pool, size);
	if (!file->error && !file->filled)
		fail(file, -ENOMEM);
	return file->error;
}

/* Is there a piece, but no room in it for so many bytes? */
static bool lacks(const struct ceint_outfile *file, size_t bytes)
{
	return file->filled && file->filled->size - file->filled->used < bytes;
}

/* Have a piece with room for so many bytes. */
static int make_room(struct ceint_outfile *file, size_t bytes)
{
	int rc = wake(file);

	if (rc < 0)
		return rc;
	if (lacks(file, bytes))
		grow(file, bytes);
	if (lacks(file, bytes)) {
		enqueue(file);
		put_piece(file->pool, file->filled); /* empty, and too small */
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
	struct piece *piece;
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
	struct piece *piece = file->filled;

	piece->used += bytes;
	if (!packets && !piece->packets)
		piece->head = piece->used;
	piece->packets += packets;
	file->size += (int64_t)bytes;
	file->packets += packets;
}

int ceint_outfile_flush(struct ceint_outfile *file)
{
	if (!file->error && file->filled && file->filled->used && wake(file) == 0)
		enqueue(file);
	drain(file, 0);
	if (file->fd >= 0)
		look_for_name(file);
	return file->error;
}

bool ceint_outfile_is_idle(struct ceint_outfile *file)
{
	return ceint_outfile_push(file) < 0 || !file->pieces;
}

void ceint_outfile_fail(struct ceint_outfile *file, int error)
{
	if (ceint_outfile_flush(file) == 0)
		fail(file, error);
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
		put_away(file);
	file->closed = true;
	return file->error;
}

void ceint_outfile_free(struct ceint_outfile *file)
{
	if (!file)
		return;
	ceint_outfile_close(file);
	free_piece(file->filled);
	free(file->path);
	free(file);
}
