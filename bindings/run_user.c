/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_user.c - `-Z USER`: root opens the source, and somebody else runs the script.
 *
 * What is given up does not come back: no capability is left, none can be had by
 * starting another program (no_new_privs), and the ids that root could return to
 * are gone too.
 */
#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd_int.h"

static void become(lua_State *L, struct run *run, const struct passwd *user)
{
	int rc;

	capng_clear(CAPNG_SELECT_ALL);
	rc = capng_change_id((int)user->pw_uid, (int)user->pw_gid,
	                     CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING |
	                             CAPNG_CLEAR_AMBIENT);
	if (rc < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		run_fail(L, run, EXIT_RUNTIME,
		         "-Z %s: could not become that user (%d: %s)", run->options.user,
		         rc, strerror(errno));
}

void run_become_user(lua_State *L, struct run *run)
{
	const struct passwd *user = getpwnam(run->options.user);

	if (!user)
		run_fail(L, run, EXIT_USAGE, "-Z %s: there is no such user",
		         run->options.user);
	if (geteuid() != 0)
		run_fail(L, run, EXIT_USAGE, "-Z %s: only root can become another user",
		         run->options.user);
	become(L, run, user);
}
