/* SPDX-License-Identifier: BSD-3-Clause */
/* run_options.c - the command line of `capengine run`; letters as tcpdump's. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"

enum { NANO = 256, MICRO, RING_BYTES, STRICT };

static const struct option long_options[] = {
	{"micro", no_argument, NULL, MICRO},
	{"nano", no_argument, NULL, NANO},
	{"ring-bytes", required_argument, NULL, RING_BYTES},
	{"strict", no_argument, NULL, STRICT},
	{NULL, 0, NULL, 0},
};

static int usage(const char *option, const char *text, const char *what)
{
	fprintf(stderr, "capengine run: %s %s: %s\n", option, text, what);
	return EXIT_USAGE;
}

/* A whole number of at least `least`, with k, m or g for its 2^10, 2^20, 2^30. */
static int parse_number(unsigned long long *number, const char *option, const char *text,
                        unsigned long long least, unsigned long long most)
{
	static const char units[] = "kmg";
	const char *unit;
	char *end;
	unsigned shift = 0;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (*end && (unit = strchr(units, *end | 0x20)) && !end[1]) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (errno || *end || end == text || *text == '-')
		return usage(option, text, "not a whole number");
	if (*number > most >> shift || *number << shift < least)
		return usage(option, text, "out of range");
	*number <<= shift;
	return 0;
}

static int take_option(struct run_options *options, int letter, const char *text)
{
	unsigned long long number;
	int rc = 0;

	switch (letter) {
	case 'i':
		if (options->device)
			return usage("-i", text,
			             "one interface at a time; `any` is all of them");
		options->device = text;
		break;
	case 'r':
		options->files[options->file_count++] = text;
		break;
	case 'f':
		options->filter = text;
		break;
	case 'w':
		options->out = text;
		break;
	case 'c':
		rc = parse_number(&number, "-c", text, 1, INT64_MAX);
		options->count = number;
		break;
	case 's':
		rc = parse_number(&number, "-s", text, 0, INT_MAX);
		options->snaplen = (int)number;
		break;
	case 'Z':
		options->user = text;
		break;
	case 'p':
		options->no_promisc = true;
		break;
	case NANO:
	case MICRO:
		options->nano = letter == NANO;
		break;
	case RING_BYTES:
		rc = parse_number(&number, "--ring-bytes", text, 1 << 20, 16ULL << 30);
		options->ring_bytes = number;
		break;
	case STRICT:
		options->strict = true;
		break;
	default:
		fputs("try `capengine help`\n", stderr);
		return EXIT_USAGE;
	}
	return rc;
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	static char name[] = "capengine run"; /* getopt's messages begin with it */
	int letter, rc = 0;

	options->files = calloc((size_t)argc + 1, sizeof(*options->files));
	if (!options->files) {
		fputs("capengine run: out of memory\n", stderr);
		return EXIT_RUNTIME;
	}
	argv[0] = name;
	while (rc == 0 && (letter = getopt_long(argc, argv, "i:r:f:w:c:s:pZ:",
	                                        long_options, NULL)) >= 0)
		rc = take_option(options, letter, optarg);
	if (rc)
		return rc;
	if (options->device && options->file_count)
		return usage("-i", options->device, "either -i or -r, not both");
	if (optind == argc) {
		fputs("capengine run: which script? `capengine help` says more\n",
		      stderr);
		return EXIT_USAGE;
	}
	options->script = argv[optind];
	options->args = argv + optind + 1;
	return 0;
}
