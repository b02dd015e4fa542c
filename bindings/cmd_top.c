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

static const char *const arguments[] = {"by", "every", "pace", NULL};

/* How many words an argument of the script takes that begins with this one; 0: it is
   none. */
static int words_of(const char *word)
{
	for (size_t i = 0; arguments[i]; i++) {
		size_t length = strlen(arguments[i]);

		if (strncmp(word, "--", 2) != 0 ||
		    strncmp(word + 2, arguments[i], length) != 0)
			continue;
		if (!word[2 + length])
			return 2;
		if (word[2 + length] == '=')
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
	static char script[] = "top", behind[] = "--";
	char **words = calloc((size_t)argc + 3, sizeof(*words));
	int count = 0, status;

	if (!words)
		return EXIT_RUNTIME;
	words[count++] = argv[0];
	words[count++] = script;
	count += copy_words(words + count, argc, argv, false);
	words[count++] = behind;
	count += copy_words(words + count, argc, argv, true);
	status = run_with(&(struct run_options){.arguments = arguments}, count, words);
	free(words);
	return status;
}
