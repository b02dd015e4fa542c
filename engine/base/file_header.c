/* SPDX-License-Identifier: BSD-3-Clause */
/* file_header.c - see file_header_int.h. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "file_header_int.h"

/* Let libpcap write the header for `dead`; takes `memory`. */
static int write_header(pcap_t *dead, FILE *memory)
{
	pcap_dumper_t *dumper;

	setvbuf(memory, NULL, _IONBF, 0); /* a buffer would put a NUL behind it */
	dumper = pcap_dump_fopen(dead, memory);
	if (!dumper) {
		fclose(memory);
		return -EINVAL;
	}
	pcap_dump_close(dumper); /* and memory */
	return 0;
}

int ceint_file_header(unsigned char header[CEINT_FILE_HEADER], int linktype, int snapshot,
                      bool nano)
{
	pcap_t *dead = pcap_open_dead_with_tstamp_precision(
		linktype, snapshot,
		nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO);
	FILE *memory = fmemopen(header, CEINT_FILE_HEADER, "w");
	int rc = -ENOMEM;

	if (dead && memory)
		rc = write_header(dead, memory);
	else if (memory)
		fclose(memory);
	if (dead)
		pcap_close(dead);
	return rc;
}
