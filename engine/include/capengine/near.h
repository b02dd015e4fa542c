/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * near.h - the name that was perhaps meant, for messages about one that does not exist.
 *
 *     struct ce_near near = {.name = "tpo"};
 *     ce_near_try(&near, "top");     of all names that there are
 *     near.best                      "top"; NULL: none looks like it
 *     ce_near_meant(text, "", near.best)    "; did you mean top?"
 *
 * Threads    a struct is the caller's
 * Ownership  name and best are the caller's texts
 * Blocking   nothing waits or allocates
 */
#ifndef CAPENGINE_NEAR_H
#define CAPENGINE_NEAR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_near {
	const char *name; /* the wrong one */
	const char *best; /* so far; of equally near ones, the first */
	size_t far;       /* letters to change for it, when there is one */
};

/* Is this name nearer than the best so far, and near enough to be what was meant? */
void ce_near_try(struct ce_near *near, const char *candidate);

/* The nearest of a list, NULL last; NULL: none is near. */
const char *ce_near(const char *name, const char *const *candidates);

enum { CE_NEAR_MEANT = 64 }; /* octets that any such question fits into */

/*
 * The end of a message: "; did you mean BEST?", with a prefix such as "--" before the
 * name; "" where best is NULL. Gives the text, which it has written to `text`.
 */
const char *ce_near_meant(char text[CE_NEAR_MEANT], const char *prefix, const char *best);

#ifdef __cplusplus
}
#endif

#endif
