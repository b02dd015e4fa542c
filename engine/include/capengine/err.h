/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * err.h - how a call says that it failed: a negative errno, and words.
 *
 * Calls return 0 or a count when they succeed and a negative errno when they
 * fail. Those that need words take a struct ce_err last; NULL means that the
 * caller does not want them.
 *
 * Threads    any thread
 * Ownership  the caller owns the struct; texts returned are constants
 * Blocking   nothing waits or allocates
 */
#ifndef CAPENGINE_ERR_H
#define CAPENGINE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

struct ce_err {
	int code;        /* negative errno; 0: no error yet */
	char text[4608]; /* a sentence for people; it may name a path */
	char said[4608]; /* the same where text has libpcap's words, and what to do; or "" */
};

/* Fill err, if there is one, with code and a formatted text. Returns code. */
int ce_err_set(struct ce_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Say it better than text does, which stays as it is. Returns err's code. */
int ce_err_say(struct ce_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What to tell people: what was said, or the text. */
const char *ce_err_words(const struct ce_err *err);

/* "ENOENT" for -ENOENT; "EUNKNOWN" for a code without a name. */
const char *ce_err_name(int code);

#ifdef __cplusplus
}
#endif

#endif
