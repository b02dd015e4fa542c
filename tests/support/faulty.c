/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faulty.c - makes of `capengine` a program whose nth system call for savefiles fails.
 *
 *     FAULT=CALL:NTH:ERRNO[:plain] faulty_capengine run ...
 *
 * CALL is open, write, truncate, sync, close, rename, submit, or reap; ERRNO 0 lets a
 * write be short, or a pipe's be as small as it gets; with `plain` the kernel refuses
 * io_uring. In the end a line on standard error says how many such calls there were:
 *
 *     faulty: 7 calls
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/faults.h"

static const char *const names[] = {
	[FAULTS_OPEN] = "open",         [FAULTS_WRITE] = "write",
	[FAULTS_TRUNCATE] = "truncate", [FAULTS_SYNC] = "sync",
	[FAULTS_CLOSE] = "close",       [FAULTS_RENAME] = "rename",
	[FAULTS_SUBMIT] = "submit",     [FAULTS_REAP] = "reap",
};

/* CALL:NTH:ERRNO[:plain] as what fails. */
static bool parse(const char *text, struct faults *fault)
{
	char name[16], tail[16] = "";
	int error;

	if (sscanf(text, "%15[a-z]:%d:%d:%15s", name, &fault->at, &error, tail) < 3)
		return false;
	fault->error = -error;
	fault->plain = !strcmp(tail, "plain");
	for (int call = FAULTS_OPEN; call <= FAULTS_REAP; call++)
		if (!strcmp(name, names[call])) {
			fault->call = (enum faults_call)call;
			return true;
		}
	return false;
}

static void say_calls(void)
{
	fprintf(stderr, "faulty: %d calls\n", faults.calls);
}

__attribute__((constructor)) static void replace_calls(void)
{
	const char *fault = getenv("FAULT");

	if (!fault)
		return;
	if (!parse(fault, &faults)) {
		fprintf(stderr, "faulty: FAULT=%s: see faulty.c\n", fault);
		exit(2);
	}
	faults_install();
	atexit(say_calls);
}
