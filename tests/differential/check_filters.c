/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_filters.c - which filter expressions libpcap itself compiles.
 *
 *     check_filters < ROWS
 *
 * ROWS are NUL-terminated texts, two for each row: the name of a link type, and
 * an expression. For each row it prints `accept`, or `reject MESSAGE`.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNAPLEN = 262144 };

static void check(const char *linktype, const char *expression)
{
	pcap_t *pcap = pcap_open_dead(pcap_datalink_name_to_val(linktype), SNAPLEN);
	struct bpf_program program;

	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		printf("reject %s\n", pcap_geterr(pcap));
	} else {
		printf("accept\n");
		pcap_freecode(&program);
	}
	pcap_close(pcap);
}

int main(void)
{
	char *linktype = NULL, *expression = NULL;
	size_t linktype_room = 0, expression_room = 0;

	while (getdelim(&linktype, &linktype_room, '\0', stdin) >= 0 &&
	       getdelim(&expression, &expression_room, '\0', stdin) >= 0)
		check(linktype, expression);
	free(linktype);
	free(expression);
	return fflush(stdout) == 0 ? 0 : 1;
}
