/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.c - see <capengine/dump.h>. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump_int.h"

enum {
	ETHERNET = 1,
	SOON = 1 << 20, /* bytes whose compression a push waits for */
};

static const struct ceint_format *const formats[] = {
	[CE_DUMP_PCAP] = &ceint_dump_pcap,
	[CE_DUMP_PCAPNG] = &ceint_dump_pcapng,
};

static const enum ceint_compression compressions[] = {
	[CE_DUMP_PLAIN] = CEINT_NONE,
	[CE_DUMP_GZIP] = CEINT_GZIP,
	[CE_DUMP_ZSTD] = CEINT_ZSTD,
};

/* Does the text of this length end so? Then it is shorter by that. */
static bool cut_ending(const char *text, size_t *length, const char *ending)
{
	size_t size = strlen(ending);

	if (*length < size || memcmp(text + *length - size, ending, size) != 0)
		return false;
	*length -= size;
	return true;
}

void ce_dump_by_name(const char *path, enum ce_dump_format *format,
                     enum ce_dump_compression *compression)
{
	size_t length = strlen(path);

	*compression = cut_ending(path, &length, ".gz")    ? CE_DUMP_GZIP
	               : cut_ending(path, &length, ".zst") ? CE_DUMP_ZSTD
	                                                   : CE_DUMP_PLAIN;
	*format = cut_ending(path, &length, ".pcapng") ? CE_DUMP_PCAPNG : CE_DUMP_PCAP;
}

/* Packets that are in the file, or on the way there. */
static uint64_t held(const struct ce_dump *dump)
{
	uint64_t gathered = dump->given_packets +
	                    (dump->frame ? dump->frame->packets : 0);

	return ceint_outfile_packets(dump->file) +
	       (ceint_dump_error(dump) ? 0 : gathered);
}

int ceint_dump_fail(const struct ce_dump *dump, int rc, struct ce_err *err)
{
	const char *words = rc == -ETIMEDOUT ? "its reader takes no more" : strerror(-rc);

	return ce_err_set(err, rc, "%s: %s; it holds %llu packets", dump->path, words,
	                  (unsigned long long)held(dump));
}

int ceint_dump_unknown(const struct ce_dump *dump, int linktype, struct ce_err *err)
{
	return ce_err_set(err, -EINVAL,
	                  "%s: link-layer type %d isn't supported in savefiles",
	                  dump->path, linktype);
}

int ceint_dump_refuse(struct ce_dump *dump, int rc, struct ce_err *err)
{
	if (rc != -EAGAIN)
		return ceint_dump_fail(dump, rc, err);
	dump->dropped++;
	dump->gap_drops++;
	return 0;
}

static int keep_text(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -ENOMEM : 0;
}

void ceint_from_close(struct ceint_from *from)
{
	free(from->name);
	free(from->filter);
}

int ceint_from_set(struct ceint_from *from, const struct ce_dump_from *lent)
{
	struct ceint_from copy = {.source = lent->source};
	int rc = keep_text(&copy.name, lent->name);

	if (rc == 0)
		rc = keep_text(&copy.filter, lent->filter);
	ceint_from_close(rc < 0 ? &copy : from);
	if (rc == 0)
		*from = copy;
	return rc;
}

int ce_dump_from(struct ce_dump *dump, const struct ce_dump_from *from)
{
	return ceint_from_set(&dump->from, from);
}

/* Own what the options lend. */
static int keep_options(struct ce_dump *dump, const char *path,
                        const struct ce_dump_options *options)
{
	int rc = keep_text(&dump->path, !strcmp(path, "-") ? "standard output" : path);

	dump->format = formats[options->format];
	dump->linktype = options->linktype;
	dump->linktype_ext = options->linktype_ext;
	dump->snapshot = options->snapshot;
	dump->nano = options->nano;
	dump->queue = options->queue;
	return rc < 0 ? rc : ce_dump_from(dump, &options->from);
}

static int open_file(struct ce_dump *dump, const char *path,
                     const struct ce_dump_options *options)
{
	struct ce_dump_pool *pool = options->pool;
	struct ceint_outfile_options out = {
		.path = path,
		.fd = options->fd          ? options->fd
	              : !strcmp(path, "-") ? STDOUT_FILENO
	                                   : -1,
		.queue = options->queue,
		.sync = options->sync,
		.whole = options->compression ? NULL : dump->format->whole,
	};
	int rc = 0;

	if (!pool) {
		rc = ce_dump_pool_open(&dump->own, 0);
		pool = dump->own;
	}
	if (rc == 0)
		rc = ceint_dump_compress(dump, pool, compressions[options->compression]);
	return rc < 0 ? rc : ceint_outfile_open(&dump->file, pool->files, &out);
}

/* The origin of the packets to come, as far as that is known. */
static struct ce_origin expected(const struct ce_dump *dump)
{
	return (struct ce_origin){
		.linktype = dump->linktype == CE_DUMP_ANY_LINKTYPE ? ETHERNET
	                                                           : dump->linktype,
		.snaplen = (uint32_t)dump->snapshot,
	};
}

/* Is it known enough of them for what stands before packets? In pcapng that is also
   their snap length. */
static bool is_expected(const struct ce_dump *dump)
{
	return dump->linktype != CE_DUMP_ANY_LINKTYPE &&
	       (!dump->format->mixed || dump->snapshot);
}

static int begin(struct ce_dump *dump, const struct ce_origin *origin, struct ce_err *err)
{
	int rc = dump->format->begin(dump, origin, err);

	dump->begun = rc == 0 && dump->file;
	return rc;
}

/* The file, and in it what stands before packets, once that is known. */
static int open_dump(struct ce_dump *dump, const char *path,
                     const struct ce_dump_options *options, struct ce_err *err)
{
	const struct ce_origin origin = expected(dump);
	bool known = is_expected(dump);
	int rc = known ? begin(dump, &origin, err) : 0;

	if (rc < 0)
		return rc; /* before the file is touched */
	rc = open_file(dump, path, options);
	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", path, strerror(-rc));
	return known ? begin(dump, &origin, err) : 0;
}

int ce_dump_open(struct ce_dump **out, const char *path,
                 const struct ce_dump_options *options, struct ce_err *err)
{
	struct ce_dump *dump = calloc(1, sizeof(*dump));
	int rc;

	if (!dump)
		return ce_err_set(err, -ENOMEM, "out of memory");
	rc = keep_options(dump, path, options);
	rc = rc < 0 ? ce_err_set(err, rc, "out of memory")
	            : open_dump(dump, path, options, err);
	if (rc < 0) {
		dump->format = NULL; /* nothing more is written */
		ce_dump_close(dump, NULL);
		return rc;
	}
	*out = dump;
	return 0;
}

/* May a packet of this origin come next? Writes what has to stand before it. */
static int admit(struct ce_dump *dump, const struct ce_origin *origin, struct ce_err *err)
{
	if (!dump->begun)
		return begin(dump, origin, err);
	if (dump->format->mixed || origin->linktype == dump->linktype)
		return 0;
	return ce_err_set(err, -EINVAL,
	                  "%s: packets of link type %d do not go into a savefile "
	                  "of link type %d; pcapng holds both",
	                  dump->path, origin->linktype, dump->linktype);
}

int ce_dump_write_packet(struct ce_dump *dump, const struct ce_origin *origin,
                         const struct ce_record *record, const void *data,
                         struct ce_err *err)
{
	int rc;

	dump->packets++;
	rc = admit(dump, origin, err);
	if (rc == 0) {
		rc = dump->format->packet(dump, origin, record, data);
		rc = rc == -EINVAL ? ceint_dump_unknown(dump, origin->linktype, err)
		     : rc < 0      ? ceint_dump_refuse(dump, rc, err)
		                   : 0;
	}
	dump->comment = NULL;
	return rc;
}

/* Remember what was lost before this batch, once. */
static void see_gap(struct ce_dump *dump, const struct ce_batch *batch)
{
	if (batch->sequence == dump->gap_sequence)
		return;
	dump->gap_sequence = batch->sequence;
	dump->gap.kernel_drops += batch->gap.kernel_drops;
	dump->gap.interface_drops += batch->gap.interface_drops;
}

int ce_dump_write(struct ce_dump *dump, const struct ce_batch *batch, uint32_t i,
                  struct ce_err *err)
{
	const struct ce_record record = ce_batch_record(batch, i);

	see_gap(dump, batch);
	return ce_dump_write_packet(dump, &batch->origin, &record, batch->data[i], err);
}

int ce_dump_write_batch(struct ce_dump *dump, const struct ce_batch *batch,
                        const uint64_t wanted[CE_BATCH_WORDS], uint32_t from,
                        uint32_t end, struct ce_err *err)
{
	uint32_t i = ceint_next_wanted(wanted, from, end);
	int rc = 0;

	see_gap(dump, batch);
	while (rc == 0 && i < end) {
		rc = ceint_dump_gather(dump, batch, wanted, &i, end, err);
		if (rc == 0)
			rc = ce_dump_write(dump, batch, i++, err);
		if (rc > 0)
			rc = 0;
		i = ceint_next_wanted(wanted, i, end);
	}
	if (rc == 0)
		rc = ce_batch_check(batch, err);
	for (; i < end; i = ceint_next_wanted(wanted, i + 1, end))
		dump->packets++; /* that come too late */
	return rc;
}

int ce_dump_comment(struct ce_dump *dump, const char *text, size_t size)
{
	if (dump->format != &ceint_dump_pcapng)
		return -EINVAL;
	dump->comment = text;
	dump->comment_size = size;
	return 0;
}

/* The first interface with packets of a source, or NULL. */
static struct ceint_interface *interface_from(const struct ce_dump *dump, uint64_t source)
{
	for (uint32_t i = 0; i < dump->interface_count; i++)
		if (dump->interfaces[i].source == source)
			return &dump->interfaces[i];
	return NULL;
}

bool ce_dump_has(const struct ce_dump *dump, uint64_t source)
{
	return interface_from(dump, source);
}

void ce_dump_stats(struct ce_dump *dump, uint64_t source, const struct ce_stats *stats)
{
	struct ceint_interface *interface = interface_from(dump, source);

	if (!interface)
		return;
	interface->stats = *stats;
	interface->counted = true;
}

int ce_dump_flush(struct ce_dump *dump, struct ce_err *err)
{
	int rc = ceint_dump_end_frame(dump);

	if (rc == 0)
		rc = ceint_dump_settle(dump);
	if (rc == 0)
		rc = ceint_outfile_flush(dump->file);
	return rc < 0 ? ceint_dump_fail(dump, rc, err) : 0;
}

int ce_dump_push(struct ce_dump *dump, struct ce_err *err)
{
	int rc = ceint_dump_end_frame(dump);

	ceint_dump_take_done(dump);
	if (rc == 0 && dump->given <= SOON)
		rc = ceint_dump_settle(dump);
	if (rc == 0)
		rc = ceint_outfile_push(dump->file);
	return rc < 0 ? ceint_dump_fail(dump, rc, err) : 0;
}

uint64_t ce_dump_packets(const struct ce_dump *dump)
{
	return held(dump);
}

void ce_dump_count(const struct ce_dump *dump, struct ce_dump_counters *counters)
{
	counters->written = held(dump);
	counters->dropped = dump->dropped;
	counters->failed = dump->packets - dump->dropped - counters->written;
	counters->bytes = (uint64_t)ceint_outfile_size(dump->file);
}

int64_t ce_dump_tell(const struct ce_dump *dump)
{
	return ceint_outfile_seekable(dump->file) ? ceint_outfile_size(dump->file)
	                                          : -ESPIPE;
}

/* Add what stands behind the last packet. */
static int finish(struct ce_dump *dump, struct ce_err *err)
{
	const struct ce_origin origin = expected(dump);
	int rc = 0;

	if (!dump->begun) /* a savefile without packets has a header, too */
		rc = begin(dump, &origin, err);
	if (rc < 0 || !dump->format->finish)
		return rc;
	rc = dump->format->finish(dump);
	return rc < 0 ? ceint_dump_fail(dump, rc, err) : 0;
}

int ce_dump_finish(struct ce_dump *dump, struct ce_err *err)
{
	int rc = ce_dump_flush(dump, err);

	dump->queue = 0; /* what is to stand at the end is not dropped, but waits */
	ceint_outfile_set_queue(dump->file, 0);
	if (rc == 0)
		rc = finish(dump, err);
	return rc < 0 ? rc : ce_dump_flush(dump, err);
}

void ceint_dump_wind_up(struct ce_dump *dump)
{
	finish(dump, NULL);
	ceint_dump_is_idle(dump);
}

bool ceint_dump_is_idle(struct ce_dump *dump)
{
	int rc = ceint_dump_end_frame(dump);

	ceint_dump_take_done(dump);
	return rc < 0 || (!dump->given && ceint_outfile_is_idle(dump->file));
}

int ce_dump_close(struct ce_dump *dump, struct ce_err *err)
{
	int rc = 0, closed;

	if (!dump)
		return 0;
	if (dump->file) {
		if (dump->format)
			rc = ce_dump_finish(dump, err);
		ceint_dump_settle(dump); /* after an error, too: frames know their dump */
		closed = ceint_outfile_close(dump->file);
		if (rc == 0 && closed < 0)
			rc = ceint_dump_fail(dump, closed, err);
	}
	ceint_outfile_free(dump->file);
	if (dump->packer)
		ceint_packer_put(dump->packer, dump->frame);
	ce_dump_pool_close(dump->own);
	free(dump->interfaces);
	ceint_from_close(&dump->from);
	free(dump->path);
	free(dump);
	return rc;
}
