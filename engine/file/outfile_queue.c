/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outfile_queue.c - the pieces of a file that are on their way, see outfile_int.h.
 *
 *     queue_piece -> first, next, ... -> one write at a time -> written, or the end
 *
 * Only the first piece is being written; when it is over, on_written begins with the
 * next. A write that was short goes on where it ended. After one that failed, the file is
 * cut behind the last record that is whole, and nothing more is written. A sync, where it
 * need not be waited for, is one more write that carries nothing.
 *
 * A pipe may take nothing for as long as its reader likes: whoever waits for one looks now
 * and then whether it is to hurry, and then gives the file up.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "capengine/clock.h"
#include "io_int.h"
#include "outfile_parts_int.h"
#include "uring_int.h"

enum {
	LOOK_MS = 100,   /* how often is asked whether to hurry, */
	GRACE_MS = 2000, /* and how long a pipe may then take nothing */
	HASTE = 8 << 20, /* bytes that are sent on to the disk at a time */
};

static void drop_first(struct ceint_outfile *file)
{
	struct ceint_outfile_piece *piece = file->first;

	file->first = piece->next;
	if (!file->first)
		file->end = &file->first;
	file->pool->queued -= piece->used;
	file->pieces--;
	file->done = 0;
	ceint_outfile_piece_put(file->pool, piece);
}

/*
 * What is synced in the end had better be on its way to the disk before. Only where the
 * caller waits anyway: the kernel's queue may be full. No more than a hint, of which sync
 * will say whether it went well.
 */
static void hasten(struct ceint_outfile *file)
{
	if (!file->options.sync || !file->regular || file->at - file->hastened < HASTE)
		return;
	ceint_io.hasten(file->fd, file->hastened, file->at - file->hastened);
	file->hastened = file->at;
}

/* The first piece is in the kernel's hands. */
static void piece_is_written(struct ceint_outfile *file)
{
	bool waits = file->first->lent || file->pool->may_wait;

	file->at += (int64_t)file->first->used;
	file->safe += file->first->packets;
	file->synced = false;
	drop_first(file);
	if (waits)
		hasten(file);
}

/* Bytes of the first piece that are worth keeping, and the packets in them. */
static size_t keep_of_first(const struct ceint_outfile *file, uint64_t *packets)
{
	const struct ceint_outfile_piece *piece = file->first;
	size_t head;

	*packets = 0;
	if (!piece || file->done < piece->head)
		return 0;
	head = piece->head;
	if (!file->options.whole)
		return 0;
	return head + file->options.whole(piece->data + head, file->done - head, packets);
}

void ceint_outfile_end(struct ceint_outfile *file, int error)
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
	ceint_outfile_piece_put(file->pool, file->filled);
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
		ceint_outfile_end(file, -ETIMEDOUT);
	} else if (result == -EAGAIN)
		file->given_up = !wait_until_writable(file);
	else if (result == 0) /* it would do as little again, for ever */
		ceint_outfile_end(file, -EIO);
	else if (result < 0 && result != -EINTR)
		ceint_outfile_end(file, (int)result);
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

/* See whether the disk has the file. If it was interrupted, somebody asks again. */
static void take_sync(struct ceint_outfile *file)
{
	int64_t result = file->write.result;

	file->write.sync = false;
	file->synced = result == 0;
	if (result < 0 && result != -EINTR)
		ceint_outfile_end(file, (int)result);
}

static void on_written(struct ceint_write *write)
{
	struct ceint_outfile *file = (struct ceint_outfile *)write;

	if (write->sync)
		take_sync(file);
	else
		take_result(file);
	advance(file);
}

bool ceint_outfile_sync(struct ceint_outfile *file)
{
	if (file->write.busy)
		return false;
	if (file->error || !file->options.sync || !file->regular || file->synced)
		return true;
	file->write.fd = file->fd;
	file->write.sync = true;
	ceint_uring_start(file->pool->uring, &file->write);
	if (!file->write.busy)
		take_sync(file);
	return !file->write.busy;
}

void ceint_outfile_open_queue(struct ceint_outfile *file)
{
	file->end = &file->first;
	file->write.over = on_written;
}

void ceint_outfile_queue_piece(struct ceint_outfile *file,
                               struct ceint_outfile_piece *piece)
{
	piece->next = NULL;
	*file->end = piece;
	file->end = &piece->next;
	file->pool->queued += piece->used;
	file->pieces++;
	advance(file);
}

void ceint_outfile_queue_filled(struct ceint_outfile *file)
{
	struct ceint_outfile_piece *piece = file->filled;

	if (!piece || !piece->used)
		return;
	file->filled = NULL;
	if (piece->size >= CEINT_PIECE && file->usual < CEINT_PIECE)
		file->usual = CEINT_PIECE;
	ceint_outfile_queue_piece(file, piece);
}

void ceint_outfile_drain(struct ceint_outfile *file, unsigned pieces)
{
	struct ceint_uring *uring = file->pool->uring;

	while (file->pieces > pieces || file->write.sync)
		if (!ceint_uring_wait(uring, file->regular ? -1 : LOOK_MS) &&
		    !file->given_up && is_stuck(file)) {
			file->given_up = true;
			ceint_uring_cancel(uring, &file->write);
		}
}
