/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - the program capengine: a table of subcommands. */
#include <capengine/capengine.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_int.h"

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("capengine %s\n", ce_version());
	return 0;
}

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", run_main, "run a script on an interface or on savefiles"},
	{"repl", repl_main,
         "ask an interface or savefiles, line by line, in sentences or Lua"},
	{"top", top_main, "who and what is busiest, live: help top says more"},
	{"devices", devices_main, "list the interfaces that can be captured on"},
	{"help", help_main, "this text, or the manual of a script: help SCRIPT"},
	{"version", version_main, "the version"},
};

void print_usage(FILE *to)
{
	fputs("usage: capengine COMMAND ...\n\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "capengine run [OPTIONS] SCRIPT [OPTIONS] [-- SCRIPT'S ARGUMENTS]\n"
	      "capengine -e TEXT [OPTIONS]\n"
	      "capengine repl [OPTIONS]\n\n"
	      "  -e TEXT         instead of a script: a sentence such as `count by ip.src\n"
	      "                  where tcp.dstport == 443`, or Lua with fields as names\n"
	      "  -i IF           capture on this interface; `any`: on all\n"
	      "  -r FILE         read this savefile, `-`: standard input; several: one\n"
	      "                  after the other\n"
	      "  -f FILTER       only packets that match this pcap-filter(7) expression\n"
	      "  -w FILE         write them to this savefile as well; `-`: standard output;\n"
	      "                  .pcapng, and .gz or .zst behind that, say the format\n"
	      "  --nano          with nanosecond stamps, as in pcapng\n"
	      "  --micro         with microsecond stamps, as in others\n"
	      "  -U              each batch of packets at once\n"
	      "  --sync          and wait until the disk has it, at the end\n"
	      "  --on-slow WHAT  drop or wait, when the disk is slow (default: drop on an\n"
	      "                  interface, wait on savefiles)\n"
	      "  --on-write-error WHAT\n"
	      "                  stop or continue, after an error (default stop)\n"
	      "  -C SIZE         begin another file before so many million bytes, or with\n"
	      "                  k, m or g\n"
	      "  -G SECONDS      begin another file after so much time of packets\n"
	      "  --rotate-aligned  at multiples of that since 1970, in UTC\n"
	      "  --rotate-packets N\n"
	      "                  begin another file after so many packets\n"
	      "  -W FILES        keep only so many of them\n"
	      "  --post-rotate COMMAND\n"
	      "                  run this with the name of each file that is complete\n"
	      "  -c COUNT        end after so many packets\n"
	      "  -s BYTES        keep so many bytes of each packet (default 262144)\n"
	      "  -p              not in promiscuous mode\n"
	      "  -Z USER         as root: run the script as this user, once the source\n"
	      "                  is open\n"
	      "  --ring-bytes N  memory for packets between capture and script, with k, m\n"
	      "                  or g (default 32m, on savefiles 4m)\n"
	      "  --json          tables as JSON, an object a line\n"
	      "  --tsv           tables with a tab between the fields, which is the\n"
	      "                  default where standard output is no terminal\n"
	      "  --table         tables in columns, the default on a terminal\n"
	      "  --svg FILE      a picture of the script's histogram or time series\n"
	      "  --progress WHEN show how far savefiles are read: always, never or auto,\n"
	      "                  on a terminal\n"
	      "  --strict        exit with 4 when packets were lost\n\n"
	      "SCRIPT is a path, or the name of a script that comes with capengine.\n",
	      to);
}

/*
 * Started with a standard descriptor closed, the next open would get its number,
 * and the script's output would go there. What is printed to one is an error, not lost.
 */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int cmd_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "capengine: standard output: %s\n", strerror(errno));
	return status ? status : EXIT_USAGE;
}

/* What was meant by a word that is no command, as far as it shows. */
static int refuse(const char *word)
{
	struct ce_near near = {.name = word + strspn(word, "-")};
	char *script = script_find(word), meant[CE_NEAR_MEANT];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		ce_near_try(&near, commands[i].name);
	fprintf(stderr, "capengine: no command `%s`", word);
	if (script && is_savefile(script))
		fprintf(stderr,
		        "; a savefile is read with `capengine run SCRIPT -r %s`\n", word);
	else if (script)
		fprintf(stderr, "; a script is run with `capengine run %s`\n", word);
	else if (near.best)
		fprintf(stderr, "%s\n", ce_near_meant(meant, "", near.best));
	else
		fputs("; try `capengine help`\n", stderr);
	free(script);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static char run[] = "run";

	open_standard_descriptors();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	else if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	if (argc == 2 && !strncmp(argv[1], "--", 2))
		return refuse(argv[1]);
	if (*argv[1] == '-') { /* capengine -e TEXT ... */
		argv[0] = run;
		return cmd_end(run_main(argc, argv));
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return cmd_end(commands[i].main(argc - 1, argv + 1));
	return refuse(argv[1]);
}
