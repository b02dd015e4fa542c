/* SPDX-License-Identifier: BSD-3-Clause */
/* run_options.c - the command line of `capengine run`; letters as tcpdump's. */
#include <capengine/near.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"

enum { MILLION = 1000000 };

enum {
	NANO = 256,
	JSON,
	MICRO,
	ON_SLOW,
	ON_WRITE_ERROR,
	POST_ROTATE,
	PROGRESS,
	RING_BYTES,
	ROTATE_ALIGNED,
	ROTATE_PACKETS,
	STRICT,
	SVG,
	SYNC,
	TABLE,
	TSV,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, JSON},
	{"micro", no_argument, NULL, MICRO},
	{"nano", no_argument, NULL, NANO},
	{"on-slow", required_argument, NULL, ON_SLOW},
	{"on-write-error", required_argument, NULL, ON_WRITE_ERROR},
	{"post-rotate", required_argument, NULL, POST_ROTATE},
	{"progress", required_argument, NULL, PROGRESS},
	{"rotate-aligned", no_argument, NULL, ROTATE_ALIGNED},
	{"rotate-packets", required_argument, NULL, ROTATE_PACKETS},
	{"ring-bytes", required_argument, NULL, RING_BYTES},
	{"strict", no_argument, NULL, STRICT},
	{"svg", required_argument, NULL, SVG},
	{"sync", no_argument, NULL, SYNC},
	{"table", no_argument, NULL, TABLE},
	{"tsv", no_argument, NULL, TSV},
	{NULL, 0, NULL, 0},
};

static int usage(const struct run_options *options, const char *option, const char *text,
                 const char *what)
{
	fprintf(stderr, "capengine %s: %s%s%s: %s\n", options->command, option,
	        *text ? " " : "", text, what);
	return EXIT_USAGE;
}

/* A whole number of at least `least`, with k, m or g for its 2^10, 2^20, 2^30. */
static int parse_number(const struct run_options *options, unsigned long long *number,
                        const char *option, const char *text, unsigned long long least,
                        unsigned long long most)
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
		return usage(options, option, text, "not a whole number");
	if (*number > most >> shift || *number << shift < least)
		return usage(options, option, text, "out of range");
	*number <<= shift;
	return 0;
}

static int parse_progress(struct run_options *options, const char *text)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i])) {
			options->progress = (enum progress)i;
			return 0;
		}
	return usage(options, "--progress", text, "always, auto or never is wanted");
}

/* Is it the first of two words? 0 or an exit status. */
static int parse_word(const struct run_options *options, bool *is_first,
                      const char *option, const char *text, const char *first,
                      const char *second)
{
	*is_first = !strcmp(text, first);
	if (*is_first || !strcmp(text, second))
		return 0;
	fprintf(stderr, "capengine %s: %s %s: either %s or %s\n", options->command,
	        option, text, first, second);
	return EXIT_USAGE;
}

static int take_option(struct run_options *options, int letter, const char *text)
{
	unsigned long long number;
	int rc = 0;

	switch (letter) {
	case 'e':
		if (options->text)
			return usage(options, "-e", text, "there is one already");
		options->text = text;
		break;
	case 'i':
		if (options->device)
			return usage(options, "-i", text,
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
		rc = parse_number(options, &number, "-c", text, 1, INT64_MAX);
		options->count = number;
		break;
	case 's':
		rc = parse_number(options, &number, "-s", text, 0, INT_MAX);
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
		options->micro = letter == MICRO;
		break;
	case 'C':
		rc = parse_number(options, &number, "-C", text, 1, INT64_MAX / MILLION);
		if (strchr("0123456789", text[strlen(text) - 1]))
			number *= MILLION;
		options->rotate_bytes = number;
		break;
	case 'G':
		rc = parse_number(options, &options->rotate_seconds, "-G", text, 1,
		                  366 * 86400);
		break;
	case 'W':
		rc = parse_number(options, &number, "-W", text, 1, 1000000);
		options->rotate_files = (unsigned)number;
		break;
	case ROTATE_PACKETS:
		rc = parse_number(options, &options->rotate_packets, "--rotate-packets",
		                  text, 1, INT64_MAX);
		break;
	case ROTATE_ALIGNED:
		options->rotate_aligned = true;
		break;
	case POST_ROTATE:
		options->post_rotate = text;
		break;
	case 'U':
		options->flush_each = true;
		break;
	case ON_SLOW:
		rc = parse_word(options, &options->drop, "--on-slow", text, "drop",
		                "wait");
		options->wait = !options->drop;
		break;
	case ON_WRITE_ERROR:
		rc = parse_word(options, &options->go_on, "--on-write-error", text,
		                "continue", "stop");
		break;
	case SYNC:
		options->sync = true;
		break;
	case RING_BYTES:
		rc = parse_number(options, &number, "--ring-bytes", text, 1 << 20,
		                  16ULL << 30);
		options->ring_bytes = number;
		break;
	case JSON:
	case TSV:
	case TABLE:
		options->format = letter == JSON  ? "json"
		                  : letter == TSV ? "tsv"
		                                  : "table";
		break;
	case SVG:
		options->svg = text;
		break;
	case PROGRESS:
		rc = parse_progress(options, text);
		break;
	case STRICT:
		options->strict = true;
		break;
	}
	return rc;
}

/* What stands behind the options: the script, unless -e stands for one. */
static int take_script(struct run_options *options, int argc, char **argv)
{
	static char text[] = "-e", repl[] = "repl";

	if ((options->is_repl || options->text) && optind < argc &&
	    is_savefile(argv[optind]))
		return usage(options, argv[optind], "",
		             "a savefile, which is read with -r");
	if (options->is_repl) {
		if (options->text || optind < argc)
			return usage(options, options->text ? "-e" : argv[optind], "",
			             "it takes no script");
		options->progress = PROGRESS_NEVER; /* lines need the terminal as it is */
		options->script = repl;
		options->args = argv + optind;
		return 0;
	}
	if (options->text && optind < argc)
		return usage(options, "-e", argv[optind],
		             "either -e or a script, not both");
	if (!options->text && optind == argc) {
		fputs("capengine run: which script, or what with -e? `capengine help` "
		      "says more\n",
		      stderr);
		return EXIT_USAGE;
	}
	options->script = options->text ? text : argv[optind];
	options->args = options->text ? argv + optind : argv + optind + 1;
	return 0;
}

/* The end of a message about an option that there is not. */
static const char *meant(char text[CE_NEAR_MEANT], const struct run_options *options,
                         const char *word)
{
	size_t length = strcspn(word + strspn(word, "-"), "=");
	char name[CE_NEAR_MEANT] = "";
	struct ce_near near = {.name = name};

	if (length < sizeof(name))
		memcpy(name, word + strspn(word, "-"), length);
	for (const struct option *option = long_options; option->name; option++)
		ce_near_try(&near, option->name);
	for (size_t i = 0; options->arguments && options->arguments[i]; i++)
		ce_near_try(&near, options->arguments[i]);
	if (near.best)
		return ce_near_meant(text, "--", near.best);
	return options->arguments || options->is_repl
	               ? "; `capengine help` lists them"
	               : "; what is meant for the script stands behind `--`";
}

/* What getopt does not know, or what lacks its value. `word`: the one it stopped at. */
static int refuse(const struct run_options *options, int why, const char *word)
{
	char text[CE_NEAR_MEANT];

	fprintf(stderr, "capengine %s: ", options->command);
	if (why == ':')
		fprintf(stderr, "%s: its value is missing\n", word);
	else if (optopt >= NANO)
		fprintf(stderr, "%s: it takes no value\n", word);
	else if (optopt)
		fprintf(stderr, "there is no option -%c; `capengine help` lists them\n",
		        optopt);
	else
		fprintf(stderr, "there is no option %s%s\n", word,
		        meant(text, options, word));
	return EXIT_USAGE;
}

/* What makes a file end, and what depends on that. */
static int check_rotation(const struct run_options *options)
{
	bool rotates = options->rotate_bytes || options->rotate_packets ||
	               options->rotate_seconds;

	if (rotates && !options->out)
		return usage(options, "-C, -G, --rotate-packets", "",
		             "of what? name a file with -w");
	if ((rotates || options->post_rotate) && options->out &&
	    !strcmp(options->out, "-"))
		return usage(options, "-w", "-", "standard output is never complete");
	if (options->rotate_files && !rotates)
		return usage(options, "-W", "",
		             "which files? name a size or a time with -C or -G");
	if (options->rotate_aligned && !options->rotate_seconds)
		return usage(options, "--rotate-aligned", "",
		             "to what? name a time with -G");
	if (options->post_rotate && !options->out)
		return usage(options, "--post-rotate", options->post_rotate,
		             "of what? name a file with -w");
	return 0;
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	int letter, rc = 0;

	options->command = argv[0];
	options->files = calloc((size_t)argc + 1, sizeof(*options->files));
	if (!options->files) {
		fprintf(stderr, "capengine %s: out of memory\n", options->command);
		return EXIT_RUNTIME;
	}
	while (rc == 0 && (letter = getopt_long(argc, argv, ":e:i:r:f:w:c:s:pUC:G:W:Z:",
	                                        long_options, NULL)) >= 0)
		rc = letter == ':' || letter == '?'
		             ? refuse(options, letter, argv[optind - 1])
		             : take_option(options, letter, optarg);
	if (rc)
		return rc;
	if (options->device && options->file_count)
		return usage(options, "-i", options->device, "either -i or -r, not both");
	rc = check_rotation(options);
	if (rc)
		return rc;
	return take_script(options, argc, argv);
}
