/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * print_pcap.c - what libpcap itself makes of savefiles, as text to compare with.
 *
 *     print_pcap [-f FILTER] [-F "N FILTER"]... [-w FILE] SAVEFILE
 *     print_pcap [-n] [-w FOLDER] -j JOBS
 *
 * -F sets a filter once N packets have been delivered; -f is -F with N = 0.
 * For each savefile it prints
 *
 *     open LINKTYPE SNAPSHOT SWAPPED MAJOR MINOR    or: refused MESSAGE
 *     SEC USEC NSEC CAPLEN LEN HASH                 a line for each packet
 *     filter refused MESSAGE                        where a filter was to be set
 *     eof PACKETS                                   or: error PACKETS MESSAGE
 *
 * With -w packets go to a file through pcap_dump, and are not printed; with -n its
 * stamps are nanoseconds.
 *
 * JOBS is a file of NUL-terminated texts: "=SAVEFILE" begins a job, "N FILTER"
 * after it is the job's -F. A line "job I" comes before each, from 1, and -w
 * names a folder, for files "I.pcap".
 *
 * A stamp is printed as the file has it: the handle is opened with the file's
 * own precision, since libpcap would scale odd fractions in 32 bits.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CHANGES = 64, GIGA = 1000000000 };

static const int64_t MOST_SEC = INT64_C(4500000000);

/* A savefile, and the filters to set on the way. */
struct job {
	const char *path;
	const char *changes[MOST_CHANGES];
	size_t count;
};

/* How a kind of savefile writes its stamps. */
enum kind { CLASSIC_MICRO, CLASSIC_NANO, PCAPNG };

struct reading {
	enum kind kind;
	unsigned long packets;
	pcap_dumper_t *dumper; /* NULL: print */
};

static uint64_t fnv1a(const unsigned char *data, uint32_t bytes)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < bytes; i++)
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The kind by the first four bytes; what is no savefile is opened as any. */
static enum kind kind_of(const char *path)
{
	unsigned char first[4] = {0};
	FILE *file = fopen(path, "rb");
	size_t got = file ? fread(first, 1, sizeof(first), file) : 0;

	if (file)
		fclose(file);
	if (got == 4 && !memcmp(first, "\x0a\x0d\x0d\x0a", 4))
		return PCAPNG;
	if (!memcmp(first, "\xa1\xb2\x3c\x4d", 4) || !memcmp(first, "\x4d\x3c\xb2\xa1", 4))
		return CLASSIC_NANO;
	return CLASSIC_MICRO;
}

/*
 * capengine has stamps in 64 bits of nanoseconds, and keeps them within 4.5e9
 * seconds of 1970: from 1827 to 2112. Only pcapng can tell of other times.
 */
static void clamp(int64_t *sec, int64_t *nsec)
{
	if (*sec >= MOST_SEC || *sec < -MOST_SEC) {
		*sec = *sec < 0 ? -MOST_SEC : MOST_SEC;
		*nsec = 0;
	}
}

/*
 * Seconds since 1970, rounded down, and nanoseconds beyond. A classic savefile
 * has unsigned fields, which libpcap sometimes gives as negative numbers, and
 * fractions of more than a second.
 */
static void normalize(enum kind kind, const struct timeval *ts, int64_t *sec, int64_t *nsec)
{
	*sec = kind == PCAPNG ? ts->tv_sec : (int64_t)(uint32_t)ts->tv_sec;
	*nsec = kind == PCAPNG ? ts->tv_usec : (int64_t)(uint32_t)ts->tv_usec;
	if (kind == CLASSIC_MICRO)
		*nsec *= 1000;
	*sec += *nsec / GIGA;
	*nsec %= GIGA;
	clamp(sec, nsec);
}

static void on_packet(unsigned char *user, const struct pcap_pkthdr *header,
                      const unsigned char *data)
{
	struct reading *reading = (struct reading *)(void *)user;
	int64_t sec, nsec;

	reading->packets++;
	if (reading->dumper) {
		pcap_dump((unsigned char *)reading->dumper, header, data);
		return;
	}
	normalize(reading->kind, &header->ts, &sec, &nsec);
	printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32 " %" PRIu32 " %016" PRIx64 "\n",
	       sec, nsec / 1000, nsec, header->caplen, header->len,
	       fnv1a(data, header->caplen));
}

static void set_filter(pcap_t *pcap, const char *expression)
{
	struct bpf_program program;
	int rc = pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN);

	if (rc == 0) {
		rc = pcap_setfilter(pcap, &program);
		pcap_freecode(&program);
	}
	if (rc != 0)
		printf("filter refused %s\n", pcap_geterr(pcap));
}

/* Read to the end, with every change of filter at its place; as pcap_loop. */
static int read_all(pcap_t *pcap, const struct job *job, struct reading *reading)
{
	for (size_t i = 0; i < job->count; i++) {
		char *expression;
		unsigned long at = strtoul(job->changes[i], &expression, 10);
		int rc = 0;

		if (at > reading->packets)
			rc = pcap_loop(pcap, (int)(at - reading->packets), on_packet,
			               (unsigned char *)reading);
		if (rc < 0 || reading->packets < at)
			return rc;
		set_filter(pcap, *expression ? expression + 1 : "");
	}
	return pcap_loop(pcap, -1, on_packet, (unsigned char *)reading);
}

static void print_from(pcap_t *pcap, const struct job *job, struct reading *reading)
{
	printf("open %d %d %d %d %d\n", pcap_datalink(pcap), pcap_snapshot(pcap),
	       pcap_is_swapped(pcap), pcap_major_version(pcap), pcap_minor_version(pcap));
	if (read_all(pcap, job, reading) < 0)
		printf("error %lu %s\n", reading->packets, pcap_geterr(pcap));
	else
		printf("eof %lu\n", reading->packets);
}

/* libpcap's message without the path that it sometimes begins with. */
static const char *words(const char *message, const char *path)
{
	size_t length = strlen(path);

	if (!strncmp(message, path, length) && !strncmp(message + length, ": ", 2))
		return message + length + 2;
	return message;
}

static void print_file(const struct job *job)
{
	struct reading reading = {.kind = kind_of(job->path)};
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(job->path,
		reading.kind == CLASSIC_MICRO ? PCAP_TSTAMP_PRECISION_MICRO
		                              : PCAP_TSTAMP_PRECISION_NANO, message);

	if (!pcap) {
		printf("refused %s\n", words(message, job->path));
		return;
	}
	print_from(pcap, job, &reading);
	pcap_close(pcap);
}

static unsigned precision = PCAP_TSTAMP_PRECISION_MICRO; /* of files that are written */

/* What anybody would write who copies a savefile with libpcap. */
static void dump_file(const struct job *job, const char *to)
{
	struct reading reading = {0};
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(job->path, precision, message);

	if (!pcap) {
		printf("refused %s\n", words(message, job->path));
		return;
	}
	reading.dumper = pcap_dump_open(pcap, to);
	if (reading.dumper) {
		print_from(pcap, job, &reading);
		pcap_dump_close(reading.dumper);
	} else {
		printf("dump refused %s\n", words(pcap_geterr(pcap), to));
	}
	pcap_close(pcap);
}

static void add_change(struct job *job, const char *change)
{
	if (job->count == MOST_CHANGES) {
		fprintf(stderr, "print_pcap: more than %d filters\n", MOST_CHANGES);
		exit(2);
	}
	job->changes[job->count++] = change;
}

/* A whole file in memory, which the caller frees. */
static char *read_file(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb"), *memory;
	char *text = NULL, part[4096];
	size_t got;

	memory = open_memstream(&text, bytes);
	if (!file || !memory) {
		perror(path);
		exit(2);
	}
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		fwrite(part, 1, got, memory);
	fclose(file);
	fclose(memory);
	return text;
}

static void run_job(const struct job *job, unsigned number, const char *folder)
{
	char to[4096];

	printf("job %u\n", number);
	if (folder) {
		snprintf(to, sizeof(to), "%s/%u.pcap", folder, number);
		dump_file(job, to);
	} else {
		print_file(job);
	}
}

static void run_jobs(const char *jobs, const char *folder)
{
	size_t bytes;
	char *text = read_file(jobs, &bytes);
	unsigned number = 0;
	const char *at = text;

	while (at < text + bytes) {
		struct job job = {.path = at + 1};

		for (at += strlen(at) + 1; at < text + bytes && *at != '='; at += strlen(at) + 1)
			add_change(&job, at);
		run_job(&job, ++number, folder);
	}
	free(text);
}

int main(int argc, char **argv)
{
	struct job job = {0};
	char before[4096];
	const char *jobs = NULL, *out = NULL;
	int letter;

	while ((letter = getopt(argc, argv, "f:F:j:nw:")) >= 0) {
		switch (letter) {
		case 'f':
			snprintf(before, sizeof(before), "0 %s", optarg);
			add_change(&job, before);
			break;
		case 'F':
			add_change(&job, optarg);
			break;
		case 'j':
			jobs = optarg;
			break;
		case 'n':
			precision = PCAP_TSTAMP_PRECISION_NANO;
			break;
		case 'w':
			out = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != (jobs ? 0 : 1)) {
		fputs("usage: print_pcap [-f FILTER] [-F \"N FILTER\"]... [-w FILE] SAVEFILE\n"
		      "       print_pcap [-n] [-w FOLDER] -j JOBS\n", stderr);
		return 2;
	}
	job.path = argv[optind];
	if (jobs)
		run_jobs(jobs, out);
	else if (out)
		dump_file(&job, out);
	else
		print_file(&job);
	return fflush(stdout) == 0 ? 0 : 1;
}
