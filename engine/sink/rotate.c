/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotate.c - see <capengine/rotate.h>: which packets go into the file that is written, and
 * when it is over.
 *
 * After an error nothing is written any more, and every call says what it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rotate_int.h"

static int fail(struct ce_rotate *rotate, int rc, struct ce_err *err)
{
	if (!rotate->failure.code) {
		rotate->failure = *err;
		rotate->failure.code = rc;
	}
	return rc;
}

int ce_rotate_open(struct ce_rotate **out, const char *path,
                   const struct ce_rotate_options *options, struct ce_err *err)
{
	struct ce_rotate *rotate = calloc(1, sizeof(*rotate));
	int rc = -ENOMEM;

	if (!rotate)
		return ce_err_set(err, -ENOMEM, "out of memory");
	rotate->options = *options;
	rotate->last = &rotate->ending;
	rotate->options.dump.from = (struct ce_dump_from){0};
	rotate->path = strdup(path);
	rotate->kept = calloc(options->files + 1, sizeof(*rotate->kept));
	ce_packet_time_open(&rotate->time, options->every_ns);
	if (!rotate->path || !rotate->kept ||
	    ce_rotate_from(rotate, &options->dump.from) < 0)
		ce_err_set(err, rc, "out of memory");
	else
		rc = strchr(path, '%') ? 0 : ceint_rotate_begin(rotate, 0, err);
	if (rc < 0) {
		ce_rotate_close(rotate, NULL);
		return rc;
	}
	*out = rotate;
	return 0;
}

/* The bytes that a packet takes in a file, before it is compressed. */
static uint64_t file_bytes(const struct ce_rotate *rotate, uint32_t caplen)
{
	return rotate->options.dump.format == CE_DUMP_PCAPNG
	               ? 32 + ((uint64_t)caplen + 3) / 4 * 4
	               : sizeof(struct ce_record) + (uint64_t)caplen;
}

/* Has packet time passed a border? */
static bool is_late(struct ce_rotate *rotate, int64_t ts_ns)
{
	struct ce_tick tick;

	if (!rotate->options.every_ns)
		return false;
	if (!rotate->started)
		rotate->first_ns = ts_ns;
	rotate->started = true;
	if (!rotate->options.aligned)
		ts_ns -= rotate->first_ns;
	return ce_packet_time_due(&rotate->time, ts_ns, &tick);
}

/* The size of the file as it stands, before compression; what is gathered is in `bytes`. */
static uint64_t size_of(const struct ce_rotate *rotate)
{
	return ceint_dump_size(rotate->dump) + rotate->bytes;
}

/* Does this packet belong into another file? */
static bool is_due(struct ce_rotate *rotate, int64_t ts_ns, uint64_t bytes)
{
	const struct ce_rotate_options *options = &rotate->options;
	bool late = is_late(rotate, ts_ns);

	if (!rotate->dump || !rotate->packets)
		return false;
	return late || (options->packets && rotate->packets >= options->packets) ||
	       (options->bytes && size_of(rotate) + bytes > options->bytes);
}

static int write_range(struct ce_rotate *rotate, const struct ce_batch *batch,
                       const uint64_t wanted[CE_BATCH_WORDS], uint32_t from, uint32_t to,
                       struct ce_err *err)
{
	rotate->bytes = 0;
	return from == to
	               ? 0
	               : ce_dump_write_batch(rotate->dump, batch, wanted, from, to, err);
}

/* The next packet goes to the file that is written, and so does its comment. */
static void pass_comment(struct ce_rotate *rotate)
{
	if (!rotate->comment)
		return;
	ce_dump_comment(rotate->dump, rotate->comment, rotate->comment_size);
	rotate->comment = NULL;
}

/* Write [from, end): each packet either joins those before it, or begins a file. */
static int write_all(struct ce_rotate *rotate, const struct ce_batch *batch,
                     const uint64_t wanted[CE_BATCH_WORDS], uint32_t from, uint32_t end,
                     struct ce_err *err)
{
	int rc = 0;

	for (uint32_t i = from; rc == 0 && i < end; i++) {
		uint64_t bytes = file_bytes(rotate, batch->caplen[i]);

		if (!(wanted[i / 64] >> i % 64 & 1))
			continue;
		if (is_due(rotate, batch->ts_ns[i], bytes)) {
			rc = write_range(rotate, batch, wanted, from, i, err);
			if (rc == 0)
				rc = ceint_rotate_complete(rotate, err);
			from = i;
		}
		if (rc == 0 && !rotate->dump)
			rc = ceint_rotate_begin(rotate, batch->ts_ns[i], err);
		if (rc == 0)
			pass_comment(rotate);
		rotate->packets++;
		rotate->bytes += bytes;
	}
	return rc < 0 || !rotate->dump
	               ? rc
	               : write_range(rotate, batch, wanted, from, end, err);
}

/* The file that a packet of this stamp and size goes into. */
static int find_file(struct ce_rotate *rotate, int64_t ts_ns, uint64_t bytes,
                     struct ce_err *err)
{
	int rc = 0;

	if (is_due(rotate, ts_ns, bytes))
		rc = ceint_rotate_complete(rotate, err);
	if (rc == 0 && !rotate->dump)
		rc = ceint_rotate_begin(rotate, ts_ns, err);
	if (rc < 0)
		return rc;
	rotate->packets++;
	pass_comment(rotate);
	return 0;
}

/* An error is what every further call says. */
static int said_before(const struct ce_rotate *rotate, struct ce_err *err)
{
	if (rotate->failure.code)
		*err = rotate->failure;
	return rotate->failure.code;
}

/* So many packets more, unless there was an error. */
static int see_packets(struct ce_rotate *rotate, uint64_t packets, struct ce_err *err)
{
	rotate->seen += packets;
	return said_before(rotate, err);
}

int ce_rotate_write_packet(struct ce_rotate *rotate, const struct ce_origin *origin,
                           const struct ce_record *record, int64_t ts_ns,
                           const void *data, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = see_packets(rotate, 1, err);

	if (rc < 0)
		return rc;
	rc = find_file(rotate, ts_ns, file_bytes(rotate, record->caplen), err);
	if (rc == 0)
		rc = ce_dump_write_packet(rotate->dump, origin, record, data, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_write(struct ce_rotate *rotate, const struct ce_batch *batch, uint32_t i,
                    struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = see_packets(rotate, 1, err);

	if (rc < 0)
		return rc;
	rc = find_file(rotate, batch->ts_ns[i], file_bytes(rotate, batch->caplen[i]),
	               err);
	if (rc == 0)
		rc = ce_dump_write(rotate->dump, batch, i, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_from(struct ce_rotate *rotate, const struct ce_dump_from *from)
{
	struct ceint_from *own = &rotate->from;
	int rc = ceint_from_set(own, from);

	if (rc < 0)
		return rc;
	rotate->options.dump.from =
		(struct ce_dump_from){own->source, own->name, own->filter};
	return rotate->dump ? ce_dump_from(rotate->dump, from) : 0;
}

int ce_rotate_comment(struct ce_rotate *rotate, const char *text, size_t size)
{
	if (rotate->options.dump.format != CE_DUMP_PCAPNG)
		return -EINVAL;
	rotate->comment = text;
	rotate->comment_size = size;
	return 0;
}

void ce_rotate_stats(struct ce_rotate *rotate, uint64_t source,
                     const struct ce_stats *stats)
{
	if (rotate->dump)
		ce_dump_stats(rotate->dump, source, stats);
}

int ce_rotate_write_batch(struct ce_rotate *rotate, const struct ce_batch *batch,
                          const uint64_t wanted[CE_BATCH_WORDS], uint32_t from,
                          uint32_t end, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = see_packets(rotate, ce_selection_count(wanted, from, end), err);

	if (rc < 0)
		return rc;
	rc = write_all(rotate, batch, wanted, from, end, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_next(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = rotate->packets ? ceint_rotate_complete(rotate, err) : 0;

	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_idle(struct ce_rotate *rotate, int64_t now_ns, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	struct ce_tick tick;
	int rc = 0;

	if (!rotate->options.aligned)
		now_ns -= rotate->first_ns;
	if (ce_packet_time_idle(&rotate->time, now_ns, &tick) && rotate->packets)
		rc = ceint_rotate_complete(rotate, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int64_t ce_rotate_due_ns(const struct ce_rotate *rotate)
{
	int64_t due_ns = ce_packet_time_next(&rotate->time);

	if (!rotate->dump || !rotate->packets || due_ns == INT64_MAX)
		return INT64_MAX;
	return rotate->options.aligned ? due_ns : due_ns + rotate->first_ns;
}

int ce_rotate_push(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = rotate->dump ? ce_dump_push(rotate->dump, err) : 0;

	if (rc == 0)
		rc = ceint_rotate_end_files(rotate, false, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_flush(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = ceint_rotate_end_files(rotate, true, err);

	if (rc == 0 && rotate->dump)
		rc = ce_dump_flush(rotate->dump, err);
	return rc < 0 ? fail(rotate, rc, err) : said_before(rotate, err);
}

int ce_rotate_close(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc, ended;

	if (!rotate)
		return 0;
	rc = ceint_rotate_complete(rotate, err);
	while (rotate->ending) {
		ended = ceint_rotate_end_files(rotate, true, rc < 0 ? &local : err);
		rc = rc < 0 ? rc : ended;
	}
	if (rc == 0)
		rc = said_before(rotate, err);
	for (unsigned i = 0; i < rotate->kept_count; i++)
		free(rotate->kept[i]);
	free(rotate->kept);
	ceint_from_close(&rotate->from);
	free(rotate->path);
	free(rotate);
	return rc;
}
