/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump.c - see <capengine/dump.h>; libpcap writes, and what it does not say of
 * errors the FILE below it does.
 *
 * The length of a frame check sequence is in the upper bits of the header's link
 * type, where libpcap has it from the file that it read, and we from our caller.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_header_int.h"
#include "capengine/dump.h"

enum {
	LINKTYPE_AT = 20, /* in the header */
	DEFAULT_SNAPSHOT = 262144,
};

struct ce_dump {
	FILE *file;
	char *path;
	int linktype;
	bool nano;
	uint64_t packets; /* taken */
	uint64_t flushed; /* of them, handed to the kernel */
	off_t flushed_to; /* where in the file they end; meaningless in a pipe */
	int failed;       /* what the first failure said, or 0 */
};

static pcap_dumper_t *as_dumper(FILE *file)
{
	return (pcap_dumper_t *)file; /* which is what pcap_dump_open gives */
}

/* Count the whole records that stand behind what was flushed, and where they end. */
static uint64_t find_whole(const struct ce_dump *dump, off_t size, off_t *end)
{
	struct ce_record record;
	uint64_t count = 0;
	off_t next;

	*end = dump->flushed_to;
	while (pread(fileno(dump->file), &record, sizeof(record), *end) ==
	               sizeof(record) &&
	       (next = *end + (off_t)sizeof(record) + record.caplen) <= size) {
		*end = next;
		count++;
	}
	return count;
}

/* After an error: cut a regular file to its last whole record. */
static void cut(struct ce_dump *dump)
{
	struct stat status;
	off_t end;

	dump->packets = dump->flushed;
	__fpurge(dump->file); /* what did not fit must not follow later */
	if (fstat(fileno(dump->file), &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size < dump->flushed_to)
		return;
	dump->packets += find_whole(dump, status.st_size, &end);
	if (ftruncate(fileno(dump->file), end) < 0)
		dump->packets = dump->flushed;
}

static int fail(struct ce_dump *dump, struct ce_err *err)
{
	if (!dump->failed) {
		dump->failed = errno ? -errno : -EIO;
		cut(dump);
	}
	return ce_err_set(err, dump->failed, "%s: %s; it holds %llu packets", dump->path,
	                  strerror(-dump->failed), (unsigned long long)dump->packets);
}

/* The header for these options. 0 or a negative errno. */
static int format_header(unsigned char header[CEINT_FILE_HEADER], const char *path,
                         const struct ce_dump_options *options, struct ce_err *err)
{
	int snapshot = options->snapshot ? options->snapshot : DEFAULT_SNAPSHOT;
	int rc = ceint_file_header(header, options->linktype, snapshot, options->nano);
	uint32_t linktype;

	if (rc == -EINVAL)
		return ce_err_set(err, rc,
		                  "%s: link-layer type %d isn't supported in savefiles",
		                  path, options->linktype);
	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", path, strerror(-rc));
	memcpy(&linktype, header + LINKTYPE_AT, sizeof(linktype));
	linktype |= (uint32_t)options->linktype_ext;
	memcpy(header + LINKTYPE_AT, &linktype, sizeof(linktype));
	return 0;
}

static int open_file(struct ce_dump *dump, const char *path, int fd, struct ce_err *err)
{
	bool to_stdout = !strcmp(path, "-");

	dump->path = strdup(to_stdout ? "standard output" : path);
	if (!dump->path)
		return ce_err_set(err, -ENOMEM, "out of memory");
	dump->file = fd ? fdopen(fd, "w") : to_stdout ? stdout : fopen(path, "w+e");
	if (!dump->file)
		return ce_err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int ce_dump_open(struct ce_dump **out, const char *path,
                 const struct ce_dump_options *options, struct ce_err *err)
{
	unsigned char header[CEINT_FILE_HEADER];
	struct ce_dump *dump = calloc(1, sizeof(*dump));
	int rc;

	if (!dump)
		return ce_err_set(err, -ENOMEM, "out of memory");
	dump->linktype = options->linktype;
	dump->nano = options->nano;
	rc = format_header(header, path, options, err);
	if (rc == 0)
		rc = open_file(dump, path, options->fd, err);
	if (rc == 0 && fwrite(header, sizeof(header), 1, dump->file) != 1)
		rc = fail(dump, err);
	if (rc < 0) {
		ce_dump_close(dump, NULL);
		return rc;
	}
	dump->flushed_to = ftello(dump->file); /* as good as: no record stands before */
	*out = dump;
	return 0;
}

/*
 * The record's fraction in the dump's unit. libpcap takes that of a savefile in
 * this host's byte order as signed, which shows where it is 2^31 or more.
 */
static long fraction(const struct ce_dump *dump, const struct ce_origin *origin,
                     uint32_t frac)
{
	long from = origin->savefile && !origin->swapped ? (long)(int32_t)frac
	                                                 : (long)frac;

	if (origin->nano == dump->nano)
		return from;
	return origin->nano ? from / 1000 : from * 1000;
}

int ce_dump_write_packet(struct ce_dump *dump, const struct ce_origin *origin,
                         const struct ce_record *record, const void *data,
                         struct ce_err *err)
{
	const struct pcap_pkthdr header = {
		.ts.tv_sec = record->sec,
		.ts.tv_usec = fraction(dump, origin, record->frac),
		.caplen = record->caplen,
		.len = record->len,
	};

	if (dump->failed)
		return fail(dump, err);
	if (origin->linktype != dump->linktype)
		return ce_err_set(err, -EINVAL,
		                  "%s: packets of link type %d do not go into a savefile "
		                  "of link type %d; "
		                  "pcapng holds both",
		                  dump->path, origin->linktype, dump->linktype);
	errno = 0;
	pcap_dump((unsigned char *)as_dumper(dump->file), &header, data);
	if (ferror(dump->file))
		return fail(dump, err);
	dump->packets++;
	return 0;
}

int ce_dump_write(struct ce_dump *dump, const struct ce_batch *batch, uint32_t i,
                  struct ce_err *err)
{
	const struct ce_record record = ce_batch_record(batch, i);

	return ce_dump_write_packet(dump, &batch->origin, &record, batch->data[i], err);
}

int ce_dump_flush(struct ce_dump *dump, struct ce_err *err)
{
	if (dump->failed)
		return fail(dump, err);
	errno = 0;
	if (fflush(dump->file) != 0)
		return fail(dump, err);
	dump->flushed = dump->packets;
	dump->flushed_to = ftello(dump->file);
	return 0;
}

uint64_t ce_dump_packets(const struct ce_dump *dump)
{
	return dump->packets;
}

int64_t ce_dump_tell(const struct ce_dump *dump)
{
	long at = ftell(dump->file);

	return at < 0 ? -errno : at;
}

int ce_dump_close(struct ce_dump *dump, struct ce_err *err)
{
	int rc = 0;

	if (!dump)
		return 0;
	if (dump->file) {
		rc = ce_dump_flush(dump, err);
		if (dump->file != stdout && fclose(dump->file) != 0 && rc == 0)
			rc = fail(dump, err);
	}
	free(dump->path);
	free(dump);
	return rc;
}
