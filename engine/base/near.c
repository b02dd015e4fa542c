/* SPDX-License-Identifier: BSD-3-Clause */
/* near.c - see <capengine/near.h>. */
#include <string.h>

#include "capengine/near.h"

enum { LONGEST = 32, TOO_FAR = 4 }; /* letters of a name; letters to change */

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, remove or replace to make one name of the other. */
static size_t distance(const char *from, const char *to)
{
	size_t row[LONGEST + 1], length = strlen(to);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; from[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
			               diagonal + (from[i - 1] != to[j - 1]));
			diagonal = above;
		}
	}
	return row[length];
}

void ce_near_try(struct ce_near *near, const char *candidate)
{
	size_t length = strlen(near->name), far;

	if (length > LONGEST || strlen(candidate) > LONGEST)
		return;
	far = distance(near->name, candidate);
	if (far >= TOO_FAR || 2 * far > length + 1 || (near->best && far >= near->far))
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
