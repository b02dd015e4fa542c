/* SPDX-License-Identifier: BSD-3-Clause */
/* rotate.c - see <capengine/rotate.h>. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capengine/packet_time.h"
#include "capengine/rotate.h"
#include "dump_int.h"
#include "file/io_int.h"

enum { NAME = 4096, PART = 8 };

static const int64_t SECOND_NS = 1000000000;

/* A file to which nothing comes any more, and which may still be on its way. */
struct ending {
	struct ending *next;
	struct ce_dump *dump;
	char name[]; /* once it is complete */
};

struct ce_rotate {
	struct ce_rotate_options options;
	char *path;
	struct ce_dump *dump; /* NULL: the next packet begins a file */
	char name[NAME];      /* of that file, once it is complete */
	char base[NAME];      /* the same without its number */
	unsigned number;      /* of the files with this base */
	struct ce_packet_time time;
	int64_t first_ns; /* stamp of the first packet */
	bool started;
	uint64_t bytes; /* of the file, with what is still gathered */
	uint64_t packets;
	uint64_t seen;                     /* packets, of all files */
	struct ending *ending, **last;     /* files before, the oldest first */
	struct ce_dump_counters closed;    /* sums over files before those */
	char *source_name, *source_filter; /* what options.dump.from points to */
	const char *comment;               /* of the next packet; lent; NULL: none */
	size_t comment_size;
	char **kept; /* a ring of names, the oldest at `oldest` */
	unsigned oldest, kept_count;
	struct ce_err failure; /* what every further call says; code 0: nothing */
};

static int fail(struct ce_rotate *rotate, int rc, struct ce_err *err)
{
	if (!rotate->failure.code) {
		rotate->failure = *err;
		rotate->failure.code = rc;
	}
	return rc;
}

static void add_counters(struct ce_dump_counters *sum, const struct ce_dump *dump)
{
	struct ce_dump_counters one;

	ce_dump_count(dump, &one);
	sum->written += one.written;
	sum->dropped += one.dropped;
	sum->bytes += one.bytes;
}

/* Where in a path its endings begin: at .pcap of a/b.c.pcap.gz. */
static const char *endings(const char *path)
{
	static const char *const known[] = {".gz", ".zst", ".pcapng", ".pcap", ".cap"};
	const char *name = strrchr(path, '/'), *end = path + strlen(path);
	size_t i = 0;

	name = name ? name + 1 : path;
	while (i < sizeof(known) / sizeof(*known)) {
		size_t length = strlen(known[i]);

		if ((size_t)(end - name) > length &&
		    !strncmp(end - length, known[i], length)) {
			end -= length;
			i = 0;
		} else {
			i++;
		}
	}
	return end;
}

/* The path with a time in it. 0, or -ENAMETOOLONG. */
static int expand(const struct ce_rotate *rotate, int64_t ts_ns, char base[NAME])
{
	time_t seconds = (time_t)(ts_ns / SECOND_NS);
	struct tm parts;

	if (!strchr(rotate->path, '%')) {
		if (strlen(rotate->path) >= NAME)
			return -ENAMETOOLONG;
		strcpy(base, rotate->path);
		return 0;
	}
	localtime_r(&seconds, &parts);
	return strftime(base, NAME, rotate->path, &parts) ? 0 : -ENAMETOOLONG;
}

/* Name the file that begins at this time. 0 or -ENAMETOOLONG. */
static int choose_name(struct ce_rotate *rotate, int64_t ts_ns)
{
	char base[NAME];
	const char *end;
	int length, rc = expand(rotate, ts_ns, base);
	bool same = rc == 0 && !strcmp(base, rotate->base);

	if (rc < 0)
		return rc;
	rotate->number = same ? rotate->number + 1 : 1;
	strcpy(rotate->base, base);
	if (!same && strchr(rotate->path, '%')) {
		strcpy(rotate->name, base);
		return 0;
	}
	end = endings(base);
	length = snprintf(rotate->name, NAME, "%.*s-%05u%s", (int)(end - base), base,
	                  rotate->number, end);
	return length < NAME - PART ? 0 : -ENAMETOOLONG;
}

/* Is a file of this name not complete yet? Stamps may go back, and with them names. */
static bool is_ending(const struct ce_rotate *rotate, const char *name)
{
	const struct ending *ending = rotate->ending;

	while (ending && strcmp(ending->name, name) != 0)
		ending = ending->next;
	return ending;
}

static int end_files(struct ce_rotate *rotate, bool wait, struct ce_err *err);

/* Begin the file of a packet with this stamp. */
static int begin(struct ce_rotate *rotate, int64_t ts_ns, struct ce_err *err)
{
	char part[NAME + PART];
	int rc = choose_name(rotate, ts_ns);

	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", rotate->path, strerror(-rc));
	if (is_ending(rotate, rotate->name))
		rc = end_files(rotate, true, err);
	if (rc < 0)
		return rc;
	snprintf(part, sizeof(part), "%s.part", rotate->name);
	rc = ce_dump_open(&rotate->dump, part, &rotate->options.dump, err);
	rotate->packets = rotate->bytes = 0;
	return rc;
}

/* Of files beyond those to be kept, the oldest goes. 0 or -ENOMEM. */
static int keep(struct ce_rotate *rotate, const char *path)
{
	unsigned files = rotate->options.files;
	char *name;

	if (!files)
		return 0;
	name = strdup(path);
	if (!name)
		return -ENOMEM;
	if (rotate->kept_count == files) {
		unlink(rotate->kept[rotate->oldest]);
		free(rotate->kept[rotate->oldest]);
		rotate->kept[rotate->oldest] = name;
		rotate->oldest = (rotate->oldest + 1) % files;
	} else {
		rotate->kept[rotate->kept_count++] = name;
	}
	return 0;
}

/* Give a file that is closed its final name. */
static int finish_name(struct ce_rotate *rotate, const char *name,
                       const struct ce_dump_counters *counters, struct ce_err *err)
{
	char part[NAME + PART];
	int rc;

	snprintf(part, sizeof(part), "%s.part", name);
	rc = ceint_io.rename(part, name);
	if (rc < 0)
		return ce_err_set(
			err, rc, "%s: cannot be renamed: %s; it holds %llu packets", part,
			strerror(-rc), (unsigned long long)counters->written);
	rc = keep(rotate, name);
	if (rotate->options.complete)
		rotate->options.complete(rotate->options.arg, name, counters);
	return rc < 0 ? ce_err_set(err, rc, "out of memory") : 0;
}

/* Complete a file. One that has failed keeps its .part. */
static int end_file(struct ce_rotate *rotate, struct ce_dump *dump, const char *name,
                    struct ce_err *err)
{
	struct ce_dump_counters counters;
	int rc = ce_dump_finish(dump, err);

	ce_dump_count(dump, &counters);
	add_counters(&rotate->closed, dump);
	if (rc < 0)
		ce_dump_close(dump, NULL);
	else
		rc = ce_dump_close(dump, err);
	return rc < 0 ? rc : finish_name(rotate, name, &counters, err);
}

/* Complete the files before: all, or those for which nothing is to be waited. */
static int end_files(struct ce_rotate *rotate, bool wait, struct ce_err *err)
{
	int rc = 0;

	while (rc == 0 && rotate->ending &&
	       (wait || ceint_dump_is_idle(rotate->ending->dump))) {
		struct ending *ending = rotate->ending;

		rotate->ending = ending->next;
		if (!rotate->ending)
			rotate->last = &rotate->ending;
		rc = end_file(rotate, ending->dump, ending->name, err);
		free(ending);
	}
	return rc;
}

/* Nothing comes to the file any more. Where packets do not wait for the disk, it is
   completed behind them. */
static int complete(struct ce_rotate *rotate, struct ce_err *err)
{
	struct ce_dump *dump = rotate->dump;
	struct ending *ending = NULL;
	int rc;

	if (!dump)
		return 0;
	if (rotate->options.stats)
		rotate->options.stats(rotate->options.arg, dump);
	if (rotate->options.dump.queue)
		ending = malloc(sizeof(*ending) + strlen(rotate->name) + 1);
	rotate->dump = NULL;
	if (ending) {
		*ending = (struct ending){.dump = dump};
		strcpy(ending->name, rotate->name);
		ceint_dump_wind_up(dump);
		*rotate->last = ending;
		rotate->last = &ending->next;
		return end_files(rotate, false, err);
	}
	rc = end_files(rotate, true, err);
	if (rc == 0)
		return end_file(rotate, dump, rotate->name, err);
	add_counters(&rotate->closed, dump);
	ce_dump_close(dump, NULL);
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
		rc = strchr(path, '%') ? 0 : begin(rotate, 0, err);
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
				rc = complete(rotate, err);
			from = i;
		}
		if (rc == 0 && !rotate->dump)
			rc = begin(rotate, batch->ts_ns[i], err);
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
		rc = complete(rotate, err);
	if (rc == 0 && !rotate->dump)
		rc = begin(rotate, ts_ns, err);
	if (rc == 0)
		rotate->packets++;
	if (rc == 0 && rotate->comment)
		ce_dump_comment(rotate->dump, rotate->comment, rotate->comment_size);
	rotate->comment = NULL;
	return rc;
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
	char *name = from->name ? strdup(from->name) : NULL;
	char *filter = from->filter ? strdup(from->filter) : NULL;

	if ((from->name && !name) || (from->filter && !filter)) {
		free(name);
		free(filter);
		return -ENOMEM;
	}
	free(rotate->source_name);
	free(rotate->source_filter);
	rotate->source_name = name;
	rotate->source_filter = filter;
	rotate->options.dump.from = (struct ce_dump_from){from->source, name, filter};
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
	int rc = rotate->packets ? complete(rotate, err) : 0;

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
		rc = complete(rotate, err);
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
		rc = end_files(rotate, false, err);
	return rc < 0 ? fail(rotate, rc, err) : 0;
}

int ce_rotate_flush(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc = end_files(rotate, true, err);

	if (rc == 0 && rotate->dump)
		rc = ce_dump_flush(rotate->dump, err);
	return rc < 0 ? fail(rotate, rc, err) : said_before(rotate, err);
}

void ce_rotate_count(const struct ce_rotate *rotate, struct ce_dump_counters *counters)
{
	*counters = rotate->closed;
	for (const struct ending *ending = rotate->ending; ending; ending = ending->next)
		add_counters(counters, ending->dump);
	if (rotate->dump)
		add_counters(counters, rotate->dump);
	counters->failed = rotate->seen - counters->written - counters->dropped;
}

int ce_rotate_close(struct ce_rotate *rotate, struct ce_err *out)
{
	struct ce_err local, *err = out ? out : &local;
	int rc, ended;

	if (!rotate)
		return 0;
	rc = complete(rotate, err);
	while (rotate->ending) {
		ended = end_files(rotate, true, rc < 0 ? &local : err);
		rc = rc < 0 ? rc : ended;
	}
	if (rc == 0)
		rc = said_before(rotate, err);
	for (unsigned i = 0; i < rotate->kept_count; i++)
		free(rotate->kept[i]);
	free(rotate->kept);
	free(rotate->source_name);
	free(rotate->source_filter);
	free(rotate->path);
	free(rotate);
	return rc;
}
