/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - what a stranger does first: print the version, open and close a ring
 * and a source. The source makes the linker need all that the engine stands on.
 */
#include <errno.h>
#include <stdio.h>

#include <capengine/capengine.h>

static int open_ring(void)
{
	struct ce_ring *ring;
	int rc = ce_ring_open(&ring, NULL);

	if (rc < 0)
		fprintf(stderr, "ce_ring_open: %s\n", ce_err_name(rc));
	else
		ce_ring_close(ring);
	return rc;
}

/* A file that is not there must be refused with a sentence. */
static int open_missing_file(void)
{
	static const char *const files[] = {"/nonexistent.pcap"};
	const struct ce_source_options options = {.files = files, .file_count = 1};
	struct ce_source *source;
	struct ce_err err = {0};
	int rc = ce_source_open(&source, &ce_source_savefile, &options, &err);

	if (rc == -ENOENT && err.text[0])
		return 0;
	fprintf(stderr, "ce_source_open: %d %s\n", rc, err.text);
	return -1;
}

int main(void)
{
	puts(ce_version());
	return open_ring() < 0 || open_missing_file() < 0;
}
