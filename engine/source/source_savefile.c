/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_savefile.c - savefiles through libpcap: regular files, standard input
 * and FIFOs, any number of them one after the other.
 *
 * A file is opened with the precision that it has, so that its records come
 * as they stand in it: libpcap would scale odd fractions of a second in 32
 * bits. Seconds of a classic savefile are unsigned; libpcap says so only for
 * files of the other byte order.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capengine/batch.h"
#include "capengine/source.h"
#include "carry_int.h"
#include "decompress_int.h"
#include "piece_int.h"
#include "plain_int.h"
#include "stream_int.h"
#include "way_int.h"

#define DAMAGED "%s: decompression failed: %s"

enum {
	DISPATCH = CE_BATCH_PACKETS,
};

struct savefile {
	struct ce_source source;
	pcap_t *pcap;
	FILE *file;                  /* pcap's */
	struct ceint_stream *stream; /* the file's; NULL: it is regular and as it is */
	struct ceint_carry carry;
	struct ceint_plain plain;
	struct ceint_pieces pieces;
	struct ceint_ways ways;
	int fd;        /* the file's */
	off_t size;    /* of a regular file, when it was opened; else, or not known, 0 */
	off_t largest; /* that it had whenever it was asked for */
	off_t before;  /* sizes of the files before */
	off_t total;   /* of all; 0: one is not regular */
	const char *const *files;
	size_t count;
	size_t next; /* of files, the one to open next */
};

static int64_t stamp_classic(const struct pcap_pkthdr *header, struct ce_record *record,
                             int64_t unit_ns)
{
	record->sec = (uint32_t)header->ts.tv_sec;
	record->frac = (uint32_t)header->ts.tv_usec;
	return ceint_stamp_ns(record->sec, record->frac * unit_ns);
}

static int64_t stamp_micro(const struct pcap_pkthdr *header, struct ce_record *record)
{
	return stamp_classic(header, record, 1000);
}

static int64_t stamp_nano(const struct pcap_pkthdr *header, struct ce_record *record)
{
	return stamp_classic(header, record, 1);
}

/* A pcapng stamp has 64 bits, and an offset may put it before 1970. */
static int64_t stamp_pcapng(const struct pcap_pkthdr *header, struct ce_record *record)
{
	record->sec = (uint32_t)header->ts.tv_sec;
	record->frac = (uint32_t)header->ts.tv_usec;
	return ceint_stamp_ns(header->ts.tv_sec, header->ts.tv_usec);
}

/* Choose precision and stamps by a file's first four bytes. */
static void recognize(struct savefile *savefile, const unsigned char first[4])
{
	static const unsigned char pcapng[4] = {0x0a, 0x0d, 0x0d, 0x0a};
	static const unsigned char nano[2][4] = {{0xa1, 0xb2, 0x3c, 0x4d},
	                                         {0x4d, 0x3c, 0xb2, 0xa1}};

	savefile->source.origin.nano = true;
	if (!memcmp(first, pcapng, 4))
		savefile->carry.stamp = stamp_pcapng;
	else if (!memcmp(first, nano[0], 4) || !memcmp(first, nano[1], 4))
		savefile->carry.stamp = stamp_nano;
	else {
		savefile->carry.stamp = stamp_micro;
		savefile->source.origin.nano = false;
	}
}

bool ce_source_is_savefile(const unsigned char first[4])
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0x0a0d0d0a};
	uint32_t magic;
	bool found = ceint_decompress_knows(first);

	memcpy(&magic, first, sizeof(magic));
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		found |= magic == magics[i] || magic == __builtin_bswap32(magics[i]);
	return found;
}

static bool is_stdin(const char *path)
{
	return !strcmp(path, "-");
}

static const char *name_of(const char *path)
{
	return is_stdin(path) ? "standard input" : path;
}

/* The path for reading; a FIFO opens at once, and its reader waits later. */
static int open_path(const char *path)
{
	int fd = is_stdin(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
	                        : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One that is compressed is read like a pipe. */
static int open_regular(struct savefile *savefile, FILE **file, int fd,
                        unsigned char first[4])
{
	if (pread(fd, first, 4, lseek(fd, 0, SEEK_CUR)) < 0)
		return -errno;
	if (ceint_decompress_knows(first))
		return ceint_stream_open(file, &savefile->stream, &savefile->source, fd,
		                         first);
	*file = fdopen(fd, "r");
	return *file ? 0 : -errno;
}

/* A FILE over the path, and its first four bytes. */
static int open_file(struct savefile *savefile, FILE **file, const char *path,
                     unsigned char first[4])
{
	int fd = open_path(path);
	struct stat status;
	int rc;

	savefile->fd = fd;
	savefile->size = savefile->largest = 0;
	savefile->stream = NULL;
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		rc = -errno;
	else if (S_ISDIR(status.st_mode))
		rc = -EISDIR;
	else if (S_ISREG(status.st_mode)) {
		savefile->size = savefile->largest = status.st_size;
		rc = open_regular(savefile, file, fd, first);
	} else
		rc = ceint_stream_open(file, &savefile->stream, &savefile->source, fd,
		                       first);
	if (rc < 0)
		close(fd);
	return rc;
}

static void describe(struct savefile *savefile)
{
	struct ce_source *source = &savefile->source;
	pcap_t *pcap = savefile->pcap;

	source->origin.linktype = pcap_datalink(pcap);
	source->origin.snaplen = (uint32_t)pcap_snapshot(pcap);
	source->origin.savefile = true;
	source->origin.swapped = pcap_is_swapped(pcap);
	source->linktype_ext = pcap_datalink_ext(pcap);
	source->snapshot = pcap_snapshot(pcap);
	source->version_major = pcap_major_version(pcap);
	source->version_minor = pcap_minor_version(pcap);
}

static bool is_text(const unsigned char first[4])
{
	for (int i = 0; i < 4; i++)
		if (!isprint(first[i]) && !isspace(first[i]))
			return false;
	return true;
}

static const char *why_not_open(int rc)
{
	switch (rc) {
	case -EINTR:
		return "stopped";
	case -EBADMSG:
		return "bad compressed data";
	default:
		return strerror(-rc);
	}
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* libpcap has not opened it: say so in words that help. */
static void explain_open(const char *name, const unsigned char first[4],
                         const char *message, struct ce_err *err)
{
	if (begins(message, "truncated") && strstr(message, "only got 0"))
		ce_err_say(err, "%s: it is empty: no capture was written to it", name);
	else if (begins(message, "truncated"))
		ce_err_say(err, "%s: it ends within its header, and so has no packets",
		           name);
	else if (begins(message, "unknown file format"))
		ce_err_say(err,
		           "%s: it is no savefile, which is pcap or pcapng, maybe in "
		           "gzip, zstd or lz4: it begins with the bytes "
		           "%02x %02x %02x %02x%s",
		           name, first[0], first[1], first[2], first[3],
		           is_text(first) ? ", as a text does" : "");
}

/* NULL: nothing is wrong with the compressed data, or there is none. */
static const char *decompress_error(const struct savefile *savefile)
{
	return savefile->stream ? ceint_stream_error(savefile->stream) : NULL;
}

static int refuse(struct savefile *savefile, const char *name,
                  const unsigned char first[4], const char *message, struct ce_err *err)
{
	const char *why = decompress_error(savefile);

	if (savefile->source.interrupted)
		return ce_err_set(err, -EINTR, "%s: stopped", name);
	ce_err_set(err, -EBADMSG, "%s: %s", name, why ? why : message);
	if (why)
		ce_err_say(err, DAMAGED, name, why);
	else
		explain_open(name, first, message, err);
	return -EBADMSG;
}

/* Open the next of the files in place of the one that is open. */
static int open_next(struct savefile *savefile, struct ce_err *err)
{
	const char *path = savefile->files[savefile->next];
	unsigned char first[4] = {0};
	char message[PCAP_ERRBUF_SIZE];
	FILE *file;
	pcap_t *pcap;
	off_t start;
	int rc = open_file(savefile, &file, path, first);

	if (rc < 0)
		ce_err_set(err, rc, "%s: %s", name_of(path), why_not_open(rc));
	if (rc == -EISDIR)
		ce_err_say(err, "%s: it is a folder, and a savefile is wanted", path);
	if (rc < 0)
		return rc;
	start = ftello(file);
	recognize(savefile, first);
	pcap = pcap_fopen_offline_with_tstamp_precision(
		file,
		savefile->source.origin.nano ? PCAP_TSTAMP_PRECISION_NANO
					     : PCAP_TSTAMP_PRECISION_MICRO,
		message);
	if (!pcap) {
		rc = refuse(savefile, name_of(path), first, message, err);
		fclose(file);
		savefile->stream = NULL; /* which that closed */
		return rc;
	}
	ceint_plain_close(&savefile->plain);
	if (savefile->pcap)
		pcap_close(savefile->pcap);
	savefile->pcap = savefile->carry.pcap = pcap;
	savefile->file = file;
	savefile->next++;
	describe(savefile);
	if (savefile->size && start >= 0) /* where its records begin is known */
		ceint_plain_open(&savefile->plain, savefile->pcap, savefile->fd, start,
		                 first, name_of(path), &savefile->pieces,
		                 &savefile->ways);
	return 0;
}

static off_t total_size(const struct savefile *savefile)
{
	off_t total = 0;
	struct stat status;

	for (size_t i = 0; i < savefile->count; i++) {
		const char *path = savefile->files[i];

		if ((is_stdin(path) ? fstat(STDIN_FILENO, &status)
		                    : stat(path, &status)) < 0 ||
		    !S_ISREG(status.st_mode))
			return 0;
		total += status.st_size;
	}
	return total;
}

static int savefile_open(struct ce_source *source,
                         const struct ce_source_options *options, struct ce_err *err)
{
	struct savefile *savefile = (struct savefile *)source;

	savefile->carry.source = source;
	savefile->plain.fd = -1;
	ceint_ways_init(&savefile->ways);
	savefile->files = options->files;
	savefile->count = options->file_count;
	savefile->total = total_size(savefile);
	return open_next(savefile, err);
}

static void savefile_close(struct ce_source *source)
{
	struct savefile *savefile = (struct savefile *)source;

	ceint_plain_close(&savefile->plain);
	if (savefile->pcap)
		pcap_close(savefile->pcap); /* closes the FILE */
	ceint_carry_close(&savefile->carry);
	ceint_pieces_close(&savefile->pieces);
}

/* 0; -EBADMSG: the current file was truncated, before the offset `end`. It has to have been
   larger: some file systems tell late that a file has grown. */
static int check_size(struct savefile *savefile, off_t end, struct ce_err *err)
{
	struct stat status;

	if (!savefile->size || fstat(savefile->fd, &status) < 0)
		return 0;
	if (savefile->largest < status.st_size)
		savefile->largest = status.st_size;
	if (status.st_size >= end || status.st_size == savefile->largest)
		return 0;
	return ce_err_set(
		err, -EBADMSG, "%s: truncated while it was read (to %lld bytes)",
		name_of(savefile->files[savefile->next - 1]), (long long)status.st_size);
}

/* The current file is at its end: go on with the next. */
static int at_end(struct savefile *savefile, struct ce_err *err)
{
	const struct ce_batch *batch = savefile->source.batch;
	/* A cut between two records looks like the end of the file. */
	int rc = check_size(savefile, savefile->largest, err);

	if (rc < 0)
		return rc;
	if (savefile->next == savefile->count)
		return -ENODATA;
	savefile->before += savefile->size;
	rc = open_next(savefile, err);
	if (rc < 0)
		return rc;
	return batch && batch->count ? CE_SOURCE_FULL : CE_SOURCE_MORE;
}

/* What to do about what libpcap says of a file in the middle. */
static void explain_read(struct ce_err *err, const char *message)
{
	if (!err)
		return;
	if (begins(message, "truncated"))
		ce_err_say(
			err,
			"%s; it was cut within a packet, or is still being written: all "
			"packets before were read",
			err->text);
	if (begins(message, "an interface has a "))
		ce_err_say(
			err,
			"%s; its packets are of several kinds: divide it by interface, "
			"as with tshark -Y 'frame.interface_id == 0' -w ONE.pcapng",
			err->text);
}

static int read_error(struct savefile *savefile, struct ce_err *err)
{
	const char *name = name_of(savefile->files[savefile->next - 1]);
	const char *why = decompress_error(savefile);
	long at = ftell(savefile->file);

	if (savefile->source.interrupted)
		return -EINTR;
	if (why) {
		ce_err_set(err, -EBADMSG, "%s: %s", name, why);
		ce_err_say(err, DAMAGED "; all packets before were read", name, why);
		return -EBADMSG;
	}
	why = pcap_geterr(savefile->pcap);
	if (at < 0)
		ce_err_set(err, -EBADMSG, "%s: %s", name, why);
	else
		ce_err_set(err, -EBADMSG, "%s: %s (at byte %ld)", name, why, at);
	explain_read(err, why);
	return -EBADMSG;
}

/* Fill the batch with plain records. False: libpcap goes on, from there. */
static bool read_plain(struct savefile *savefile, struct ce_batch *batch)
{
	struct ceint_plain *plain = &savefile->plain;

	if (plain->fd < 0)
		return false;
	if (ceint_plain_read(plain, batch))
		return true;
	fseeko(savefile->file, plain->at, SEEK_SET);
	ceint_plain_close(plain);
	return false;
}

/* Where the reading of the current file is. */
static off_t position(const struct savefile *savefile)
{
	if (savefile->plain.fd >= 0)
		return savefile->plain.at;
	return savefile->stream ? ceint_stream_at(savefile->stream)
	                        : ftello(savefile->file);
}

/* 0; -EBADMSG: the file was truncated before where libpcap has read to, and that may have been
   zeros (see part.c). Which packets is not known: of the batch only the first `kept` are
   left, which were read before. */
static int refuse_torn(struct savefile *savefile, uint32_t kept, struct ce_err *err)
{
	struct ce_batch *batch = savefile->source.batch; /* NULL: it was handed over */
	int rc = check_size(savefile, position(savefile), err);

	if (rc < 0 && batch)
		batch->count = kept;
	return rc;
}

static int savefile_read(struct ce_source *source, struct ce_batch *batch,
                         struct ce_err *err)
{
	struct savefile *savefile = (struct savefile *)source;
	struct ceint_carry *carry = &savefile->carry;
	uint32_t kept;
	int rc;

	if (batch->count == 0)
		batch->origin = source->origin;
	if (read_plain(savefile, batch))
		return CE_SOURCE_FULL;
	if (ceint_carry_into_batch(carry) < 0)
		return ce_err_set(err, -ENOMEM, "out of memory");
	kept = batch->count;
	rc = pcap_dispatch(savefile->pcap, DISPATCH, ceint_carry_packet,
	                   (unsigned char *)carry);
	if (refuse_torn(savefile, kept, err) < 0)
		return -EBADMSG;
	if (carry->failed)
		return ce_err_set(err, -ENOMEM, "out of memory");
	if (carry->held)
		return CE_SOURCE_FULL;
	if (rc == 0)
		return at_end(savefile, err);
	return rc > 0 || rc == PCAP_ERROR_BREAK ? CE_SOURCE_MORE
	                                        : read_error(savefile, err);
}

static bool savefile_help(struct ce_source *source)
{
	return ceint_pieces_help(&((struct savefile *)source)->pieces);
}

static void savefile_progress(struct ce_source *source, struct ce_progress *progress)
{
	const struct savefile *savefile = (const struct savefile *)source;

	progress->total = (uint64_t)savefile->total;
	if (savefile->total)
		progress->done = (uint64_t)(savefile->before + position(savefile));
}

static int savefile_set_datalink(struct ce_source *source, int linktype,
                                 struct ce_err *err)
{
	struct savefile *savefile = (struct savefile *)source;

	if (pcap_set_datalink(savefile->pcap, linktype) < 0)
		return ce_err_set(err, -EINVAL, "%s", pcap_geterr(savefile->pcap));
	source->origin.linktype = linktype;
	return 0;
}

static int savefile_list_datalinks(struct ce_source *source, int *linktypes, size_t most,
                                   struct ce_err *err)
{
	(void)err;
	if (most)
		linktypes[0] = source->origin.linktype;
	return 1;
}

const struct ce_source_ops ce_source_savefile = {
	.name = "savefile",
	.size = sizeof(struct savefile),
	.open = savefile_open,
	.close = savefile_close,
	.read = savefile_read,
	.set_datalink = savefile_set_datalink,
	.list_datalinks = savefile_list_datalinks,
	.progress = savefile_progress,
	.help = savefile_help,
};
