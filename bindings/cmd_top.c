/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_top.c - `capengine top`: the script `top`, whose arguments stand among the options
 * of `run` here.
 *
 *     capengine top -i eth0 --by flows  =  capengine run top -i eth0 -- --by flows
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_int.h"

/* How many words an argument of the script takes that begins with this one; 0: it is
   none. */
static int words_of(const char *word)
{
	static const char *const names[] = {"--by", "--every", "--pace"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t length = strlen(names[i]);

		if (!strncmp(word, names[i], length) && !word[length])
			return 2;
		if (!strncmp(word, names[i], length) && word[length] == '=')
			return 1;
	}
	return 0;
}

/* Copy the words that are the script's, or those that are not. Gives how many. */
static int copy_words(char **to, int argc, char **argv, bool of_script)
{
	int count = 0;

	for (int i = 1, next; i < argc; i = next) {
		int words = words_of(argv[i]);

		next = i + (words ? words : 1);
		if (next > argc)
			next = argc;
		for (int k = i; (words > 0) == of_script && k < next; k++)
			to[count++] = argv[k];
	}
	return count;
}

int top_main(int argc, char **argv)
{
	static char run[] = "run", script[] = "top", behind[] = "--";
	char **words = calloc((size_t)argc + 3, sizeof(*words));
	int count = 0, status;

	if (!words)
		return EXIT_RUNTIME;
	words[count++] = run;
	words[count++] = script;
	count += copy_words(words + count, argc, argv, false);
	words[count++] = behind;
	count += copy_words(words + count, argc, argv, true);
	status = run_main(count, words);
	free(words);
	return status;
}
