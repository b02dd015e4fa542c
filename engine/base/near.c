/* SPDX-License-Identifier: BSD-3-Clause */
/* near.c - see <capengine/near.h>. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capengine/near.h"

enum {
	LONGEST = 32, /* letters of a name, */
	SHORTEST = 3, /* of a beginning, */
	TOO_FAR = 4,  /* and to change */
};

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, remove, replace, or swap with the next, to make one name of the
   other. */
static size_t distance(const char *from, const char *to)
{
	size_t rows[LONGEST + 1][LONGEST + 1], length = strlen(to), i, j;

	for (j = 0; j <= length; j++)
		rows[0][j] = j;
	for (i = 1; from[i - 1]; i++) {
		rows[i][0] = i;
		for (j = 1; j <= length; j++) {
			rows[i][j] =
				least(rows[i - 1][j] + 1, rows[i][j - 1] + 1,
			              rows[i - 1][j - 1] + (from[i - 1] != to[j - 1]));
			if (i > 1 && j > 1 && from[i - 1] == to[j - 2] &&
			    from[i - 2] == to[j - 1])
				rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1,
				                   rows[i][j]);
		}
	}
	return rows[i - 1][length];
}

void ce_near_try(struct ce_near *near, const char *candidate)
{
	size_t length = strlen(near->name), far;
	bool begins;

	if (length > LONGEST || strlen(candidate) > LONGEST)
		return;
	far = distance(near->name, candidate);
	begins = length >= SHORTEST && !strncmp(near->name, candidate, length);
	if (begins && far >= TOO_FAR)
		far = TOO_FAR; /* behind all slips */
	else if (!begins && (far >= TOO_FAR || 3 * far > length + 2))
		return;
	if (near->best && far >= near->far)
		return;
	near->best = candidate;
	near->far = far;
}

const char *ce_near(const char *name, const char *const *candidates)
{
	struct ce_near near = {.name = name};

	for (; *candidates; candidates++)
		ce_near_try(&near, *candidates);
	return near.best;
}

const char *ce_near_meant(char text[CE_NEAR_MEANT], const char *prefix, const char *best)
{
	*text = '\0';
	if (best)
		snprintf(text, CE_NEAR_MEANT, "; did you mean %s%s?", prefix, best);
	return text;
}
