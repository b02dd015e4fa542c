/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter_bpf.c - see <capengine/filter.h>.
 *
 * libpcap compares a netmask with addresses as it loads them, the first octet most
 * significant; so is ours.
 *
 * It compiles some expressions in another way for savefiles, whose null and loop
 * headers are in the byte order of whoever wrote them. So packets of a savefile
 * are filtered as an empty savefile of that kind, in memory, would be.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_header_int.h"
#include "capengine/batch.h"
#include "capengine/filter.h"
#include "filter/filter_int.h"

enum {
	LINE = 64,
	AHEAD = 16, /* packets */
};

/* The program for packets of one origin. */
struct compiled {
	struct compiled *next;
	struct bpf_program program;
	struct ce_origin origin;
};

struct ce_filter {
	char *expression;
	uint32_t netmask;
	struct compiled *compiled; /* the one used last stands first */
};

/* pcap_compile keeps state in static variables before libpcap 1.10.5. */
static pthread_mutex_t compiler = PTHREAD_MUTEX_INITIALIZER;

/* libpcap's words, what they are about, and what was perhaps meant. */
static int explain(struct ce_err *err, const char *expression, const char *words)
{
	char hint[CEINT_FILTER_HINT] = "";

	if (strstr(words, "syntax error"))
		ceint_filter_hint(hint, sizeof(hint), expression);
	ce_err_set(err, -EINVAL, "%s", words);
	ce_err_say(err, "filter \"%s\": %s%s", expression, words, hint);
	return -EINVAL;
}

int ceint_filter_compile(struct pcap *pcap, struct bpf_program *program,
                         const char *expression, uint32_t netmask, struct ce_err *err)
{
	int rc;

	pthread_mutex_lock(&compiler);
	rc = pcap_compile(pcap, program, expression, 1, netmask);
	pthread_mutex_unlock(&compiler);
	return rc < 0 ? explain(err, expression, pcap_geterr(pcap)) : 0;
}

/* A header's four fields and two halves, in the other byte order. */
static void swap_header(unsigned char header[CEINT_FILE_HEADER])
{
	static const unsigned char fields[] = {4, 2, 2, 4, 4, 4, 4};
	unsigned char *at = header;

	for (size_t i = 0; i < sizeof(fields); at += fields[i++])
		for (size_t j = 0; j < fields[i] / 2u; j++) {
			unsigned char byte = at[j];

			at[j] = at[fields[i] - 1 - j];
			at[fields[i] - 1 - j] = byte;
		}
}

/* An empty savefile with this header, opened; NULL: out of memory. */
static pcap_t *open_empty_savefile(unsigned char header[CEINT_FILE_HEADER])
{
	char message[PCAP_ERRBUF_SIZE];
	FILE *memory = fmemopen(header, CEINT_FILE_HEADER, "r");
	pcap_t *pcap = memory ? pcap_fopen_offline(memory, message) : NULL;

	if (memory && !pcap)
		fclose(memory);
	return pcap;
}

/* A handle that compiles for packets of this origin; NULL: out of memory. */
static pcap_t *open_compiling(const struct ce_origin *origin)
{
	unsigned char header[CEINT_FILE_HEADER];
	int rc = -EINVAL;

	if (origin->savefile)
		rc = ceint_file_header(header, origin->linktype, (int)origin->snaplen,
		                       false);
	if (rc == -ENOMEM)
		return NULL;
	if (rc < 0) /* live, or a link type that only its file has */
		return pcap_open_dead(origin->linktype, (int)origin->snaplen);
	if (origin->swapped)
		swap_header(header);
	return open_empty_savefile(header);
}

static int compile_for(struct bpf_program *program, const struct ce_origin *origin,
                       const char *expression, uint32_t netmask, struct ce_err *err)
{
	pcap_t *pcap = open_compiling(origin);
	int rc;

	if (!pcap)
		return ce_err_set(err, -ENOMEM, "out of memory");
	rc = ceint_filter_compile(pcap, program, expression, netmask, err);
	pcap_close(pcap);
	return rc;
}

int ce_filter_check(const struct ce_origin *origin, const char *expression,
                    uint32_t netmask, struct ce_err *err)
{
	struct bpf_program program;
	int rc = compile_for(&program, origin, expression, netmask, err);

	if (rc == 0)
		pcap_freecode(&program);
	return rc;
}

int ce_filter_open(struct ce_filter **out, const char *expression, uint32_t netmask)
{
	struct ce_filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return -ENOMEM;
	filter->netmask = netmask;
	filter->expression = strdup(expression);
	if (!filter->expression) {
		free(filter);
		return -ENOMEM;
	}
	*out = filter;
	return 0;
}

void ce_filter_close(struct ce_filter *filter)
{
	struct compiled *next;

	if (!filter)
		return;
	for (struct compiled *one = filter->compiled; one; one = next) {
		next = one->next;
		pcap_freecode(&one->program);
		free(one);
	}
	free(filter->expression);
	free(filter);
}

const char *ce_filter_expression(const struct ce_filter *filter)
{
	return filter->expression;
}

uint32_t ce_filter_netmask(const struct ce_filter *filter)
{
	return filter->netmask;
}

/* Do packets of both origins take the same program? */
static bool alike(const struct ce_origin *one, const struct ce_origin *other)
{
	return one->linktype == other->linktype && one->snaplen == other->snaplen &&
	       one->savefile == other->savefile && one->swapped == other->swapped;
}

/* The program for packets of this origin, or NULL with *rc. */
static const struct bpf_program *program_for(struct ce_filter *filter,
                                             const struct ce_origin *origin, int *rc,
                                             struct ce_err *err)
{
	struct compiled *one;

	for (one = filter->compiled; one; one = one->next)
		if (alike(&one->origin, origin))
			return &one->program;
	one = calloc(1, sizeof(*one));
	if (!one) {
		*rc = ce_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	*rc = compile_for(&one->program, origin, filter->expression, filter->netmask,
	                  err);
	if (*rc < 0) {
		free(one);
		return NULL;
	}
	one->origin = *origin;
	one->next = filter->compiled;
	filter->compiled = one;
	return &one->program;
}

static bool match(const struct bpf_program *program, uint32_t caplen, uint32_t len,
                  const void *data)
{
	const struct pcap_pkthdr header = {.caplen = caplen, .len = len};

	return pcap_offline_filter(program, &header, data);
}

/* Have the lines with a later packet's headers come meanwhile, from memory or from
   the other core's cache. */
static inline void prefetch(const struct ce_batch *batch, uint32_t i)
{
	if (i >= batch->count)
		return;
	__builtin_prefetch(batch->data[i]);
	__builtin_prefetch(batch->data[i] + LINE);
}

int ce_filter_select(struct ce_filter *filter, struct ce_batch *batch, struct ce_err *err)
{
	int rc = 0;
	const struct bpf_program *program = program_for(filter, &batch->origin, &rc, err);

	if (!program)
		return rc;
	for (uint32_t i = ce_batch_next(batch, batch->at); i < batch->count;
	     i = ce_batch_next(batch, i + 1)) {
		prefetch(batch, i + AHEAD);
		if (!match(program, batch->caplen[i], batch->len[i], batch->data[i]))
			ce_batch_deselect(batch, i);
	}
	return 0;
}

int ce_filter_match(struct ce_filter *filter, const struct ce_origin *origin,
                    uint32_t caplen, uint32_t len, const void *data, struct ce_err *err)
{
	int rc = 0;
	const struct bpf_program *program = program_for(filter, origin, &rc, err);

	return program ? match(program, caplen, len, data) : rc;
}
